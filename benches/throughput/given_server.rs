//! Counts the events of an external server (`--host`).

use std::{
    env,
    process::{Command, ExitCode},
    sync::Arc,
    thread,
    time::Duration,
};

use pusher_benches::{firehose::Firehose, frames::Frames, given_server::EventCount};
use serde::Deserialize;

use crate::{
    arguments::Arguments,
    report::{Report, Row},
};

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (host, port) = arguments.given_server().unwrap();
    let timeout = Duration::from_secs(arguments.patience_seconds);
    match EventCount::of_server(host, port, arguments.events, timeout) {
        Ok(count) if arguments.json => println!("{}", serde_json::to_string(&count).unwrap()),
        Ok(count) => println!(
            "{} events in {:.3} s, {:.0} a second, {:.0} ns each on the main thread",
            count.events, count.seconds, count.per_second, count.main_thread_ns_per_event
        ),
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The output of `--json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Printed {
    events: u64,
    seconds: f64,
    per_second: f64,
    main_thread_ns_per_event: f64,
}

/// Runs this program with `--host` and checks its output.
pub(crate) fn check(report: &mut Report) {
    const EVENTS: u64 = 20_000;

    let firehose = Firehose::start();
    let port = firehose.port().to_string();
    let server = thread::spawn(move || {
        let connection = firehose.accept();
        connection.wait_for_subscriptions(1);
        connection
            .writer()
            .write_repeatedly(Arc::new(Frames::lobby(EVENTS)), 1);
        connection
    });
    let output = Command::new(env::current_exe().unwrap())
        .args(["--host", "127.0.0.1", "--port", &port, "--json"])
        .args(["--events", &EVENTS.to_string()])
        .output()
        .unwrap();
    server.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.lines().count(), 1, "{printed}");
    let Printed {
        events,
        seconds,
        per_second,
        main_thread_ns_per_event,
    } = serde_json::from_str(&printed).unwrap();
    assert_eq!(events, EVENTS);
    let product = per_second * seconds;
    assert!((product - EVENTS as f64).abs() < 1.0, "{printed}");
    assert!(main_thread_ns_per_event > 0.0, "{printed}");
    report.add(Row::new(
        "with --host, --port and --json",
        format!("{:.0} k/s", per_second / 1e3),
    ));
}
