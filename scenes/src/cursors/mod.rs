//! What the clients at a shared board say to each other.

mod path;
mod players;

pub use path::{Path, PathPoint};
pub use players::{CURSOR_PLAYERS, cursor_company};

use std::time::Duration;

use bevy::math::Vec2;
use serde::{Deserialize, Serialize};

/// The channel that says who is at the board, and on which they move.
pub const BOARD_CHANNEL: &str = "presence-board";

/// A player's cursor is here. Each one replaces what was said before.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// In parts of the board's width, from its left edge.
    pub x: f32,
    /// In parts of the board's height, from its top edge.
    pub y: f32,
    /// Whether it draws.
    pub pen: bool,
    /// When, in milliseconds on the sender's own clock.
    pub at: u64,
}

impl Cursor {
    /// The client event's name.
    pub const EVENT: &str = "client-cursor";

    /// A cursor at this place and this moment of one's own clock.
    #[must_use]
    pub fn new(position: Vec2, pen: bool, now: Duration) -> Self {
        Self {
            x: position.x,
            y: position.y,
            pen,
            at: now.as_millis() as u64,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn position(&self) -> Vec2 {
        Vec2::new(self.x, self.y)
    }
}
