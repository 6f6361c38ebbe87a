//! What the person before the lobby wants: the seam between the keys and the network.

use bevy::prelude::*;

/// What the person wants.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) enum LobbyRequest {
    /// Say this to everybody.
    Say(String),
    /// Be ready, or not any more.
    ToggleReady,
    /// Invite everybody to a match.
    Invite,
}
