//! Repeated requests of user code are throttled: five at once, then one every three seconds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::{cell::Cell, time::Duration};

use pusher_protocol::{
    config::Timing,
    protocol::{AuthError, ChannelAuthorization},
    session::{Command, Input, Notice, RequestId, SessionConfig, SignInState, SubscriptionStatus},
};
use serde_json::json;
use support::*;

const FRAME: Duration = Duration::from_micros(16_667);
const FRAMES_IN_A_MINUTE: u32 = 3600;
const PRIVATE: &str = "private-room";
const PUBLIC: &str = "lobby";
/// Requests that are not delayed.
const BURST: usize = 5;

/// Counts requests to the backend for the channel and for the user, and subscribe requests for the public channel.
#[derive(Debug, Default)]
struct RequestCounts {
    channel: usize,
    user: usize,
    server: usize,
}

impl RequestCounts {
    fn count(&mut self, outputs: &[TestOutput], open: &mut Vec<RequestId>) {
        for outputs in outputs {
            match outputs {
                TestOutput::Authorize(request, ..) => {
                    self.channel += 1;
                    open.push(*request);
                }
                TestOutput::Authenticate(request, _) => {
                    self.user += 1;
                    open.push(*request);
                }
                TestOutput::CancelRequest(request) => open.retain(|pending| pending != request),
                TestOutput::Frame(frame)
                    if frame["event"] == "pusher:subscribe"
                        && frame["data"]["channel"] == PUBLIC =>
                {
                    self.server += 1;
                }
                _ => {}
            }
        }
    }

    /// Checks for five at once and one every three seconds.
    fn assert_throttled(&self) {
        for count in [self.channel, self.user, self.server] {
            assert!((15..=32).contains(&count), "{self:?}");
        }
    }
}

fn subscribe(channel: &str) -> Command {
    Command::Subscribe {
        channel: name(channel),
        extra: None,
    }
}

/// The outcome of each request, one frame after it.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Refused,
    Overloaded,
    Granted,
    Unanswered,
}

/// Runs a minute in which user code sends these commands in every frame.
fn run_one_minute(outcome: Outcome, game: impl Fn() -> Vec<Command>) -> RequestCounts {
    let mut client = without_pings();
    let mut counts = RequestCounts::default();
    let mut open: Vec<RequestId> = Vec::new();
    for command in [subscribe(PRIVATE), subscribe(PUBLIC), Command::SignIn] {
        let outputs = client.command(command);
        counts.count(&outputs, &mut open);
    }
    for _ in 0..FRAMES_IN_A_MINUTE {
        for request in std::mem::take(&mut open) {
            let error = AuthError::http(
                if outcome == Outcome::Refused {
                    403
                } else {
                    503
                },
                "",
            );
            let mut outputs = Vec::new();
            match outcome {
                Outcome::Refused | Outcome::Overloaded => {
                    outputs.extend(client.input(Input::Authorized(request, Err(error.clone()))));
                    outputs.extend(client.input(Input::Authenticated(request, Err(error))));
                }
                Outcome::Granted => {
                    let answer = Ok(ChannelAuthorization::new("k:s"));
                    outputs.extend(client.input(Input::Authorized(request, answer)));
                }
                Outcome::Unanswered => {}
            }
            counts.count(&outputs, &mut open);
        }
        for channel in [PRIVATE, PUBLIC] {
            let outputs = match outcome {
                Outcome::Granted => client.confirm(channel),
                _ => {
                    let refusal = json!({"event": "pusher:subscription_error", "channel": channel, "data": {"status": 403}});
                    client.frame(&refusal).1
                }
            };
            counts.count(&outputs, &mut open);
        }
        for command in game() {
            let outputs = client.command(command);
            counts.count(&outputs, &mut open);
        }
        let outputs = client.wait(FRAME);
        counts.count(&outputs, &mut open);
    }
    counts
}

/// A client without pings in between.
fn without_pings() -> Client {
    Client::connected_with(SessionConfig {
        timing: Timing {
            activity_timeout: 120 * SECOND,
            ..Timing::default()
        },
        ..SessionConfig::default()
    })
}

fn retry_all() -> Vec<Command> {
    vec![
        Command::Retry(name(PRIVATE)),
        Command::Retry(name(PUBLIC)),
        Command::SignIn,
    ]
}

fn resubscribe() -> Vec<Command> {
    let mut commands = Vec::new();
    for channel in [PRIVATE, PUBLIC] {
        commands.push(Command::Unsubscribe(name(channel)));
        commands.push(subscribe(channel));
    }
    commands.extend([Command::SignOut, Command::SignIn]);
    commands
}

