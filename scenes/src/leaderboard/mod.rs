//! The channel and the event of the scene `leaderboard`, and its simulated race.

mod race;

pub use race::{RACERS, start_race};

use serde::{Deserialize, Serialize};

/// A public cache channel: the server keeps its last event for later subscribers.
pub const LEADERBOARD_CHANNEL: &str = "cache-leaderboard";

/// The complete leaderboard. Since each event is complete, a late subscriber needs only the last one.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// The entries, the best first.
    pub standings: Vec<Standing>,
}

/// A racer with the points.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The name.
    pub name: String,
    /// The points.
    pub points: u32,
}

impl Board {
    /// The name of the event.
    pub const EVENT: &str = "board";

    /// Adds points to a racer, who may be new to the board.
    #[must_use]
    pub fn with_points(mut self, name: &str, points: u32) -> Self {
        match self.standings.iter_mut().find(|racer| racer.name == name) {
            Some(racer) => racer.points = racer.points.saturating_add(points),
            None => self.standings.push(Standing {
                name: name.to_owned(),
                points,
            }),
        }
        // The sort is stable: of two racers with equal points, the one who reached them first stays ahead.
        self.standings
            .sort_by_key(|racer| std::cmp::Reverse(racer.points));
        self
    }

    /// Returns a racer's points.
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
    fn higher_score_ranks_higher() {
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
