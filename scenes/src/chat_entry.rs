//! The entries of a chat or a log, independent of how they are shown.

use bevy::prelude::*;

/// An entry of the chat or the log.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct ChatEntry {
    /// The kind of entry, with the player's name if there is one.
    pub kind: EntryKind,
    /// The text, of one or more lines.
    pub text: String,
}

/// What kind of entry it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A chat message from this player.
    Message(String),
    /// An action of this player.
    Action(String),
    /// An event without a player.
    Event,
    /// An event that other parts of the scene show as well, such as the roster.
    ShownElsewhere,
}

impl ChatEntry {
    /// Creates a chat message from a player.
    #[must_use]
    pub fn message(player: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(EntryKind::Message(player.into()), text)
    }

    /// Creates an entry for an action of a player.
    #[must_use]
    pub fn action(player: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(EntryKind::Action(player.into()), text)
    }

    /// Creates an entry for an event without a player.
    #[must_use]
    pub fn event(text: impl Into<String>) -> Self {
        Self::new(EntryKind::Event, text)
    }

    /// Creates an entry for an event that other parts of the scene show as well. The line output skips it.
    #[must_use]
    pub fn shown_elsewhere(text: impl Into<String>) -> Self {
        Self::new(EntryKind::ShownElsewhere, text)
    }

    fn new(kind: EntryKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// Returns the player's name, if the entry belongs to a player.
    #[must_use]
    pub fn player(&self) -> Option<&str> {
        match &self.kind {
            EntryKind::Message(name) | EntryKind::Action(name) => Some(name),
            EntryKind::Event | EntryKind::ShownElsewhere => None,
        }
    }
}
