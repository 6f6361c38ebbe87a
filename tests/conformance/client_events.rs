//! Client events both ways.

use std::time::Duration;

use bevy_pusher::{SendError, SendId, SendOutcome, config::*};
use serde_json::{Value, json};

use super::*;

/// What became of the client events.
#[derive(Resource, Default)]
struct Answers(Vec<(SendId, SendOutcome)>);

/// A game that is let in everywhere, and notes what becomes of its client events.
fn sending(change: impl FnOnce(PusherConfig) -> PusherConfig) -> (Play, ScriptedConnection) {
    let (mut play, line) = Play::online_with(|config| change(let_in(config, "ann")));
    play.app.init_resource::<Answers>().add_systems(
        Update,
        |mut answers: MessageReader<PusherSendAnswered>, mut noted: ResMut<Answers>| {
            let new = answers.read();
            noted
                .0
                .extend(new.map(|answer| (answer.id(), answer.outcome().clone())));
        },
    );
    (play, line)
}

fn answer(play: &mut Play, id: SendId) -> SendOutcome {
    let find = |world: &World| {
        let mut answers = world.resource::<Answers>().0.iter();
        answers
            .find(|(of, _)| *of == id)
            .map(|(_, outcome)| outcome.clone())
    };
    play.until("what became of it", |world| find(world).is_some());
    find(play.app.world()).unwrap()
}

fn rejected(play: &mut Play, id: SendId) -> SendError {
    match answer(play, id) {
        SendOutcome::Rejected(error) => error,
        outcome => panic!("{outcome:?}"),
    }
}

// 11.40
#[test]
fn a_client_event_is_one_frame_with_its_channel_on_top_and_its_data_as_the_value_it_is() {
    let (mut play, line) = sending(|config| config.with_sent_answers(true));
    for channel in ["private-room", "presence-room"] {
        play.join(&line, channel);
    }
    let send = |channel: &str, data: Value| {
        let sent = play.connection().send(channel, "client-move", &data);
        sent.unwrap()
    };
    let id = send("private-room", json!({"x": 3}));
    assert_eq!(
        line.expect_text(SOON),
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
        assert_eq!(line.expect_json(SOON), frame);
    }
    assert_eq!(answer(&mut play, id), SendOutcome::Sent);
    // 11.41: nothing is echoed here.
    play.run_for(A_WHILE);
    assert!(!play.told().iter().any(|told| told.contains("client-move")));
}

// 11.40: what is wrong with the event itself is an error at once, as tests/ecs.rs shows; the rest is answered.
#[test]
fn whatever_keeps_a_client_event_from_being_sent_is_answered_and_nothing_is_on_the_wire() {
    let (mut play, line) = sending(|config| config);
    let room = play.join(&line, "private-room");
    let encrypted = play
        .connection()
        .send("private-encrypted-x", "client-move", &1);
    assert!(matches!(encrypted, Err(SendError::WrongKind { .. })));
    let send = |play: &Play, channel: &str| {
        let sent = play.connection().send(channel, "client-move", &1);
        sent.unwrap()
    };

    // In the frame in which the channel is spawned, and while the answer is awaited.
    support::spawn(&mut play.app, "private-next");
    let id = send(&play, "private-next");
    assert_eq!(rejected(&mut play, id), SendError::NotSubscribed);
    line.expect_event("pusher:subscribe", SOON);
    let id = send(&play, "private-next");
    assert_eq!(rejected(&mut play, id), SendError::NotSubscribed);

    play.despawn(room);
    assert_eq!(line.expect_json(SOON), unsubscribe("private-room"));
    let id = send(&play, "private-room");
    assert_eq!(rejected(&mut play, id), SendError::NotSubscribed);
    line.expect_nothing(A_WHILE);

    play.server.stop_listening();
    line.cut();
    play.reported("the connection was lost");
    let id = send(&play, "private-next");
    assert_eq!(rejected(&mut play, id), SendError::NotConnected);
    play.server.listen_again();
    let line = play.greet();
    line.expect_event("pusher:subscribe", SOON);
    line.expect_nothing(A_WHILE);
}

// 11.40, section 3: ten a second, ten kilobytes each.
#[test]
fn the_servers_limits_are_kept_here_and_who_exceeds_them_is_told() {
    let (mut play, line) = sending(|config| config);
    play.join(&line, "private-room");
    let largest = "x".repeat(10_240 - 2);
    let connection = play.connection();
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
    line.expect_event("client-big", SOON);
    for number in 0..9 {
        let frame = line.expect_event("client-move", SOON);
        assert_eq!(frame["data"], number);
    }
    for id in &ids[9..] {
        assert_eq!(
            rejected(&mut play, *id),
            SendError::RateLimited { limit: 10 }
        );
    }
    line.expect_nothing(A_WHILE);
    play.run_for(Duration::from_secs(1));
    play.connection()
        .send("private-room", "client-move", &"again")
        .unwrap();
    assert_eq!(line.expect_event("client-move", SOON)["data"], "again");
}

// 11.41
#[test]
fn a_client_event_of_somebody_else_names_them_on_presence_channels_alone() {
    let (mut play, line) = sending(|config| config);
    for channel in ["private-room", "presence-room", "lobby"] {
        play.join(&line, channel);
    }
    let event = |channel: &str, user: Value| {
        let frame = json!({"event": "client-wave", "channel": channel, "data": {"hand": 1}, "user_id": user});
        line.send(frame);
    };
    event("presence-room", json!("bob"));
    play.has_been_told(r#"presence-room client-wave {"hand":1} from bob"#);
    event("presence-room", json!(17));
    play.has_been_told(r#"presence-room client-wave {"hand":1} from 17"#);
    for nobody in [json!(null), json!("")] {
        event("presence-room", nobody);
    }
    line.send(json!({"event": "client-wave", "channel": "presence-room", "data": {"hand": 1}}));
    for channel in ["private-room", "lobby"] {
        event(channel, json!("mallory"));
        play.has_been_told(&format!(r#"{channel} client-wave {{"hand":1}}"#));
    }
    let anonymous = |told: &&String| *told == r#"presence-room client-wave {"hand":1}"#;
    assert_eq!(play.told().iter().filter(anonymous).count(), 3);
    assert!(play.errors().is_empty());
}

// 11.15: Reverb and Sockudo refuse a client event by an error that names no channel.
#[test]
fn a_client_event_that_the_server_refuses_is_reported_and_costs_nothing_else() {
    let (mut play, line) = sending(|config| config);
    let room = play.join(&line, "private-room");
    play.connection()
        .send("private-room", "client-move", &1)
        .unwrap();
    line.expect_event("client-move", SOON);
    let data = json!({"code": 4301, "message": "Rate limit exceeded"});
    line.send(json!({"event": "pusher:error", "data": data}));
    let report = play.reported("Rate limit exceeded");
    assert_eq!((report.code(), report.attempt()), (Some(4301), 0));
    assert!(play.status(room).is_subscribed());
    play.hears(&line, "private-room", 1);
}
