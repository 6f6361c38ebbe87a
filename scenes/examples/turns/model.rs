//! The players at the table, the moves as they are made, and what the person wants.

use bevy::prelude::*;
use pusher_scenes::{
    entry::ChatEntry,
    link::LinkSystems,
    player::{Departed, Player, RosterIsKnown},
    turns::{Game, Mark, Outcome, Seat, Sitting, SittingSystems, Table, best_move},
};

/// The cells as one says them.
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

/// What the person wants.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To take this cell.
    #[cfg_attr(not(feature = "windowed"), expect(dead_code, reason = "takes keys"))]
    Play(u8),
    /// To take whichever cell is best.
    PlayWell,
    /// The next game.
    #[cfg_attr(not(feature = "windowed"), expect(dead_code, reason = "takes keys"))]
    NextGame,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_message::<Wish>().add_systems(
        Update,
        (
            // What is played now is told now.
            obey.after(LinkSystems).before(SittingSystems),
            (seat_players, tell_moves).chain().after(SittingSystems),
        ),
    );
}

fn obey(mut wishes: MessageReader<Wish>, mut sitting: ResMut<Sitting>) {
    for wish in wishes.read() {
        let id = sitting.me.id;
        let table = &mut sitting.table;
        let cell = match wish {
            Wish::Play(cell) => Some(*cell),
            Wish::PlayWell => table
                .mark_of(id)
                .and_then(|mark| best_move(&table.game, mark)),
            Wish::NextGame => {
                if table.is_over() && table.mark_of(id).is_some() {
                    table.game = table.game.next_round();
                    sitting.has_news = true;
                }
                None
            }
        };
        if let Some(cell) = cell {
            let was_played = sitting.table.play(id, cell);
            sitting.has_news |= was_played;
        }
    }
}

/// Makes the players those who sit at the table.
fn seat_players(
    mut commands: Commands,
    sitting: Res<Sitting>,
    mut is_known: ResMut<RosterIsKnown>,
    players: Query<(Entity, &Player), Without<Departed>>,
) {
    let Sitting { me, table, .. } = &*sitting;
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
                doing: marks(mark).to_owned(),
                is_you: seat.id == me.id,
                ..default()
            });
        }
    }
}

/// What the marks are called.
pub(crate) fn marks(mark: Mark) -> &'static str {
    match mark {
        Mark::Cross => "crosses",
        Mark::Nought => "noughts",
    }
}

/// Says what is new in the game, however it became known.
fn tell_moves(
    sitting: Res<Sitting>,
    mut known: Local<Game>,
    mut entries: MessageWriter<ChatEntry>,
) {
    let Table { game, .. } = &sitting.table;
    if known.round != game.round {
        entries.write(ChatEntry::happened(format!("Game {}.", game.round + 1)));
        known.round = game.round;
        known.moves.clear();
    }
    let seat_of = |mark| {
        let player = sitting.table.player(mark);
        player.map_or("somebody", |seat| seat.name.as_str())
    };
    let mut mark = game.beginner();
    for (index, cell) in game.moves.iter().enumerate() {
        if index >= known.moves.len() {
            let cell = CELLS.get(usize::from(*cell)).copied().unwrap_or("nowhere");
            entries.write(ChatEntry::did(seat_of(mark), cell));
        }
        mark = mark.other();
    }
    if known.moves.len() != game.moves.len() {
        match game.outcome() {
            Outcome::Turn(_) => {}
            Outcome::Won(mark, _) => {
                entries.write(ChatEntry::happened(format!("{} has won.", seat_of(mark))));
            }
            Outcome::Draw => {
                entries.write(ChatEntry::happened("A draw."));
            }
        }
        known.moves.clone_from(&game.moves);
    }
}
