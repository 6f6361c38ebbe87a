//! Retries of requests to the game's backend after transient failures: a few, with growing delays.

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
    config::{RetryPolicy, Timing},
    protocol::AuthError,
    session::{
        Command, Input, Notice, PusherError, RequestId, SessionConfig, SignInError, SignInState,
        SubscriptionError, SubscriptionStatus,
    },
};
use support::*;

const ROOM: &str = "private-room";

/// A configuration without pings in between.
fn without_pings() -> SessionConfig {
    SessionConfig {
        timing: Timing {
            activity_timeout: 120 * SECOND,
            ..Timing::default()
        },
        ..SessionConfig::default()
    }
}

fn connected() -> Client {
    Client::connected_with(without_pings())
}

fn overloaded() -> AuthError {
    AuthError::http(503, "")
}

/// Returns the reported errors with their number of failures in a row.
fn reports(outputs: &[TestOutput]) -> Vec<(PusherError, u32)> {
    let report = |notice| match notice {
        Notice::Error { error, attempt } => Some((error, attempt)),
        _ => None,
    };
    notices(outputs).into_iter().filter_map(report).collect()
}

fn sign_ins(outputs: &[TestOutput]) -> Vec<SignInState> {
    let state = |notice| match notice {
        Notice::SignIn(state) => Some(state),
        _ => None,
    };
    notices(outputs).into_iter().filter_map(state).collect()
}

/// Waits until the backend is requested.
fn wait_for_request(client: &mut Client) -> (RequestId, Duration) {
    let before = client.now.monotonic;
    let mut outputs = Vec::new();
    while requests(&outputs).is_empty() {
        let due = client
            .session
            .wake_at()
            .expect("the backend is requested again");
        outputs = client.wait(due.saturating_sub(client.now.monotonic));
    }
    assert!(
        statuses(&outputs).is_empty(),
        "it is still subscribing: {outputs:?}"
    );
    (request(&outputs), client.now.monotonic - before)
}

#[test]
fn a_transient_failure_is_retried_while_subscribing() {
    let passing = [
        overloaded(),
        AuthError::http(500, ""),
        AuthError::http(429, ""),
        AuthError::TimedOut,
        AuthError::Unreachable("refused".into()),
        AuthError::Refused {
            message: "later".into(),
            status: Some(503),
        },
    ];
    for error in passing {
        let mut client = connected();
        let request_id = request(&client.want(ROOM));
        let outputs = client.refuse(request_id, error.clone());
        assert_eq!(statuses(&outputs), [], "{error}");
        let report = PusherError::Authorization {
            channel: name(ROOM),
            error,
        };
        assert_eq!(reports(&outputs), [(report, 1)]);
        let (request_id, after) = wait_for_request(&mut client);
        assert!(after >= SECOND && after <= 7 * SECOND / 2, "{after:?}");
        client.authorize(request_id);
        assert_eq!(
            statuses(&client.confirm(ROOM)),
            [(ROOM.into(), SubscriptionStatus::Subscribed)]
        );
    }
}

#[test]
fn permanent_failures_are_not_retried() {
    let lasting = [
        AuthError::http(400, ""),
        AuthError::http(401, ""),
        AuthError::http(403, ""),
        AuthError::http(404, ""),
        AuthError::NotJson {
            body: "<html>".into(),
        },
        AuthError::Tls("expired".into()),
        AuthError::Panicked,
    ];
    for error in lasting {
        let mut client = connected();
        let request_id = request(&client.want(ROOM));
        let outputs = client.refuse(request_id, error.clone());
        let failed = SubscriptionStatus::Failed(error.into());
        assert_eq!(statuses(&outputs), [(ROOM.into(), failed)]);
        assert!(requests(&client.wait(100 * SECOND)).is_empty());
    }
}

