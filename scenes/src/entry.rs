//! What was said and what happened, one after the other: the model of a chat or a log, with or without a window.

use bevy::prelude::*;

/// Something that was said, or that happened.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct ChatEntry {
    /// Whose.
    pub voice: Voice,
    /// One line or more.
    pub text: String,
}

/// Who or what an entry is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Somebody said it.
    Said(String),
    /// Somebody did it.
    Did(String),
    /// It happened.
    Happened,
    /// It happened, and other parts of the scene show it, too.
    Seen,
}

impl ChatEntry {
    /// Said by a player.
    #[must_use]
    pub fn said(speaker: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(Voice::Said(speaker.into()), text)
    }

    /// Done by a player.
    #[must_use]
    pub fn did(player: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(Voice::Did(player.into()), text)
    }

    /// Something that happened.
    #[must_use]
    pub fn happened(text: impl Into<String>) -> Self {
        Self::new(Voice::Happened, text)
    }

    /// Something that happened, and that other parts of the scene show, too: lines without a window leave it out.
    #[must_use]
    pub fn seen(text: impl Into<String>) -> Self {
        Self::new(Voice::Seen, text)
    }

    fn new(voice: Voice, text: impl Into<String>) -> Self {
        Self {
            voice,
            text: text.into(),
        }
    }

    /// Whose it is, if it is somebody's.
    #[must_use]
    pub fn player(&self) -> Option<&str> {
        match &self.voice {
            Voice::Said(name) | Voice::Did(name) => Some(name),
            Voice::Happened | Voice::Seen => None,
        }
    }
}
