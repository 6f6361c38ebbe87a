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
    fn count(&mut self, seen: &[Seen], open: &mut Vec<RequestId>) {
        for seen in seen {
            match seen {
                Seen::Authorize(request, ..) => {
                    self.channel += 1;
                    open.push(*request);
                }
                Seen::Authenticate(request, _) => {
                    self.user += 1;
                    open.push(*request);
                }
                Seen::CancelRequest(request) => open.retain(|asked| asked != request),
                Seen::Frame(frame)
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
    let mut asked = RequestCounts::default();
    let mut open: Vec<RequestId> = Vec::new();
    for command in [subscribe(PRIVATE), subscribe(PUBLIC), Command::SignIn] {
        let seen = client.command(command);
        asked.count(&seen, &mut open);
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
            let mut seen = Vec::new();
            match outcome {
                Outcome::Refused | Outcome::Overloaded => {
                    seen.extend(client.input(Input::Authorized(request, Err(error.clone()))));
                    seen.extend(client.input(Input::Authenticated(request, Err(error))));
                }
                Outcome::Granted => {
                    let answer = Ok(ChannelAuthorization::new("k:s"));
                    seen.extend(client.input(Input::Authorized(request, answer)));
                }
                Outcome::Unanswered => {}
            }
            asked.count(&seen, &mut open);
        }
        for channel in [PRIVATE, PUBLIC] {
            let seen = match outcome {
                Outcome::Granted => client.confirm(channel),
                _ => {
                    let refusal = json!({"event": "pusher:subscription_error", "channel": channel, "data": {"status": 403}});
                    client.frame(&refusal).1
                }
            };
            asked.count(&seen, &mut open);
        }
        for command in game() {
            let seen = client.command(command);
            asked.count(&seen, &mut open);
        }
        let seen = client.wait(FRAME);
        asked.count(&seen, &mut open);
    }
    asked
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
        let asked = run_one_minute(outcome, || {
            number.set(number.get() + 1);
            let extra = json!({"position": number.get()}).as_object().cloned();
            let with_extra = |channel| Command::Subscribe {
                channel: name(channel),
                extra: extra.clone(),
            };
            vec![with_extra(PRIVATE), with_extra(PUBLIC)]
        });
        assert!((15..=32).contains(&asked.channel), "{asked:?}");
        assert!((15..=32).contains(&asked.server), "{asked:?}");
    }
}

/// Counts the requests that retrying at one moment sends.
fn immediate_retries(client: &mut Client) -> usize {
    (0..100)
        .take_while(|_| {
            let asked = requests(&client.command(Command::Retry(name(PRIVATE))));
            for request in &asked {
                client.refuse(*request, AuthError::http(403, ""));
            }
            !asked.is_empty()
        })
        .count()
}

/// A client whose channel was refused so often that it is throttled.
fn throttled_client() -> Client {
    let mut client = without_pings();
    let asked = request(&client.want(PRIVATE));
    client.refuse(asked, AuthError::http(403, ""));
    assert_eq!(immediate_retries(&mut client), BURST - 1);
    client
}

#[test]
fn a_throttled_channel_reports_subscribing() {
    let mut client = without_pings();
    let asked = request(&client.want(PRIVATE));
    client.refuse(asked, AuthError::http(403, ""));
    for _ in 1..BURST {
        let asked = request(&client.command(Command::Retry(name(PRIVATE))));
        client.refuse(asked, AuthError::http(403, ""));
    }
    let seen = client.command(Command::Retry(name(PRIVATE)));
    assert_eq!(requests(&seen), []);
    assert_eq!(
        statuses(&seen),
        [(PRIVATE.into(), SubscriptionStatus::Subscribing)]
    );
    assert_eq!(requests(&client.wait(SECOND)), []);
    assert_eq!(requests(&client.wait(4 * SECOND)).len(), 1);
}

