//! Noughts and crosses as the players tell each other of it.

mod game;
mod robot;
mod sitting;
mod table;

pub use game::{Game, Mark, Outcome};
pub use robot::{ROBOTS, best_move, turns_company};
pub use sitting::{Sitting, SittingPlugin, SittingSystems};
pub use table::{Seat, Table, Told};

/// The private channel of the one table there is.
pub const TABLE_CHANNEL: &str = "private-table";
