//! Tests of retries over a real socket: a backend that fails for a moment, and the reconnect hook.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_pusher::{ConnectionState, PusherError, auth::AuthEndpoint, config::*, prelude::*};
use pusher_test_support::{Answer, ScriptedAuth, ScriptedServer, update_until};
use serde_json::json;
use support::{scripted::*, *};

#[derive(Resource, Default)]
struct Reports(Vec<(PusherError, u32)>);

fn game_with_reports(config: PusherConfig) -> App {
    let mut app = game(config);
    app.init_resource::<Reports>().add_observer(
        |report: On<PusherErrorReported>, mut reports: ResMut<Reports>| {
            reports.0.push((report.error().clone(), report.attempt()));
        },
    );
    app
}

fn quick_retry() -> RetryPolicy {
    RetryPolicy {
        min_delay: Duration::from_millis(20),
        max_delay: Duration::from_millis(60),
        ..RetryPolicy::default()
    }
}

fn valid_authorization() -> Answer {
    Answer::json(&json!({"auth": "key:signature", "user_data": r#"{"id":"u1"}"#}))
}

#[test]
fn transient_backend_failure_is_retried_and_subscribes() {
    let auth = ScriptedAuth::sequence(vec![
        Answer::status(503),
        Answer::status(429),
        valid_authorization(),
    ]);
    let server = ScriptedServer::start();
    let mut app = game_with_reports(
        config(&server)
            .with_auth_endpoint(AuthEndpoint::new(auth.url("/auth")))
            .with_auth_retry(quick_retry()),
    );
    let connection = greet(&server, &mut app);
    let entity = spawn(&mut app, "private-room");
    update_until(&mut app, "both failures", TIMEOUT, |world| {
        let status = world.get::<PusherSubscription>(entity).unwrap();
        assert!(status.error().is_none(), "{status:?}");
        world.resource::<Reports>().0.len() == 2
    });
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed("private-room");
    wait_until_subscribed(&mut app, entity);
    let reports: Vec<(Option<u16>, u32)> = app
        .world()
        .resource::<Reports>()
        .0
        .iter()
        .map(|(error, attempt)| match error {
            PusherError::Authorization { channel, error } => {
                assert_eq!(channel.as_str(), "private-room");
                (error.status(), *attempt)
            }
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(reports, [(Some(503), 1), (Some(429), 2)]);
    assert_eq!(auth.requests().len(), 3);
}

#[test]
fn refusal_is_requested_once_and_an_outage_three_times() {
    for (status, expected) in [(403, 1), (401, 1), (500, 3)] {
        let auth = ScriptedAuth::always(Answer::status(status));
        let server = ScriptedServer::start();
        let mut app = game_with_reports(
            config(&server)
                .with_auth_endpoint(AuthEndpoint::new(auth.url("/auth")))
                .with_auth_retry(quick_retry()),
        );
        let _connection = greet(&server, &mut app);
        let entity = spawn(&mut app, "private-room");
        update_until(&mut app, "the refusal", TIMEOUT, |world| {
            world
                .get::<PusherSubscription>(entity)
                .is_some_and(|subscription| subscription.error().is_some())
        });
        for _ in 0..expected {
            auth.expect_request(TIMEOUT);
        }
        // Longer than the longest retry delay of 60 ms.
        auth.expect_no_request(Duration::from_millis(150));
    }
}

#[test]
fn transient_sign_in_failure_is_retried() {
    let auth = ScriptedAuth::sequence(vec![Answer::status(502), valid_authorization()]);
    let server = ScriptedServer::start();
    let mut app = game_with_reports(
        config(&server)
            .with_user_auth_endpoint(AuthEndpoint::new(auth.url("/user-auth")))
            .with_auth_retry(quick_retry()),
    );
    let connection = greet(&server, &mut app);
    app.world().resource::<PusherConnection>().sign_in();
    connection.expect_event("pusher:signin", TIMEOUT);
    connection
        .send(json!({"event": "pusher:signin_success", "data": {"user_data": r#"{"id":"u1"}"#}}));
    update_until(&mut app, "the sign-in", TIMEOUT, |world| {
        world.resource::<PusherUser>().id() == Some("u1")
    });
    app.update();
    let reports = &app.world().resource::<Reports>().0;
    assert!(
        matches!(&reports[..], [(PusherError::Authentication { .. }, 1)]),
        "{reports:?}"
    );
}

#[test]
fn reconnect_hook_decides_the_delay() {
    let renewed = Arc::new(AtomicBool::new(false));
    let has_token = renewed.clone();
    let server = ScriptedServer::start();
    let config = config(&server).with_reconnect_hook(move |lost| {
        match (lost.code(), has_token.load(Ordering::SeqCst)) {
            (Some(4009), true) => ReconnectDecision::After(Duration::from_millis(20)),
            (Some(4009), false) => ReconnectDecision::Policy,
            _ => ReconnectDecision::GiveUp,
        }
    });
    let mut app = game_with_reports(config);
    let failed = |world: &mut World| {
        let state = world.resource::<PusherConnection>().state();
        matches!(state, ConnectionState::Failed { .. })
    };
    let connection = greet(&server, &mut app);
    connection.close(4009, "unauthorized");
    update_until(
        &mut app,
        "the failure that the protocol requires",
        TIMEOUT,
        failed,
    );
    renewed.store(true, Ordering::SeqCst);
    app.world().resource::<PusherConnection>().connect();
    let connection = greet(&server, &mut app);
    connection.close(4009, "unauthorized");
    let connection = server.accept(TIMEOUT);
    connection.establish("3.3", 120);
    connected(&mut app);
    connection.cut();
    update_until(&mut app, "the failure that the hook chose", TIMEOUT, failed);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_reconnect_hook_is_only_reported() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let server = ScriptedServer::start();
    let config = config(&server).with_reconnect_hook(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        panic!("a bug in user code")
    });
    let mut app = game_with_reports(config);
    let connection = greet(&server, &mut app);
    connection.cut();
    let connection = server.accept(TIMEOUT);
    connection.establish("2.2", 120);
    update_until(&mut app, "the reconnect", TIMEOUT, |world| {
        world.resource::<PusherConnection>().socket_id() == Some("2.2")
    });
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let reports = &app.world().resource::<Reports>().0;
    let panics = reports
        .iter()
        .filter(|(error, _)| *error == PusherError::ReconnectHookPanicked)
        .count();
    assert_eq!(panics, 1, "{reports:?}");
}

#[test]
fn connecting_by_hand_skips_the_wait() {
    let server = ScriptedServer::start();
    let hour = Duration::from_secs(3600);
    let mut app = game(config(&server).with_reconnect(ReconnectPolicy {
        min_delay: hour,
        max_delay: hour,
        ..ReconnectPolicy::default()
    }));
    let entity = {
        let connection = greet(&server, &mut app);
        let entity = listen(&mut app, &connection, "lobby");
        connection.cut();
        entity
    };
    update_until(&mut app, "waiting", TIMEOUT, |world| {
        world.resource::<PusherConnection>().retry_in().is_some()
    });
    server.expect_no_connection(Duration::from_millis(100));
    let connected_at = Instant::now();
    app.world().resource::<PusherConnection>().connect();
    let connection = greet(&server, &mut app);
    assert!(connected_at.elapsed() < Duration::from_secs(5));
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed("lobby");
    wait_until_subscribed(&mut app, entity);
}
