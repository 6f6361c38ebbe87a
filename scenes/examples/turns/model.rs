//! Updates the players and the move log from the table, and handles the user's requests.

use bevy::prelude::*;
use pusher_scenes::{
    chat_entry::ChatEntry,
    connection::ConnectionSystems,
    player::{Departed, Player, RosterIsKnown},
    turns::{Game, Mark, Outcome, Seat, Table, TableSync, TableSyncSystems, best_move},
};

/// The names of the cells.
const CELLS: [&str; 9] = [
    "upper left",
    "upper middle",
    "upper right",
    "middle left",
    "middle",
    "middle right",
    "lower left",
    "lower middle",
    "lower right",
];

/// A request of the user.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Takes this cell.
    #[cfg_attr(
        not(feature = "windowed"),
        expect(dead_code, reason = "sent by keys, which need a window")
    )]
    Play(u8),
    /// Takes the best cell.
    PlayWell,
    /// Starts the next game.
    #[cfg_attr(
        not(feature = "windowed"),
        expect(dead_code, reason = "sent by keys, which need a window")
    )]
    NextGame,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_message::<Request>().add_systems(
        Update,
        (
            // Before the sync systems, so that a move is sent in the same frame.
            handle_requests
                .after(ConnectionSystems)
                .before(TableSyncSystems),
            (sync_players, announce_moves)
                .chain()
                .after(TableSyncSystems),
        ),
    );
}

fn handle_requests(mut requests: MessageReader<Request>, mut sync: ResMut<TableSync>) {
    for request in requests.read() {
        let id = sync.me.id;
        let table = &mut sync.table;
        let cell = match request {
            Request::Play(cell) => Some(*cell),
            Request::PlayWell => table
                .mark_of(id)
                .and_then(|mark| best_move(&table.game, mark)),
            Request::NextGame => {
                if table.is_over() && table.mark_of(id).is_some() {
                    table.game = table.game.next_round();
                    sync.needs_send = true;
                }
                None
            }
        };
        if let Some(cell) = cell {
            let was_played = sync.table.play(id, cell);
            sync.needs_send |= was_played;
        }
    }
}

/// Keeps the [`Player`] entities in sync with the seats of the table.
fn sync_players(
    mut commands: Commands,
    sync: Res<TableSync>,
    mut is_known: ResMut<RosterIsKnown>,
    players: Query<(Entity, &Player), Without<Departed>>,
) {
    let TableSync { me, table, .. } = &*sync;
    let name = |seat: &Seat| seat.id.to_string();
    is_known.0 |= table.seats.iter().flatten().next().is_some();
    for (entity, player) in &players {
        if !table
            .seats
            .iter()
            .flatten()
            .any(|seat| name(seat) == player.id)
        {
            commands.entity(entity).insert(Departed);
        }
    }
    for mark in [Mark::Cross, Mark::Nought] {
        let Some(seat) = table.player(mark) else {
            continue;
        };
        if players.iter().all(|(_, player)| player.id != name(seat)) {
            commands.spawn(Player {
                id: name(seat),
                name: seat.name.clone(),
                doing: mark_name(mark).to_owned(),
                is_you: seat.id == me.id,
                ..default()
            });
        }
    }
}

/// Returns the name of a mark.
pub(crate) fn mark_name(mark: Mark) -> &'static str {
    match mark {
        Mark::Cross => "crosses",
        Mark::Nought => "noughts",
    }
}

/// Logs what is new in the game, whether it was played here or received.
fn announce_moves(
    sync: Res<TableSync>,
    mut known: Local<Game>,
    mut entries: MessageWriter<ChatEntry>,
) {
    let Table { game, .. } = &sync.table;
    if known.round != game.round {
        entries.write(ChatEntry::event(format!("Game {}.", game.round + 1)));
        known.round = game.round;
        known.moves.clear();
    }
    let seat_of = |mark| {
        let player = sync.table.player(mark);
        player.map_or("somebody", |seat| seat.name.as_str())
    };
    let mut mark = game.first_mark();
    for (index, cell) in game.moves.iter().enumerate() {
        if index >= known.moves.len() {
            let cell = CELLS.get(usize::from(*cell)).copied().unwrap_or("nowhere");
            entries.write(ChatEntry::action(seat_of(mark), cell));
        }
        mark = mark.other();
    }
    if known.moves.len() != game.moves.len() {
        match game.outcome() {
            Outcome::Turn(_) => {}
            Outcome::Won(mark, _) => {
                entries.write(ChatEntry::event(format!("{} has won.", seat_of(mark))));
            }
            Outcome::Draw => {
                entries.write(ChatEntry::event("A draw."));
            }
        }
        known.moves.clone_from(&game.moves);
    }
}
