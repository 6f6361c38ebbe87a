//! The players that a scene knows: the model of the roster, with or without a window.

use bevy::prelude::*;

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
}

/// The player has left; the entity is despawned once that has been shown.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct Departed;

/// Something that was said, or that happened, for the chat.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct ChatEntry {
    /// By whom; nobody for what the lobby itself has to say.
    pub speaker: Option<String>,
    /// One line or more.
    pub text: String,
}

impl ChatEntry {
    /// Said by a player.
    #[must_use]
    pub fn said(speaker: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            speaker: Some(speaker.into()),
            text: text.into(),
        }
    }

    /// Something that happened.
    #[must_use]
    pub fn happened(text: impl Into<String>) -> Self {
        Self {
            speaker: None,
            text: text.into(),
        }
    }
}
