//! The table: two seats and the game. Clients send the complete table, and merging makes all clients agree after a lost
//! connection.

use serde::{Deserialize, Serialize};

use super::{Game, Mark, Outcome};

/// A taken seat.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The id of the client. If two clients take the same seat, the lower id wins.
    pub id: u64,
    /// The name of the player.
    pub name: String,
}

impl Seat {
    /// The id of the bot, the highest one: the bot loses its seat to any client.
    pub const BOT: u64 = u64::MAX;

    /// Returns an id for a client that started at this time, in milliseconds since the Unix epoch, because a private channel has no user
    /// ids. An earlier start gives a lower id. The lowest 12 bits of `number` tell apart clients that started in the same millisecond.
    /// Until 2039, ids stay below 2^53, so that servers in JavaScript keep them.
    #[must_use]
    pub fn new_id(milliseconds: u64, number: u32) -> u64 {
        milliseconds << 12 | u64::from(number & 0xFFF)
    }
}

/// What a client knows of the table.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The seat of crosses, then the seat of noughts.
    pub seats: [Option<Seat>; 2],
    /// The game.
    pub game: Game,
}

/// The event with a client's view of the table.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TableUpdate {
    /// The id of the sending client.
    pub from: u64,
    /// The table as the sender knows it.
    pub table: Table,
}

impl TableUpdate {
    /// The name of the client event.
    pub const EVENT: &str = "client-table";
}

impl Table {
    /// Returns the mark of the client with this id, if it has a seat.
    #[must_use]
    pub fn mark_of(&self, id: u64) -> Option<Mark> {
        let is_there = |seat: &Option<Seat>| seat.as_ref().is_some_and(|seat| seat.id == id);
        self.seats.iter().position(is_there).map(Mark::from_seat)
    }

    /// Returns who plays this mark.
    #[must_use]
    pub fn player(&self, mark: Mark) -> Option<&Seat> {
        self.seats.get(mark.seat())?.as_ref()
    }

    /// Takes the first free seat, or else the bot's. The bot itself takes the last free seat. Returns whether there was a seat.
    pub fn take_seat(&mut self, seat: Seat) -> bool {
        let is_robot = seat.id == Seat::BOT;
        let is_free = |taken: &Option<Seat>| match taken {
            None => true,
            Some(taken) => taken.id == Seat::BOT && !is_robot,
        };
        let index = if is_robot {
            self.seats.iter().rposition(is_free)
        } else {
            let empty = self.seats.iter().position(Option::is_none);
            empty.or_else(|| self.seats.iter().position(is_free))
        };
        match index.and_then(|index| self.seats.get_mut(index)) {
            Some(free) => {
                *free = Some(seat);
                true
            }
            None => false,
        }
    }

    /// Frees the seat of a client that has left.
    pub fn free_seat(&mut self, id: u64) {
        for seat in &mut self.seats {
            if seat.as_ref().is_some_and(|seat| seat.id == id) {
                *seat = None;
            }
        }
    }

    /// Merges the table of another client. The more advanced game wins if its moves follow the rules.
    pub fn merge(&mut self, other: &Self) {
        for (seat, theirs) in self.seats.iter_mut().zip(&other.seats) {
            let Some(theirs) = theirs else {
                continue;
            };
            if seat.as_ref().is_none_or(|mine| theirs.id < mine.id) {
                *seat = Some(theirs.clone());
            }
        }
        if other.game.is_ahead_of(&self.game) && other.game.is_valid() {
            self.game = other.game.clone();
        }
    }

    /// Puts the client's mark into a cell. Returns whether the rules allow it.
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
    fn two_players_who_start_at_once_have_different_ids() {
        let now = 1_795_000_000_000;
        let (first, second) = (Seat::new_id(now, 4711), Seat::new_id(now, 4712));
        assert_ne!(first, second);
        assert!(Seat::new_id(now + 1, 0) > first.max(second));
        assert!(Seat::new_id(now, u32::MAX) < 1 << 53);
    }

    #[test]
    fn two_simultaneous_players_agree_on_seats() {
        let (mut one, mut other) = (Table::default(), Table::default());
        assert!(one.take_seat(seat(7)) && other.take_seat(seat(3)));
        let before = one.clone();
        one.merge(&other);
        other.merge(&before);
        assert_eq!(one, other);
        assert_eq!(one.mark_of(3), Some(Mark::Cross));
        assert!(one.take_seat(seat(7)));
        assert_eq!(one.mark_of(7), Some(Mark::Nought));
    }

    #[test]
    fn bot_gives_up_its_seat_to_a_player() {
        let mut full = table([1, Seat::BOT], &[]);
        assert!(full.take_seat(seat(2)));
        assert_eq!(full.mark_of(2), Some(Mark::Nought));
        assert!(!full.take_seat(seat(4)));
        assert!(!table([1, 2], &[]).take_seat(seat(Seat::BOT)));
    }

    #[test]
    fn next_event_contains_missed_moves() {
        let mut behind = table([1, 2], &[4]);
        behind.merge(&table([1, 2], &[4, 0, 8]));
        assert_eq!(behind.game.moves, [4, 0, 8]);
        behind.merge(&table([1, 2], &[4, 0]));
        assert_eq!(behind.game.moves, [4, 0, 8], "replaced by an older game");
        behind.merge(&table([1, 2], &[4, 0, 8, 8]));
        assert_eq!(
            behind.game.moves,
            [4, 0, 8],
            "accepted a game that breaks the rules"
        );
    }

    #[test]
    fn only_seated_players_move_and_only_in_turn() {
        let mut begun = table([1, 2], &[4]);
        assert!(!begun.play(1, 0));
        assert!(!begun.play(3, 0));
        assert!(begun.is_turn_of(2));
        assert!(begun.play(2, 0));
        assert!(begun.is_turn_of(1));
    }
}