#[test]
fn after_the_last_attempt_the_channel_fails() {
    let mut client = connected();
    let mut request_id = request(&client.want(ROOM));
    for attempt in 1..3 {
        let outputs = client.refuse(request_id, overloaded());
        assert_eq!(reports(&outputs)[0].1, attempt);
        request_id = wait_for_request(&mut client).0;
    }
    let outputs = client.refuse(request_id, overloaded());
    let failed = SubscriptionStatus::Failed(overloaded().into());
    assert_eq!(statuses(&outputs), [(ROOM.into(), failed)]);
    assert!(reports(&outputs).is_empty(), "the status reports it");
    assert!(requests(&client.wait(100 * SECOND)).is_empty());
    let request_id = request(&client.command(Command::Retry(name(ROOM))));
    let outputs = client.refuse(request_id, overloaded());
    assert_eq!(
        reports(&outputs)[0].1,
        1,
        "a retry command resets the count"
    );
}

#[test]
fn a_timeout_is_a_transient_failure() {
    let mut client = connected();
    client.want(ROOM);
    // Three timeouts of ten seconds, and at least a second before each of the two retries.
    let outputs = client.wait(31 * SECOND);
    assert_eq!(requests(&outputs).len(), 2);
    assert_eq!(statuses(&outputs), []);
    let outputs = client.wait(11 * SECOND);
    let failed = SubscriptionStatus::Failed(SubscriptionError::Authorization(AuthError::TimedOut));
    assert_eq!(statuses(&outputs), [(ROOM.into(), failed)]);
}

#[test]
fn delays_grow_up_to_the_maximum_and_spread() {
    let mut spread = Vec::new();
    for seed in 0..50 {
        let mut client = Client::connected_with(SessionConfig {
            seed,
            auth_retry: RetryPolicy {
                max_attempts: 8,
                ..RetryPolicy::default()
            },
            ..without_pings()
        });
        let mut request_id = request(&client.want(ROOM));
        for longest in [3.5, 7.25, 10.0, 10.0, 10.0, 10.0, 10.0] {
            client.refuse(request_id, overloaded());
            let (next, after) = wait_for_request(&mut client);
            assert!(
                after >= SECOND && after <= SECOND.mul_f64(longest),
                "{after:?}"
            );
            request_id = next;
            if longest == 10.0 {
                spread.push(after);
            }
        }
    }
    spread.sort();
    let (first, last) = (spread[0], spread[spread.len() - 1]);
    assert!(last - first > 8 * SECOND, "{first:?} to {last:?}");
}

#[test]
fn many_channels_do_not_flood_a_backend_that_is_down() {
    let mut client = connected();
    let mut open: Vec<RequestId> = Vec::new();
    let mut refused = 0;
    for number in 0..50 {
        let outputs = client.want(&format!("private-{number}"));
        open.extend(requests(&outputs));
    }
    let mut per_second = Vec::new();
    for _ in 0..60 {
        let mut outputs = Vec::new();
        while let Some(request) = open.pop() {
            refused += 1;
            let more = client.refuse(request, overloaded());
            open.extend(requests(&more));
        }
        outputs.extend(client.wait(SECOND));
        open.extend(requests(&outputs));
        per_second.push(requests(&outputs).len());
    }
    assert_eq!(refused, 150, "each channel three times, and no more");
    assert!(
        per_second.iter().all(|count| *count <= 50),
        "{per_second:?}"
    );
}

#[test]
fn a_retry_command_skips_the_backoff() {
    let mut client = connected();
    let request_id = request(&client.want(ROOM));
    client.refuse(request_id, overloaded());
    let request_id = request(&client.command(Command::Retry(name(ROOM))));
    assert!(
        requests(&client.wait(5 * SECOND)).is_empty(),
        "the scheduled retry is cancelled"
    );
    client.authorize(request_id);
    client.confirm(ROOM);
    assert!(requests(&client.wait(100 * SECOND)).is_empty());
}

#[test]
fn an_unsubscribed_channel_is_not_retried() {
    let given_up: [fn(&mut Client) -> Vec<TestOutput>; 3] = [
        |client| client.unsubscribe(ROOM),
        |client| client.command(Command::SignOut),
        |client| client.command(Command::Disconnect),
    ];
    for give_up in given_up {
        let mut client = connected();
        let request_id = request(&client.want(ROOM));
        client.refuse(request_id, overloaded());
        give_up(&mut client);
        assert!(requests(&client.wait(20 * SECOND)).is_empty());
    }
}

