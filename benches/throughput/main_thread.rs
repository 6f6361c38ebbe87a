//! What an event costs on the main thread: handing it over, observing it, reading it, dropping it.

use std::time::Duration;

use bevy_pusher::{PusherConfig, config::Limits};
use pusher_benches::{
    bare_bevy::BareBevy,
    clocks::thread_time,
    firehose::{Connection, Firehose},
    frames::Frames,
    game::{Game, Hearing, config},
    statistics::{median, nanoseconds_each},
};

use crate::{
    arguments::Arguments,
    report::{Goal, Report, Row},
};

/// Events in a frame.
const BURST: u64 = 10_000;

/// Times what bare Bevy takes: what a regression must not exceed.
const BOUND: f64 = 2.5;

/// The variants, and their goals.
const VARIANTS: [(&str, Hearing, f64); 3] = [
    ("raw message and observer", Hearing::RawObserved, 1.6),
    ("typed message and observer", Hearing::TypedObserved, 1.6),
    ("typed message alone", Hearing::Typed, 1.0),
];

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) {
    let firehose = Firehose::start();
    let frames = Frames::lobby(BURST);
    let mut bare = BareBevy::new();
    let mut games: Vec<_> = VARIANTS
        .iter()
        .map(|(_, hearing, _)| {
            let config = unhurried(config("127.0.0.1", firehose.port()));
            let (mut game, connection) = Game::connected(&firehose, config, *hearing);
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
    assert_eq!(bare.heard(), (rounds * BURST, rounds * BURST));
    report.add(Row::new(
        "main thread: bare Bevy, message and observer",
        format!("{:.0} ns each", median(&bare_times)),
    ));
    for ((title, hearing, goal), (times, (game, _))) in
        VARIANTS.iter().zip(times.iter().zip(&games))
    {
        game.check();
        if *hearing != Hearing::Typed {
            assert_eq!(game.heard().observed, rounds * BURST);
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

/// Lets events arrive while the game stands still, and returns the time of the frames that hand them over.
pub(crate) fn burst(game: &mut Game, connection: &Connection, frames: &Frames) -> Duration {
    connection.write(frames);
    connection.settle();
    let goal = game.heard().read + frames.count();
    let before = thread_time();
    while game.heard().read < goal {
        game.update();
    }
    thread_time() - before
}

/// With as long for each frame as it takes.
pub(crate) fn unhurried(config: PusherConfig) -> PusherConfig {
    config.with_limits(Limits {
        receive_budget: Duration::from_secs(10),
        waiting_events: usize::MAX,
        waiting_bytes: usize::MAX,
        ..Limits::default()
    })
}
