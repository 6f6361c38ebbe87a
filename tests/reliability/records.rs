//! What the log says to somebody who reads nothing else.

use std::sync::{Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::{process, *};

/// The logs of this process, as nobody should ever send them on: everything, at trace level.
struct Recorder(Mutex<Vec<Line>>);

#[derive(Clone)]
pub(crate) struct Line {
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
        let line = Line {
            target: record.target().into(),
            level: record.level(),
            text: record.args().to_string(),
        };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }

    fn flush(&self) {}
}

pub(crate) fn record_logs() {
    log::set_logger(&RECORDER).unwrap();
    log::set_max_level(LevelFilter::Trace);
}

pub(crate) fn logged() -> Vec<Line> {
    RECORDER
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

#[test]
fn a_long_outage_does_not_fill_the_log() {
    let test = "records::a_long_outage_does_not_fill_the_log";
    if process::ran_alone(test, SOON * 2) {
        return;
    }
    record_logs();
    let server = ScriptedServer::start();
    server.stop_listening();
    let mut play = Play::on(server, |config| config.with_reconnect(retry_after(1, 5)));
    play.spawn("lobby");
    play.until("two hundred attempts", |world| {
        world.resource::<play::Log>().errors.len() >= 200
    });
    let loud = logged()
        .into_iter()
        .filter(|line| line.level <= Level::Info);
    let loud: Vec<String> = loud.map(|line| line.text).collect();
    assert!(loud.len() < 20, "{loud:?}");
}

#[test]
fn what_fails_is_logged_as_a_warning_and_so_is_what_comes_back() {
    let test = "records::what_fails_is_logged_as_a_warning_and_so_is_what_comes_back";
    if process::ran_alone(test, SOON * 2) {
        return;
    }
    record_logs();
    let (mut play, line) = Play::online_with(|config| config.with_reconnect(retry_after(1, 5)));
    play.spawn("my lobby!");
    for _ in 0..3 {
        play.connection()
            .send("private-nowhere", "client-wave", &1)
            .unwrap();
    }
    play.connection().sign_in();
    play.until("the sign-in to fail", |world| {
        matches!(
            world.resource::<PusherUser>().state(),
            SignInState::Failed(_)
        )
    });
    line.reset();
    play.greet();
    let mut loud: Vec<String> = logged()
        .into_iter()
        .filter(|line| line.level <= Level::Info && line.target.starts_with("bevy_pusher"))
        .map(|line| format!("{} {}", line.level, line.text))
        .collect();
    for words in [
        "INFO connected",
        "WARN there is no channel of this name: ",
        "WARN a client event was not sent",
        "WARN the sign-in failed: ",
        "WARN not connected, will try again",
        "INFO connected",
    ] {
        let at = loud.iter().position(|line| line.starts_with(words));
        let at = at.unwrap_or_else(|| panic!("no {words:?} in {loud:#?}"));
        loud.remove(at);
    }
}
