//! A connection after its upgrade: sends frames and ends the connection. The module `expectation` checks the client's frames.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};
use tungstenite::WebSocket;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Role, WebSocketConfig};

use super::expectation::parse;
use super::received::{ClientFrame, Received};
use crate::http::HttpRequest;
use crate::server_socket::{Ended, OwnedSocket, ServerSocket, SocketStream};
use crate::watched::Watched;

/// A WebSocket whose server side the test controls.
///
/// Without a command from the test, it only does what RFC 6455 requires: it answers WebSocket pings and close frames, and closes TCP after
/// both sides have sent a close frame. A thread records everything that arrives, with the time. The `expect_…` methods consume the record
/// in order, and fail the test at their deadline. Dropping the connection closes it without a close frame.
pub struct ScriptedConnection {
    socket: OwnedSocket,
    request: HttpRequest,
    pub(super) shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) log: Watched<Log>,
    leaves_closes: AtomicBool,
    has_sent_close: AtomicBool,
}

#[derive(Default)]
pub(super) struct Log {
    pub(super) received: Vec<Received>,
    /// How many of them an expectation has looked at.
    pub(super) read: usize,
    reply: Option<Reply>,
}

type Reply = Box<dyn FnMut(&Value) -> Vec<Value> + Send>;

/// The replies of a correct server: a pong to a ping, and a confirmation of a subscription to a channel without presence. For
/// [`ScriptedConnection::reply_with`].
pub fn standard_reply(frame: &Value) -> Vec<Value> {
    match frame["event"].as_str() {
        Some("pusher:ping") => vec![json!({"event": "pusher:pong", "data": {}})],
        Some("pusher:subscribe") => vec![json!({
            "event": "pusher_internal:subscription_succeeded",
            "channel": frame["data"]["channel"],
            "data": "{}",
        })],
        _ => vec![],
    }
}

/// The request of the client.
impl ScriptedConnection {
    pub(super) fn new(socket: OwnedSocket, request: HttpRequest) -> Self {
        let shared = Arc::new(Shared::default());
        let (source, target) = (socket.0.clone(), shared.clone());
        thread::spawn(move || record_all(source, &target));
        Self {
            socket,
            request,
            shared,
        }
    }

    /// Returns the upgrade request.
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }
}

/// Frames that the server sends.
impl ScriptedConnection {
    /// Sends `pusher:connection_established` as the hosted service does: its data is a string that contains JSON.
    pub fn establish(&self, socket_id: &str, activity_timeout_seconds: u64) {
        let data = json!({"socket_id": socket_id, "activity_timeout": activity_timeout_seconds});
        self.send(json!({
            "event": "pusher:connection_established",
            "data": data.to_string(),
        }));
    }

    /// Sends `pusher_internal:subscription_succeeded` for a channel without presence.
    pub fn subscribed(&self, channel: &str) {
        let name = "pusher_internal:subscription_succeeded";
        self.event(channel, name, &json!({}));
    }

    /// Sends an event on a channel, with its data as a string that contains JSON.
    pub fn event(&self, channel: &str, name: &str, data: &Value) {
        self.send(json!({"event": name, "channel": channel, "data": data.to_string()}));
    }

    /// Sends JSON as one text frame.
    pub fn send(&self, frame: Value) {
        self.send_text(frame.to_string());
    }

    /// Sends a text frame.
    pub fn send_text(&self, text: impl AsRef<str>) {
        self.send_text_bytes(text.as_ref());
    }

    /// Sends many text frames in one write: one record of up to 16 KiB over TLS, and usually one TCP segment.
    pub fn send_texts_at_once<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) {
        self.send_raw(encode_texts(texts));
    }

    /// Sends a binary frame.
    pub fn send_binary(&self, bytes: impl AsRef<[u8]>) {
        self.send_raw(encode(data_frame(Data::Binary, bytes)));
    }

    /// Sends a text frame with any bytes, which may be invalid UTF-8.
    pub fn send_text_bytes(&self, bytes: impl AsRef<[u8]>) {
        self.send_raw(encode(data_frame(Data::Text, bytes)));
    }

    /// Sends a WebSocket ping.
    pub fn ping(&self, payload: &[u8]) {
        self.send_raw(encode(Frame::ping(payload.to_vec())));
    }

    /// Sends an unsolicited WebSocket pong.
    pub fn pong(&self, payload: &[u8]) {
        self.send_raw(encode(Frame::pong(payload.to_vec())));
    }

    /// From now on, replies to each text frame that is JSON with the frames that `reply` returns, at once and from another thread.
    /// [`standard_reply`] is such a function.
    pub fn reply_with(&self, reply: impl FnMut(&Value) -> Vec<Value> + Send + 'static) {
        self.shared
            .log
            .update(|log| log.reply = Some(Box::new(reply)));
    }
}

