//! A game that asks again and again for what it was refused: at once the first time, then ever more seldom.

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
    config::Timing,
    protocol::{AuthError, UserAuthentication},
    session::{Command, Input, Notice, RequestId, SessionConfig, SignInState, SubscriptionStatus},
};
use serde_json::json;
use support::*;

const FRAME: Duration = Duration::from_micros(16_667);
const FRAMES_IN_A_MINUTE: u32 = 3600;
const PRIVATE: &str = "private-room";
const PUBLIC: &str = "lobby";

/// What the backend and the server were asked in a minute.
#[derive(Debug, Default)]
struct Asked {
    backend: usize,
    server: usize,
}

fn subscribe(channel: &str) -> Command {
    Command::Subscribe {
        channel: name(channel),
        extra: None,
    }
}

/// A minute in which a game does this in every frame, while its backend answers each question at once with that.
fn a_minute_of(game: impl Fn() -> Vec<Command>, answer: impl Fn() -> Option<AuthError>) -> Asked {
    let mut client = Client::connected();
    let mut asked = Asked::default();
    let mut open: Vec<RequestId> = Vec::new();
    let mut note = |seen: &[Seen], open: &mut Vec<RequestId>| {
        let questions = requests(seen);
        asked.backend += questions.len();
        open.extend(questions);
        open.retain(|request| !seen.contains(&Seen::CancelRequest(*request)));
        asked.server += frames(seen)
            .iter()
            .filter(|frame| frame["event"] == "pusher:subscribe")
            .count();
    };
    for command in [subscribe(PRIVATE), subscribe(PUBLIC), Command::SignIn] {
        let seen = client.command(command);
        note(&seen, &mut open);
    }
    for _ in 0..FRAMES_IN_A_MINUTE {
        for request in std::mem::take(&mut open) {
            if let Some(error) = answer() {
                let seen = client.input(Input::Authorized(request, Err(error.clone())));
                note(&seen, &mut open);
                let seen = client.input(Input::Authenticated(request, Err(error)));
                note(&seen, &mut open);
            }
        }
        let refusal = json!({"event": "pusher:subscription_error", "channel": PUBLIC, "data": {"status": 403}});
        let (_, seen) = client.frame(&refusal);
        note(&seen, &mut open);
        for command in game() {
            let seen = client.command(command);
            note(&seen, &mut open);
        }
        let seen = client.wait(FRAME);
        note(&seen, &mut open);
    }
    asked
}

/// Three things are asked for: the sign-in and a private channel of the backend, a public channel of the server.
fn is_seldom(asked: &Asked) {
    assert!((2 * 7..=2 * 20).contains(&asked.backend), "{asked:?}");
    assert!((7..=20).contains(&asked.server), "{asked:?}");
}

fn retry_all() -> Vec<Command> {
    vec![
        Command::Retry(name(PRIVATE)),
        Command::Retry(name(PUBLIC)),
        Command::SignIn,
    ]
}

#[test]
fn who_tries_again_in_every_frame_what_was_refused_asks_ever_more_seldom() {
    is_seldom(&a_minute_of(retry_all, || Some(AuthError::http(403, "no"))));
}

#[test]
fn who_tries_again_in_every_frame_what_failed_for_a_passing_reason_asks_ever_more_seldom() {
    // Each is asked three times, as the policy has it.
    let asked = a_minute_of(retry_all, || Some(AuthError::http(503, "later")));
    assert!((2 * 7..=2 * 30).contains(&asked.backend), "{asked:?}");
}

#[test]
fn who_leaves_and_wants_a_channel_again_in_every_frame_asks_ever_more_seldom() {
    let anew = || {
        let mut commands = Vec::new();
        for channel in [PRIVATE, PUBLIC] {
            commands.push(Command::Unsubscribe(name(channel)));
            commands.push(subscribe(channel));
        }
        commands.extend([Command::SignOut, Command::SignIn]);
        commands
    };
    is_seldom(&a_minute_of(anew, || Some(AuthError::http(403, "no"))));
    let unanswered = a_minute_of(anew, || None);
    assert!(unanswered.backend <= 2 * 20, "{unanswered:?}");
}

