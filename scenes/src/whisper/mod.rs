//! The channel and the event of the scene `whisper`, and its simulated players.

mod players;

pub use players::{WHISPERERS, start_whisper_players};

use serde::{Deserialize, Serialize};

/// An encrypted channel: the backend encrypts the events, and the auth endpoint gives the key to authorized clients.
pub const WHISPER_CHANNEL: &str = "private-encrypted-whispers";

/// A whispered message.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Whisper {
    /// The sender.
    pub from: String,
    /// The text.
    pub text: String,
}

impl Whisper {
    /// The name of the event. Names are not encrypted.
    pub const EVENT: &str = "whisper";
}
