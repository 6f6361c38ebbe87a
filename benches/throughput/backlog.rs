//! Frame times while a backlog of events is delivered.

use std::time::Duration;

use pusher_benches::{
    clocks::thread_time,
    firehose::Firehose,
    frames::Frames,
    game::{Game, ReceiveMode, config},
};

use crate::report::{Goal, Report, Row};

const EVENTS: u64 = 100_000;

/// How much longer than the budget a frame may take, in milliseconds.
const TOLERANCE: f64 = 0.5;

pub(crate) fn measure(report: &mut Report) {
    let firehose = Firehose::start();
    let config = config("127.0.0.1", firehose.port());
    let budget = config.limits().receive_budget;
    let frames = Frames::lobby(EVENTS);
    for (title, mode) in [
        ("typed", ReceiveMode::Typed),
        ("typed, observed", ReceiveMode::TypedObserved),
        ("raw, observed", ReceiveMode::RawObserved),
    ] {
        let (mut game, connection) = Game::connected(&firehose, config.clone(), mode);
        game.expect_period(EVENTS);
        connection.write(&frames);
        connection.wait_until_read();
        let mut times = Vec::new();
        while game.received().read < EVENTS {
            let before = thread_time();
            game.update();
            times.push(thread_time() - before);
        }
        game.check();
        let longest = milliseconds(times.iter().max().copied().unwrap_or_default());
        report.add(
            Row::new(
                format!("backlog of {EVENTS} events, {title}"),
                format!("{} frames, the longest {longest:.2} ms", times.len()),
            )
            .goal(
                Goal::AtMost(milliseconds(budget) + TOLERANCE),
                longest,
                " ms",
            ),
        );
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
