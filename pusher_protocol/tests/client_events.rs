//! Immediate client events: each is sent or rejected, and the outcome is reported.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use pusher_protocol::{
    ChannelKind,
    config::Limits,
    session::{Input, Notice, SendError, SendId, SendOutcome, SessionConfig},
};
use serde_json::json;
use support::*;

fn refusal(outputs: &[TestOutput]) -> SendError {
    match &notices(outputs)[..] {
        [
            Notice::SendAnswered {
                outcome: SendOutcome::Rejected(error),
                ..
            },
        ] => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_event_is_one_frame_with_its_channel_at_the_top() {
    let mut client = Client::connected();
    client.subscribe("private-room");
    let outputs = client.send("private-room", "client-move", r#"{"x":1}"#);
    assert_eq!(
        outputs,
        [TestOutput::Frame(
            json!({"event": "client-move", "channel": "private-room", "data": {"x": 1}})
        )]
    );
}

#[test]
fn sent_outcomes_are_reported_on_request() {
    let mut client = Client::new(SessionConfig {
        answer_sent: true,
        ..SessionConfig::default()
    });
    client.command(pusher_protocol::session::Command::Connect);
    client.establish();
    client.subscribe("private-room");
    let outputs = client.send("private-room", "client-move", "1");
    assert_eq!(
        notices(&outputs),
        [Notice::SendAnswered {
            id: SendId(1),
            outcome: SendOutcome::Sent
        }]
    );
}

#[test]
fn each_rejection_names_its_reason_and_sends_nothing() {
    let mut client = Client::new(SessionConfig::default());
    assert_eq!(
        refusal(&client.send("private-room", "client-a", "1")),
        SendError::NotConnected
    );
    let mut client = Client::connected();
    assert_eq!(
        refusal(&client.send("private-room", "client-a", "1")),
        SendError::NotSubscribed
    );
    client.want("private-pending");
    assert_eq!(
        refusal(&client.send("private-pending", "client-a", "1")),
        SendError::NotSubscribed
    );
    client.subscribe("private-room");
    assert_eq!(
        refusal(&client.send("private-room", "move", "1")),
        SendError::NotAClientEvent {
            event: "move".into()
        }
    );
    for forged in ["pusher:ping", "pusher_internal:member_added", "client", ""] {
        assert!(matches!(
            refusal(&client.send("private-room", forged, "1")),
            SendError::NotAClientEvent { .. }
        ));
    }
    for (channel, kind) in [
        ("lobby", ChannelKind::Public),
        ("private-encrypted-x", ChannelKind::PrivateEncrypted),
    ] {
        assert_eq!(
            refusal(&client.send(channel, "client-a", "1")),
            SendError::WrongKind { kind }
        );
    }
    let large = format!("\"{}\"", "x".repeat(10_239));
    assert_eq!(
        refusal(&client.send("private-room", "client-a", &large)),
        SendError::TooLarge {
            size: 10_241,
            limit: 10_240
        }
    );
    let largest = format!("\"{}\"", "x".repeat(10_238));
    assert_eq!(
        frames(&client.send("private-room", "client-a", &largest)).len(),
        1
    );
    client.lose();
    assert_eq!(
        refusal(&client.send("private-room", "client-a", "1")),
        SendError::NotConnected
    );
}

#[test]
fn ten_events_per_second_are_sent_and_others_rejected() {
    let mut client = Client::connected();
    client.subscribe("private-room");
    let mut sent = 0;
    for _ in 0..100 {
        let outputs = client.send("private-room", "client-a", "1");
        if frames(&outputs).is_empty() {
            assert_eq!(refusal(&outputs), SendError::RateLimited { limit: 10 });
        } else {
            sent += 1;
        }
    }
    assert_eq!(sent, 10);
    client.wait(Duration::from_millis(999));
    assert_eq!(
        refusal(&client.send("private-room", "client-a", "1")),
        SendError::RateLimited { limit: 10 }
    );
    client.wait(Duration::from_millis(1));
    assert_eq!(
        frames(&client.send("private-room", "client-a", "1")).len(),
        1
    );
}

#[test]
fn without_a_rate_limit_everything_is_sent() {
    let limits = Limits {
        client_events_per_second: None,
        ..Limits::default()
    };
    let mut client = Client::new(SessionConfig {
        limits,
        ..SessionConfig::default()
    });
    client.command(pusher_protocol::session::Command::Connect);
    client.establish();
    client.subscribe("private-room");
    for _ in 0..100 {
        assert_eq!(
            frames(&client.send("private-room", "client-a", "1")).len(),
            1
        );
    }
}

#[test]
fn a_full_send_buffer_rejects_the_event() {
    let mut client = Client::connected();
    let outputs = client.input(Input::Written {
        id: SendId(7),
        accepted: false,
    });
    assert_eq!(
        notices(&outputs),
        [Notice::SendAnswered {
            id: SendId(7),
            outcome: SendOutcome::Rejected(SendError::Backlogged)
        }]
    );
}

#[test]
fn client_events_are_sent_again_after_a_reconnect() {
    let mut client = Client::connected();
    client.subscribe("private-room");
    client.lose();
    client.wait_for_dial();
    let request_id = request(&client.establish());
    client.authorize(request_id);
    assert_eq!(
        refusal(&client.send("private-room", "client-a", "1")),
        SendError::NotSubscribed
    );
    client.confirm("private-room");
    assert_eq!(
        frames(&client.send("private-room", "client-a", "1")).len(),
        1
    );
}
