//! Noughts and crosses: the rules, the table as the clients exchange it, and a bot.

mod bot;
mod game;
mod table;
mod table_sync;

pub use bot::{BOTS, best_move, start_bot};
pub use game::{Game, Mark, Outcome};
pub use table::{Seat, Table, TableUpdate};
pub use table_sync::{TableSync, TableSyncPlugin, TableSyncSystems};

/// The private channel of the only table.
pub const TABLE_CHANNEL: &str = "private-table";
