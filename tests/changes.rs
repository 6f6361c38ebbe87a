//! Tests of a configuration that changes while the game runs: credentials, app key, other settings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_pusher::{SignInState, auth::AuthEndpoint, config::*, prelude::*};
use pusher_dev_server::{DevServer, DevServerConfig};
use pusher_test_support::{
    Answer, AppCredentials, HttpRequest, ScriptedAuth, ScriptedServer, update_until,
};
use serde_json::json;
use support::{scripted::*, *};

/// A backend that accepts one token.
fn backend(token: &'static str) -> ScriptedAuth {
    ScriptedAuth::start(move |request: &HttpRequest| {
        if request.header("Authorization") == Some(token) {
            Answer::json(&json!({"auth": "key:signature", "user_data": r#"{"id":"ann"}"#}))
        } else {
            Answer::status(401)
        }
    })
}

fn with_token(config: PusherConfig, auth: &ScriptedAuth, token: &str) -> PusherConfig {
    let endpoint = AuthEndpoint::new(auth.url("/auth")).with_header("Authorization", token);
    config
        .with_auth_endpoint(endpoint.clone())
        .with_user_auth_endpoint(endpoint)
}

fn failed(app: &mut App, entity: Entity) {
    update_until(app, "a refusal", TIMEOUT, |world| {
        let subscription = world.get::<PusherSubscription>(entity);
        subscription.is_some_and(|subscription| subscription.error().is_some())
    });
}

#[test]
fn changed_credentials_apply_to_the_next_request() {
    let auth = backend("new");
    let server = ScriptedServer::start();
    let mut app = game(with_token(config(&server), &backend("old"), "old"));
    app.insert_resource(with_token(config(&server), &auth, "new"));
    let connection = greet(&server, &mut app);
    let entity = listen(&mut app, &connection, "private-room");
    auth.expect_request(TIMEOUT);

    let other = backend("newer");
    app.insert_resource(with_token(config(&server), &other, "newer"));
    app.update();
    connection.expect_nothing(Duration::from_millis(100));
    assert!(app.world().get::<PusherSubscribed>(entity).is_some());

    connection.cut();
    let connection = greet(&server, &mut app);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    other.expect_request(TIMEOUT);
    auth.expect_no_request(Duration::from_millis(50));
}

#[test]
fn changed_credentials_retry_only_what_they_apply_to() {
    let auth = backend("good");
    let elsewhere = ScriptedAuth::always(Answer::status(403));
    let server = ScriptedServer::start();
    let bad = with_token(config(&server), &auth, "stale")
        .with_auth_endpoint_for("private-vip-*", AuthEndpoint::new(elsewhere.url("/vip")));
    let mut app = game(bad.clone());
    let connection = greet(&server, &mut app);
    let room = spawn(&mut app, "private-room");
    let vip = spawn(&mut app, "private-vip-1");
    app.world().resource::<PusherConnection>().sign_in();
    failed(&mut app, room);
    failed(&mut app, vip);
    update_until(&mut app, "a refused sign-in", TIMEOUT, |world| {
        matches!(
            world.resource::<PusherUser>().state(),
            SignInState::Failed(_)
        )
    });
    elsewhere.expect_request(TIMEOUT);

    app.insert_resource(bad.clone().with_sent_answers(true));
    app.update();
    connection.expect_nothing(Duration::from_millis(100));

    let good = with_token(bad, &auth, "good");
    app.insert_resource(good);
    app.update();
    let mut sent: Vec<String> = connection
        .expect_jsons(2, TIMEOUT)
        .iter()
        .map(|frame| frame["event"].as_str().unwrap().to_owned())
        .collect();
    sent.sort();
    assert_eq!(sent, ["pusher:signin", "pusher:subscribe"]);
    connection.subscribed("private-room");
    wait_until_subscribed(&mut app, room);
    elsewhere.expect_no_request(Duration::from_millis(50));
}

#[test]
fn changed_app_key_reconnects_and_resubscribes() {
    let server = ScriptedServer::start();
    let endpoint = Endpoint::custom("127.0.0.1", server.port());
    let keyed = |key: &str| with_short_retry_delay(PusherConfig::new(key, endpoint.clone()));
    let mut app = game(keyed("first"));
    let connection = greet(&server, &mut app);
    assert_eq!(connection.request().path(), "/app/first");
    let entity = listen(&mut app, &connection, "lobby");

    app.insert_resource(keyed("second"));
    app.update();
    connection.expect_close(TIMEOUT);
    let connection = server.accept(TIMEOUT);
    assert_eq!(connection.request().path(), "/app/second");
    connection.establish("2.2", 120);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed("lobby");
    expect_recorded(&mut app, "lobby subscribed again");
    assert!(app.world().get::<PusherSubscribed>(entity).is_some());
    server.expect_open_connections(1, TIMEOUT);
}

#[test]
fn changed_app_key_retries_a_failed_connection() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    let entity = listen(&mut app, &connection, "lobby");
    connection.close(4001, "no such app");
    update_until(&mut app, "the connection to fail", TIMEOUT, |world| {
        let connection = world.resource::<PusherConnection>();
        connection.state().error().is_some() && connection.retry_at().is_none()
    });
    let endpoint = Endpoint::custom("127.0.0.1", server.port());
    app.insert_resource(with_short_retry_delay(PusherConfig::new(
        "right-key",
        endpoint,
    )));
    let connection = greet(&server, &mut app);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed("lobby");
    wait_until_subscribed(&mut app, entity);
}

#[test]
fn changed_reconnect_policy_keeps_the_connection() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    listen(&mut app, &connection, "lobby");
    let hour = Duration::from_secs(3600);
    app.insert_resource(config(&server).with_reconnect(ReconnectPolicy {
        min_delay: hour,
        max_delay: hour,
        ..ReconnectPolicy::default()
    }));
    app.update();
    connection.expect_nothing(Duration::from_millis(50));
    connection.cut();
    update_until(&mut app, "the new delay", TIMEOUT, |world| {
        let left = world.resource::<PusherConnection>().retry_in();
        left.is_some_and(|left| left > hour / 2)
    });
}

/// A backend that signs every request except those for `private-others-*`.
fn strict_backend() -> ScriptedAuth {
    ScriptedAuth::start(|request: &HttpRequest| {
        let credentials = AppCredentials::for_tests();
        let socket_id = request.field("socket_id").unwrap();
        let Some(channel) = request.field("channel_name") else {
            let user = r#"{"id":"ann"}"#;
            let auth = credentials.user_auth(&socket_id, user);
            return Answer::json(&json!({"auth": auth, "user_data": user}));
        };
        if channel.starts_with("private-others-") {
            return Answer::status(403);
        }
        let member = (channel.starts_with("presence-")).then_some(r#"{"user_id":"ann"}"#);
        let auth = credentials.channel_auth(&socket_id, &channel, member);
        Answer::json(&json!({"auth": auth, "channel_data": member}))
    })
}

/// Counts the requests for a channel, or with `None` for the user.
fn requests_of(auth: &ScriptedAuth, channel: Option<&str>) -> usize {
    let requests = auth.requests();
    let is_it = |request: &&HttpRequest| request.field("channel_name").as_deref() == channel;
    requests.iter().filter(is_it).count()
}

/// Runs a game for a second and inserts `config(frame)` in each frame. Asserts that nothing is requested again; returns the number
/// of frames.
fn insert_in_each_frame(
    server: &DevServer,
    auth: &ScriptedAuth,
    config: impl Fn(usize) -> PusherConfig,
) -> usize {
    let mut app = game(config(0));
    let channels = ["lobby", "private-room", "presence-room"].map(|name| join(&mut app, name));
    let others = spawn(&mut app, "private-others-room");
    failed(&mut app, others);
    app.world().resource::<PusherConnection>().sign_in();
    update_until(&mut app, "the sign-in", TIMEOUT, |world| {
        world.resource::<PusherUser>().is_signed_in()
    });
    let socket_ids = server.socket_ids();
    let recorded_before = recorded(app.world()).len();
    let started = Instant::now();
    let mut frames = 0;
    while started.elapsed() < Duration::from_secs(1) {
        frames += 1;
        app.insert_resource(config(frames));
        app.update();
        assert!(app.world().resource::<PusherConnection>().is_connected());
        assert!(app.world().resource::<PusherUser>().is_signed_in());
        for channel in channels {
            assert!(app.world().get::<PusherSubscribed>(channel).is_some());
        }
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(
        server.socket_ids(),
        socket_ids,
        "the connection is the same"
    );
    assert_eq!(requests_of(auth, Some("private-room")), 1);
    assert_eq!(requests_of(auth, Some("presence-room")), 1);
    assert_eq!(requests_of(auth, None), 1);
    let recorded = recorded(app.world()).iter().skip(recorded_before);
    let others = recorded.filter(|text| !text.starts_with("private-others-"));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
    frames
}

#[test]
fn inserting_an_equal_config_in_each_frame_has_no_effect() {
    let server = DevServer::start(DevServerConfig::default()).unwrap();
    let auth = strict_backend();
    insert_in_each_frame(&server, &auth, |_| {
        let endpoint = AuthEndpoint::new(auth.url("/auth")).with_header("Authorization", "token");
        PusherConfig::new(
            server.app_key(),
            Endpoint::custom("127.0.0.1", server.port()),
        )
        .with_auth_endpoint(endpoint.clone())
        .with_auth_endpoint_for("private-others-*", endpoint.clone())
        .with_user_auth_endpoint(endpoint)
        .with_ca_certificate("-----BEGIN CERTIFICATE-----")
        .with_handshake_header("x-game", "1")
    });
    assert_eq!(requests_of(&auth, Some("private-others-room")), 1);
}

#[test]
fn changing_credentials_in_each_frame_throttles_retries() {
    let server = DevServer::start(DevServerConfig::default()).unwrap();
    let auth = strict_backend();
    let frames = insert_in_each_frame(&server, &auth, |frame| {
        let endpoint = AuthEndpoint::new(auth.url("/auth"))
            .with_header("x-frame", frame.to_string())
            .with_header_provider(Vec::new);
        PusherConfig::new(
            server.app_key(),
            Endpoint::custom("127.0.0.1", server.port()),
        )
        .with_auth_endpoint(endpoint.clone())
        .with_user_auth_endpoint(endpoint)
        .with_reconnect_hook(|_| ReconnectDecision::Policy)
        .with_handshake_header_provider(Vec::new)
    });
    let count = requests_of(&auth, Some("private-others-room"));
    assert!(
        (2..=5).contains(&count) && frames > 20,
        "requested {count} times in {frames} frames"
    );
}