/// A client whose channel was refused, and which has tried once more.
fn refused_twice() -> Client {
    // With a link that is not looked after in between.
    let timing = Timing {
        activity_timeout: 120 * SECOND,
        ..Timing::default()
    };
    let mut client = Client::connected_with(SessionConfig {
        timing,
        ..SessionConfig::default()
    });
    let asked = request(&client.want(PRIVATE));
    client.refuse(asked, AuthError::http(403, ""));
    let asked = request(&client.command(Command::Retry(name(PRIVATE))));
    client.refuse(asked, AuthError::http(403, ""));
    client
}

#[test]
fn the_first_repeat_is_at_once_and_the_next_waits_a_second_or_two() {
    let mut client = refused_twice();
    let seen = client.command(Command::Retry(name(PRIVATE)));
    assert_eq!(requests(&seen), []);
    assert_eq!(
        statuses(&seen),
        [(PRIVATE.into(), SubscriptionStatus::Subscribing)]
    );
    assert_eq!(requests(&client.wait(SECOND - FRAME)), []);
    assert_eq!(requests(&client.wait(SECOND + FRAME)).len(), 1);
}

#[test]
fn who_waits_before_trying_again_is_not_held_up() {
    let mut client = refused_twice();
    for pause in [2, 4, 8, 10, 10, 10] {
        client.wait(pause * SECOND);
        let asked = requests(&client.command(Command::Retry(name(PRIVATE))));
        assert_eq!(asked.len(), 1, "after {pause} s");
        client.refuse(asked[0], AuthError::http(403, ""));
    }
}

#[test]
fn a_success_a_minute_and_a_new_connection_begin_the_count_anew() {
    let tries_at_once = |client: &mut Client| {
        let mut count = 0;
        while let [asked] = requests(&client.command(Command::Retry(name(PRIVATE))))[..] {
            client.refuse(asked, AuthError::http(403, ""));
            count += 1;
        }
        count
    };
    let mut client = refused_twice();
    client.wait(2 * SECOND);
    let asked = request(&client.command(Command::Retry(name(PRIVATE))));
    client.authorize(asked);
    client.confirm(PRIVATE);
    client.unwant(PRIVATE);
    let asked = request(&client.want(PRIVATE));
    client.refuse(asked, AuthError::http(403, ""));
    assert_eq!(tries_at_once(&mut client), 1);

    let mut client = refused_twice();
    client.wait(61 * SECOND);
    assert_eq!(tries_at_once(&mut client), 2);

    let mut client = refused_twice();
    client.lose();
    client.wait_for_dial();
    let asked = request(&client.establish());
    client.refuse(asked, AuthError::http(403, ""));
    assert_eq!(tries_at_once(&mut client), 1);
}

#[test]
fn a_sign_in_that_waits_for_its_turn_is_signing_in_and_can_be_given_up() {
    let mut client = Client::connected_with(SessionConfig::default());
    let refuse = |client: &mut Client, asked| {
        client.input(Input::Authenticated(asked, Err(AuthError::http(401, ""))))
    };
    for _ in 0..2 {
        let asked = request(&client.command(Command::SignIn));
        refuse(&mut client, asked);
    }
    let seen = client.command(Command::SignIn);
    assert_eq!(requests(&seen), []);
    assert_eq!(notices(&seen), [Notice::SignIn(SignInState::SigningIn)]);
    let seen = client.command(Command::SignOut);
    assert_eq!(notices(&seen), [Notice::SignIn(SignInState::SignedOut)]);
    assert_eq!(requests(&client.wait(10 * SECOND)), []);
    let asked = request(&client.command(Command::SignIn));
    let answer = UserAuthentication::new("key:signature", json!({"id": "u1"}).to_string());
    client.input(Input::Authenticated(asked, Ok(answer)));
}
