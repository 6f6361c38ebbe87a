//! Tests of client events in both directions.

use std::time::Duration;

use bevy_pusher::{SendError, SendId, SendOutcome, config::*};
use serde_json::{Value, json};

use super::*;

/// The outcomes of the client events.
#[derive(Resource, Default)]
struct Answers(Vec<(SendId, SendOutcome)>);

/// A game that is authorized for every channel and records the outcomes of its client events.
fn game_with_outcomes(
    change: impl FnOnce(PusherConfig) -> PusherConfig,
) -> (Harness, ScriptedConnection) {
    let (mut harness, socket) = Harness::online_with(|config| change(authorize_as(config, "ann")));
    harness.app.init_resource::<Answers>().add_systems(
        Update,
        |mut answers: MessageReader<PusherSendAnswered>, mut recorded: ResMut<Answers>| {
            let new = answers.read();
            recorded
                .0
                .extend(new.map(|answer| (answer.id(), answer.outcome().clone())));
        },
    );
    (harness, socket)
}

fn answer(harness: &mut Harness, id: SendId) -> SendOutcome {
    let find = |world: &World| {
        let mut answers = world.resource::<Answers>().0.iter();
        answers
            .find(|(of, _)| *of == id)
            .map(|(_, outcome)| outcome.clone())
    };
    harness.until("the outcome", |world| find(world).is_some());
    find(harness.app.world()).unwrap()
}

fn rejected(harness: &mut Harness, id: SendId) -> SendError {
    match answer(harness, id) {
        SendOutcome::Rejected(error) => error,
        outcome => panic!("{outcome:?}"),
    }
}

// 11.40
#[test]
fn client_event_frame_has_its_channel_on_top_and_plain_data() {
    let (mut harness, socket) = game_with_outcomes(|config| config.with_sent_answers(true));
    for channel in ["private-room", "presence-room"] {
        harness.join(&socket, channel);
    }
    let send = |channel: &str, data: Value| {
        let sent = harness.connection().send(channel, "client-move", &data);
        sent.unwrap()
    };
    let id = send("private-room", json!({"x": 3}));
    assert_eq!(
        socket.expect_text(TIMEOUT),
        r#"{"event":"client-move","channel":"private-room","data":{"x":3}}"#
    );
    for data in [
        json!("left"),
        json!(null),
        json!([1, {"y": "ü"}]),
        json!(0.5),
    ] {
        send("presence-room", data.clone());
        let frame = json!({"event": "client-move", "channel": "presence-room", "data": data});
        assert_eq!(socket.expect_json(TIMEOUT), frame);
    }
    assert_eq!(answer(&mut harness, id), SendOutcome::Sent);
    // 11.41: the client does not echo its own events.
    harness.run_for(QUIET_PERIOD);
    assert!(
        !harness
            .recorded()
            .iter()
            .any(|recorded| recorded.contains("client-move"))
    );
}

// 11.40: an invalid event is an error at once, as tests/ecs.rs shows; other reasons are answered.
#[test]
fn unsent_client_events_are_answered_and_not_on_the_wire() {
    let (mut harness, socket) = game_with_outcomes(|config| config);
    let room = harness.join(&socket, "private-room");
    let encrypted = harness
        .connection()
        .send("private-encrypted-x", "client-move", &1);
    assert!(matches!(encrypted, Err(SendError::WrongKind { .. })));
    let send = |harness: &Harness, channel: &str| {
        let sent = harness.connection().send(channel, "client-move", &1);
        sent.unwrap()
    };

    // In the frame in which the channel is spawned, and before the server's answer.
    support::spawn(&mut harness.app, "private-next");
    let id = send(&harness, "private-next");
    assert_eq!(rejected(&mut harness, id), SendError::NotSubscribed);
    socket.expect_event("pusher:subscribe", TIMEOUT);
    let id = send(&harness, "private-next");
    assert_eq!(rejected(&mut harness, id), SendError::NotSubscribed);

    harness.despawn(room);
    assert_eq!(socket.expect_json(TIMEOUT), unsubscribe("private-room"));
    let id = send(&harness, "private-room");
    assert_eq!(rejected(&mut harness, id), SendError::NotSubscribed);
    socket.expect_nothing(QUIET_PERIOD);

    harness.server.stop_listening();
    socket.cut();
    harness.expect_report("the connection was lost");
    let id = send(&harness, "private-next");
    assert_eq!(rejected(&mut harness, id), SendError::NotConnected);
    harness.server.listen_again();
    let socket = harness.greet();
    socket.expect_event("pusher:subscribe", TIMEOUT);
    socket.expect_nothing(QUIET_PERIOD);
}

