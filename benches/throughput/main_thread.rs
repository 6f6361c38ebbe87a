//! The cost of an event on the main thread: delivering, observing, reading and dropping it.

use std::time::Duration;

use bevy_pusher::{PusherConfig, config::Limits};
use pusher_benches::{
    bare_bevy::BareBevy,
    clocks::thread_time,
    firehose::{Connection, Firehose},
    frames::Frames,
    game::{Game, ReceiveMode, config},
    statistics::{median, nanoseconds_each},
};

use crate::{
    arguments::Arguments,
    report::{Goal, Report, Row},
};

/// The number of events per frame.
const BURST: u64 = 10_000;

/// The bound relative to bare Bevy. Above it, the check fails.
const BOUND: f64 = 2.5;

/// The variants, and their goals.
const VARIANTS: [(&str, ReceiveMode, f64); 3] = [
    ("raw message and observer", ReceiveMode::RawObserved, 1.6),
    (
        "typed message and observer",
        ReceiveMode::TypedObserved,
        1.6,
    ),
    ("typed message alone", ReceiveMode::Typed, 1.0),
];

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) {
    let firehose = Firehose::start();
    let frames = Frames::lobby(BURST);
    let mut bare = BareBevy::new();
    let mut games: Vec<_> = VARIANTS
        .iter()
        .map(|(_, mode, _)| {
            let config = without_receive_limits(config("127.0.0.1", firehose.port()));
            let (mut game, connection) = Game::connected(&firehose, config, *mode);
            game.expect_period(BURST);
            (game, connection)
        })
        .collect();
    let rounds = if arguments.check { 20 } else { 50 };
    let mut bare_times = Vec::new();
    let mut times = VARIANTS.map(|_| Vec::new());
    for _ in 0..rounds {
        bare.prepare(BURST);
        let before = thread_time();
        bare.update();
        bare_times.push(nanoseconds_each(thread_time() - before, BURST));
        for ((game, connection), times) in games.iter_mut().zip(&mut times) {
            times.push(nanoseconds_each(burst(game, connection, &frames), BURST));
        }
    }
    assert_eq!(bare.received(), (rounds * BURST, rounds * BURST));
    report.add(Row::new(
        "main thread: bare Bevy, message and observer",
        format!("{:.0} ns each", median(&bare_times)),
    ));
    for ((title, mode, goal), (times, (game, _))) in VARIANTS.iter().zip(times.iter().zip(&games)) {
        game.check();
        if *mode != ReceiveMode::Typed {
            assert_eq!(game.received().observed, rounds * BURST);
        }
        report.add(
            Row::new(
                format!("main thread: {title}"),
                format!("{:.0} ns each", median(times)),
            )
            .against("bare Bevy", times, &bare_times, Goal::AtMost(*goal))
            .bound(Goal::AtMost(BOUND), times, &bare_times),
        );
    }
}

/// Sends events while the app runs no frames. Returns the CPU time of the frames that deliver them.
pub(crate) fn burst(game: &mut Game, connection: &Connection, frames: &Frames) -> Duration {
    connection.write(frames);
    connection.wait_until_read();
    let goal = game.received().read + frames.count();
    let before = thread_time();
    while game.received().read < goal {
        game.update();
    }
    thread_time() - before
}

/// Removes the limits, so that one frame delivers everything.
pub(crate) fn without_receive_limits(config: PusherConfig) -> PusherConfig {
    config.with_limits(Limits {
        receive_budget: Duration::from_secs(10),
        waiting_events: usize::MAX,
        waiting_bytes: usize::MAX,
        ..Limits::default()
    })
}
