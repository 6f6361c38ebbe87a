//! What the person wants: the seam between the keys and the network.

use bevy::prelude::*;

/// What the person wants.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To whisper this.
    Whisper(String),
    /// That the server, which has no key, slips in a whisper of its own.
    Forge,
}
