//! The requests of the user: the interface between the keys and the network.

use bevy::prelude::*;

/// A request of the user.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) enum LobbyRequest {
    /// Sends a chat message.
    Say(String),
    /// Switches between ready and not ready.
    ToggleReady,
    /// Invites everybody to a match.
    Invite,
}
