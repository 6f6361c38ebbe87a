//! The table: who sits where, and the game. Everybody tells the whole of it, and it grows together again after a loss.

use serde::{Deserialize, Serialize};

use super::{Game, Mark, Outcome};

/// A taken seat.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Of the client. Of two who want one seat the lower one has it.
    pub id: u64,
    /// Of the player.
    pub name: String,
}

impl Seat {
    /// The id of a robot, who leaves the seat to everybody.
    pub const ROBOT: u64 = u64::MAX;
}

/// What a client knows of the table.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Crosses, then noughts.
    pub seats: [Option<Seat>; 2],
    /// The game.
    pub game: Game,
}

/// Somebody tells how the table is.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The client.
    pub from: u64,
    /// As the client knows it.
    pub table: Table,
}

impl Told {
    /// The client event's name.
    pub const EVENT: &str = "client-table";
}

impl Table {
    /// The mark of the client with this id, if it sits at the table.
    #[must_use]
    pub fn mark_of(&self, id: u64) -> Option<Mark> {
        let is_there = |seat: &Option<Seat>| seat.as_ref().is_some_and(|seat| seat.id == id);
        self.seats.iter().position(is_there).map(Mark::of)
    }

    /// Who has this mark.
    #[must_use]
    pub fn player(&self, mark: Mark) -> Option<&Seat> {
        self.seats.get(mark.seat())?.as_ref()
    }

    /// Takes the first free seat, or else a robot's; returns whether there was one. Robots take the last free seat.
    pub fn sit(&mut self, seat: Seat) -> bool {
        let is_robot = seat.id == Seat::ROBOT;
        let is_free = |taken: &Option<Seat>| match taken {
            None => true,
            Some(taken) => taken.id == Seat::ROBOT && !is_robot,
        };
        let place = if is_robot {
            self.seats.iter().rposition(is_free)
        } else {
            let empty = self.seats.iter().position(Option::is_none);
            empty.or_else(|| self.seats.iter().position(is_free))
        };
        match place.and_then(|place| self.seats.get_mut(place)) {
            Some(free) => {
                *free = Some(seat);
                true
            }
            None => false,
        }
    }

    /// Frees the seat of a client who is gone.
    pub fn free(&mut self, id: u64) {
        for seat in &mut self.seats {
            if seat.as_ref().is_some_and(|seat| seat.id == id) {
                *seat = None;
            }
        }
    }

    /// Learns what another client knows. A game that has gone further counts, if the rules allow it.
    pub fn learn(&mut self, other: &Self) {
        for (seat, theirs) in self.seats.iter_mut().zip(&other.seats) {
            let Some(theirs) = theirs else {
                continue;
            };
            if seat.as_ref().is_none_or(|mine| theirs.id < mine.id) {
                *seat = Some(theirs.clone());
            }
        }
        if other.game.is_ahead_of(&self.game) && other.game.is_fair() {
            self.game = other.game.clone();
        }
    }

    /// Puts this client's mark into a cell, if it is its turn; returns whether it was.
    pub fn play(&mut self, id: u64, cell: u8) -> bool {
        let next = self
            .mark_of(id)
            .and_then(|mark| self.game.with_move(mark, cell));
        match next {
            Some(next) => {
                self.game = next;
                true
            }
            None => false,
        }
    }

    /// Whether it is this client's turn.
    #[must_use]
    pub fn is_turn_of(&self, id: u64) -> bool {
        match self.game.outcome() {
            Outcome::Turn(mark) => self.mark_of(id) == Some(mark),
            Outcome::Won(..) | Outcome::Draw => false,
        }
    }

    /// Whether the game is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self.game.outcome(), Outcome::Turn(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(id: u64) -> Seat {
        Seat {
            id,
            name: format!("player {id}"),
        }
    }

    fn table(ids: [u64; 2], moves: &[u8]) -> Table {
        Table {
            seats: ids.map(|id| Some(seat(id))),
            game: Game {
                round: 0,
                moves: moves.to_vec(),
            },
        }
    }

    #[test]
    fn two_who_sat_down_at_once_agree() {
        let (mut one, mut other) = (Table::default(), Table::default());
        assert!(one.sit(seat(7)) && other.sit(seat(3)));
        let told = one.clone();
        one.learn(&other);
        other.learn(&told);
        assert_eq!(one, other);
        assert_eq!(one.mark_of(3), Some(Mark::Cross));
        assert!(one.sit(seat(7)));
        assert_eq!(one.mark_of(7), Some(Mark::Nought));
    }

    #[test]
    fn a_robot_leaves_its_seat_to_whoever_comes() {
        let mut full = table([1, Seat::ROBOT], &[]);
        assert!(full.sit(seat(2)));
        assert_eq!(full.mark_of(2), Some(Mark::Nought));
        assert!(!full.sit(seat(4)));
        assert!(!table([1, 2], &[]).sit(seat(Seat::ROBOT)));
    }

    #[test]
    fn what_was_missed_is_in_the_next_thing_that_comes() {
        let mut behind = table([1, 2], &[4]);
        behind.learn(&table([1, 2], &[4, 0, 8]));
        assert_eq!(behind.game.moves, [4, 0, 8]);
        behind.learn(&table([1, 2], &[4, 0]));
        assert_eq!(behind.game.moves, [4, 0, 8], "it went back");
        behind.learn(&table([1, 2], &[4, 0, 8, 8]));
        assert_eq!(behind.game.moves, [4, 0, 8], "it believed a cheat");
    }

    #[test]
    fn only_those_who_sit_there_play_and_only_in_turn() {
        let mut begun = table([1, 2], &[4]);
        assert!(!begun.play(1, 0));
        assert!(!begun.play(3, 0));
        assert!(begun.is_turn_of(2));
        assert!(begun.play(2, 0));
        assert!(begun.is_turn_of(1));
    }
}
