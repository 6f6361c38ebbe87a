//! The reconnect policy and the reconnect hook.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use pusher_protocol::{
    config::{ReconnectPolicy, Timing},
    session::{
        Command, ConnectionError, ConnectionState, Notice, PusherError, ReconnectContext,
        ReconnectDecision, ReconnectHook, SessionConfig,
    },
};
use support::*;

fn hooked(
    decide: impl Fn(&ReconnectContext<'_>) -> ReconnectDecision + Send + Sync + 'static,
) -> Client {
    Client::connected_with(SessionConfig {
        reconnect_hook: Some(ReconnectHook::new(decide)),
        ..SessionConfig::default()
    })
}

/// Returns the delay until the reconnect that was reported last.
fn delay(client: &Client, outputs: &[TestOutput]) -> Duration {
    match states(outputs).last() {
        Some(ConnectionState::Waiting { retry_at, .. }) => *retry_at - client.now.monotonic,
        other => panic!("{other:?}"),
    }
}

fn dial_fails(client: &mut Client) -> Vec<TestOutput> {
    let dial = client.dial.unwrap();
    client.input(pusher_protocol::session::Input::DialFailed(
        dial,
        ConnectionError::Tcp {
            host: "h".into(),
            port: 1,
            reason: "refused".into(),
        },
    ))
}

#[test]
fn every_field_of_the_policy_applies() {
    let reconnect = ReconnectPolicy {
        min_delay: 2 * SECOND,
        factor: 3.0,
        max_delay: 15 * SECOND,
        jitter: 0.0,
        max_attempts: Some(6),
    };
    let mut client = Client::connected_with(SessionConfig {
        reconnect,
        ..SessionConfig::default()
    });
    let mut outputs = client.lose();
    for seconds in [4, 8, 15, 15] {
        assert_eq!(delay(&client, &outputs), seconds * SECOND);
        client.wait_for_dial();
        outputs = dial_fails(&mut client);
    }
    client.wait_for_dial();
    let outputs = dial_fails(&mut client);
    assert!(
        matches!(
            states(&outputs)[..],
            [ConnectionState::Failed {
                error: ConnectionError::GaveUp { attempts: 6, .. }
            }]
        ),
        "{outputs:?}"
    );
}

#[test]
fn the_hook_gets_the_error_and_the_policys_delay() {
    type Call = (Option<u16>, u32, Option<Duration>);
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let recorded = calls.clone();
    let mut client = hooked(move |context| {
        let words = context.error().to_string();
        assert!(!words.is_empty());
        recorded
            .lock()
            .unwrap()
            .push((context.code(), context.attempt(), context.delay()));
        ReconnectDecision::Policy
    });
    let outputs = client.close(Some(1006));
    let first = delay(&client, &outputs);
    client.wait_for_dial();
    let outputs = dial_fails(&mut client);
    let second = delay(&client, &outputs);
    client.wait_for_dial();
    client.establish();
    let outputs = client.close(Some(4001));
    assert!(matches!(
        states(&outputs)[..],
        [ConnectionState::Failed { .. }]
    ));
    let expected = [
        (Some(1006), 1, Some(first)),
        (None, 2, Some(second)),
        (Some(4001), 3, None),
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
}

#[test]
fn the_hook_can_set_the_delay_or_give_up() {
    let mut client = hooked(|context| match context.attempt() {
        1 => ReconnectDecision::After(7 * SECOND),
        _ => ReconnectDecision::GiveUp,
    });
    let outputs = client.lose();
    assert_eq!(delay(&client, &outputs), 7 * SECOND);
    client.wait_for_dial();
    let outputs = dial_fails(&mut client);
    assert!(
        matches!(
            states(&outputs)[..],
            [ConnectionState::Failed {
                error: ConnectionError::GaveUp { .. }
            }]
        ),
        "{outputs:?}"
    );
    assert_eq!(client.session.wake_at(), None);
    client.command(Command::Connect);
    client.wait_for_dial();
    assert!(client.establish().iter().any(|outputs| matches!(
        outputs,
        TestOutput::Notice(Notice::State(ConnectionState::Connected { .. }))
    )));
}

#[test]
fn the_hook_can_reconnect_when_the_policy_gives_up() {
    // A hook for a game that renews its token: 4009 is worth another try.
    let mut client = hooked(|context| match context.code() {
        Some(4009) => ReconnectDecision::After(5 * SECOND),
        _ => ReconnectDecision::Policy,
    });
    let outputs = client.close(Some(4009));
    assert_eq!(delay(&client, &outputs), 5 * SECOND);
    client.wait_for_dial();
    client.establish();
    let outputs = client.close(Some(4001));
    assert!(matches!(
        states(&outputs)[..],
        [ConnectionState::Failed {
            error: ConnectionError::Closed {
                code: Some(4001),
                ..
            }
        }]
    ));
}

#[test]
fn no_decision_makes_the_client_spin_or_overflow() {
    for (after, expected) in [
        (Duration::ZERO, Timing::SHORTEST),
        (Duration::MAX, Timing::LONGEST),
    ] {
        let mut client = hooked(move |_| ReconnectDecision::After(after));
        let outputs = client.lose();
        assert_eq!(delay(&client, &outputs), expected);
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
#[cfg_attr(panic = "abort", ignore = "there, a panic ends everything")]
fn a_panicking_hook_is_reported_and_the_policy_decides() {
    let mut client = hooked(|_| panic!("a bug in user code"));
    let outputs = client.lose();
    assert!(delay(&client, &outputs) <= 2 * SECOND);
    let reported = notices(&outputs).iter().any(|notice| {
        matches!(
            notice,
            Notice::Error {
                error: PusherError::ReconnectHookPanicked,
                ..
            }
        )
    });
    assert!(reported, "{outputs:?}");
    client.wait_for_dial();
    client.establish();
}

#[test]
fn equal_seeds_and_hooks_behave_the_same() {
    let run = || {
        let mut client = hooked(|context| match context.attempt() {
            3 => ReconnectDecision::After(SECOND),
            _ => ReconnectDecision::Policy,
        });
        let mut outputs = client.lose();
        for _ in 0..6 {
            outputs.extend(client.wait_for_dial());
            outputs.extend(dial_fails(&mut client));
        }
        (outputs, client.now)
    };
    assert_eq!(run(), run());
}
