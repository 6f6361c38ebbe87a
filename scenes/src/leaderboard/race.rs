//! A race that goes on by itself: a referee who adds points to the last board and publishes the next.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};

use super::{Board, LEADERBOARD_CHANNEL};
use crate::{
    company::{Company, player_app},
    dev_server::DevServer,
    server::Identity,
};

/// How often points are given.
const PACE: Duration = Duration::from_millis(1300);

/// Who races, and the points from which they go on.
const FIELD: [(&str, u32); 7] = [
    ("Mira", 310),
    ("Jonas Lind", 285),
    ("Cleo", 260),
    ("Ada Park", 240),
    ("Tomas", 190),
    ("Wanda", 150),
    ("Ilir", 120),
];

/// How many race.
pub const RACERS: usize = FIELD.len();

/// The points that are given at most, in steps of five.
const STEPS: u32 = 10;

/// Starts the race on this server.
///
/// # Errors
/// Its thread cannot be started.
pub fn leaderboard_company(server: Arc<DevServer>) -> io::Result<Company> {
    // The race has begun before the first guest comes.
    let start = FIELD
        .into_iter()
        .fold(Board::default(), |board, (name, points)| {
            board.with_points(name, points)
        });
    publish(&server, &start);
    Company::of_players(1, PACE, move |_, waker| {
        referee(Arc::clone(&server), start.clone(), waker)
    })
}

#[derive(Resource)]
struct Referee {
    server: Arc<DevServer>,
    board: Board,
    turns: u32,
    last: Duration,
}

fn referee(server: Arc<DevServer>, board: Board, waker: PusherWaker) -> App {
    let mut app = player_app(&server, &Identity::new("referee"), waker);
    app.insert_resource(Referee {
        server,
        board,
        turns: 0,
        last: Duration::ZERO,
    })
    .add_pusher_event::<Board>(Board::EVENT)
    .add_systems(Startup, |mut commands: Commands| {
        commands.spawn(PusherChannel::new(LEADERBOARD_CHANNEL));
    })
    .add_systems(Update, (follow, give_points).chain());
    app
}

/// Others publish, too: the last board is the one to go on from.
fn follow(mut boards: MessageReader<PusherEvent<Board>>, mut referee: ResMut<Referee>) {
    if let Some(board) = boards.read().last() {
        referee.board = board.data().clone();
    }
}

fn give_points(
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
    mut referee: ResMut<Referee>,
) {
    // Also something that came makes a referee update.
    let is_due = time.elapsed().saturating_sub(referee.last) >= PACE;
    if !is_due || !connection.is_connected() {
        return;
    }
    referee.last = time.elapsed();
    referee.turns += 1;
    // Weyl's sequence: looks like chance, and is the same each time.
    let chance = referee.turns.wrapping_mul(0x9E37_79B9);
    let winner = (chance >> 16) as usize % RACERS;
    let points = 5 * (1 + (chance >> 8) % STEPS);
    if let Some((name, _)) = FIELD.get(winner) {
        referee.board = std::mem::take(&mut referee.board).with_points(name, points);
        publish(&referee.server, &referee.board);
    }
}

fn publish(server: &DevServer, board: &Board) {
    if let Err(error) = server.publish(LEADERBOARD_CHANNEL, Board::EVENT, board) {
        warn!("the board was not published: {error}");
    }
}
