//! The requests of the user: the interface between the keys and the network.

use bevy::prelude::*;

/// A request of the user.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Whispers this text.
    Whisper(String),
    /// Lets the server, which has no key, send a forged event.
    Forge,
}
