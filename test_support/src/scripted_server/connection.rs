//! A connection after its upgrade.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};

use super::expectation::parse;
use super::frame::{ClientFrame, FrameReader, Received};
use super::handshake::UpgradeRequest;
use super::pending::drip;
use crate::watched::Watched;
use crate::wire::{OwnedWire, Wire};

/// A WebSocket whose server side is the test.
///
/// By itself it does only what a WebSocket must: it answers a WebSocket ping, and a close frame (also when the test
/// closed first, it ends TCP after the client's answer). Both can be switched off. Everything received is noted
/// by a thread as it arrives. The `expect_…` methods go through these notes in order and fail the test with a
/// sentence when their time is over. Dropping the connection ends it without a close frame.
pub struct ScriptedConnection {
    pub(super) wire: OwnedWire,
    request: UpgradeRequest,
    pub(super) shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) log: Watched<Log>,
    keeps_pings: AtomicBool,
    keeps_closes: AtomicBool,
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

/// How a well-behaved server answers a frame: pings with pongs, subscriptions to channels without presence with
/// success. For [`ScriptedConnection::reply_with`].
pub fn polite(frame: &Value) -> Vec<Value> {
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

/// What the client asked for.
impl ScriptedConnection {
    pub(super) fn new(wire: OwnedWire, request: UpgradeRequest) -> Self {
        let shared = Arc::new(Shared::default());
        let (reading, noting) = (wire.0.clone(), shared.clone());
        thread::spawn(move || note_all(&reading, &noting));
        Self {
            wire,
            request,
            shared,
        }
    }

    /// The request for the upgrade.
    pub fn request(&self) -> &UpgradeRequest {
        &self.request
    }
}

/// What the server says.
impl ScriptedConnection {
    /// Sends `pusher:connection_established` as the hosted service does: its data is a string of JSON.
    pub fn establish(&self, socket_id: &str, activity_timeout_seconds: u64) {
        let data = json!({"socket_id": socket_id, "activity_timeout": activity_timeout_seconds});
        self.send(json!({
            "event": "pusher:connection_established",
            "data": data.to_string(),
        }));
    }

    /// Sends `pusher_internal:subscription_succeeded` for a channel without presence.
    pub fn subscribed(&self, channel: &str) {
        self.event(
            channel,
            "pusher_internal:subscription_succeeded",
            &json!({}),
        );
    }

    /// Sends an event on a channel, its data as a string of JSON.
    pub fn event(&self, channel: &str, name: &str, data: &Value) {
        self.send(json!({"event": name, "channel": channel, "data": data.to_string()}));
    }

    /// Sends JSON as one text frame.
    pub fn send(&self, frame: Value) {
        self.send_text(frame.to_string());
    }

    /// Sends a text frame.
    pub fn send_text(&self, text: impl AsRef<str>) {
        self.send_frame(Data::Text, text.as_ref().as_bytes());
    }

    /// Sends many text frames in one write: one record of up to 16 KiB under TLS, and as a rule one TCP segment.
    pub fn send_texts_at_once<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) {
        let frames = texts
            .into_iter()
            .flat_map(|text| encode(data_frame(Data::Text, text.as_ref().as_bytes())))
            .collect::<Vec<u8>>();
        self.send_raw(frames);
    }

    /// Sends a binary frame.
    pub fn send_binary(&self, bytes: impl AsRef<[u8]>) {
        self.send_frame(Data::Binary, bytes.as_ref());
    }

    /// Sends a text frame with bytes that need not be UTF-8.
    pub fn send_text_bytes(&self, bytes: impl AsRef<[u8]>) {
        self.send_frame(Data::Text, bytes.as_ref());
    }

    /// Sends one text message as several frames. What `between` does, such as a ping, comes after the first.
    pub fn send_fragments(&self, fragments: &[&str], between: impl FnOnce(&Self)) {
        let mut between = Some(between);
        for (index, fragment) in fragments.iter().enumerate() {
            let kind = if index == 0 {
                Data::Text
            } else {
                Data::Continue
            };
            let is_final = index + 1 == fragments.len();
            let payload = fragment.as_bytes().to_vec();
            self.send_raw(encode(Frame::message(
                payload,
                OpCode::Data(kind),
                is_final,
            )));
            if let Some(between) = between.take() {
                between(self);
            }
        }
    }

    /// Sends a WebSocket ping.
    pub fn ping(&self, payload: &[u8]) {
        self.send_raw(encode(Frame::ping(payload.to_vec())));
    }

    /// Sends a WebSocket pong that nobody asked for.
    pub fn pong(&self, payload: &[u8]) {
        self.send_raw(encode(Frame::pong(payload.to_vec())));
    }

    /// Sends bytes that need not be frames, in one write.
    pub fn send_raw(&self, bytes: impl AsRef<[u8]>) {
        // A client that is gone already is for the test's next expectation to find.
        let _ = self.wire.0.write(bytes.as_ref());
    }

    /// Sends bytes that bypass TLS and so break it.
    pub fn send_below_tls(&self, bytes: impl AsRef<[u8]>) {
        let _ = self.wire.0.write_below_tls(bytes.as_ref());
    }

    /// Sends one byte per interval for as long as there are bytes and the connection lasts.
    pub fn drip(&self, bytes: impl IntoIterator<Item = u8> + Send + 'static, interval: Duration) {
        drip(&self.wire.0, bytes, interval);
    }

    /// Starts a text frame of 60,000 bytes and sends it one byte per interval.
    pub fn drip_frame(&self, interval: Duration) {
        let start = [0x81, 126, 0xea, 0x60];
        self.drip(
            start.into_iter().chain(std::iter::repeat_n(b' ', 60_000)),
            interval,
        );
    }

    /// From now on answers each text frame that is JSON with what `reply` returns, at once and from another thread.
    /// [`polite`] is one such reply.
    pub fn reply_with(&self, reply: impl FnMut(&Value) -> Vec<Value> + Send + 'static) {
        self.shared
            .log
            .update(|log| log.reply = Some(Box::new(reply)));
    }
}

