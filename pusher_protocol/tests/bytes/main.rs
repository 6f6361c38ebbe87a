//! Untrusted input: documented messages, the same with each part missing or of another type, sizes around each limit, and
//! random input.
#![cfg(feature = "encrypted")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "test code"
)]

mod backend_responses;
mod documented;
mod limits;
mod mutations;
mod random_input;
#[path = "../support/mod.rs"]
mod support;

use pusher_protocol::session::{Command, ConnectionState, EventTarget, SessionConfig};
use serde_json::json;

use documented::{Documented, FIRST_MESSAGES, MESSAGES, busy_client};
use mutations::{forms, mutations};
use support::*;

#[test]
fn every_documented_message_has_its_effect() {
    for Documented { message, effect } in MESSAGES {
        for form in forms(&documented::parse(message)) {
            let mut client = busy_client();
            let (event, outputs) = client.frame(&form);
            assert_eq!(summarize(event.as_ref(), &outputs), *effect, "{form}");
        }
    }
    for Documented { message, effect } in FIRST_MESSAGES {
        for form in forms(&documented::parse(message)) {
            let mut client = dialling_client();
            let (event, outputs) = client.frame(&form);
            assert_eq!(summarize(event.as_ref(), &outputs), *effect, "{form}");
        }
    }
}

#[test]
fn malformed_messages_change_no_other_state() {
    let mut tried = 0;
    for Documented { message, .. } in MESSAGES {
        let message = documented::parse(message);
        let own = message["channel"].as_str().unwrap_or_default();
        for mutation in mutations(&message).iter().flat_map(forms) {
            tried += 1;
            let mut client = busy_client();
            let (event, outputs) = client.frame(&mutation);
            assert!(states(&outputs).is_empty(), "{mutation}: {outputs:?}");
            for (channel, status) in statuses(&outputs) {
                // A presence channel that waits for the sign-in is decided with it.
                let decided = channel == own || channel == "presence-anonymous";
                assert!(decided, "{mutation}: {channel} {status:?}");
            }
            if let Some(event) = event {
                let received = match &event.target {
                    EventTarget::Channel(channel) => channel.as_str() == own,
                    EventTarget::Connection => mutation["channel"].is_null(),
                    EventTarget::User => false,
                };
                assert!(received, "{mutation}: {event:?}");
            }
            let good = json!({"event": "e", "channel": "lobby", "data": "1"});
            assert!(client.frame(&good).0.is_some(), "{mutation}");
        }
    }
    println!("{tried} malformed messages");
    assert!(tried > 2_500, "{tried}");
}

#[test]
fn no_malformed_handshake_connects_or_hangs() {
    for Documented { message, .. } in FIRST_MESSAGES.iter().chain(MESSAGES) {
        let message = documented::parse(message);
        for mutation in mutations(&message).iter().flat_map(forms) {
            let mut client = dialling_client();
            let (event, outputs) = client.frame(&mutation);
            assert_eq!(event, None, "{mutation}");
            let connected =
                |state: &ConnectionState| matches!(state, ConnectionState::Connected { .. });
            let is_handshake = mutation["event"] == "pusher:connection_established";
            assert!(
                is_handshake || !states(&outputs).iter().any(connected),
                "{mutation}"
            );
            let outputs = client.wait(60 * SECOND);
            let failed = |state: &ConnectionState| matches!(state, ConnectionState::Failed { .. });
            assert!(
                is_handshake
                    || mutation["event"] == "pusher:error"
                    || dials(&outputs) > 0
                    || states(&outputs).iter().any(failed),
                "{mutation}: {outputs:?}"
            );
        }
    }
}

fn dialling_client() -> Client {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.open();
    client
}
