//! Reconnects by user code: immediate, but throttled.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use pusher_protocol::session::{
    Command, ConnectionError, ConnectionState, Notice, SendError, SendMode, SendOutcome,
    SignInState, SubscriptionStatus,
};
use serde_json::json;
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
fn reconnecting_in_every_frame_is_throttled() {
    for count in [
        dials_in_a_minute(|| vec![Command::Redial]),
        dials_in_a_minute(|| vec![Command::Disconnect, Command::Connect]),
        dials_in_a_minute(|| vec![Command::Disconnect, Command::Connect, Command::Redial]),
    ] {
        assert!((12..=120).contains(&count), "{count} dials");
    }
}

#[test]
fn a_redial_after_a_fatal_close_dials_within_seconds() {
    let mut client = Client::connected();
    for _ in 0..10 {
        let outputs = client.close(Some(4001));
        assert!(matches!(
            states(&outputs).pop(),
            Some(ConnectionState::Failed { .. })
        ));
        client.command(Command::Redial);
        assert_eq!(dials(&client.wait(5 * SECOND)), 1);
        client.establish();
    }
}

#[test]
fn many_restarts_at_once_delay_the_dial_by_at_most_5_s() {
    for pairs in 1..=30 {
        let mut client = Client::connected();
        client.wait(20 * SECOND);
        let mut dialled = 0;
        for _ in 0..pairs {
            client.command(Command::Disconnect);
            dialled = dials(&client.command(Command::Connect));
        }
        dialled += dials(&client.wait(5 * SECOND));
        assert_eq!(dialled, 1, "{pairs}");
    }
}

#[test]
fn two_restarts_at_one_failure_count_once() {
    let mut client = Client::connected();
    client.wait(20 * SECOND);
    client.lose();
    for _ in 0..4 {
        client.command(Command::Disconnect);
        client.command(Command::Connect);
    }
    assert_eq!(dials(&client.wait(SECOND)), 1);
}

#[test]
fn five_restarts_dial_at_once_and_the_sixth_is_throttled() {
    let mut client = Client::connected();
    client.wait(Duration::from_secs(60));
    for _ in 0..5 {
        assert_eq!(dials(&client.command(Command::Redial)), 1);
    }
    let outputs = client.command(Command::Redial);
    assert_eq!(dials(&outputs), 0);
    let state = states(&outputs).pop().unwrap();
    let ConnectionState::Waiting { error, .. } = state else {
        panic!("{state:?}");
    };
    assert_eq!(error, ConnectionError::RestartedTooOften);
    assert_eq!(dials(&client.wait(Duration::from_secs(5))), 1);
}

#[test]
fn a_throttled_reconnect_resets_channels_and_user() {
    let mut client = Client::connected();
    client.wait(Duration::from_secs(60));
    for _ in 0..4 {
        client.command(Command::Redial);
        client.establish();
    }
    client.subscribe("private-room");
    let request = request(&client.command(Command::SignIn));
    client.authenticate(request, &json!({"id": "ann"}));
    client.frame(
        &json!({"event": "pusher:signin_success", "data": {"user_data": r#"{"id":"ann"}"#}}),
    );

    // The fifth is dialled but never established; the sixth is throttled.
    let mut outputs = client.command(Command::Redial);
    outputs.extend(client.command(Command::Redial));
    assert!(matches!(
        states(&outputs).pop(),
        Some(ConnectionState::Waiting { .. })
    ));
    let status = ("private-room".to_owned(), SubscriptionStatus::Pending);
    assert_eq!(statuses(&outputs), [status]);
    assert!(notices(&outputs).contains(&Notice::SignIn(SignInState::SignedOut)));
    for (mode, expected) in [
        (
            SendMode::Immediate,
            SendOutcome::Rejected(SendError::NotConnected),
        ),
        (
            SendMode::Latest,
            SendOutcome::Rejected(SendError::NotConnected),
        ),
        (SendMode::Queued, SendOutcome::Queued),
    ] {
        let outputs = client.send_with(mode, 1, "private-room", "client-move", "1");
        let [Notice::SendAnswered { outcome, .. }] = &notices(&outputs)[..] else {
            panic!("{mode:?}: {outputs:?}");
        };
        assert_eq!(*outcome, expected, "{mode:?}");
    }
}
