//! Tests of typed events: registered by name, by name and channel, and several types for one name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_test_support::ScriptedServer;
use serde::Deserialize;
use serde_json::json;
use support::{scripted::*, *};

#[derive(Deserialize)]
struct ChessMove {
    from: String,
}

#[derive(Deserialize)]
struct CardMove {
    card: u8,
}

#[derive(Deserialize)]
struct AnyMove {
    player: String,
}

/// A game that records the events it receives of each type.
fn players(server: &ScriptedServer) -> App {
    let mut app = game(config(server).with_raw_for_typed(false));
    app.add_observer(
        |event: On<PusherEvent<ChessMove>>, mut recorded: ResMut<Recorded>| {
            recorded
                .0
                .push(format!("{} chess {}", event.channel(), event.data().from));
        },
    )
    .add_observer(
        |event: On<PusherEvent<CardMove>>, mut recorded: ResMut<Recorded>| {
            recorded
                .0
                .push(format!("{} card {}", event.channel(), event.data().card));
        },
    )
    .add_observer(
        |event: On<PusherEvent<AnyMove>>, mut recorded: ResMut<Recorded>| {
            recorded
                .0
                .push(format!("{} by {}", event.channel(), event.data().player));
        },
    );
    app
}

fn received(app: &App) -> Vec<&str> {
    let recorded = recorded(app.world()).iter().map(String::as_str);
    recorded
        .filter(|recorded| !recorded.ends_with("subscribed"))
        .collect()
}

#[test]
fn event_type_depends_on_the_channel_pattern() {
    let server = ScriptedServer::start();
    let mut app = players(&server);
    app.add_pusher_event_on::<ChessMove>("chess-*", "move")
        .add_pusher_event_on::<CardMove>("cards-7", "move")
        .add_pusher_event::<AnyMove>("move");
    let connection = greet(&server, &mut app);
    for channel in ["chess-1", "cards-7", "cards-8"] {
        listen(&mut app, &connection, channel);
        connection.event(
            channel,
            "move",
            &json!({"from": "e2", "card": 3, "player": "ann"}),
        );
        expect_recorded(&mut app, &format!("{channel} by ann"));
    }
    let expected = [
        "chess-1 chess e2",
        "chess-1 by ann",
        "cards-7 card 3",
        "cards-7 by ann",
        "cards-8 by ann",
    ];
    assert_eq!(received(&app), expected);
}

#[test]
fn type_registered_twice_arrives_once() {
    let server = ScriptedServer::start();
    let mut app = players(&server);
    app.add_pusher_event::<AnyMove>("move")
        .add_pusher_event_on::<AnyMove>("chess-*", "move")
        .add_pusher_event_on::<AnyMove>("*", "move");
    let connection = greet(&server, &mut app);
    listen(&mut app, &connection, "chess-1");
    connection.event("chess-1", "move", &json!({"player": "ann"}));
    connection.event("chess-1", "move", &json!({"player": "bob"}));
    expect_recorded(&mut app, "chess-1 by bob");
    assert_eq!(received(&app), ["chess-1 by ann", "chess-1 by bob"]);
}

#[test]
fn late_registration_applies_from_the_next_event() {
    let server = ScriptedServer::start();
    let mut app = players(&server);
    let connection = greet(&server, &mut app);
    listen(&mut app, &connection, "chess-1");
    listen(&mut app, &connection, "lobby");
    connection.event("chess-1", "move", &json!({"from": "e2"}));
    expect_recorded(&mut app, r#"chess-1 move {"from":"e2"}"#);
    app.add_pusher_event_on::<ChessMove>("chess-*", "move");
    connection.event("chess-1", "move", &json!({"from": "d2"}));
    connection.event("lobby", "move", &json!({"from": "c2"}));
    expect_recorded(&mut app, "chess-1 chess d2");
    expect_recorded(&mut app, r#"lobby move {"from":"c2"}"#);
    assert_eq!(
        received(&app),
        [
            r#"chess-1 move {"from":"e2"}"#,
            "chess-1 chess d2",
            r#"lobby move {"from":"c2"}"#
        ]
    );
}

#[test]
fn type_that_fails_to_decode_is_reported_and_others_arrive() {
    let server = ScriptedServer::start();
    let mut app = players(&server);
    app.add_pusher_event_on::<ChessMove>("chess-*", "move")
        .add_pusher_event::<AnyMove>("move")
        .add_systems(
            Update,
            |mut failures: MessageReader<PusherDecodeFailed>, mut recorded: ResMut<Recorded>| {
                for failure in failures.read() {
                    recorded.0.push(format!(
                        "{:?} {} {} {}: {}",
                        failure.channel(),
                        failure.type_name().rsplit("::").next().unwrap(),
                        failure.path(),
                        failure.raw().as_str(),
                        failure.reason(),
                    ));
                }
            },
        );
    let connection = greet(&server, &mut app);
    listen(&mut app, &connection, "chess-1");
    connection.event("chess-1", "move", &json!({"from": 5, "player": "ann"}));
    expect_recorded(&mut app, "chess-1 by ann");
    app.update();
    let failure = recorded(app.world())
        .iter()
        .find(|recorded| recorded.starts_with("Some"))
        .unwrap();
    let expected =
        r#"Some("chess-1") ChessMove from {"from":5,"player":"ann"}: invalid type: integer `5`"#;
    assert!(failure.starts_with(expected), "{failure}");
}