#[test]
fn retrying_refusals_in_every_frame_is_throttled() {
    run_one_minute(Outcome::Refused, retry_all).assert_throttled();
}

#[test]
fn retrying_transient_failures_in_every_frame_is_throttled() {
    run_one_minute(Outcome::Overloaded, retry_all).assert_throttled();
}

#[test]
fn resubscribing_in_every_frame_is_throttled() {
    run_one_minute(Outcome::Refused, resubscribe).assert_throttled();
    let unanswered = run_one_minute(Outcome::Unanswered, resubscribe);
    assert!((15..=32).contains(&unanswered.channel), "{unanswered:?}");
    let granted = run_one_minute(Outcome::Granted, || {
        resubscribe().into_iter().take(4).collect()
    });
    assert!((15..=32).contains(&granted.channel), "{granted:?}");
    assert!((15..=32).contains(&granted.server), "{granted:?}");
}

#[test]
fn changing_fields_in_every_frame_is_throttled() {
    for outcome in [Outcome::Granted, Outcome::Refused] {
        let number = Cell::new(0);
        let counts = run_one_minute(outcome, || {
            number.set(number.get() + 1);
            let extra = json!({"position": number.get()}).as_object().cloned();
            let with_extra = |channel| Command::Subscribe {
                channel: name(channel),
                extra: extra.clone(),
            };
            vec![with_extra(PRIVATE), with_extra(PUBLIC)]
        });
        assert!((15..=32).contains(&counts.channel), "{counts:?}");
        assert!((15..=32).contains(&counts.server), "{counts:?}");
    }
}

/// Counts the requests that can be retried at one moment.
fn immediate_retries(client: &mut Client) -> usize {
    (0..100)
        .take_while(|_| {
            let retried = requests(&client.command(Command::Retry(name(PRIVATE))));
            for request in &retried {
                client.refuse(*request, AuthError::http(403, ""));
            }
            !retried.is_empty()
        })
        .count()
}

/// A client whose channel was refused so often that it is throttled.
fn throttled_client() -> Client {
    let mut client = without_pings();
    let request_id = request(&client.want(PRIVATE));
    client.refuse(request_id, AuthError::http(403, ""));
    assert_eq!(immediate_retries(&mut client), BURST - 1);
    client
}

#[test]
fn a_throttled_channel_reports_subscribing() {
    let mut client = without_pings();
    let request_id = request(&client.want(PRIVATE));
    client.refuse(request_id, AuthError::http(403, ""));
    for _ in 1..BURST {
        let request_id = request(&client.command(Command::Retry(name(PRIVATE))));
        client.refuse(request_id, AuthError::http(403, ""));
    }
    let outputs = client.command(Command::Retry(name(PRIVATE)));
    assert_eq!(requests(&outputs), []);
    assert_eq!(
        statuses(&outputs),
        [(PRIVATE.into(), SubscriptionStatus::Subscribing)]
    );
    assert_eq!(requests(&client.wait(SECOND)), []);
    assert_eq!(requests(&client.wait(4 * SECOND)).len(), 1);
}

#[test]
fn occasional_retries_are_not_throttled() {
    let mut client = throttled_client();
    // The last retry was delayed.
    let request_id = request(&client.wait(5 * SECOND));
    client.refuse(request_id, AuthError::http(403, ""));
    for _ in 0..20 {
        client.wait(4 * SECOND);
        let request_id = request(&client.command(Command::Retry(name(PRIVATE))));
        client.refuse(request_id, AuthError::http(403, ""));
    }
    client.wait(20 * SECOND);
    assert_eq!(immediate_retries(&mut client), BURST);
}

#[test]
fn steady_requests_drift_apart() {
    let mut client = without_pings();
    let request_id = request(&client.want(PRIVATE));
    client.refuse(request_id, AuthError::http(403, ""));
    let mut requested_at = Vec::new();
    while client.now.monotonic < 60 * SECOND {
        for request in requests(&client.command(Command::Retry(name(PRIVATE)))) {
            requested_at.push(client.now.monotonic);
            client.refuse(request, AuthError::http(403, ""));
        }
        for request in requests(&client.wait(FRAME)) {
            requested_at.push(client.now.monotonic);
            client.refuse(request, AuthError::http(403, ""));
        }
        client.frame(&json!({"event": "pusher:ping"}));
    }
    let apart: Vec<Duration> = requested_at[6..]
        .windows(2)
        .map(|two| two[1] - two[0])
        .collect();
    assert!(apart.len() > 10);
    let least = apart.iter().min().unwrap();
    let most = apart.iter().max().unwrap();
    assert!(
        *least > SECOND * 29 / 10 && *most < SECOND * 37 / 10,
        "{apart:?}"
    );
    assert!(*most - *least > SECOND / 5, "{apart:?}");
}

