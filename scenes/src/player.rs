//! The players that a scene knows: the model of the roster, independent of how it is shown.

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

/// A player on the roster. Insert [`Departed`] when the player leaves.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq)]
pub struct Player {
    /// The user id that the server reports.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The current activity, in a few words.
    pub doing: String,
    /// Whether the player has answered the ready check.
    pub is_ready: bool,
    /// Whether this is the local player.
    pub is_you: bool,
    /// Whether the player is offline. Some rosters list offline players.
    pub is_offline: bool,
}

/// Marks the player that is selected in the roster.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct Selected;

/// Marks a player who has left. The view despawns the entity once it has shown that.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct Departed;

/// Whether the server has sent the list of members.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RosterIsKnown(pub bool);

/// The data of a presence channel's member (`user_info`).
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct PlayerInfo {
    /// The display name.
    pub name: String,
    /// The current activity, in a few words.
    pub doing: String,
}

impl PlayerInfo {
    /// Creates the data of a player with this name and activity.
    #[must_use]
    pub fn new(name: &str, doing: &str) -> Self {
        Self {
            name: name.to_owned(),
            doing: doing.to_owned(),
        }
    }
}
