//! Tests of the log: which events it contains, at which level, and how often.

use std::sync::{Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::{process, *};

/// Records every log entry of this process at trace level, which includes secrets of the dependencies.
struct Recorder(Mutex<Vec<LogEntry>>);

#[derive(Clone)]
pub(crate) struct LogEntry {
    pub(crate) target: String,
    pub(crate) level: Level,
    pub(crate) text: String,
}

static RECORDER: Recorder = Recorder(Mutex::new(Vec::new()));

impl Log for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let entry = LogEntry {
            target: record.target().into(),
            level: record.level(),
            text: record.args().to_string(),
        };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry);
    }

    fn flush(&self) {}
}

pub(crate) fn record_logs() {
    log::set_logger(&RECORDER).unwrap();
    log::set_max_level(LevelFilter::Trace);
}

pub(crate) fn logged() -> Vec<LogEntry> {
    RECORDER
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

#[test]
fn a_long_outage_does_not_fill_the_log() {
    let test = "logs::a_long_outage_does_not_fill_the_log";
    if process::ran_in_child_process(test, TIMEOUT * 2) {
        return;
    }
    record_logs();
    let server = ScriptedServer::start();
    server.stop_listening();
    let mut harness = Harness::on(server, |config| config.with_reconnect(retry_after(1, 5)));
    harness.spawn("lobby");
    harness.until("two hundred attempts", |world| {
        world.resource::<harness::Log>().errors.len() >= 200
    });
    let loud = logged()
        .into_iter()
        .filter(|entry| entry.level <= Level::Info);
    let loud: Vec<String> = loud.map(|entry| entry.text).collect();
    assert!(loud.len() < 20, "{loud:?}");
}

#[test]
fn failures_and_recoveries_are_logged_as_warnings() {
    let test = "logs::failures_and_recoveries_are_logged_as_warnings";
    if process::ran_in_child_process(test, TIMEOUT * 2) {
        return;
    }
    record_logs();
    let (mut harness, socket) =
        Harness::online_with(|config| config.with_reconnect(retry_after(1, 5)));
    harness.spawn("my lobby!");
    for _ in 0..3 {
        harness
            .connection()
            .send("private-nowhere", "client-wave", &1)
            .unwrap();
    }
    harness.connection().sign_in();
    harness.until("the sign-in to fail", |world| {
        matches!(
            world.resource::<PusherUser>().state(),
            SignInState::Failed(_)
        )
    });
    socket.reset();
    harness.greet();
    let mut loud: Vec<String> = logged()
        .into_iter()
        .filter(|entry| entry.level <= Level::Info && entry.target.starts_with("bevy_pusher"))
        .map(|entry| format!("{} {}", entry.level, entry.text))
        .collect();
    for excerpt in [
        "INFO connected",
        "WARN invalid channel name \"my lobby!\": ",
        "WARN a client event was not sent",
        "WARN the sign-in failed: ",
        "WARN not connected, will try again",
        "INFO connected",
    ] {
        let at = loud.iter().position(|entry| entry.starts_with(excerpt));
        let at = at.unwrap_or_else(|| panic!("no {excerpt:?} in {loud:#?}"));
        loud.remove(at);
    }
}
