//! The simulated race: a referee that adds points to the last board and publishes the result.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};

use super::{Board, LEADERBOARD_CHANNEL};
use crate::{
    dev_server::DevServer,
    server::Identity,
    simulation::{SimulatedPlayers, player_app},
};

/// How often points are awarded.
const AWARD_INTERVAL: Duration = Duration::from_millis(1300);

/// The racers, and the points that they start with.
const RACERS_AT_START: [(&str, u32); 7] = [
    ("Mira", 310),
    ("Jonas Lind", 285),
    ("Cleo", 260),
    ("Ada Park", 240),
    ("Tomas", 190),
    ("Wanda", 150),
    ("Ilir", 120),
];

/// The number of racers.
pub const RACERS: usize = RACERS_AT_START.len();

/// The maximum award, in steps of five points.
const POINT_STEPS: u32 = 10;

/// Starts the race on this server.
///
/// # Errors
/// The thread of the race could not be started.
pub fn start_race(server: Arc<DevServer>) -> io::Result<SimulatedPlayers> {
    // Published before anyone connects, so that the channel's cache is never empty.
    let start = RACERS_AT_START
        .into_iter()
        .fold(Board::default(), |board, (name, points)| {
            board.with_points(name, points)
        });
    publish(&server, &start);
    SimulatedPlayers::start_apps(1, AWARD_INTERVAL, move |_, waker| {
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
    .add_systems(Update, (receive_boards, award_points).chain());
    app
}

/// Users publish as well, so the referee continues from the last board received.
fn receive_boards(mut boards: MessageReader<PusherEvent<Board>>, mut referee: ResMut<Referee>) {
    if let Some(board) = boards.read().last() {
        referee.board = board.data().clone();
    }
}

fn award_points(
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
    mut referee: ResMut<Referee>,
) {
    // The app is also updated when an event has arrived, so the interval is checked here.
    let is_due = time.elapsed().saturating_sub(referee.last) >= AWARD_INTERVAL;
    if !is_due || !connection.is_connected() {
        return;
    }
    referee.last = time.elapsed();
    referee.turns += 1;
    // A Weyl sequence: it looks random and is the same in each run.
    let random = referee.turns.wrapping_mul(0x9E37_79B9);
    let winner = (random >> 16) as usize % RACERS;
    let points = 5 * (1 + (random >> 8) % POINT_STEPS);
    if let Some((name, _)) = RACERS_AT_START.get(winner) {
        referee.board = std::mem::take(&mut referee.board).with_points(name, points);
        publish(&referee.server, &referee.board);
    }
}

fn publish(server: &DevServer, board: &Board) {
    if let Err(error) = server.publish(LEADERBOARD_CHANNEL, Board::EVENT, board) {
        warn!("could not publish the leaderboard: {error}");
    }
}
