//! Tests of the `testing` module. They are also examples of how to test a game.
#![cfg(feature = "testing")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::{
    ConnectionState,
    auth::{AuthError, AuthReply, AuthRequest, Authorizer},
    config::{Endpoint, Limits, Timing},
    prelude::*,
    testing::{TestServer, TestUser},
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Chat {
    text: String,
}

/// The lines that the game has shown to the player.
#[derive(Resource, Default)]
struct Shown(Vec<String>);

/// The game under test.
fn game(config: PusherConfig) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(config)))
        .add_pusher_event::<Chat>("chat-message")
        .init_resource::<Shown>()
        .add_systems(
            Update,
            |mut chats: MessageReader<PusherEvent<Chat>>, mut shown: ResMut<Shown>| {
                let texts = chats.read().map(|chat| chat.data().text.clone());
                shown.0.extend(texts);
            },
        )
        .add_observer(|event: On<PusherUserEvent>, mut shown: ResMut<Shown>| {
            shown.0.push(format!("to me: {}", event.name()));
        });
    app
}

fn join(server: &TestServer, app: &mut App, channel: &str) -> Entity {
    let entity = app.world_mut().spawn(PusherChannel::new(channel)).id();
    server.update_until_subscribed(app, entity);
    entity
}

/// A game whose channel is refused.
fn refused() -> (TestServer, App, Entity) {
    let server = TestServer::new();
    server.refuse("private-vip", 403);
    let mut app = game(server.config());
    let vip = app
        .world_mut()
        .spawn(PusherChannel::new("private-vip"))
        .id();
    (server, app, vip)
}

fn shown(app: &App) -> &[String] {
    &app.world().resource::<Shown>().0
}

fn is_connected(world: &mut World) -> bool {
    world.resource::<PusherConnection>().is_connected()
}

fn members(world: &World, entity: Entity) -> Vec<String> {
    let members = world.get::<PusherMembers>(entity).unwrap();
    members
        .iter()
        .map(|member| member.id().to_owned())
        .collect()
}

#[test]
fn published_event_arrives_in_the_next_update() {
    let server = TestServer::new();
    let mut app = game(server.config());
    join(&server, &mut app, "lobby");
    assert_eq!(server.subscriber_count("lobby"), 1);
    let reached = server.publish("lobby", "chat-message", &json!({"text": "hello"}));
    assert_eq!(reached, 1);
    app.update();
    assert_eq!(shown(&app), ["hello"]);
}

#[test]
fn peers_join_send_receive_and_leave() {
    let server = TestServer::new();
    let me = TestUser::new("ann").with_info(&json!({"name": "Ann"}));
    let mut app = game(server.config_as(me));
    let lobby = join(&server, &mut app, "presence-lobby");
    let bob = server.peer(TestUser::new("bob").with_info(&json!({"name": "Bob"})));
    bob.subscribe("presence-lobby");
    bob.send("presence-lobby", "client-wave", &json!("hi"));
    app.update();
    assert_eq!(members(app.world(), lobby), ["ann", "bob"]);
    let events = app.world().resource::<Messages<PusherEvent>>();
    let wave = events.iter_current_update_messages().next().unwrap();
    assert_eq!((wave.name(), wave.user_id()), ("client-wave", Some("bob")));

    let connection = app.world().resource::<PusherConnection>();
    connection
        .send("presence-lobby", "client-move", &json!({"x": 1}))
        .unwrap();
    let received = bob.take_events();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].name, "client-move");
    assert_eq!(received[0].data, json!({"x": 1}));
    assert_eq!(received[0].user_id.as_deref(), Some("ann"));
    assert_eq!(server.take_client_events(), received);
    assert_eq!(server.members("presence-lobby"), ["ann", "bob"]);

    bob.unsubscribe("presence-lobby");
    app.update();
    assert_eq!(members(app.world(), lobby), ["ann"]);
    drop(bob);
    assert_eq!(server.connection_count(), 1);
}

#[test]
fn two_games_share_one_test_server() {
    let server = TestServer::new();
    let mut ann = game(server.config_as("ann"));
    let mut bob = game(server.config_as("bob"));
    let lobby = join(&server, &mut ann, "presence-lobby");
    join(&server, &mut bob, "presence-lobby");
    ann.update();
    assert_eq!(members(ann.world(), lobby), ["ann", "bob"]);
    let connection = bob.world().resource::<PusherConnection>();
    connection
        .send("presence-lobby", "client-wave", &Value::Null)
        .unwrap();
    ann.update();
    let events = ann.world().resource::<Messages<PusherEvent>>();
    assert_eq!(events.iter_current_update_messages().count(), 1);
    drop(bob);
    ann.update();
    assert_eq!(members(ann.world(), lobby), ["ann"]);
}

#[test]
fn a_refused_channel_fails_with_the_status_until_it_is_allowed() {
    let (server, mut app, vip) = refused();
    server.update_until(&mut app, |world| {
        let status = world.get::<PusherSubscription>(vip).unwrap();
        matches!(status, PusherSubscription::Failed { error } if error.status() == Some(403))
    });
    join(&server, &mut app, "private-encrypted-other");
    server.publish(
        "private-encrypted-other",
        "chat-message",
        &json!({"text": "psst"}),
    );
    server.allow("private-vip");
    app.world()
        .resource::<PusherConnection>()
        .retry("private-vip");
    app.update();
    assert!(app.world().get::<PusherSubscribed>(vip).is_some());
    assert_eq!(shown(&app), ["psst"]);
}

