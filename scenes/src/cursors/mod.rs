//! The channel and the client event of the scene `cursors`, and its simulated players.

mod path;
mod players;

pub use path::{Path, PathPoint};
pub use players::{CURSOR_PLAYERS, start_cursor_players};

use std::time::Duration;

use bevy::math::Vec2;
use serde::{Deserialize, Serialize};

/// The presence channel of the board.
pub const BOARD_CHANNEL: &str = "presence-board";

/// The position of a player's cursor. Each event replaces the one before.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// The position from the left edge, as a fraction of the board's width.
    pub x: f32,
    /// The position from the top edge, as a fraction of the board's height.
    pub y: f32,
    /// Whether the cursor draws.
    pub pen: bool,
    /// The time of the position, in milliseconds on the sender's clock.
    pub at: u64,
}

impl Cursor {
    /// The name of the client event.
    pub const EVENT: &str = "client-cursor";

    /// Creates the event for a position at the time `now` on the local clock.
    #[must_use]
    pub fn new(position: Vec2, pen: bool, now: Duration) -> Self {
        Self {
            x: position.x,
            y: position.y,
            pen,
            at: now.as_millis() as u64,
        }
    }

    /// Returns the position.
    #[must_use]
    pub fn position(&self) -> Vec2 {
        Vec2::new(self.x, self.y)
    }
}
