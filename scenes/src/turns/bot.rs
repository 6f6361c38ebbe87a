//! A bot that plays while no second player is there, and gives up its seat to one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};

use super::{Game, Mark, Seat, TABLE_CHANNEL, TableSync, TableSyncPlugin};
use crate::{
    dev_server::DevServer,
    server::Identity,
    simulation::{SimulatedPlayers, player_app},
};

/// The number of bots.
pub const BOTS: usize = 1;

const UPDATE_INTERVAL: Duration = Duration::from_millis(100);

/// How long the bot waits before a move, and how long before it starts the next game.
const MOVE_DELAY: Duration = Duration::from_millis(1300);
const NEXT_GAME_DELAY: Duration = Duration::from_millis(3500);

/// The cells in order of preference: the middle, the corners, the rest.
const PREFERRED_CELLS: [u8; 9] = [4, 0, 8, 2, 6, 1, 7, 3, 5];

/// Returns a reasonable move: one that wins, else one that blocks the opponent, else the best free cell.
#[must_use]
pub fn best_move(game: &Game, mark: Mark) -> Option<u8> {
    let free = || {
        PREFERRED_CELLS
            .into_iter()
            .filter(|cell| !game.moves.contains(cell))
    };
    free()
        .find(|cell| game.would_win(mark, *cell))
        .or_else(|| free().find(|cell| game.would_win(mark.other(), *cell)))
        .or_else(|| free().next())
}

/// Starts the bot at the table of this server.
///
/// # Errors
/// The thread of the bot could not be started.
pub fn start_bot(server: Arc<DevServer>) -> io::Result<SimulatedPlayers> {
    SimulatedPlayers::start_apps(BOTS, UPDATE_INTERVAL, move |_, waker| bot(&server, waker))
}

fn bot(server: &DevServer, waker: PusherWaker) -> App {
    let seat = Seat {
        id: Seat::BOT,
        name: "Mira".to_owned(),
    };
    let mut app = player_app(server, &Identity::new("Mira"), waker);
    app.insert_resource(TableSync::new(seat))
        .add_plugins(TableSyncPlugin)
        .add_systems(Startup, |mut commands: Commands| {
            commands.spawn(PusherChannel::new(TABLE_CHANNEL));
        })
        .add_systems(Update, play);
    app
}

fn play(time: Res<Time<Real>>, mut sync: ResMut<TableSync>, mut since: Local<(Game, Duration)>) {
    let id = sync.me.id;
    let Some(mark) = sync.table.mark_of(id) else {
        return;
    };
    if since.0 != sync.table.game {
        *since = (sync.table.game.clone(), time.elapsed());
    }
    let waited = time.elapsed().saturating_sub(since.1);
    if sync.table.is_over() && waited >= NEXT_GAME_DELAY {
        sync.table.game = sync.table.game.next_round();
        sync.needs_send = true;
    } else if sync.table.is_turn_of(id)
        && waited >= MOVE_DELAY
        && let Some(cell) = best_move(&sync.table.game, mark)
    {
        sync.needs_send |= sync.table.play(id, cell);
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
    fn bot_wins_or_blocks() {
        assert_eq!(best_move(&game(&[0, 3, 1, 4]), Mark::Cross), Some(2));
        assert_eq!(best_move(&game(&[0, 4, 1]), Mark::Nought), Some(2));
        assert_eq!(best_move(&game(&[]), Mark::Cross), Some(4));
    }
}
