//! WebSockets: the upgrade at `/app/{key}`, then frames to the core and frames from the outbox.

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

use super::outbox::{Inbox, Outgoing};
use super::shared::Shared;
use crate::core::{ConnectRequest, ConnectionId};

/// How long a client may take to answer a close frame.
const CLOSE_ANSWER: Duration = Duration::from_secs(1);
/// How many frames are written between two flushes.
const FRAMES_PER_FLUSH: usize = 256;

/// Every path that is no other comes here.
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
            let sentence = "This is the address of a WebSocket";
            return (StatusCode::UPGRADE_REQUIRED, sentence).into_response();
        }
    };
    // The core answers a frame that is a little too large; this is for those that are much too large.
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
        let (connection, inbox, ending) = shared.connect(&request);
        serve(socket, connection, inbox, ending, &shared).await;
        shared.disconnected(connection);
    })
}

async fn close_at_once(mut socket: WebSocket, code: u16, reason: &'static str) {
    let _ = socket.send(close_frame(code, reason.to_owned())).await;
    let _ = tokio::time::timeout(CLOSE_ANSWER, socket.recv()).await;
}

/// Ends when the client is gone, when it was closed, or when the core wants it gone at once.
async fn serve(
    socket: WebSocket,
    connection: ConnectionId,
    mut inbox: Inbox,
    ending: oneshot::Receiver<Duration>,
    shared: &Shared,
) {
    let (sink, mut stream) = socket.split();
    let must_end = async {
        match ending.await {
            Ok(patience) => tokio::time::sleep(patience).await,
            // The outbox was dropped by `disconnected`, which follows this.
            Err(_) => std::future::pending().await,
        }
    };
    let talk = async {
        let is_closing = tokio::select! {
            () = read(&mut stream, connection, shared) => false,
            () = write(sink, &mut inbox) => true,
        };
        if is_closing {
            let answer = async { while let Some(Ok(_)) = stream.next().await {} };
            let _ = tokio::time::timeout(CLOSE_ANSWER, answer).await;
        }
    };
    tokio::select! {
        () = must_end => {}
        () = talk => {}
    }
}

async fn read(stream: &mut SplitStream<WebSocket>, connection: ConnectionId, shared: &Shared) {
    // An error is the end of a connection, whatever it is: the core only needs to know that the client is gone.
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(text) => {
                shared.with_core(|core, now| core.receive_text(connection, &text, now))
            }
            Message::Binary(_) => shared.with_core(|core, _| core.receive_binary(connection)),
            Message::Close(_) => {
                // Reading on lets the answer to the close go out.
                while let Some(Ok(_)) = stream.next().await {}
                return;
            }
            // The library answers pings.
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

/// Ends after the close frame, or when the socket is broken.
async fn write(mut sink: SplitSink<WebSocket, Message>, inbox: &mut Inbox) {
    while let Some(first) = inbox.receiver.recv().await {
        let mut next = Some(first);
        let mut frames = 0;
        while let Some(outgoing) = next {
            match outgoing {
                Outgoing::Text(text) => {
                    let written = sink.feed(Message::Text((&*text).into())).await;
                    inbox.written(text.len());
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
                inbox.receiver.try_recv().ok()
            } else {
                None
            };
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
    // The core has forgotten this connection; `serve` ends by the reader.
    std::future::pending::<()>().await;
}

fn close_frame(code: u16, mut reason: String) -> Message {
    // A close frame holds 125 bytes, two of which are the code.
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
