//! Toasts: short notifications, shown for a moment over the scene.

use std::time::Duration;

use bevy::prelude::*;

use crate::colours::{ACCENT, BAD, GOOD, WARN};

/// The maximum number of visible toasts.
pub const MAX_VISIBLE: usize = 4;
/// How long a toast is visible.
pub const VISIBLE_FOR: Duration = Duration::from_secs(4);

/// A request to show a toast.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Determines the colour and the icon.
    pub kind: ToastKind,
    /// The text, in one line.
    pub text: String,
    /// Whether other parts of the scene show it as well. The line output skips it.
    pub is_shown_elsewhere: bool,
}

/// The kind of toast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToastKind {
    /// Information.
    Info,
    /// A success.
    Good,
    /// A warning.
    Warn,
    /// A failure.
    Bad,
    /// An invitation from another player.
    Invite,
}

impl ToastKind {
    /// Returns the colour of the toast.
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
    /// Creates a toast.
    #[must_use]
    pub fn new(kind: ToastKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            is_shown_elsewhere: false,
        }
    }

    /// Creates a toast for something that other parts of the scene show as well.
    #[must_use]
    pub fn shown_elsewhere(kind: ToastKind, text: impl Into<String>) -> Self {
        Self {
            is_shown_elsewhere: true,
            ..Self::new(kind, text)
        }
    }
}
