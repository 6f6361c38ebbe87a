//! News that is shown for a moment, over everything else.

use std::time::Duration;

use bevy::prelude::*;

use crate::colours::{ACCENT, BAD, GOOD, WARN};

/// How many may be seen at once.
pub const AT_MOST: usize = 4;
/// How long each is seen.
pub const STAY: Duration = Duration::from_secs(4);

/// Shows a toast.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// What it is about.
    pub kind: ToastKind,
    /// One line.
    pub text: String,
    /// Whether other parts of the scene show it, too: lines without a window leave it out.
    pub is_seen: bool,
}

/// What a toast is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToastKind {
    /// News.
    Info,
    /// Something went well.
    Good,
    /// Something wants attention.
    Warn,
    /// Something went wrong.
    Bad,
    /// Someone invites.
    Invite,
}

impl ToastKind {
    /// Its colour.
    #[must_use]
    pub fn colour(self) -> Color {
        match self {
            Self::Info | Self::Invite => ACCENT,
            Self::Good => GOOD,
            Self::Warn => WARN,
            Self::Bad => BAD,
        }
    }
}

impl Toast {
    /// A toast of this kind.
    #[must_use]
    pub fn new(kind: ToastKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            is_seen: false,
        }
    }

    /// The same about something that other parts of the scene show, too.
    #[must_use]
    pub fn seen(kind: ToastKind, text: impl Into<String>) -> Self {
        Self {
            is_seen: true,
            ..Self::new(kind, text)
        }
    }
}