#[test]
fn test_server_update_ignores_the_receive_budget() {
    let server = TestServer::new();
    let mut app = game(server.config().with_limits(Limits {
        receive_budget: Duration::ZERO,
        ..Limits::default()
    }));
    join(&server, &mut app, "lobby");
    for number in 0..1000 {
        server.publish(
            "lobby",
            "chat-message",
            &json!({"text": number.to_string()}),
        );
    }
    app.update();
    assert_eq!(shown(&app).len(), 1000);
}

#[test]
fn virtual_time_skips_a_half_hour_outage_at_once() {
    let started = Instant::now();
    let server = TestServer::new();
    let mut app = game(server.config());
    let lobby = join(&server, &mut app, "lobby");
    server.go_offline();
    app.update();
    let connection = app.world().resource::<PusherConnection>();
    assert!(matches!(
        connection.state(),
        ConnectionState::Waiting { .. }
    ));
    server.advance(Duration::from_secs(30 * 60));
    app.update();
    assert!(app.world().get::<PusherSubscribed>(lobby).is_none());
    server.go_online();
    server.advance(Duration::from_secs(60));
    app.update();
    let changes = app
        .world()
        .resource::<Messages<PusherSubscriptionChanged>>();
    let changes = changes.iter_current_update_messages();
    let gap = changes.filter_map(PusherSubscriptionChanged::gap).last();
    assert!(gap.unwrap() >= Duration::from_secs(30 * 60), "{gap:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn heartbeats_keep_a_silent_connection_alive() {
    let server = TestServer::new();
    let mut app = game(server.config());
    server.update_until(&mut app, is_connected);
    let socket_id = |app: &App| {
        let connection = app.world().resource::<PusherConnection>();
        connection.socket_id().unwrap().to_owned()
    };
    let before = socket_id(&app);
    server.advance(Duration::from_secs(24 * 60 * 60));
    app.update();
    assert_eq!(socket_id(&app), before);
    let connection = app.world().resource::<PusherConnection>();
    assert!(connection.round_trip().is_some());
}

#[test]
fn final_close_code_is_not_retried() {
    let server = TestServer::new();
    let mut app = game(server.config());
    server.update_until(&mut app, is_connected);
    server.close_connections(4200, "restart");
    app.update();
    server.update_until(&mut app, is_connected);
    server.close_connections(4001, "no such app");
    app.update();
    let connection = app.world().resource::<PusherConnection>();
    assert!(matches!(connection.state(), ConnectionState::Failed { .. }));
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn user_signs_in_and_sees_the_watchlist() {
    let server = TestServer::new();
    let me = TestUser::new("ann").with_watchlist(["bob"]);
    let mut app = game(server.config_as(me));
    server.update_until(&mut app, is_connected);
    server.refuse_sign_in(403);
    app.world().resource::<PusherConnection>().sign_in();
    app.update();
    let user = app.world().resource::<PusherUser>();
    assert!(!user.is_signed_in());
    server.refuse_sign_in(None);
    app.world().resource::<PusherConnection>().sign_in();
    let bob = server.peer("bob");
    bob.sign_in();
    server.publish_to_user("ann", "invitation", &json!({}));
    app.update();
    let user = app.world().resource::<PusherUser>();
    assert!(user.is_signed_in() && user.is_online("bob"));
    assert_eq!(shown(&app), ["to me: invitation"]);
}

#[test]
fn custom_config_is_used_except_for_the_server() {
    let server = TestServer::new();
    let timing = Timing {
        activity_timeout: Duration::from_secs(5),
        ..Timing::default()
    };
    let own = PusherConfig::new("REAL_KEY", Endpoint::cluster("eu")).with_timing(timing);
    let mut app = game(server.redirect(own, "ann"));
    server.update_until(&mut app, is_connected);
    server.advance(Duration::from_secs(6));
    app.update();
    let connection = app.world().resource::<PusherConnection>();
    assert!(connection.round_trip().is_some());
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn authorizer_may_answer_from_another_thread() {
    struct Slow;
    impl Authorizer for Slow {
        fn authorize(&self, request: AuthRequest, reply: AuthReply) {
            assert_ne!(request.channel(), "private-panic", "panic on purpose");
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(200));
                reply.send(Err(AuthError::http(418, "")));
            });
        }
    }
    let server = TestServer::new();
    let mut app = game(server.config().with_authorizer(Slow));
    for (channel, expected) in [("private-slow", Some(418)), ("private-panic", None)] {
        let entity = app.world_mut().spawn(PusherChannel::new(channel)).id();
        server.update_until(&mut app, |world| {
            let status = world.get::<PusherSubscription>(entity).unwrap();
            matches!(status, PusherSubscription::Failed { error } if error.status() == expected)
        });
    }
}

#[test]
fn dropping_the_app_closes_its_connection() {
    let server = TestServer::new();
    let mut app = game(server.config());
    server.update_until(&mut app, is_connected);
    assert_eq!(server.connection_count(), 1);
    drop(app);
    assert_eq!(server.connection_count(), 0);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn waiting_for_a_refused_channel_fails_at_once_with_the_reason() {
    let (server, mut app, vip) = refused();
    let failure = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        server.update_until_subscribed(&mut app, vip);
    }));
    let message = failure.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("403"), "{message}");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn failed_wait_reports_what_was_seen() {
    let server = TestServer::new();
    let mut app = game(server.config());
    server.publish("lobby", "lonely", &json!({}));
    let failure = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        server.update_until(&mut app, |_| false);
    }));
    let message = failure.unwrap_err().downcast::<String>().unwrap();
    assert!(
        message.contains("Connected") && message.contains("lonely"),
        "{message}"
    );
}
