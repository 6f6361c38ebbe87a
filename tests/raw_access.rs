//! Tests of protocol extensions: unknown events and fields from the server, and extra fields to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use std::time::Duration;

use bevy::{prelude::*, reflect::TypeRegistry};
use bevy_pusher::{PusherGlobalEvent, PusherSubscribeExtras, prelude::*};
use pusher_test_support::{ScriptedConnection, ScriptedServer};
use serde::Deserialize;
use serde_json::{Value, json};
use support::{scripted::*, *};

fn filter(value: &str) -> PusherSubscribeExtras {
    PusherSubscribeExtras::new().with("filter", value)
}

/// Runs a frame and confirms the subscription to the lobby, which must have this filter.
fn confirm(app: &mut App, connection: &ScriptedConnection, filter: &Value) {
    app.update();
    let frame = connection.expect_event("pusher:subscribe", TIMEOUT);
    assert_eq!(frame["data"]["channel"], "lobby");
    assert_eq!(frame["data"]["filter"], *filter);
    connection.subscribed("lobby");
}

fn left(app: &mut App, connection: &ScriptedConnection) {
    app.update();
    let frame = connection.expect_event("pusher:unsubscribe", TIMEOUT);
    assert_eq!(frame["data"]["channel"], "lobby");
}

#[derive(Deserialize)]
struct Goal {
    minute: u8,
}

#[test]
fn unknown_frame_fields_arrive_with_raw_and_typed_events() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    app.add_pusher_event::<Goal>("goal")
        .add_observer(
            |goal: On<PusherEvent<Goal>>, mut recorded: ResMut<Recorded>| {
                let serial: u64 = goal.extra("serial").unwrap().parse().unwrap();
                recorded
                    .0
                    .push(format!("{} at {serial}", goal.data().minute));
            },
        )
        .add_systems(
            Update,
            |mut events: MessageReader<PusherEvent>, mut recorded: ResMut<Recorded>| {
                for event in events.read() {
                    let keys: Vec<String> = event
                        .extras()
                        .map(|(key, value)| format!("{key}={}", value.as_str()))
                        .collect();
                    recorded.0.push(format!("raw {}", keys.join(" ")));
                }
            },
        );
    listen(&mut app, &connection, "lobby");
    connection.send_text(
        r#"{"event":"goal","channel":"lobby","data":"{\"minute\":90}","serial":18446744073709551615,"message_id":"m-1","tags":{"kind":"goal"}}"#,
    );
    expect_recorded(&mut app, "90 at 18446744073709551615");
    expect_recorded(
        &mut app,
        r#"raw serial=18446744073709551615 message_id=m-1 tags={"kind":"goal"}"#,
    );
    connection.event("lobby", "plain", &json!(1));
    expect_recorded(&mut app, "raw ");
}

#[test]
fn unknown_server_events_are_delivered() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    app.add_observer(
        |event: On<PusherGlobalEvent>, mut recorded: ResMut<Recorded>| {
            let node = event.extra("node").map(|node| node.as_str().to_owned());
            recorded.0.push(format!(
                "connection {} {} {node:?}",
                event.name(),
                event.data().as_str()
            ));
        },
    );
    listen(&mut app, &connection, "lobby");
    connection.send(json!({"event": "pusher:maintenance", "data": {"in": 60}, "node": "n1"}));
    connection.send(json!({"event": "pusher:delta", "channel": "lobby", "data": "{}"}));
    expect_recorded(
        &mut app,
        r#"connection pusher:maintenance {"in":60} Some("n1")"#,
    );
    expect_recorded(&mut app, "lobby pusher:delta {}");
}

#[test]
fn changed_extra_fields_resubscribe_the_channel() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    let entity = app
        .world_mut()
        .spawn((PusherChannel::new("lobby"), filter("one")))
        .id();
    confirm(&mut app, &connection, &json!("one"));
    wait_until_subscribed(&mut app, entity);
    app.world_mut().entity_mut(entity).insert(filter("one"));
    app.update();
    connection.expect_nothing(Duration::from_millis(50));

    app.world_mut().entity_mut(entity).insert(filter("two"));
    left(&mut app, &connection);
    confirm(&mut app, &connection, &json!("two"));
    expect_recorded(&mut app, "lobby subscribed again");

    connection.cut();
    let connection = greet(&server, &mut app);
    confirm(&mut app, &connection, &json!("two"));
    wait_until_subscribed(&mut app, entity);

    app.world_mut()
        .entity_mut(entity)
        .remove::<PusherSubscribeExtras>();
    left(&mut app, &connection);
    confirm(&mut app, &connection, &Value::Null);
    wait_until_subscribed(&mut app, entity);
}

#[test]
fn oldest_entity_with_extra_fields_decides() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    let plain = spawn(&mut app, "lobby");
    confirm(&mut app, &connection, &Value::Null);
    wait_until_subscribed(&mut app, plain);

    let second = app
        .world_mut()
        .spawn((filter("two"), PusherChannel::new("lobby")))
        .id();
    left(&mut app, &connection);
    confirm(&mut app, &connection, &json!("two"));
    let third = app
        .world_mut()
        .spawn((PusherChannel::new("lobby"), filter("three")))
        .id();
    app.update();
    connection.expect_nothing(Duration::from_millis(50));

    app.world_mut().despawn(second);
    left(&mut app, &connection);
    confirm(&mut app, &connection, &json!("three"));
    app.world_mut().despawn(third);
    left(&mut app, &connection);
    confirm(&mut app, &connection, &Value::Null);
    wait_until_subscribed(&mut app, plain);
}

#[test]
fn extra_fields_can_be_saved_in_a_scene_and_loaded() {
    use bevy::reflect::serde::{TypedReflectDeserializer, TypedReflectSerializer};
    use serde::de::DeserializeSeed;

    let mut registry = TypeRegistry::default();
    registry.register::<PusherSubscribeExtras>();
    let extras = filter("one").with("rewind", 5);
    let saved = serde_json::to_string(&TypedReflectSerializer::new(&extras, &registry)).unwrap();
    let registration = registry
        .get(std::any::TypeId::of::<PusherSubscribeExtras>())
        .unwrap();
    let loaded = TypedReflectDeserializer::new(registration, &registry)
        .deserialize(&mut serde_json::Deserializer::from_str(&saved))
        .unwrap();
    let loaded: PusherSubscribeExtras = loaded.try_take().unwrap();
    assert_eq!(loaded, extras);
}
