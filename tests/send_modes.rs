//! Tests of queued and latest-value client events over a real socket: each is delivered or rejected with an answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_pusher::{
    SendError, SendId, SendMode, SendOutcome,
    auth::{ChannelAuthorization, authorize_with},
    config::*,
    prelude::*,
};
use pusher_test_support::{ScriptedConnection, ScriptedServer, update_until};
use support::{scripted::*, *};

const ROOM: &str = "private-room";

#[derive(Resource, Default)]
struct Answers(Vec<(SendId, SendOutcome)>);

/// A game that may join any channel and records every answer to a send.
fn answered_game(server: &ScriptedServer) -> App {
    let authorizer = authorize_with(|_| Ok(ChannelAuthorization::new("key:signature")));
    let config = config(server)
        .with_authorizer(authorizer)
        .with_sent_answers(true);
    let mut app = game(config);
    app.init_resource::<Answers>().add_systems(
        Update,
        |mut read: MessageReader<PusherSendAnswered>, mut answers: ResMut<Answers>| {
            let new = read
                .read()
                .map(|answer| (answer.id(), answer.outcome().clone()));
            answers.0.extend(new);
        },
    );
    app
}

fn send(app: &App, mode: SendMode, data: u32) -> SendId {
    let connection = app.world().resource::<PusherConnection>();
    connection
        .send_with(mode, ROOM, "client-move", &data)
        .unwrap()
}

fn outcomes(app: &App, id: SendId) -> Vec<SendOutcome> {
    let answers = app.world().resource::<Answers>().0.iter();
    answers
        .filter(|(other, _)| *other == id)
        .map(|(_, outcome)| outcome.clone())
        .collect()
}

fn answered(app: &mut App, id: SendId) {
    update_until(app, "a final answer", TIMEOUT, |world| {
        let answers = &world.resource::<Answers>().0;
        answers
            .iter()
            .any(|(other, outcome)| *other == id && outcome.is_final())
    });
}

fn expect_move(connection: &ScriptedConnection) -> u64 {
    let frame = connection.expect_event("client-move", TIMEOUT);
    assert_eq!(frame["channel"], ROOM);
    frame["data"].as_u64().unwrap()
}

#[test]
fn a_game_may_send_in_the_frame_in_which_it_subscribes() {
    let server = ScriptedServer::start();
    let mut app = answered_game(&server);
    app.update();
    let entity = spawn(&mut app, ROOM);
    let ids = [1, 2].map(|data| send(&app, SendMode::Queued, data));
    let connection = greet(&server, &mut app);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.expect_nothing(Duration::from_millis(50));
    connection.subscribed(ROOM);
    wait_until_subscribed(&mut app, entity);
    assert_eq!([expect_move(&connection), expect_move(&connection)], [1, 2]);
    for id in ids {
        answered(&mut app, id);
        assert_eq!(outcomes(&app, id), [SendOutcome::Queued, SendOutcome::Sent]);
    }
}

#[test]
fn send_queue_survives_a_lost_connection() {
    let server = ScriptedServer::start();
    let mut app = answered_game(&server);
    let connection = greet(&server, &mut app);
    listen(&mut app, &connection, ROOM);
    connection.cut();
    update_until(&mut app, "the loss", TIMEOUT, |world| {
        !world.resource::<PusherConnection>().is_connected()
    });
    let kept = send(&app, SendMode::Queued, 1);
    let stale = send(&app, SendMode::Latest, 2);
    let connection = greet(&server, &mut app);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed(ROOM);
    assert_eq!(expect_move(&connection), 1);
    answered(&mut app, kept);
    assert_eq!(
        outcomes(&app, kept),
        [SendOutcome::Queued, SendOutcome::Sent]
    );
    answered(&mut app, stale);
    assert_eq!(
        outcomes(&app, stale),
        [SendOutcome::Rejected(SendError::NotConnected)]
    );
    connection.expect_nothing(Duration::from_millis(50));
}

#[test]
fn latest_mode_stays_within_the_rate_limit() {
    let server = ScriptedServer::start();
    let mut app = answered_game(&server);
    let connection = greet(&server, &mut app);
    listen(&mut app, &connection, ROOM);
    let started = Instant::now();
    let mut ids = Vec::new();
    while started.elapsed() < Duration::from_millis(1500) {
        ids.push(send(&app, SendMode::Latest, ids.len() as u32));
        app.update();
        std::thread::sleep(Duration::from_millis(5));
    }
    let last = ids.len() as u64 - 1;
    let mut got = vec![expect_move(&connection)];
    while got.last() != Some(&last) {
        got.push(expect_move(&connection));
    }
    assert!(got.is_sorted(), "{got:?}");
    let seconds = started.elapsed().as_secs_f64();
    assert!(
        // Ten events per second, and one more at the start of the first second.
        got.len() >= 3 && (got.len() as f64) <= 1.0 + 10.0 * seconds,
        "{} in {seconds} s",
        got.len()
    );
    for id in &ids {
        answered(&mut app, *id);
    }
    let mut counts = HashMap::<SendId, usize>::new();
    for (id, outcome) in &app.world().resource::<Answers>().0 {
        assert!(
            matches!(outcome, SendOutcome::Sent | SendOutcome::Coalesced),
            "{outcome:?}"
        );
        *counts.entry(*id).or_default() += 1;
    }
    assert!(counts.len() == ids.len() && counts.values().all(|count| *count == 1));
}

#[test]
fn queued_events_are_answered_when_the_config_is_removed() {
    let server = ScriptedServer::start();
    let mut app = answered_game(&server);
    let _connection = greet(&server, &mut app);
    let id = send(&app, SendMode::Queued, 1);
    app.world_mut().remove_resource::<PusherConfig>();
    answered(&mut app, id);
    assert_eq!(
        outcomes(&app, id).last(),
        Some(&SendOutcome::Rejected(SendError::NotConnected))
    );
    let connection = app.world().resource::<PusherConnection>();
    assert_eq!(
        connection.send_with(SendMode::Queued, ROOM, "client-move", &1),
        Err(SendError::NotConnected),
        "no driver is running"
    );
}