#[test]
fn occasional_retries_are_not_throttled() {
    let mut client = throttled_client();
    // The last retry was delayed.
    let asked = request(&client.wait(5 * SECOND));
    client.refuse(asked, AuthError::http(403, ""));
    for _ in 0..20 {
        client.wait(4 * SECOND);
        let asked = request(&client.command(Command::Retry(name(PRIVATE))));
        client.refuse(asked, AuthError::http(403, ""));
    }
    client.wait(20 * SECOND);
    assert_eq!(immediate_retries(&mut client), BURST);
}

#[test]
fn steady_requests_drift_apart() {
    let mut client = without_pings();
    let asked = request(&client.want(PRIVATE));
    client.refuse(asked, AuthError::http(403, ""));
    let mut asked_at = Vec::new();
    while client.now.monotonic < 60 * SECOND {
        for request in requests(&client.command(Command::Retry(name(PRIVATE)))) {
            asked_at.push(client.now.monotonic);
            client.refuse(request, AuthError::http(403, ""));
        }
        for request in requests(&client.wait(FRAME)) {
            asked_at.push(client.now.monotonic);
            client.refuse(request, AuthError::http(403, ""));
        }
        client.frame(&json!({"event": "pusher:ping"}));
    }
    let apart: Vec<Duration> = asked_at[6..]
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
    let (mut changes, mut away, mut asked) = (0, Duration::ZERO, 0);
    let mut answer_at = None;
    let begun = client.now.monotonic;
    while client.now.monotonic < begun + 60 * SECOND {
        changes += 1;
        let extra = json!({"position": changes}).as_object().cloned();
        let channel = name(PUBLIC);
        let mut seen = client.command(Command::Subscribe { channel, extra });
        for _ in 0..60 {
            seen.extend(client.wait(FRAME));
            if frames(&seen)
                .iter()
                .any(|frame| frame["event"] == "pusher:subscribe")
            {
                asked += 1;
                answer_at = Some(client.now.monotonic + 3 * FRAME);
            }
            if answer_at.is_some_and(|at| client.now.monotonic >= at) {
                answer_at = None;
                client.confirm(PUBLIC);
            }
            if answer_at.is_some() {
                away += FRAME;
            }
            seen.clear();
        }
    }
    assert!((15..=28).contains(&asked), "{asked} of {changes}");
    assert!(away < 3 * SECOND, "{away:?}");
    assert_eq!(
        client
            .wait(4 * SECOND)
            .iter()
            .filter(
                |seen| matches!(seen, Seen::Frame(frame) if frame["data"]["position"] == changes)
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
        let mut seen = client.establish();
        if leaves {
            seen = client.want(PRIVATE);
        }
        client.refuse(request(&seen), AuthError::http(403, ""));
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
        let asked = request(&client.want(&format!("private-{number}")));
        client.authorize(asked);
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
        let seen = client.command(Command::SignIn);
        for asked in requests(&seen) {
            client.input(Input::Authenticated(asked, Err(AuthError::http(401, ""))));
        }
        seen
    };
    for _ in 0..BURST {
        assert_eq!(requests(&refused()).len(), 1);
    }
    let seen = refused();
    assert_eq!(requests(&seen), []);
    assert_eq!(notices(&seen), [Notice::SignIn(SignInState::SigningIn)]);
    let seen = client.command(Command::SignOut);
    assert_eq!(notices(&seen), [Notice::SignIn(SignInState::SignedOut)]);
    assert_eq!(requests(&client.wait(10 * SECOND)), []);
    client.command(Command::SignIn);
    client.lose();
    client.wait_for_dial();
    client.establish();
    let asked: usize = (0..2 * BURST)
        .map(|_| {
            let seen = client.command(Command::SignOut);
            assert_eq!(dials(&seen), 0, "no user is signed in on the server");
            requests(&client.command(Command::SignIn)).len()
        })
        .sum();
    assert_eq!(asked, BURST - 1, "one request came with the connection");
}
