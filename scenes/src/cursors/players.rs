//! Simulated players that draw on the board.

use std::f32::consts::TAU;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, SendMode, prelude::*};

use super::{BOARD_CHANNEL, Cursor};
use crate::{
    dev_server::DevServer,
    player::PlayerInfo,
    server::Identity,
    simulation::{SimulatedPlayers, player_app},
};

/// The number of players.
pub const CURSOR_PLAYERS: usize = PLAYERS.len();

/// How often a player's cursor moves.
const UPDATE_INTERVAL: Duration = Duration::from_millis(30);

/// The time between two players joining.
const JOIN_INTERVAL: Duration = Duration::from_millis(700);

/// How long the cursor moves to the next drawing, and how long it pauses before that, in seconds.
const MOVE_SECONDS: f32 = 0.8;
const PAUSE_SECONDS: f32 = 0.7;

/// The players, and the drawings that each of them repeats.
const PLAYERS: [(&str, [Drawing; 3]); 4] = [
    (
        "Mira",
        [
            Drawing(Shape::Spiral, 0.2, 0.3, 4.0),
            Drawing(Shape::Star, 0.34, 0.62, 3.5),
            Drawing(Shape::Wave, 0.22, 0.84, 3.0),
        ],
    ),
    (
        "Jonas Lind",
        [
            Drawing(Shape::Heart, 0.72, 0.32, 3.5),
            Drawing(Shape::Eight, 0.8, 0.7, 4.0),
            Drawing(Shape::Spiral, 0.57, 0.5, 4.0),
        ],
    ),
    (
        "Cleo",
        [
            Drawing(Shape::Wave, 0.48, 0.16, 3.0),
            Drawing(Shape::Heart, 0.14, 0.62, 3.5),
            Drawing(Shape::Eight, 0.46, 0.36, 4.0),
        ],
    ),
    (
        "Ada Park",
        [
            Drawing(Shape::Eight, 0.58, 0.78, 4.0),
            Drawing(Shape::Star, 0.88, 0.24, 3.5),
            Drawing(Shape::Heart, 0.64, 0.2, 3.5),
        ],
    ),
];

/// The shape, its centre as fractions of the board, and its duration in seconds.
#[derive(Clone, Copy, Debug)]
struct Drawing(Shape, f32, f32, f32);

#[derive(Clone, Copy, Debug)]
enum Shape {
    Spiral,
    Star,
    Wave,
    Heart,
    Eight,
}

impl Shape {
    /// Returns the pen's offset from the centre when this fraction of the shape is drawn, on a square board.
    fn at(self, part: f32) -> Vec2 {
        let turn = part * TAU;
        match self {
            Self::Spiral => Vec2::from_angle(turn * 3.0) * (0.02 + 0.11 * part),
            Self::Star => {
                // Straight lines between every second corner of a pentagon.
                let corner = part * 5.0;
                let point = |index: f32| Vec2::from_angle((index * 2.0 / 5.0 - 0.25) * TAU) * 0.13;
                point(corner.floor()).lerp(point(corner.floor() + 1.0), corner.fract())
            }
            Self::Wave => Vec2::new(part * 0.36 - 0.18, (turn * 2.5).sin() * 0.06),
            Self::Heart => {
                let width = turn.sin().powi(3);
                let height = 13.0 * turn.cos()
                    - 5.0 * (2.0 * turn).cos()
                    - 2.0 * (3.0 * turn).cos()
                    - (4.0 * turn).cos();
                Vec2::new(width * 0.12, height * -0.0075)
            }
            Self::Eight => Vec2::new(turn.sin() * 0.14, (turn * 2.0).sin() * 0.09),
        }
    }
}

impl Drawing {
    fn at(self, part: f32) -> Vec2 {
        // The board is about twice as wide as high.
        let Self(shape, x, y, _) = self;
        let offset = shape.at(part) * Vec2::new(0.6, 1.2);
        Vec2::new(x, y) + offset
    }
}

/// Returns the cursor position after this many seconds of the repeated drawings, and whether the pen is down.
fn cursor_at(drawings: &[Drawing], seconds: f32) -> Option<(Vec2, bool)> {
    let round: f32 = drawings
        .iter()
        .map(|drawing| drawing.3 + MOVE_SECONDS + PAUSE_SECONDS)
        .sum();
    let mut left = seconds.rem_euclid(round);
    let mut from = drawings.last()?.at(1.0);
    for drawing in drawings {
        let start = drawing.at(0.0);
        if left < PAUSE_SECONDS {
            return Some((from, false));
        }
        left -= PAUSE_SECONDS;
        if left < MOVE_SECONDS {
            return Some((from.lerp(start, smoothstep(left / MOVE_SECONDS)), false));
        }
        left -= MOVE_SECONDS;
        if left < drawing.3 {
            return Some((drawing.at(left / drawing.3), true));
        }
        left -= drawing.3;
        from = drawing.at(1.0);
    }
    Some((from, false))
}

/// The smoothstep function: slow at both ends.
fn smoothstep(part: f32) -> f32 {
    part * part * (3.0 - 2.0 * part)
}

/// Starts the players on the board of this server.
///
/// # Errors
/// The thread of the players could not be started.
pub fn start_cursor_players(server: Arc<DevServer>) -> io::Result<SimulatedPlayers> {
    SimulatedPlayers::start_apps(CURSOR_PLAYERS, UPDATE_INTERVAL, move |index, waker| {
        let (name, drawings) = PLAYERS.get(index).copied().unwrap_or(PLAYERS[0]);
        player(&server, index, name, drawings, waker)
    })
}

/// The state of a simulated player.
#[derive(Resource)]
struct PlayerState {
    join_delay: Duration,
    drawings: [Drawing; 3],
    last: Option<(Vec2, bool)>,
}

fn player(
    server: &DevServer,
    index: usize,
    name: &str,
    drawings: [Drawing; 3],
    waker: PusherWaker,
) -> App {
    let you = Identity::new(name).with_info(&PlayerInfo::new(name, "watching"));
    let mut app = player_app(server, &you, waker);
    app.insert_resource(PlayerState {
        join_delay: JOIN_INTERVAL * index as u32,
        drawings,
        last: None,
    })
    .add_systems(Update, (join, draw));
    app
}

fn join(
    mut commands: Commands,
    me: Res<PlayerState>,
    time: Res<Time<Real>>,
    channels: Query<(), With<PusherChannel>>,
) {
    if channels.is_empty() && time.elapsed() >= me.join_delay {
        commands.spawn(PusherChannel::new(BOARD_CHANNEL));
    }
}

fn draw(
    mut me: ResMut<PlayerState>,
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
    board: Option<Single<&PusherChannel, With<PusherSubscribed>>>,
) {
    let now = cursor_at(&me.drawings, time.elapsed_secs());
    let (Some(_), Some((position, pen))) = (board, now) else {
        return;
    };
    if now == me.last {
        return;
    }
    me.last = now;
    let cursor = Cursor::new(position, pen, time.elapsed());
    let sent = connection.send_with(SendMode::Latest, BOARD_CHANNEL, Cursor::EVENT, &cursor);
    if let Err(error) = sent {
        warn!("a simulated player could not send its cursor position: {error}");
    }
}
