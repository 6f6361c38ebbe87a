//! The events that are sent, as a server writes them, made before anything is measured.

use serde::{Deserialize, Serialize};

/// The channel that everybody listens to.
pub const CHANNEL: &str = "lobby";

/// The name of the events on it.
pub const EVENT: &str = "lobby-message";

/// What a line of chat says, as players write them.
const TEXT: &str = "gg! \"one more\" in five minutes? Ann and Bo are in as well";

/// The payload of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LobbyMessage {
    /// Who says it.
    pub from: String,
    /// What.
    pub text: String,
    /// Counts the events.
    pub seq: u64,
}

impl LobbyMessage {
    /// A line of chat.
    #[must_use]
    pub fn new(seq: u64) -> Self {
        Self {
            from: format!("player-{}", seq % 100),
            text: TEXT.into(),
            seq,
        }
    }

    /// An event whose payload is about as large as this.
    #[must_use]
    pub fn of_size(seq: u64, bytes: usize) -> Self {
        Self {
            text: TEXT.repeat(bytes / TEXT.len()),
            ..Self::new(seq)
        }
    }

    /// The server's message for it.
    #[must_use]
    pub fn on(&self, channel: &str) -> String {
        event_text(channel, EVENT, &serde_json::to_string(self).unwrap())
    }
}

/// An event as Pusher's servers write it: the payload is a JSON text that holds JSON.
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

/// Messages as they stand on the wire, one behind the other.
#[derive(Clone, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    count: u64,
}

impl Frames {
    /// So many lines of chat, counted from 0.
    #[must_use]
    pub fn lobby(count: u64) -> Self {
        Self::of((0..count).map(|seq| LobbyMessage::new(seq).on(CHANNEL)))
    }

    /// So many events of this size, counted from 0.
    #[must_use]
    pub fn of_size(count: u64, bytes: usize) -> Self {
        Self::of((0..count).map(|seq| LobbyMessage::of_size(seq, bytes).on(CHANNEL)))
    }

    /// These messages.
    #[must_use]
    pub fn of(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut frames = Self::default();
        for text in texts {
            push_text_frame(&mut frames.bytes, text.as_ref());
            frames.count += 1;
        }
        frames
    }

    /// How many messages there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A text as one unmasked WebSocket frame (RFC 6455, section 5.2).
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
