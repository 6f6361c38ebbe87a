//! The players that a scene knows: the model of the roster, with or without a window.

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

/// A player who is here. Change it as the news come in; mark it [`Departed`] when they leave.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq)]
pub struct Player {
    /// Who this is, as the server says.
    pub id: String,
    /// As the player wants to be called.
    pub name: String,
    /// What they do, in a few words.
    pub doing: String,
    /// Their answer to the ready check.
    pub is_ready: bool,
    /// Whether this is the one before the screen.
    pub is_you: bool,
    /// Whether they cannot be reached, in a list that shows such players, too.
    pub is_away: bool,
}

/// The player who is chosen in the roster.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct Chosen;

/// The player has left; the entity is despawned once that has been shown.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct Departed;

/// Whether the server has said who is here.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RosterIsKnown(pub bool);

/// What a member of a presence channel is, besides an id (`user_info`).
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct PlayerInfo {
    /// As the player wants to be called.
    pub name: String,
    /// What they do, in a few words.
    pub doing: String,
}

impl PlayerInfo {
    /// Somebody of this name who does this.
    #[must_use]
    pub fn new(name: &str, doing: &str) -> Self {
        Self {
            name: name.to_owned(),
            doing: doing.to_owned(),
        }
    }
}
