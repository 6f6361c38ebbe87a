//! Tests of user code that panics, blocks or never answers: it affects only its own event or channel.

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

/// A number whose decoder panics at 13 and sleeps for `number - 1000` milliseconds above 1000.
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

/// Records each decoded event and each decode failure.
fn decode(harness: &mut Harness) {
    harness
        .app
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

fn has_decoded(harness: &mut Harness, expected: &[&str]) {
    harness.until("all that was sent", |world| {
        world.resource::<Decoded>().0.len() >= expected.len()
    });
    assert_eq!(harness.app.world().resource::<Decoded>().0, expected);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_decoder_loses_only_its_own_event() {
    let (mut harness, socket) = Harness::online();
    decode(&mut harness);
    harness.join(&socket, "lobby");
    for round in 0..3 {
        for number in [1, 13, 2] {
            socket.event("lobby", "number", &json!(number));
        }
        harness.expect_delivery(&socket, "lobby", round);
    }
    harness.until("nine outcomes", |world| {
        world.resource::<Decoded>().0.len() == 9
    });
    let mut decoded = harness.app.world().resource::<Decoded>().0.clone();
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
        harness.recorded().contains(&"lobby number 13".to_owned()),
        "raw it arrives"
    );
    assert_eq!(harness.server.connections_so_far(), 1);
    assert!(harness.errors().is_empty());
}

#[test]
fn blocking_decoder_delays_events_but_loses_none() {
    let mut harness = Harness::with(|config| heartbeat(config, 200, 200));
    let socket = harness.greet_with_replies();
    decode(&mut harness);
    harness.join_confirmed("lobby");
    // Each 1900 blocks for 900 ms, which is longer than both heartbeat timeouts together.
    for number in [1, 1900, 2, 1900, 3] {
        socket.event("lobby", "number", &json!(number));
    }
    has_decoded(&mut harness, &["1", "1900", "2", "1900", "3"]);
    harness.run_for(Duration::from_millis(500));
    assert!(harness.connection().is_connected());
    assert_eq!(
        harness.server.connections_so_far(),
        1,
        "{:?}",
        harness.errors()
    );
    harness.assert_no_slow_frame();
}

struct FaultyAuthorizer;

impl Authorizer for FaultyAuthorizer {
    fn authorize(&self, request: AuthRequest, reply: AuthReply) {
        let answer = ChannelAuthorization::new(format!("key:{}", request.socket_id()));
        match request.channel() {
            "private-panics" => panic!("panic on purpose"),
            "private-drops" => drop(reply),
            "private-hangs" => loop {
                thread::park();
            },
            "private-blocks" => {
                thread::sleep(Duration::from_secs(1));
                reply.send(Ok(answer));
            }
            "private-never" => {
                // Leaks the reply, like a callback that is never called.
                std::mem::forget(reply);
            }
            _ => reply.send(Ok(answer)),
        }
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn faulty_authorizer_fails_only_its_own_channel() {
    let (mut harness, socket) = Harness::online_with(|config| {
        config
            .with_authorizer(FaultyAuthorizer)
            .with_timing(Timing {
                authorization_timeout: Duration::from_millis(1500),
                ..Timing::default()
            })
    });
    socket.reply_with(pusher_test_support::standard_reply);
    let started = Instant::now();
    let [panics, drops, hangs, blocks, never] = ["panics", "drops", "hangs", "blocks", "never"]
        .map(|name| harness.spawn(&format!("private-{name}")));
    // Other channels do not wait for the hanging ones.
    harness.join_confirmed("lobby");
    harness.join_confirmed("private-fine");
    assert!(
        started.elapsed() < Duration::from_millis(900),
        "{:?}",
        started.elapsed()
    );
    for (entity, expected) in [
        (panics, AuthError::Panicked),
        (drops, AuthError::Dropped),
        (hangs, AuthError::TimedOut),
        (never, AuthError::TimedOut),
    ] {
        assert_eq!(
            harness.expect_refusal(entity),
            SubscriptionError::Authorization(expected)
        );
    }
    harness.wait_until_subscribed(blocks);
    harness.expect_delivery(&socket, "private-fine", 1);
    harness.join_confirmed("private-late");
    assert_eq!(harness.server.connections_so_far(), 1);
    harness.assert_no_slow_frame();
    let started = Instant::now();
    drop(harness.app);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(socket.expect_close(TIMEOUT).code, Some(1000));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn faulty_param_provider_fails_only_its_own_channel() {
    let auth = ScriptedAuth::always(Answer::json(&json!({"auth": "k:s"})));
    let requests = Arc::new(AtomicUsize::new(0));
    let endpoint = AuthEndpoint::new(auth.url("/")).with_param_provider(move || {
        match requests.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("panic on purpose"),
            1 => thread::sleep(Duration::from_secs(1)),
            _ => {}
        }
        vec![]
    });
    let (mut harness, socket) = Harness::online_with(|config| config.with_auth_endpoint(endpoint));
    socket.reply_with(pusher_test_support::standard_reply);
    let panics = harness.spawn("private-panics");
    let expected = SubscriptionError::Authorization(AuthError::Panicked);
    assert_eq!(harness.expect_refusal(panics), expected);
    let blocks = harness.spawn("private-blocks");
    harness.run_for(QUIET_PERIOD / 4);
    let started = Instant::now();
    harness.join_confirmed("private-fine");
    harness.join_confirmed("lobby");
    assert!(
        started.elapsed() < Duration::from_millis(900),
        "{:?}",
        started.elapsed()
    );
    harness.wait_until_subscribed(blocks);
    harness.assert_no_slow_frame();
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_waker_has_no_effect() {
    let (mut harness, socket) = Harness::online();
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = woken.clone();
    harness.app.insert_resource(PusherWaker::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        panic!("panic on purpose");
    }));
    harness.frame();
    harness.join(&socket, "lobby");
    for number in 0..5 {
        harness.expect_delivery(&socket, "lobby", number);
    }
    assert!(woken.load(Ordering::SeqCst) > 0);
    assert_eq!(harness.server.connections_so_far(), 1);
}

#[test]
fn one_time_tokens_work_over_twenty_reconnects() {
    // A backend that accepts each token once.
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
    let mut harness = Harness::with(|config| config.with_auth_endpoint(endpoint));
    let room = harness.spawn("private-room");
    for number in 1..=20 {
        let socket = harness.greet();
        let data = &socket.expect_event("pusher:subscribe", TIMEOUT)["data"];
        assert_eq!(data["auth"], format!("key:{number}.{number}"));
        socket.subscribed("private-room");
        harness.wait_until_subscribed(room);
        socket.cut();
        harness.until("the loss", |world| {
            world.get::<PusherSubscribed>(room).is_none()
        });
    }
    assert_eq!(auth.requests().len(), 20);
    assert!(
        !harness
            .recorded()
            .iter()
            .any(|recorded| recorded.contains("failed"))
    );
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panic_in_a_payload_drop_affects_nothing_else() {
    /// Panics when the network thread drops it.
    #[derive(Deserialize)]
    struct PanicsOnDrop(#[expect(dead_code, reason = "only dropped")] u32);

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            assert_ne!(thread::current().name(), Some("pusher"), "dropped here");
        }
    }

    let limits = Limits {
        waiting_events: 1,
        ..Limits::default()
    };
    let (mut harness, socket) = Harness::online_with(|config| config.with_limits(limits));
    harness.app.add_pusher_event::<PanicsOnDrop>("grenade");
    harness.join(&socket, "lobby");
    for number in 0..10 {
        socket.event("lobby", "grenade", &json!(number));
    }
    // The pong proves that the client has read all earlier frames.
    socket.send(json!({"event": "pusher:ping"}));
    socket.expect_event("pusher:pong", TIMEOUT);
    harness.expect_delivery(&socket, "lobby", 1);
}