#[test]
fn a_reconnect_during_the_backoff_requests_once() {
    let mut client = connected();
    let request_id = request(&client.want(ROOM));
    client.refuse(request_id, overloaded());
    client.lose();
    client.wait_for_dial();
    let request_id = request(&client.establish());
    client.authorize(request_id);
    client.confirm(ROOM);
    assert!(requests(&client.wait(100 * SECOND)).is_empty());
}

#[test]
fn one_attempt_means_no_retry() {
    let mut client = Client::connected_with(SessionConfig {
        auth_retry: RetryPolicy::never(),
        ..without_pings()
    });
    let request_id = request(&client.want(ROOM));
    let outputs = client.refuse(request_id, overloaded());
    let failed = SubscriptionStatus::Failed(overloaded().into());
    assert_eq!(statuses(&outputs), [(ROOM.into(), failed)]);
    let request_id = request(&client.command(Command::SignIn));
    let outputs = client.input(Input::Authenticated(request_id, Err(overloaded())));
    assert_eq!(
        sign_ins(&outputs),
        [SignInState::Failed(SignInError::Authentication(
            overloaded()
        ))]
    );
}

#[test]
fn a_transient_sign_in_failure_is_retried() {
    let mut client = connected();
    let mut request_id = request(&client.command(Command::SignIn));
    for attempt in 1..3 {
        let outputs = client.input(Input::Authenticated(request_id, Err(overloaded())));
        assert_eq!(sign_ins(&outputs), [], "still signing in");
        let report = PusherError::Authentication {
            error: overloaded(),
        };
        assert_eq!(reports(&outputs), [(report, attempt)]);
        request_id = wait_for_request(&mut client).0;
    }
    let outputs = client.input(Input::Authenticated(request_id, Err(overloaded())));
    let failed = SignInState::Failed(SignInError::Authentication(overloaded()));
    assert_eq!(sign_ins(&outputs), [failed]);
    assert!(requests(&client.wait(100 * SECOND)).is_empty());

    let request_id = request(&client.command(Command::SignIn));
    client.input(Input::Authenticated(request_id, Err(overloaded())));
    let request_id = request(&client.command(Command::SignIn));
    let outputs = client.authenticate(request_id, &serde_json::json!({"id": "u1"}));
    assert_eq!(frames(&outputs).len(), 1, "a command does not wait");

    let mut client = connected();
    let request_id = request(&client.command(Command::SignIn));
    let outputs = client.input(Input::Authenticated(
        request_id,
        Err(AuthError::http(403, "")),
    ));
    assert!(matches!(sign_ins(&outputs)[..], [SignInState::Failed(_)]));
}

#[test]
fn a_channel_waits_while_the_sign_in_is_retried() {
    let mut client = connected();
    let sign_in = request(&client.command(Command::SignIn));
    let request_id = request(&client.want("presence-lobby"));
    client.input(Input::Authenticated(sign_in, Err(overloaded())));
    assert_eq!(statuses(&client.authorize(request_id)), []);
    let sign_in = wait_for_request(&mut client).0;
    client.authenticate(sign_in, &serde_json::json!({"id": "u1"}));
    let success = serde_json::json!({"event": "pusher:signin_success", "data": {"user_data": "{\"id\":\"u1\"}"}});
    let outputs = client.frame(&success).1;
    let subscribed: Vec<_> = frames(&outputs)
        .iter()
        .filter(|frame| frame["data"]["channel"] == "presence-lobby")
        .cloned()
        .collect();
    assert_eq!(subscribed.len(), 1);
}

#[test]
fn signing_out_cancels_the_retries() {
    let mut client = connected();
    let request_id = request(&client.command(Command::SignIn));
    client.input(Input::Authenticated(request_id, Err(overloaded())));
    let outputs = client.command(Command::SignOut);
    assert_eq!(sign_ins(&outputs), [SignInState::SignedOut]);
    assert_eq!(dials(&outputs), 0, "the server never knew the user");
    assert!(requests(&client.wait(20 * SECOND)).is_empty());
}
