//! The WebSocket frames that the server sends, prepared before the measurement.

use serde::{Deserialize, Serialize};

/// The channel that all clients subscribe to.
pub const CHANNEL: &str = "lobby";

/// The name of the events on it.
pub const EVENT: &str = "lobby-message";

/// A typical chat message; the quotation marks need escaping.
const TEXT: &str = "gg! \"one more\" in five minutes? Ann and Bo are in as well";

/// The payload of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LobbyMessage {
    /// The sender.
    pub from: String,
    /// The text.
    pub text: String,
    /// The index of the event.
    pub seq: u64,
}

impl LobbyMessage {
    /// Creates a chat message.
    #[must_use]
    pub fn new(seq: u64) -> Self {
        Self {
            from: format!("player-{}", seq % 100),
            text: TEXT.into(),
            seq,
        }
    }

    /// Creates a message whose payload has about this many bytes.
    #[must_use]
    pub fn of_size(seq: u64, bytes: usize) -> Self {
        Self {
            text: TEXT.repeat(bytes / TEXT.len()),
            ..Self::new(seq)
        }
    }

    /// Returns the server's message that publishes it on a channel.
    #[must_use]
    pub fn on(&self, channel: &str) -> String {
        event_text(channel, EVENT, &serde_json::to_string(self).unwrap())
    }
}

/// Returns an event as Pusher's servers write it: the payload is a JSON string that contains JSON.
#[must_use]
pub fn event_text(channel: &str, event: &str, data: &str) -> String {
    #[derive(Serialize)]
    struct Envelope<'a> {
        event: &'a str,
        channel: &'a str,
        data: &'a str,
    }

    serde_json::to_string(&Envelope {
        event,
        channel,
        data,
    })
    .unwrap()
}

/// Encoded WebSocket frames, one after the other.
#[derive(Clone, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    count: u64,
}

impl Frames {
    /// Creates this many chat messages, counted from 0.
    #[must_use]
    pub fn lobby(count: u64) -> Self {
        Self::of((0..count).map(|seq| LobbyMessage::new(seq).on(CHANNEL)))
    }

    /// Creates this many events of this size, counted from 0.
    #[must_use]
    pub fn of_size(count: u64, bytes: usize) -> Self {
        Self::of((0..count).map(|seq| LobbyMessage::of_size(seq, bytes).on(CHANNEL)))
    }

    /// Encodes these messages.
    #[must_use]
    pub fn of(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut frames = Self::default();
        for text in texts {
            push_text_frame(&mut frames.bytes, text.as_ref());
            frames.count += 1;
        }
        frames
    }

    /// Returns the number of messages.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the encoded bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Appends a text as one unmasked WebSocket frame (RFC 6455, section 5.2).
pub(crate) fn push_text_frame(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(0x81);
    match text.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(text.as_bytes());
}
