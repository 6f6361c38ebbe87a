//! Checks a built `monitor` against a real server: `check_monitor PATH`. Used by `scripts/test.sh`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a check: a failed expectation is a failed check"
)]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pusher_test_support::{SigningAuth, Sockudo};
use serde_json::{Value, json};

/// Longer than all of it takes, so that a monitor that hangs ends the check with an error.
const LIMIT: Duration = Duration::from_secs(60);

fn main() {
    let path = std::env::args().nth(1).expect("usage: check_monitor PATH");
    let server = Sockudo::start();
    let auth = SigningAuth::start(&server.credentials());
    let mut monitor = Monitor::start(&path, &server, &auth);

    monitor.expect(|line| line["type"] == "connection" && line["state"] == "connected");
    for channel in ["room", "presence-room"] {
        monitor.expect_subscribed(channel);
    }
    server.publish("room", "greeting", &json!({"to": "all"}));
    let event = monitor.expect(|line| line["type"] == "event");
    assert_eq!(event["channel"], "room");
    assert_eq!(event["event"], "greeting");
    assert_eq!(event["data"], json!({"to": "all"}));

    monitor.command("subscribe private-room");
    monitor.expect_subscribed("private-room");
    monitor.command(r#"trigger private-room client-wave {"hand": "left"}"#);
    let answer = monitor.expect(|line| line["type"] == "trigger");
    assert_eq!(answer["outcome"], "sent", "{answer}");

    monitor.command("quit");
    monitor.expect_end();
    println!("monitor connected, subscribed, showed an event, sent one and ended");
}

struct Monitor {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What was read and not asked for yet: subscriptions may succeed in any order.
    unread: Vec<Value>,
}

impl Monitor {
    fn start(path: &str, server: &Sockudo, auth: &SigningAuth) -> Self {
        let mut process = Command::new(path)
            .args(["--json", "--key", &server.credentials().key])
            .args([
                "--host",
                server.host(),
                "--port",
                &server.port().to_string(),
            ])
            .args(["--auth-endpoint", &auth.channel_url()])
            .args(["--channel", "room", "--channel", "presence-room"])
            .args(["--run-for", &LIMIT.as_secs().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {path}: {error}"));
        let stdout = process.stdout.take().expect("standard output is piped");
        Self {
            process,
            lines: BufReader::new(stdout).lines(),
            unread: vec![],
        }
    }

    fn command(&mut self, command: &str) {
        let stdin = self
            .process
            .stdin
            .as_mut()
            .expect("standard input is piped");
        writeln!(stdin, "{command}").expect("the monitor takes commands");
    }

    fn expect_subscribed(&mut self, channel: &str) {
        self.expect(|line| {
            line["type"] == "subscription"
                && line["channel"] == channel
                && line["state"] == "subscribed"
        });
    }

    fn expect(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.unread.iter().position(&wanted) {
            return self.unread.remove(index);
        }
        loop {
            let line = self
                .lines
                .next()
                .unwrap_or_else(|| panic!("the monitor ended; it said {}", json!(self.unread)))
                .expect("the monitor prints text");
            let line: Value = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("{line:?} is not JSON: {error}"));
            if wanted(&line) {
                return line;
            }
            self.unread.push(line);
        }
    }

    fn expect_end(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            if let Some(status) = self
                .process
                .try_wait()
                .expect("the monitor can be waited for")
            {
                assert!(status.success(), "the monitor ended with {status}");
                return;
            }
            assert!(Instant::now() < deadline, "the monitor does not quit");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
