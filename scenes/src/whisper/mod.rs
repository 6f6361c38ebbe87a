//! What players whisper to each other, through a server that cannot read it.

mod players;

pub use players::{WHISPERERS, whisper_company};

use serde::{Deserialize, Serialize};

/// An encrypted channel: the backend encrypts what it publishes here, and gives the key to those whom it lets in.
pub const WHISPER_CHANNEL: &str = "private-encrypted-whispers";

/// Somebody whispers something.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Whisper {
    /// Who.
    pub from: String,
    /// What.
    pub text: String,
}

impl Whisper {
    /// The event's name, which is not encrypted.
    pub const EVENT: &str = "whisper";
}
