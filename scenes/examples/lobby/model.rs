//! What the lobby knows and what the person before it wants: the seam between what one sees and the network.

use bevy::prelude::*;

/// What the lobby knows besides the players and the connection.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lobby {
    /// Whether the server has said who is here.
    pub(crate) roster_is_known: bool,
    /// Whether the person has cut the network.
    pub(crate) network_is_cut: bool,
}

/// What the person wants.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) enum LobbyRequest {
    /// Say this to everybody.
    Say(String),
    /// Be ready, or not any more.
    ToggleReady,
    /// Invite everybody to a match.
    Invite,
    /// Cut the network or restore it; connect again when the client has given up.
    ToggleNetwork,
}