#[test]
fn constantly_changing_fields_keep_the_channel_subscribed() {
    let mut client = without_pings();
    client.subscribe(PUBLIC);
    let (mut changes, mut away, mut requested) = (0, Duration::ZERO, 0);
    let mut answer_at = None;
    let started = client.now.monotonic;
    while client.now.monotonic < started + 60 * SECOND {
        changes += 1;
        let extra = json!({"position": changes}).as_object().cloned();
        let channel = name(PUBLIC);
        let mut outputs = client.command(Command::Subscribe { channel, extra });
        for _ in 0..60 {
            outputs.extend(client.wait(FRAME));
            if frames(&outputs)
                .iter()
                .any(|frame| frame["event"] == "pusher:subscribe")
            {
                requested += 1;
                answer_at = Some(client.now.monotonic + 3 * FRAME);
            }
            if answer_at.is_some_and(|at| client.now.monotonic >= at) {
                answer_at = None;
                client.confirm(PUBLIC);
            }
            if answer_at.is_some() {
                away += FRAME;
            }
            outputs.clear();
        }
    }
    assert!((15..=28).contains(&requested), "{requested} of {changes}");
    assert!(away < 3 * SECOND, "{away:?}");
    assert_eq!(
        client
            .wait(4 * SECOND)
            .iter()
            .filter(
                |outputs| matches!(outputs, TestOutput::Frame(frame) if frame["data"]["position"] == changes)
            )
            .count(),
        1,
        "the last counts"
    );
}

#[test]
fn a_new_connection_resets_the_throttle() {
    for leaves in [false, true] {
        let mut client = throttled_client();
        if leaves {
            client.unsubscribe(PRIVATE);
        }
        client.lose();
        client.wait_for_dial();
        let mut outputs = client.establish();
        if leaves {
            outputs = client.want(PRIVATE);
        }
        client.refuse(request(&outputs), AuthError::http(403, ""));
        assert_eq!(immediate_retries(&mut client), BURST - 1, "{leaves}");
    }
}

#[test]
fn unsubscribing_before_the_request_is_never_throttled() {
    let mut client = without_pings();
    for number in 0..8 {
        client.want(&format!("private-{number}"));
    }
    for _ in 0..20 {
        assert_eq!(requests(&client.want(PRIVATE)), [], "the queue is full");
        client.unsubscribe(PRIVATE);
    }
    client.want(PRIVATE);
    assert_eq!(requests(&client.unsubscribe("private-0")).len(), 1);
}

#[test]
fn a_freed_slot_is_used_after_unsubscribing_others() {
    let mut client = without_pings();
    for number in 0..8 {
        let request_id = request(&client.want(&format!("private-{number}")));
        client.authorize(request_id);
    }
    for number in 0..8 {
        client.want(&format!("private-other-{number}"));
    }
    assert_eq!(requests(&client.want(PRIVATE)), []);
    assert_eq!(requests(&client.unsubscribe("private-other-0")).len(), 1);
}

#[test]
fn a_throttled_sign_in_can_be_cancelled() {
    let mut client = without_pings();
    let mut refused = || {
        let outputs = client.command(Command::SignIn);
        for request_id in requests(&outputs) {
            client.input(Input::Authenticated(
                request_id,
                Err(AuthError::http(401, "")),
            ));
        }
        outputs
    };
    for _ in 0..BURST {
        assert_eq!(requests(&refused()).len(), 1);
    }
    let outputs = refused();
    assert_eq!(requests(&outputs), []);
    assert_eq!(notices(&outputs), [Notice::SignIn(SignInState::SigningIn)]);
    let outputs = client.command(Command::SignOut);
    assert_eq!(notices(&outputs), [Notice::SignIn(SignInState::SignedOut)]);
    assert_eq!(requests(&client.wait(10 * SECOND)), []);
    client.command(Command::SignIn);
    client.lose();
    client.wait_for_dial();
    client.establish();
    let requested: usize = (0..2 * BURST)
        .map(|_| {
            let outputs = client.command(Command::SignOut);
            assert_eq!(dials(&outputs), 0, "no user is signed in on the server");
            requests(&client.command(Command::SignIn)).len()
        })
        .sum();
    assert_eq!(requested, BURST - 1, "one request came with the connection");
}
