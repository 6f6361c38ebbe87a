//! Wake-ups and CPU time of a client on an idle connection.

use std::{thread, time::Duration};

use pusher_benches::{
    clocks::Thread,
    firehose::Firehose,
    game::{Game, ReceiveMode, config},
};

use crate::{
    arguments::Arguments,
    report::{Goal, Report, Row},
};

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) {
    let firehose = Firehose::start();
    let (_game, connection) = Game::connected(
        &firehose,
        config("127.0.0.1", firehose.port()),
        ReceiveMode::Typed,
    );
    let Some(thread) = Thread::network() else {
        return report.add(Row::new("idle client", "not available on this system"));
    };
    connection.wait_until_read();
    thread::sleep(Duration::from_secs(1));
    let (wake_ups, time) = (thread.wake_ups(), thread.time());
    let watched = Duration::from_secs(arguments.idle_seconds);
    thread::sleep(watched);
    let wake_ups = thread.wake_ups() - wake_ups;
    let share = (thread.time() - time).as_secs_f64() / watched.as_secs_f64() * 100.0;
    // A heartbeat is a ping after 30 seconds of silence, and its pong.
    let heartbeats = arguments.idle_seconds / 30;
    report.add(
        Row::new(
            format!(
                "idle for {} s: wake-ups of the network thread",
                watched.as_secs()
            ),
            format!("{wake_ups}, {heartbeats} heartbeats in that time"),
        )
        .goal(
            Goal::AtMost((heartbeats * 3) as f64),
            wake_ups as f64,
            ", 3 a heartbeat",
        ),
    );
    report.add(Row::new("idle: processor", format!("{share:.4} %")).goal(
        Goal::AtMost(0.1),
        share,
        " %",
    ));
}
