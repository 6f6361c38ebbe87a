//! Staying connected: pings, pongs, and what silence leads to.

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy_pusher::config::*;
use serde_json::{Value, json};

use super::*;

const PING: &str = r#"{"event":"pusher:ping","data":{}}"#;
const PONG: &str = r#"{"event":"pusher:pong","data":{}}"#;

// 11.3
#[test]
fn of_two_activity_timeouts_the_shorter_one_leads_to_the_ping() {
    for (configured, server, expected) in [(100, 120, 100), (120_000, 1, 1000)] {
        let mut play = Play::with(|config| heartbeat(config, configured, 10_000));
        let line = play.accept();
        let begun = Instant::now();
        line.establish("1.1", server);
        assert_eq!(line.expect_text(SOON), PING);
        let expected = Duration::from_millis(expected);
        let passed = begun.elapsed();
        assert!(
            passed >= expected && passed < expected + STALL * 5,
            "{passed:?}"
        );
    }
}

// 11.4
#[test]
fn a_greeting_without_an_activity_timeout_leaves_it_at_the_configured_one() {
    for timeout in [Value::Null, json!(0), json!("soon")] {
        let mut play = Play::with(|config| heartbeat(config, 80, 10_000));
        let line = play.accept();
        let data = json!({"socket_id": "1.1", "activity_timeout": timeout});
        line.send(json!({"event": "pusher:connection_established", "data": data.to_string()}));
        play.connected_as("1.1");
        assert_eq!(line.expect_text(SOON), PING);
    }
}

// 11.5
#[test]
fn what_the_server_says_postpones_the_ping_and_what_the_client_says_does_not() {
    let unlimited = Limits {
        client_events_per_second: None,
        ..Limits::default()
    };
    let (mut play, line) = Play::online_with(|config| {
        heartbeat(let_in(config, "ann"), 800, 10_000).with_limits(unlimited)
    });
    play.join(&line, "private-room");
    for number in 0..12 {
        line.event("private-room", "news", &json!(number));
        thread::sleep(Duration::from_millis(100));
    }
    line.expect_nothing(Duration::ZERO);
    for number in 0..20 {
        let sent = play
            .connection()
            .send("private-room", "client-move", &number);
        sent.unwrap();
        thread::sleep(Duration::from_millis(60));
    }
    let texts = line.received_texts();
    let ping = texts.iter().position(|text| text == PING);
    assert!(
        ping.is_some_and(|ping| ping + 1 < texts.len()),
        "the ping comes in the middle of what the client says: {texts:?}"
    );
}

// 11.6
#[test]
fn a_ping_without_an_answer_leads_to_a_new_socket() {
    let (mut play, line) = Play::online_with(|config| heartbeat(patient(config), 80, 80));
    assert_eq!(line.expect_text(SOON), PING);
    line.expect_end(SOON);
    let report = play.reported("did not answer a ping within 80ms");
    assert_eq!(report.attempt(), 1);
    let _line = play.greet();
    assert_eq!(play.server.open_connections(), 1);
}

// 11.6
#[test]
fn anything_at_all_that_comes_is_an_answer_to_a_ping() {
    let mut play = Play::with(|config| heartbeat(config, 60, 2_000));
    let line = play.accept();
    line.reply_with(|frame| match frame["event"].as_str() {
        Some("pusher:ping") => vec![json!({"event": "weather", "data": "rain"})],
        _ => vec![],
    });
    line.establish("1.1", 120);
    for _ in 0..12 {
        assert_eq!(line.expect_text(SOON), PING);
    }
    play.until("a round trip", |world| {
        let connection = world.resource::<PusherConnection>();
        connection.round_trip().is_some()
    });
    assert_eq!(play.server.connections_so_far(), 1);
}

// 11.7
#[test]
fn a_ping_of_the_server_is_answered_with_one_pong_of_its_kind() {
    let (_play, line) = Play::online();
    for ping in [
        json!({"event": "pusher:ping", "data": {}}),
        json!({"event": "pusher:ping"}),
        json!({"event": "pusher:ping", "data": "{}"}),
    ] {
        line.send(ping);
        assert_eq!(line.expect_text(SOON), PONG);
    }
    line.ping(b"7");
    assert_eq!(line.expect_pong(SOON), b"7");
    line.expect_nothing(A_WHILE);
}

// 2.1
#[test]
fn a_hint_that_the_network_changed_asks_the_link_at_once_and_dials_at_once() {
    let (mut play, line) = Play::online_with(|config| heartbeat(patient(config), 60_000, 80));
    play.connection().check_link();
    assert_eq!(line.expect_text(SOON), PING);
    line.send_text(PONG);
    play.run_for(A_WHILE * 2);
    assert!(play.connection().is_connected(), "the link answered");
    play.connection().check_link();
    assert_eq!(line.expect_text(SOON), PING);
    line.expect_end(SOON);
    let line = play.greet();
    line.cut();
    play.reported("the connection was lost");
    play.server.expect_no_connection(A_WHILE);
    play.connection().check_link();
    play.greet();
}
