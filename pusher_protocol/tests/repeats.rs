//! A game that asks again and again for the same thing: some times at once, then no more than every three seconds.

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
/// What may be asked without a wait.
const AT_ONCE: usize = 5;

/// How often the backend was asked for the channel and for the user, and the server for the public channel.
#[derive(Debug, Default)]
struct Asked {
    channel: usize,
    user: usize,
    server: usize,
}

impl Asked {
    fn note(&mut self, seen: &[Seen], open: &mut Vec<RequestId>) {
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

    /// Five at once, and one in three seconds.
    fn is_seldom(&self) {
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

/// What becomes of the questions in the frame after they were asked.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Refused,
    Overloaded,
    Granted,
    Unanswered,
}

/// A minute in which a game does this in every frame.
fn a_minute_of(fate: Fate, game: impl Fn() -> Vec<Command>) -> Asked {
    let mut client = patient();
    let mut asked = Asked::default();
    let mut open: Vec<RequestId> = Vec::new();
    for command in [subscribe(PRIVATE), subscribe(PUBLIC), Command::SignIn] {
        let seen = client.command(command);
        asked.note(&seen, &mut open);
    }
    for _ in 0..FRAMES_IN_A_MINUTE {
        for request in std::mem::take(&mut open) {
            let error = AuthError::http(if fate == Fate::Refused { 403 } else { 503 }, "");
            let mut seen = Vec::new();
            match fate {
                Fate::Refused | Fate::Overloaded => {
                    seen.extend(client.input(Input::Authorized(request, Err(error.clone()))));
                    seen.extend(client.input(Input::Authenticated(request, Err(error))));
                }
                Fate::Granted => {
                    let answer = Ok(ChannelAuthorization::new("k:s"));
                    seen.extend(client.input(Input::Authorized(request, answer)));
                }
                Fate::Unanswered => {}
            }
            asked.note(&seen, &mut open);
        }
        for channel in [PRIVATE, PUBLIC] {
            let seen = match fate {
                Fate::Granted => client.confirm(channel),
                _ => {
                    let refusal = json!({"event": "pusher:subscription_error", "channel": channel, "data": {"status": 403}});
                    client.frame(&refusal).1
                }
            };
            asked.note(&seen, &mut open);
        }
        for command in game() {
            let seen = client.command(command);
            asked.note(&seen, &mut open);
        }
        let seen = client.wait(FRAME);
        asked.note(&seen, &mut open);
    }
    asked
}

/// A client whose link is not looked after in between.
fn patient() -> Client {
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

fn leave_and_come_back() -> Vec<Command> {
    let mut commands = Vec::new();
    for channel in [PRIVATE, PUBLIC] {
        commands.push(Command::Unsubscribe(name(channel)));
        commands.push(subscribe(channel));
    }
    commands.extend([Command::SignOut, Command::SignIn]);
    commands
}

#[test]
fn who_tries_again_in_every_frame_what_was_refused_asks_seldom() {
    a_minute_of(Fate::Refused, retry_all).is_seldom();
}

#[test]
fn who_tries_again_in_every_frame_what_failed_for_a_passing_reason_asks_seldom() {
    a_minute_of(Fate::Overloaded, retry_all).is_seldom();
}

#[test]
fn who_leaves_and_wants_a_channel_again_in_every_frame_asks_seldom() {
    a_minute_of(Fate::Refused, leave_and_come_back).is_seldom();
    let unanswered = a_minute_of(Fate::Unanswered, leave_and_come_back);
    assert!((15..=32).contains(&unanswered.channel), "{unanswered:?}");
    let granted = a_minute_of(Fate::Granted, || {
        leave_and_come_back().into_iter().take(4).collect()
    });
    assert!((15..=32).contains(&granted.channel), "{granted:?}");
    assert!((15..=32).contains(&granted.server), "{granted:?}");
}

#[test]
fn who_wants_a_channel_with_other_fields_in_every_frame_asks_seldom() {
    for fate in [Fate::Granted, Fate::Refused] {
        let number = Cell::new(0);
        let asked = a_minute_of(fate, || {
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

/// How often a channel is asked for by trying again and again at one moment.
fn tries_at_once(client: &mut Client) -> usize {
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

/// A client whose channel was refused so often that it has to wait.
fn refused_often() -> Client {
    let mut client = patient();
    let asked = request(&client.want(PRIVATE));
    client.refuse(asked, AuthError::http(403, ""));
    assert_eq!(tries_at_once(&mut client), AT_ONCE - 1);
    client
}

#[test]
fn a_channel_that_waits_for_its_turn_is_subscribing() {
    let mut client = patient();
    let asked = request(&client.want(PRIVATE));
    client.refuse(asked, AuthError::http(403, ""));
    for _ in 1..AT_ONCE {
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
fn who_waits_some_seconds_before_trying_again_is_not_held_up() {
    let mut client = refused_often();
    // The last try of those waited for its turn.
    let asked = request(&client.wait(5 * SECOND));
    client.refuse(asked, AuthError::http(403, ""));
    for _ in 0..20 {
        client.wait(4 * SECOND);
        let asked = request(&client.command(Command::Retry(name(PRIVATE))));
        client.refuse(asked, AuthError::http(403, ""));
    }
    client.wait(20 * SECOND);
    assert_eq!(tries_at_once(&mut client), AT_ONCE);
}

#[test]
fn steady_questions_do_not_stay_in_step() {
    let mut client = patient();
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
fn a_channel_whose_fields_change_all_the_time_stays_subscribed() {
    let mut client = patient();
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
fn a_new_connection_begins_the_count_anew() {
    for leaves in [false, true] {
        let mut client = refused_often();
        if leaves {
            client.unwant(PRIVATE);
        }
        client.lose();
        client.wait_for_dial();
        let mut seen = client.establish();
        if leaves {
            seen = client.want(PRIVATE);
        }
        client.refuse(request(&seen), AuthError::http(403, ""));
        assert_eq!(tries_at_once(&mut client), AT_ONCE - 1, "{leaves}");
    }
}

#[test]
fn a_channel_for_which_nobody_was_asked_may_be_left_as_often_as_one_likes() {
    let mut client = patient();
    for number in 0..8 {
        client.want(&format!("private-{number}"));
    }
    for _ in 0..20 {
        assert_eq!(requests(&client.want(PRIVATE)), [], "the queue is full");
        client.unwant(PRIVATE);
    }
    client.want(PRIVATE);
    assert_eq!(requests(&client.unwant("private-0")).len(), 1);
}

#[test]
fn a_place_that_becomes_free_is_taken_though_those_before_were_left_while_subscribing() {
    let mut client = patient();
    for number in 0..8 {
        let asked = request(&client.want(&format!("private-{number}")));
        client.authorize(asked);
    }
    for number in 0..8 {
        client.want(&format!("private-other-{number}"));
    }
    assert_eq!(requests(&client.want(PRIVATE)), []);
    assert_eq!(requests(&client.unwant("private-other-0")).len(), 1);
}

#[test]
fn a_sign_in_that_waits_for_its_turn_is_signing_in_and_can_be_given_up() {
    let mut client = patient();
    let mut refused = || {
        let seen = client.command(Command::SignIn);
        for asked in requests(&seen) {
            client.input(Input::Authenticated(asked, Err(AuthError::http(401, ""))));
        }
        seen
    };
    for _ in 0..AT_ONCE {
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
    let asked: usize = (0..2 * AT_ONCE)
        .map(|_| {
            let seen = client.command(Command::SignOut);
            assert_eq!(dials(&seen), 0, "the server knows of nobody");
            requests(&client.command(Command::SignIn)).len()
        })
        .sum();
    assert_eq!(asked, AT_ONCE - 1, "one was asked with the connection");
}
