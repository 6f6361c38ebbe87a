//! The plugin against Sockudo, a complete Pusher server, with pusher-js as the other client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod agreement;
mod sending;

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::{ConnectionState, config::*, prelude::*};
use pusher_test_support::{PusherJs, PusherJsOptions, SigningAuth, Sockudo, update_until};
use serde_json::json;
use support::*;

struct TestSetup {
    server: Sockudo,
    auth: SigningAuth,
}

impl TestSetup {
    fn new(server: Sockudo) -> Self {
        Self {
            auth: SigningAuth::start(&server.credentials()),
            server,
        }
    }

    fn config(&self, user_id: &str) -> PusherConfig {
        let mut endpoint = Endpoint::custom(self.server.host(), self.server.port());
        if self.server.has_tls() {
            endpoint = endpoint.with_tls();
        }
        let config = PusherConfig::new(self.server.credentials().key, endpoint)
            .with_auth_endpoint(endpoint_as(&self.auth.channel_url(), user_id))
            .with_user_auth_endpoint(endpoint_as(&self.auth.user_url(), user_id));
        match self.server.authority_pem() {
            Some(pem) => with_short_retry_delay(config).with_ca_certificate(pem),
            None => with_short_retry_delay(config),
        }
    }

    fn game(&self, user_id: &str) -> App {
        game(self.config(user_id))
    }

    fn pusher_js(&self, user_id: &str) -> PusherJs {
        let options = PusherJsOptions::for_sockudo(&self.server).with_auth(&self.auth);
        let client = PusherJs::spawn(&options.with_param("user_id", user_id));
        client.expect_connected(TIMEOUT);
        client
    }
}

