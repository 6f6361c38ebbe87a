//! Checks a built `monitor` against a real server: `check_monitor PATH`. Used by `scripts/test.sh`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a check: a failed expectation is a failed check"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use pusher_test_support::{JsonProcess, SigningAuth, Sockudo};
use serde_json::{Value, json};

/// Longer than the whole check takes, so that a monitor that hangs ends the check with an error.
const LIMIT: Duration = Duration::from_secs(60);

fn main() {
    let path = std::env::args().nth(1).expect("usage: check_monitor PATH");
    let server = Sockudo::start();
    let auth = SigningAuth::start(&server.credentials());
    let mut command = Command::new(path);
    command
        .args(["--json", "--key", &server.credentials().key])
        .args(["--host", server.host(), "--port"])
        .arg(server.port().to_string())
        .args(["--auth-endpoint", &auth.channel_url()])
        .args(["--channel", "room", "--channel", "presence-room"])
        .args(["--run-for", &LIMIT.as_secs().to_string()]);
    let mut monitor = JsonProcess::start("the monitor", &mut command);
    let deadline = Instant::now() + LIMIT;
    let left = || deadline.saturating_duration_since(Instant::now());
    let expect = |monitor: &JsonProcess, kind: &str, wanted: &dyn Fn(&Value) -> bool| {
        monitor.expect(kind, left(), |line| line["type"] == kind && wanted(line))
    };
    let expect_subscribed = |monitor: &JsonProcess| {
        let line = expect(monitor, "subscription", &|line| {
            line["state"] == "subscribed"
        });
        line["channel"].as_str().unwrap().to_owned()
    };

    expect(&monitor, "connection", &|line| line["state"] == "connected");
    // The order of the server's responses is not fixed.
    let mut subscribed = [(); 2].map(|()| expect_subscribed(&monitor));
    subscribed.sort();
    assert_eq!(subscribed, ["presence-room", "room"]);
    server.publish("room", "greeting", &json!({"to": "all"}));
    let event = expect(&monitor, "event", &|_| true);
    assert_eq!(event["channel"], "room");
    assert_eq!(event["event"], "greeting");
    assert_eq!(event["data"], json!({"to": "all"}));

    monitor.send_line("subscribe private-room");
    assert_eq!(expect_subscribed(&monitor), "private-room");
    monitor.send_line(r#"trigger private-room client-wave {"hand": "left"}"#);
    let answer = expect(&monitor, "trigger", &|_| true);
    assert_eq!(answer["outcome"], "sent", "{answer}");

    monitor.send_line("quit");
    let status = monitor.expect_end(Duration::from_secs(5));
    assert!(status.success(), "the monitor ended with {status}");
    for line in monitor.lines() {
        assert!(line.is_object(), "{line} is not a JSON object");
    }
    println!("monitor connected, subscribed, showed an event, sent one and ended");
}
