//! WebSocket connections: the upgrade at `/app/{key}`, then frames from the client to the core and from the outbox to the client.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::oneshot;

use super::outbox::{OutboxReader, Outgoing};
use super::shared::Shared;
use crate::core::{ConnectRequest, ConnectionId};

/// How long to wait for a client to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The number of frames written between two flushes.
const FRAMES_PER_FLUSH: usize = 256;

/// Handles every path that has no other route.
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let app_key = uri
        .path()
        .strip_prefix(shared.path.as_str())
        .and_then(|path| path.strip_prefix("/app/"))
        .filter(|key| !key.is_empty() && !key.contains('/'))
        .map(str::to_owned);
    let upgrade = match (upgrade, &app_key) {
        (Ok(upgrade), _) => upgrade,
        (Err(_), None) => return (StatusCode::NOT_FOUND, "Not found").into_response(),
        (Err(_), Some(_)) => {
            let message = "This URL is a WebSocket endpoint";
            return (StatusCode::UPGRADE_REQUIRED, message).into_response();
        }
    };
    // The core closes with 1009 on a frame over its limit; this larger limit bounds the memory that one frame can take.
    let limit = shared.message_bytes.saturating_mul(2);
    let upgrade = upgrade.max_message_size(limit).max_frame_size(limit);
    let Some(app_key) = app_key else {
        return upgrade.on_upgrade(|socket| close_at_once(socket, 4005, "Path not found"));
    };
    let protocol = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "protocol")
        .map(|(_, value)| value.into_owned());
    upgrade.on_upgrade(|socket| async move {
        let request = ConnectRequest {
            app_key: &app_key,
            protocol: protocol.as_deref(),
        };
        let (connection, reader, close_after) = shared.connect(&request);
        run(socket, connection, reader, close_after, &shared).await;
        shared.on_disconnected(connection);
    })
}

async fn close_at_once(mut socket: WebSocket, code: u16, reason: &'static str) {
    let _ = socket.send(close_frame(code, reason.to_owned())).await;
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, socket.recv()).await;
}

/// Runs a connection until the client disconnects, the close handshake is done, or the outbox sets a deadline that has passed.
async fn run(
    socket: WebSocket,
    connection: ConnectionId,
    mut reader: OutboxReader,
    close_after: oneshot::Receiver<Duration>,
    shared: &Shared,
) {
    let (sink, mut stream) = socket.split();
    let must_close = async {
        match close_after.await {
            Ok(timeout) => tokio::time::sleep(timeout).await,
            // The core dropped the outbox; `run` ends when the reader ends.
            Err(_) => std::future::pending().await,
        }
    };
    let conversation = async {
        let is_closing = tokio::select! {
            () = read(&mut stream, connection, shared) => false,
            () = write(sink, &mut reader) => true,
        };
        if is_closing {
            let answer = async { while let Some(Ok(_)) = stream.next().await {} };
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, answer).await;
        }
    };
    tokio::select! {
        () = must_close => {}
        () = conversation => {}
    }
}

async fn read(stream: &mut SplitStream<WebSocket>, connection: ConnectionId, shared: &Shared) {
    // Every error ends the connection: the core only needs to know that the client disconnected.
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(text) => {
                shared.with_core(|core, now| core.receive_text(connection, &text, now))
            }
            Message::Binary(_) => shared.with_core(|core, _| core.receive_binary(connection)),
            Message::Close(_) => {
                // Reading on lets the library send its answer to the close frame.
                while let Some(Ok(_)) = stream.next().await {}
                return;
            }
            // The library answers pings itself.
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

/// Writes frames from the outbox. Ends after the close frame, or when the socket fails.
async fn write(mut sink: SplitSink<WebSocket, Message>, reader: &mut OutboxReader) {
    while let Some(first) = reader.receiver.recv().await {
        // Several frames are fed before a flush, which writes them with one system call.
        let mut next = Some(first);
        let mut frames = 0;
        while let Some(outgoing) = next {
            match outgoing {
                Outgoing::Text(text) => {
                    let written = sink.feed(Message::Text((&*text).into())).await;
                    reader.on_written(text.len());
                    if written.is_err() {
                        return;
                    }
                }
                Outgoing::Close { code, reason } => {
                    let _ = sink.send(close_frame(code, reason)).await;
                    return;
                }
            }
            frames += 1;
            next = if frames < FRAMES_PER_FLUSH {
                reader.receiver.try_recv().ok()
            } else {
                None
            };
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
    // The core has removed this connection; `run` ends when the reader ends.
    std::future::pending::<()>().await;
}

fn close_frame(code: u16, mut reason: String) -> Message {
    // RFC 6455: the payload of a control frame has at most 125 bytes; the code takes two of them.
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }))
}
