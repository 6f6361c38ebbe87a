//! The rules of noughts and crosses.

use serde::{Deserialize, Serialize};

/// The number of cells of the board.
const CELLS: usize = 9;

/// The rows, columns and diagonals.
const LINES: [[usize; 3]; 8] = [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7, 8],
    [0, 3, 6],
    [1, 4, 7],
    [2, 5, 8],
    [0, 4, 8],
    [2, 4, 6],
];

/// A player's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The mark of the first seat.
    Cross,
    /// The mark of the second seat.
    Nought,
}

impl Mark {
    /// Returns the index of the seat with this mark.
    #[must_use]
    pub fn seat(self) -> usize {
        match self {
            Self::Cross => 0,
            Self::Nought => 1,
        }
    }

    /// Returns the mark of a seat.
    #[must_use]
    pub fn from_seat(seat: usize) -> Self {
        if seat == 0 { Self::Cross } else { Self::Nought }
    }

    /// Returns the opponent's mark.
    #[must_use]
    pub fn other(self) -> Self {
        Self::from_seat(1 - self.seat())
    }
}

/// The result of a game, or whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is this mark's turn.
    Turn(Mark),
    /// This mark has won with these three cells.
    Won(Mark, [usize; 3]),
    /// All cells are taken, and nobody has won.
    Draw,
}

/// The state of a game: the cells in the order in which they were taken. An event contains all of it, so a client that missed
/// one is up to date with the next.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Game {
    /// The number of the game. The players take turns at starting.
    pub round: u32,
    /// The taken cells, 0 to 8 from the upper left.
    pub moves: Vec<u8>,
}

impl Game {
    /// Returns the mark that starts.
    #[must_use]
    pub fn first_mark(&self) -> Mark {
        Mark::from_seat(self.round as usize % 2)
    }

    /// Returns the mark in each cell.
    #[must_use]
    pub fn board(&self) -> [Option<Mark>; CELLS] {
        let mut board = [None; CELLS];
        let mut mark = self.first_mark();
        for cell in &self.moves {
            if let Some(cell) = board.get_mut(usize::from(*cell)) {
                *cell = Some(mark);
            }
            mark = mark.other();
        }
        board
    }

    /// Returns the result, or whose turn it is.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let board = self.board();
        let owner = |cell: usize| board.get(cell).copied().flatten();
        for line in LINES {
            let [first, second, third] = line.map(owner);
            if let Some(mark) = first
                && second == first
                && third == first
            {
                return Outcome::Won(mark, line);
            }
        }
        if self.moves.len() >= CELLS {
            return Outcome::Draw;
        }
        let to_move = if self.moves.len().is_multiple_of(2) {
            self.first_mark()
        } else {
            self.first_mark().other()
        };
        Outcome::Turn(to_move)
    }

    /// Returns the game after this move, or `None` if the rules forbid it.
    #[must_use]
    pub fn with_move(&self, mark: Mark, cell: u8) -> Option<Self> {
        let is_free = usize::from(cell) < CELLS && !self.moves.contains(&cell);
        (is_free && self.outcome() == Outcome::Turn(mark)).then(|| {
            let mut next = self.clone();
            next.moves.push(cell);
            next
        })
    }

    /// Whether the mark has three in a row once it takes this cell.
    #[must_use]
    pub fn would_win(&self, mark: Mark, cell: u8) -> bool {
        let board = self.board();
        let is_there = |index: &usize| {
            *index == usize::from(cell) || board.get(*index).copied().flatten() == Some(mark)
        };
        LINES
            .iter()
            .filter(|line| line.contains(&usize::from(cell)))
            .any(|line| line.iter().all(is_there))
    }

    /// Returns the start of the next game.
    #[must_use]
    pub fn next_round(&self) -> Self {
        Self {
            round: self.round + 1,
            moves: Vec::new(),
        }
    }

    /// Whether all moves follow the rules.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let start = Self {
            moves: Vec::new(),
            ..self.clone()
        };
        let replayed = self
            .moves
            .iter()
            .try_fold(start, |game, cell| match game.outcome() {
                Outcome::Turn(mark) => game.with_move(mark, *cell),
                _ => None,
            });
        replayed.is_some()
    }

    /// Whether this game has more moves, or is a later one, than the other.
    #[must_use]
    pub fn is_ahead_of(&self, other: &Self) -> bool {
        (self.round, self.moves.len()) > (other.round, other.moves.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn game(moves: &[u8]) -> Game {
        Game {
            round: 0,
            moves: moves.to_vec(),
        }
    }

    #[test]
    fn three_in_a_row_win() {
        assert_eq!(
            game(&[0, 3, 1, 4, 2]).outcome(),
            Outcome::Won(Mark::Cross, [0, 1, 2])
        );
        assert_eq!(
            game(&[0, 2, 1, 4, 8, 6]).outcome(),
            Outcome::Won(Mark::Nought, [2, 4, 6])
        );
    }

    #[test]
    fn full_board_without_a_row_is_a_draw() {
        let full = game(&[0, 1, 2, 4, 3, 5, 7, 6, 8]);
        assert_eq!(full.outcome(), Outcome::Draw);
        assert!(full.is_valid());
    }

    #[test]
    fn a_move_needs_a_free_cell_and_the_turn() {
        let begun = game(&[4]);
        assert_eq!(begun.with_move(Mark::Cross, 0), None);
        assert_eq!(begun.with_move(Mark::Nought, 4), None);
        assert_eq!(begun.with_move(Mark::Nought, 9), None);
        assert_eq!(begun.with_move(Mark::Nought, 0), Some(game(&[4, 0])));
        assert_eq!(game(&[0, 3, 1, 4, 2]).with_move(Mark::Nought, 5), None);
    }

    #[test]
    fn the_other_player_starts_the_next_game() {
        let next = game(&[4, 0]).next_round();
        assert_eq!(next.outcome(), Outcome::Turn(Mark::Nought));
        assert!(next.is_ahead_of(&game(&[4, 0])));
        assert!(game(&[4, 0]).is_ahead_of(&game(&[4])));
    }

    #[test]
    fn unreachable_board_is_rejected() {
        for moves in [&[4, 4][..], &[9], &[0, 3, 1, 4, 2, 5]] {
            assert!(!game(moves).is_valid(), "{moves:?}");
        }
    }
}