/// Ways to end the connection, or to stop reading.
impl ScriptedConnection {
    /// Sends a close frame; TCP is closed after the client has answered it.
    pub fn close(&self, code: u16, reason: &str) {
        self.send_close(Some(CloseFrame {
            code: CloseCode::from(code),
            reason: reason.to_owned().into(),
        }));
    }

    /// Sends a close frame without a code.
    pub fn close_without_code(&self) {
        self.send_close(None);
    }

    /// Closes TCP without a close frame.
    pub fn cut(&self) {
        self.socket.0.close();
    }

    /// Resets TCP.
    pub fn reset(&self) {
        self.socket.0.reset();
    }

    /// Stops reading, so the client's bytes fill the socket buffers. A disconnect of the client is not noticed while reading is paused.
    pub fn stop_reading(&self) {
        self.pause_reading(true);
    }

    /// Resumes reading, starting with the buffered bytes.
    pub fn read_again(&self) {
        self.pause_reading(false);
    }

    /// Does not answer close frames of the client, and keeps TCP open after them.
    pub fn leave_closes_unanswered(&self) {
        self.shared.leaves_closes.store(true, Ordering::SeqCst);
    }

    fn send_close(&self, frame: Option<CloseFrame>) {
        self.shared.has_sent_close.store(true, Ordering::SeqCst);
        self.send_raw(encode(Frame::close(frame)));
    }
}

impl Deref for ScriptedConnection {
    type Target = Arc<ServerSocket>;

    fn deref(&self) -> &Arc<ServerSocket> {
        &self.socket.0
    }
}

fn data_frame(kind: Data, payload: impl AsRef<[u8]>) -> Frame {
    Frame::message(payload.as_ref().to_vec(), OpCode::Data(kind), true)
}

fn encode(frame: Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame
        .format(&mut bytes)
        .expect("a frame can be written to memory");
    bytes
}

fn encode_texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<u8> {
    let frames = texts
        .into_iter()
        .flat_map(|text| encode(data_frame(Data::Text, text.as_ref())));
    frames.collect()
}

/// The connection's thread: records incoming frames, and sends the replies that RFC 6455 requires.
fn record_all(socket: Arc<ServerSocket>, shared: &Shared) {
    let stream = SocketStream {
        socket: socket.clone(),
        deadline: None,
    };
    let unlimited = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let mut frames = WebSocket::from_raw_socket(stream, Role::Server, Some(unlimited));
    let record = |at: Instant, frame: ClientFrame| {
        shared
            .log
            .update(|log| log.received.push(Received { at, frame }));
    };
    loop {
        let frame = ClientFrame::of(frames.read(), &socket);
        let at = Instant::now();
        match &frame {
            ClientFrame::Text(text) => {
                let answers = shared.log.update(|log| {
                    let answers = log.reply.as_mut().zip(parse(text));
                    answers.map(|(reply, frame)| reply(&frame))
                });
                let answers = answers.unwrap_or_default();
                if !answers.is_empty() {
                    socket.send_raw(encode_texts(answers.iter().map(Value::to_string)));
                }
            }
            ClientFrame::Close(_) => {
                if !shared.leaves_closes.load(Ordering::SeqCst) {
                    if !shared.has_sent_close.load(Ordering::SeqCst) {
                        // Sends the reply that tungstenite has queued.
                        let _ = frames.flush();
                    }
                    socket.finish_writing();
                }
                record(at, frame);
                // RFC 6455, section 1.4: data after a close frame is discarded.
                let ended = socket.wait_for_end(None).unwrap_or(Ended::ByClient);
                return record(Instant::now(), ClientFrame::Ended(ended));
            }
            ClientFrame::Broken(_) | ClientFrame::Ended(_) => return record(at, frame),
            _ => {}
        }
        record(at, frame);
    }
}