/// How the server ends it, or does not.
impl ScriptedConnection {
    /// Sends a close frame; TCP ends after the client has answered it.
    pub fn close(&self, code: u16, reason: &str) {
        self.shared.has_sent_close.store(true, Ordering::SeqCst);
        self.send_raw(encode(Frame::close(Some(CloseFrame {
            code: CloseCode::from(code),
            reason: reason.to_owned().into(),
        }))));
    }

    /// Sends a close frame without a code.
    pub fn close_without_code(&self) {
        self.shared.has_sent_close.store(true, Ordering::SeqCst);
        self.send_raw(encode(Frame::close(None)));
    }

    /// Ends TCP without a close frame.
    pub fn cut(&self) {
        self.wire.0.close();
    }

    /// Ends TCP with a reset.
    pub fn reset(&self) {
        self.wire.0.reset();
    }

    /// Stops to read; the client's bytes pile up in the sockets. Its end is not noticed meanwhile.
    pub fn stop_reading(&self) {
        self.wire.0.pause_reading(true);
    }

    /// Reads again, first what piled up.
    pub fn read_again(&self) {
        self.wire.0.pause_reading(false);
    }

    /// Leaves WebSocket pings of the client unanswered.
    pub fn leave_pings_unanswered(&self) {
        self.shared.keeps_pings.store(true, Ordering::SeqCst);
    }

    /// Leaves close frames of the client unanswered, and TCP open after them.
    pub fn leave_closes_unanswered(&self) {
        self.shared.keeps_closes.store(true, Ordering::SeqCst);
    }

    /// Waits until the connection ends, however long it takes: for handlers.
    pub fn hold(&self) {
        self.wire.0.wait_for_end_for_ever();
    }
}

impl ScriptedConnection {
    fn send_frame(&self, kind: Data, payload: &[u8]) {
        self.send_raw(encode(data_frame(kind, payload)));
    }
}

fn data_frame(kind: Data, payload: &[u8]) -> Frame {
    Frame::message(payload.to_vec(), OpCode::Data(kind), true)
}

fn encode(frame: Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame
        .format(&mut bytes)
        .expect("a frame can be written to memory");
    bytes
}

/// The connection's thread: notes what comes, and does what a WebSocket must.
fn note_all(wire: &Arc<Wire>, shared: &Shared) {
    let mut frames = FrameReader::new(wire.clone());
    loop {
        let frame = frames.next();
        let at = Instant::now();
        let answer = match &frame {
            ClientFrame::Ping(payload) if !shared.keeps_pings.load(Ordering::SeqCst) => {
                encode(Frame::pong(payload.clone()))
            }
            ClientFrame::Close(seen)
                if !shared.keeps_closes.load(Ordering::SeqCst)
                    && !shared.has_sent_close.load(Ordering::SeqCst) =>
            {
                encode(Frame::close(seen.code.map(|code| CloseFrame {
                    code: CloseCode::from(code),
                    reason: seen.reason.clone().into(),
                })))
            }
            ClientFrame::Text(text) => {
                shared
                    .log
                    .update(|log| match (&mut log.reply, parse(text)) {
                        (Some(reply), Some(frame)) => reply(&frame)
                            .into_iter()
                            .flat_map(|answer| {
                                encode(data_frame(Data::Text, answer.to_string().as_bytes()))
                            })
                            .collect(),
                        _ => vec![],
                    })
            }
            _ => vec![],
        };
        if !answer.is_empty() {
            let _ = wire.write(&answer);
        }
        if matches!(frame, ClientFrame::Close(_)) && !shared.keeps_closes.load(Ordering::SeqCst) {
            wire.finish_writing();
        }
        let is_last = matches!(frame, ClientFrame::Broken(_) | ClientFrame::Ended(_));
        shared
            .log
            .update(|log| log.received.push(Received { at, frame }));
        if is_last {
            return;
        }
    }
}