// 11.40, section 3: ten events per second of ten kilobytes each.
#[test]
fn client_enforces_the_limits_of_the_server() {
    let (mut harness, socket) = game_with_outcomes(|config| config);
    harness.join(&socket, "private-room");
    let largest = "x".repeat(10_240 - 2);
    let connection = harness.connection();
    connection
        .send("private-room", "client-big", &largest)
        .unwrap();
    let too_large = connection.send("private-room", "client-big", &format!("{largest}x"));
    assert_eq!(
        too_large,
        Err(SendError::TooLarge {
            size: 10_241,
            limit: 10_240
        })
    );
    let ids: Vec<SendId> = (0..30)
        .map(|number| {
            let sent = connection.send("private-room", "client-move", &number);
            sent.unwrap()
        })
        .collect();
    socket.expect_event("client-big", TIMEOUT);
    for number in 0..9 {
        let frame = socket.expect_event("client-move", TIMEOUT);
        assert_eq!(frame["data"], number);
    }
    for id in &ids[9..] {
        assert_eq!(
            rejected(&mut harness, *id),
            SendError::RateLimited { limit: 10 }
        );
    }
    socket.expect_nothing(QUIET_PERIOD);
    harness.run_for(Duration::from_secs(1));
    harness
        .connection()
        .send("private-room", "client-move", &"again")
        .unwrap();
    assert_eq!(socket.expect_event("client-move", TIMEOUT)["data"], "again");
}

// 11.41
#[test]
fn received_client_event_names_its_sender_on_presence_only() {
    let (mut harness, socket) = game_with_outcomes(|config| config);
    for channel in ["private-room", "presence-room", "lobby"] {
        harness.join(&socket, channel);
    }
    let event = |channel: &str, user: Value| {
        let frame = json!({"event": "client-wave", "channel": channel, "data": {"hand": 1}, "user_id": user});
        socket.send(frame);
    };
    event("presence-room", json!("bob"));
    harness.expect_recorded(r#"presence-room client-wave {"hand":1} from bob"#);
    event("presence-room", json!(17));
    harness.expect_recorded(r#"presence-room client-wave {"hand":1} from 17"#);
    for missing in [json!(null), json!("")] {
        event("presence-room", missing);
    }
    socket.send(json!({"event": "client-wave", "channel": "presence-room", "data": {"hand": 1}}));
    for channel in ["private-room", "lobby"] {
        event(channel, json!("mallory"));
        harness.expect_recorded(&format!(r#"{channel} client-wave {{"hand":1}}"#));
    }
    let anonymous = |recorded: &&String| *recorded == r#"presence-room client-wave {"hand":1}"#;
    assert_eq!(harness.recorded().iter().filter(anonymous).count(), 3);
    assert!(harness.errors().is_empty());
}

// 11.15: Reverb and Sockudo refuse a client event with an error that names no channel.
#[test]
fn client_event_refused_by_the_server_is_only_reported() {
    let (mut harness, socket) = game_with_outcomes(|config| config);
    let room = harness.join(&socket, "private-room");
    harness
        .connection()
        .send("private-room", "client-move", &1)
        .unwrap();
    socket.expect_event("client-move", TIMEOUT);
    let data = json!({"code": 4301, "message": "Rate limit exceeded"});
    socket.send(json!({"event": "pusher:error", "data": data}));
    let report = harness.expect_report("Rate limit exceeded");
    assert_eq!((report.code(), report.attempt()), (Some(4301), 0));
    assert!(harness.status(room).is_subscribed());
    harness.expect_delivery(&socket, "private-room", 1);
}