/// Checks all three kinds of channel, with events that are published over HTTP.
fn every_channel_kind_works(setup: &TestSetup) {
    let mut ann = setup.game("ann");
    let channels = ["lobby", "private-room", "presence-room"];
    for channel in channels {
        join(&mut ann, channel);
    }
    let mut served = setup.server.channels();
    served.sort();
    assert_eq!(served, ["lobby", "presence-room", "private-room"]);
    for channel in channels {
        setup
            .server
            .publish(channel, "greeting", &json!({"to": channel}));
        expect_recorded(
            &mut ann,
            &format!(r#"{channel} greeting {{"to":"{channel}"}}"#),
        );
    }
}

#[test]
fn every_channel_kind_works_over_ws() {
    every_channel_kind_works(&TestSetup::new(Sockudo::start()));
}

#[test]
fn every_channel_kind_works_over_wss_with_a_private_ca() {
    every_channel_kind_works(&TestSetup::new(Sockudo::start_tls()));
}

#[test]
fn unknown_certificate_authority_is_refused_with_the_reason() {
    let setup = TestSetup::new(Sockudo::start_tls());
    let endpoint = Endpoint::custom(setup.server.host(), setup.server.port()).with_tls();
    let mut game = game(PusherConfig::new("app-key", endpoint));
    update_until(&mut game, "an error about TLS", TIMEOUT, |world| {
        let error = world.resource::<PusherConnection>().last_error();
        error.is_some_and(|error| {
            error
                .to_string()
                .contains("the TLS handshake with 127.0.0.1 failed")
        })
    });
}

#[test]
fn a_thousand_events_arrive_each_once_in_order() {
    let setup = TestSetup::new(Sockudo::start());
    let mut game = setup.game("ann");
    join(&mut game, "lobby");
    setup
        .server
        .publish_batch((0..1000).map(|number| ("lobby", "count", json!(number))));
    expect_recorded(&mut game, "lobby count 999");
    let counted: Vec<&String> = recorded(game.world())
        .iter()
        .filter(|recorded| recorded.starts_with("lobby count"))
        .collect();
    let expected: Vec<String> = (0..1000)
        .map(|number| format!("lobby count {number}"))
        .collect();
    assert_eq!(counted, expected.iter().collect::<Vec<_>>());
}

#[test]
fn two_games_see_each_other_join_chat_and_leave() {
    let setup = TestSetup::new(Sockudo::start());
    let (mut ann, mut bob) = (setup.game("ann"), setup.game("bob"));
    let ann_room = join(&mut ann, "presence-room");
    let bob_room = join(&mut bob, "presence-room");
    expect_recorded(&mut ann, "presence-room +bob");
    assert_eq!(members(ann.world(), ann_room), ["ann", "bob"]);
    assert_eq!(members(bob.world(), bob_room), ["ann", "bob"]);
    let me = bob
        .world()
        .get::<PusherMembers>(bob_room)
        .unwrap()
        .me()
        .unwrap();
    assert_eq!((me.id(), me.info_json()), ("bob", r#"{"name":"bob"}"#));

    let connection = ann.world().resource::<PusherConnection>();
    connection
        .send("presence-room", "client-wave", &json!({"hand": "left"}))
        .unwrap();
    update_until(&mut bob, "an event from ann", TIMEOUT, |world| {
        recorded(world)
            .iter()
            .any(|recorded| recorded.starts_with(r#"presence-room client-wave {"hand":"left"}"#))
    });
    ann.update();
    assert!(
        !recorded(ann.world())
            .iter()
            .any(|recorded| recorded.contains("client-wave")),
        "no echo to the sender"
    );

    drop(bob);
    expect_recorded(&mut ann, "presence-room -bob");
    assert_eq!(members(ann.world(), ann_room), ["ann"]);
}

#[test]
fn game_and_pusher_js_exchange_events() {
    let setup = TestSetup::new(Sockudo::start());
    let mut ann = setup.game("ann");
    let room = join(&mut ann, "presence-room");
    let mut bob = setup.pusher_js("bob");
    bob.subscribe("presence-room", TIMEOUT);
    expect_recorded(&mut ann, "presence-room +bob");
    assert_eq!(members(ann.world(), room), ["ann", "bob"]);
    bob.send(&json!({"command": "trigger", "channel": "presence-room", "event": "client-hi", "data": {"n": 1}}));
    update_until(&mut ann, "an event from bob", TIMEOUT, |world| {
        recorded(world)
            .iter()
            .any(|recorded| recorded.starts_with(r#"presence-room client-hi {"n":1}"#))
    });
    ann.world()
        .resource::<PusherConnection>()
        .send("presence-room", "client-hi", &json!({"n": 2}))
        .unwrap();
    assert_eq!(
        bob.expect_event("presence-room", "client-hi", TIMEOUT),
        json!({"n": 2})
    );
}

#[test]
fn encrypted_and_cache_channels_work() {
    let setup = TestSetup::new(Sockudo::start());
    setup.server.publish("cache-board", "scores", &json!([1]));
    let mut ann = setup.game("ann");
    join(&mut ann, "cache-board");
    expect_recorded(&mut ann, "cache-board scores [1]");
    join(&mut ann, "private-cache-empty");
    expect_recorded(&mut ann, "private-cache-empty cache miss");
    join(&mut ann, "private-encrypted-plan");
    let mut bob = setup.pusher_js("bob");
    bob.send(&json!({
        "command": "publish", "channel": "private-encrypted-plan", "event": "secret", "data": {"at": "dawn"}
    }));
    expect_recorded(&mut ann, r#"private-encrypted-plan secret {"at":"dawn"}"#);
}

#[test]
fn signed_in_user_receives_user_events() {
    let setup = TestSetup::new(Sockudo::start());
    let mut ann = setup.game("ann");
    ann.world().resource::<PusherConnection>().sign_in();
    update_until(&mut ann, "the sign-in", TIMEOUT, |world| {
        world.resource::<PusherUser>().id() == Some("ann")
    });
    setup
        .server
        .publish_to_user("ann", "match-found", &json!({"id": 7}));
    expect_recorded(&mut ann, r#"user match-found {"id":7}"#);
}

#[test]
fn server_restart_restores_every_subscription() {
    let mut setup = TestSetup::new(Sockudo::start());
    let mut ann = setup.game("ann");
    let names: Vec<String> = (0..10)
        .flat_map(|number| {
            ["lobby", "private-room", "presence-room"].map(|kind| format!("{kind}-{number}"))
        })
        .collect();
    let entities: Vec<Entity> = names.iter().map(|name| spawn(&mut ann, name)).collect();
    for entity in &entities {
        wait_until_subscribed(&mut ann, *entity);
    }
    setup.server.stop();
    update_until(&mut ann, "the loss", TIMEOUT, |world| {
        !world.resource::<PusherConnection>().is_connected()
    });
    assert!(
        entities
            .iter()
            .all(|entity| ann.world().get::<PusherSubscribed>(*entity).is_none())
    );
    assert!(
        ann.world()
            .get::<PusherMembers>(entities[2])
            .unwrap()
            .is_stale()
    );
    setup.server.start_again();
    for (entity, name) in entities.iter().zip(&names) {
        wait_until_subscribed(&mut ann, *entity);
        expect_recorded(&mut ann, &format!("{name} subscribed again"));
    }
    let mut served = setup.server.channels();
    served.sort();
    let mut wanted = names.clone();
    wanted.sort();
    assert_eq!(served, wanted);
    for name in &names {
        setup.server.publish(name, "back", &json!(1));
        expect_recorded(&mut ann, &format!("{name} back 1"));
    }
    assert_eq!(
        recorded(ann.world())
            .iter()
            .filter(|recorded| recorded.ends_with("back 1"))
            .count(),
        names.len()
    );
}

/// Sockudo closes such a connection without a code, so the client cannot know that the failure is final: it retries with
/// growing delays and reports the likely cause.
#[test]
fn wrong_app_key_is_reported_and_retried_with_backoff() {
    let setup = TestSetup::new(Sockudo::start());
    let endpoint = Endpoint::custom(setup.server.host(), setup.server.port());
    let mut game = game(PusherConfig::new("no-such-key", endpoint));
    update_until(&mut game, "waiting", TIMEOUT, |world| {
        let error = world.resource::<PusherConnection>().last_error();
        error.is_some_and(|error| error.to_string().contains("check the app key"))
    });
    let until = Instant::now() + Duration::from_secs(3);
    update_until(&mut game, "time passing", TIMEOUT, |_| {
        Instant::now() > until
    });
    let state = game.world().resource::<PusherConnection>().state();
    let attempt = match state {
        ConnectionState::Connecting { attempt } | ConnectionState::Waiting { attempt, .. } => {
            *attempt
        }
        other => panic!("{other:?}"),
    };
    assert!(attempt <= 3, "{attempt} attempts in 3 seconds");
}

#[cfg(feature = "local-auth")]
#[test]
fn local_auth_works_with_sockudo() {
    let setup = TestSetup::new(Sockudo::start());
    let credentials = setup.server.credentials();
    let local = bevy_pusher::auth::LocalAuthorizer::new(credentials.key, credentials.secret)
        .with_user("ann", json!({"name": "ann"}))
        .with_encryption_master_key(credentials.master_key);
    let mut ann = game(setup.config("somebody else").with_local_auth(local));
    for channel in ["private-room", "presence-room", "private-encrypted-room"] {
        join(&mut ann, channel);
    }
    assert_eq!(setup.server.users("presence-room"), ["ann"]);
    ann.world().resource::<PusherConnection>().sign_in();
    update_until(&mut ann, "the sign-in", TIMEOUT, |world| {
        world.resource::<PusherUser>().is_signed_in()
    });
}
