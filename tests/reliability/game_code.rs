//! The game's own code may panic, block and forget: that costs its own event or channel, and nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use bevy_pusher::{
    PusherWaker, SubscriptionError,
    auth::{AuthEndpoint, AuthError, AuthReply, AuthRequest, Authorizer},
};
use pusher_test_support::{Answer, ScriptedAuth};
use serde::{Deserialize, Deserializer};

use super::*;

/// A payload whose decoder panics at 13 and sleeps as many milliseconds as it is above 1000.
#[derive(Debug)]
struct Touchy(u64);

impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        assert_ne!(number, 13, "unlucky");
        thread::sleep(Duration::from_millis(number.saturating_sub(1000)));
        Ok(Self(number))
    }
}

#[derive(Resource, Default)]
struct Decoded(Vec<String>);

/// Notes what is decoded and what is not.
fn decode(play: &mut Play) {
    play.app
        .add_pusher_event::<Touchy>("number")
        .init_resource::<Decoded>()
        .add_systems(
            Update,
            |mut numbers: MessageReader<PusherEvent<Touchy>>,
             mut failures: MessageReader<PusherDecodeFailed>,
             mut decoded: ResMut<Decoded>| {
                let decoded = &mut decoded.0;
                decoded.extend(numbers.read().map(|number| number.data().0.to_string()));
                decoded.extend(failures.read().map(|failure| failure.reason().to_owned()));
            },
        );
}

