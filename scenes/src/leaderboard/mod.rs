//! What the backend tells of a leaderboard.

mod race;

pub use race::{RACERS, leaderboard_company};

use serde::{Deserialize, Serialize};

/// A public channel that keeps its last event for whoever comes later.
pub const LEADERBOARD_CHANNEL: &str = "cache-leaderboard";

/// The whole state of the board. Because each event is whole, the last one is all that a late joiner needs.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// The best first.
    pub standings: Vec<Standing>,
}

/// A racer and the points.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub name: String,
    /// How many points.
    pub points: u32,
}

impl Board {
    /// The event's name.
    pub const EVENT: &str = "board";

    /// The board with so many points more for somebody, who may be new to it.
    #[must_use]
    pub fn with_points(mut self, name: &str, points: u32) -> Self {
        match self.standings.iter_mut().find(|racer| racer.name == name) {
            Some(racer) => racer.points = racer.points.saturating_add(points),
            None => self.standings.push(Standing {
                name: name.to_owned(),
                points,
            }),
        }
        // Stable: who had the points first stays ahead.
        self.standings
            .sort_by_key(|racer| std::cmp::Reverse(racer.points));
        self
    }

    /// How many points somebody has.
    #[must_use]
    pub fn points_of(&self, name: &str) -> Option<u32> {
        self.standings
            .iter()
            .find(|racer| racer.name == name)
            .map(|racer| racer.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(board: &Board) -> Vec<&str> {
        board
            .standings
            .iter()
            .map(|racer| racer.name.as_str())
            .collect()
    }

    #[test]
    fn whoever_has_more_points_stands_higher() {
        let board = Board::default()
            .with_points("Mira", 10)
            .with_points("Cleo", 10)
            .with_points("Ada", 20);
        assert_eq!(order(&board), ["Ada", "Mira", "Cleo"]);
        let board = board.with_points("Cleo", 15);
        assert_eq!(order(&board), ["Cleo", "Ada", "Mira"]);
        assert_eq!(board.points_of("Cleo"), Some(25));
        assert_eq!(board.points_of("Tomas"), None);
    }
}
