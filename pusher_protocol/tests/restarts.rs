//! A game that has its connection made anew: at once, but not in every frame.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use pusher_protocol::session::{Command, ConnectionError, ConnectionState};
use support::*;

const FRAME: Duration = Duration::from_micros(16_667);

fn dials_in_a_minute(restart: impl Fn() -> Vec<Command>) -> usize {
    let mut client = Client::connected();
    let mut count = 0;
    for _ in 0..3600 {
        for command in restart() {
            count += dials(&client.command(command));
        }
        count += dials(&client.wait(FRAME));
    }
    count
}

#[test]
fn a_game_that_restarts_its_connection_in_every_frame_does_not_hammer_the_server() {
    for count in [
        dials_in_a_minute(|| vec![Command::Redial]),
        dials_in_a_minute(|| vec![Command::Disconnect, Command::Connect]),
        dials_in_a_minute(|| vec![Command::Disconnect, Command::Connect, Command::Redial]),
    ] {
        assert!((12..=120).contains(&count), "{count} dials");
    }
}

#[test]
fn a_few_restarts_in_a_row_are_dialled_at_once_and_the_next_says_why_it_waits() {
    let mut client = Client::connected();
    client.wait(Duration::from_secs(60));
    for _ in 0..5 {
        assert_eq!(dials(&client.command(Command::Redial)), 1);
    }
    let seen = client.command(Command::Redial);
    assert_eq!(dials(&seen), 0);
    let state = states(&seen).pop().unwrap();
    let ConnectionState::Waiting { error, .. } = state else {
        panic!("{state:?}");
    };
    assert_eq!(error, ConnectionError::RestartedTooOften);
    assert_eq!(dials(&client.wait(Duration::from_secs(5))), 1);
}