fn has_decoded(play: &mut Play, expected: &[&str]) {
    play.until("all that was sent", |world| {
        world.resource::<Decoded>().0.len() >= expected.len()
    });
    assert_eq!(play.app.world().resource::<Decoded>().0, expected);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn a_decoder_that_panics_costs_its_own_event() {
    let (mut play, line) = Play::online();
    decode(&mut play);
    play.join(&line, "lobby");
    for round in 0..3 {
        for number in [1, 13, 2] {
            line.event("lobby", "number", &json!(number));
        }
        play.hears(&line, "lobby", round);
    }
    play.until("nine outcomes", |world| {
        world.resource::<Decoded>().0.len() == 9
    });
    let mut decoded = play.app.world().resource::<Decoded>().0.clone();
    decoded.sort();
    let panicked = decoded.split_off(6);
    assert_eq!(decoded, ["1", "1", "1", "2", "2", "2"]);
    for reason in panicked {
        assert!(
            reason.contains("the decoder panicked") && reason.contains("unlucky"),
            "{reason}"
        );
    }
    assert!(
        play.told().contains(&"lobby number 13".to_owned()),
        "raw it arrives"
    );
    assert_eq!(play.server.connections_so_far(), 1);
    assert!(play.errors().is_empty());
}

#[test]
fn a_decoder_that_blocks_delays_what_comes_after_it_and_costs_neither_an_event_nor_the_connection()
{
    let mut play = Play::with(|config| heartbeat(config, 200, 200));
    let line = play.greet_politely();
    decode(&mut play);
    play.join_politely("lobby");
    for number in [1, 1900, 2, 1900, 3] {
        line.event("lobby", "number", &json!(number));
    }
    has_decoded(&mut play, &["1", "1900", "2", "1900", "3"]);
    play.run_for(Duration::from_millis(500));
    assert!(play.connection().is_connected());
    assert_eq!(play.server.connections_so_far(), 1, "{:?}", play.errors());
    play.no_frame_stalled();
}

struct Moody;

impl Authorizer for Moody {
    fn authorize(&self, request: AuthRequest, reply: AuthReply) {
        let answer = ChannelAuthorization::new(format!("key:{}", request.socket_id()));
        match request.channel() {
            "private-panics" => panic!("told to"),
            "private-forgets" => drop(reply),
            "private-hangs" => loop {
                thread::park();
            },
            "private-blocks" => {
                thread::sleep(Duration::from_secs(1));
                reply.send(Ok(answer));
            }
            "private-never" => {
                // Kept for ever, as by a callback that never comes.
                std::mem::forget(reply);
            }
            _ => reply.send(Ok(answer)),
        }
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn authorizers_that_panic_block_hang_or_forget_cost_their_own_channel() {
    let (mut play, line) = Play::online_with(|config| {
        config.with_authorizer(Moody).with_timing(Timing {
            authorization_timeout: Duration::from_millis(1500),
            ..Timing::default()
        })
    });
    line.reply_with(pusher_test_support::polite);
    let begun = Instant::now();
    let [panics, forgets, hangs, blocks, never] = ["panics", "forgets", "hangs", "blocks", "never"]
        .map(|name| play.spawn(&format!("private-{name}")));
    // They do not wait for the others.
    play.join_politely("lobby");
    play.join_politely("private-fine");
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
    for (entity, expected) in [
        (panics, AuthError::Panicked),
        (forgets, AuthError::Dropped),
        (hangs, AuthError::TimedOut),
        (never, AuthError::TimedOut),
    ] {
        assert_eq!(
            play.refused(entity),
            SubscriptionError::Authorization(expected)
        );
    }
    play.subscribed(blocks);
    play.hears(&line, "private-fine", 1);
    play.join_politely("private-late");
    assert_eq!(play.server.connections_so_far(), 1);
    play.no_frame_stalled();
    let begun = Instant::now();
    drop(play.app);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(line.expect_close(SOON).code, Some(1000));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn a_provider_that_blocks_or_panics_costs_its_own_channel_and_no_frame() {
    let auth = ScriptedAuth::always(Answer::json(&json!({"auth": "k:s"})));
    let asked = Arc::new(AtomicUsize::new(0));
    let endpoint = AuthEndpoint::new(auth.url("/")).with_param_provider(move || {
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("told to"),
            1 => thread::sleep(Duration::from_secs(1)),
            _ => {}
        }
        vec![]
    });
    let (mut play, line) = Play::online_with(|config| config.with_auth_endpoint(endpoint));
    line.reply_with(pusher_test_support::polite);
    let panics = play.spawn("private-panics");
    let expected = SubscriptionError::Authorization(AuthError::Panicked);
    assert_eq!(play.refused(panics), expected);
    let blocks = play.spawn("private-blocks");
    play.run_for(A_WHILE / 4);
    let begun = Instant::now();
    play.join_politely("private-fine");
    play.join_politely("lobby");
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
    play.subscribed(blocks);
    play.no_frame_stalled();
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn a_waker_that_panics_costs_nothing() {
    let (mut play, line) = Play::online();
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = woken.clone();
    play.app.insert_resource(PusherWaker::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        panic!("told to");
    }));
    play.frame();
    play.join(&line, "lobby");
    for number in 0..5 {
        play.hears(&line, "lobby", number);
    }
    assert!(woken.load(Ordering::SeqCst) > 0);
    assert_eq!(play.server.connections_so_far(), 1);
}

#[test]
fn a_token_that_changes_with_each_request_holds_over_twenty_reconnects() {
    // As a backend that takes each token once.
    let auth = ScriptedAuth::start(|request| {
        let token = format!("token {}", request.number());
        match request.header("Authorization") {
            Some(given) if given == token => {
                let auth = format!("key:{}", request.field("socket_id").unwrap());
                Answer::json(&json!({"auth": auth}))
            }
            _ => Answer::status(401),
        }
    });
    let spent = AtomicUsize::new(0);
    let endpoint = AuthEndpoint::new(auth.url("/")).with_header_provider(move || {
        let token = format!("token {}", spent.fetch_add(1, Ordering::SeqCst));
        vec![("Authorization".into(), token)]
    });
    let mut play = Play::with(|config| config.with_auth_endpoint(endpoint));
    let room = play.spawn("private-room");
    for number in 1..=20 {
        let line = play.greet();
        let data = &line.expect_event("pusher:subscribe", SOON)["data"];
        assert_eq!(data["auth"], format!("key:{number}.{number}"));
        line.subscribed("private-room");
        play.subscribed(room);
        line.cut();
        play.until("the loss", |world| {
            world.get::<PusherSubscribed>(room).is_none()
        });
    }
    assert_eq!(auth.requests().len(), 20);
    assert!(!play.told().iter().any(|told| told.contains("failed")));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn a_payload_that_panics_when_it_is_dropped_costs_nothing_else() {
    /// Panics when the network thread drops it.
    #[derive(Deserialize)]
    struct Grenade(#[expect(dead_code, reason = "it is there to be dropped")] u32);

    impl Drop for Grenade {
        fn drop(&mut self) {
            assert_ne!(thread::current().name(), Some("pusher"), "dropped here");
        }
    }

    let limits = Limits {
        waiting_events: 1,
        ..Limits::default()
    };
    let (mut play, line) = Play::online_with(|config| config.with_limits(limits));
    play.app.add_pusher_event::<Grenade>("grenade");
    play.join(&line, "lobby");
    for number in 0..10 {
        line.event("lobby", "grenade", &json!(number));
    }
    // An answered ping shows that all of it was read.
    line.send(json!({"event": "pusher:ping"}));
    line.expect_event("pusher:pong", SOON);
    play.hears(&line, "lobby", 1);
}
