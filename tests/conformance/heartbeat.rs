//! Tests of the heartbeat: pings, pongs, and the reconnect after a missing pong.

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
fn shorter_activity_timeout_triggers_the_ping() {
    for (configured, server, expected) in [(100, 120, 100), (120_000, 1, 1000)] {
        let mut harness = Harness::with(|config| heartbeat(config, configured, 10_000));
        let socket = harness.accept();
        let started = Instant::now();
        socket.establish("1.1", server);
        assert_eq!(socket.expect_text(TIMEOUT), PING);
        let expected = Duration::from_millis(expected);
        let passed = started.elapsed();
        assert!(
            passed >= expected && passed < expected + SLOW_FRAME * 5,
            "{passed:?}"
        );
    }
}

// 11.4
#[test]
fn greeting_without_activity_timeout_keeps_the_configured_one() {
    for timeout in [Value::Null, json!(0), json!("soon")] {
        let mut harness = Harness::with(|config| heartbeat(config, 80, 10_000));
        let socket = harness.accept();
        let data = json!({"socket_id": "1.1", "activity_timeout": timeout});
        socket.send(json!({"event": "pusher:connection_established", "data": data.to_string()}));
        harness.connected_as("1.1");
        assert_eq!(socket.expect_text(TIMEOUT), PING);
    }
}

// 11.5
#[test]
fn only_received_messages_postpone_the_ping() {
    let unlimited = Limits {
        client_events_per_second: None,
        ..Limits::default()
    };
    let (mut harness, socket) = Harness::online_with(|config| {
        heartbeat(authorize_as(config, "ann"), 800, 10_000).with_limits(unlimited)
    });
    harness.join(&socket, "private-room");
    for number in 0..12 {
        socket.event("private-room", "news", &json!(number));
        // 12 events in 1.2 s, each well within the activity timeout of 0.8 s.
        thread::sleep(Duration::from_millis(100));
    }
    socket.expect_nothing(Duration::ZERO);
    for number in 0..20 {
        let sent = harness
            .connection()
            .send("private-room", "client-move", &number);
        sent.unwrap();
        // 20 events in 1.2 s, longer than the activity timeout.
        thread::sleep(Duration::from_millis(60));
    }
    let texts = socket.received_texts();
    let ping = texts.iter().position(|text| text == PING);
    assert!(
        ping.is_some_and(|ping| ping + 1 < texts.len()),
        "the client must ping while it sends: {texts:?}"
    );
}

// 11.6
#[test]
fn a_ping_without_an_answer_leads_to_a_new_socket() {
    let (mut harness, socket) =
        Harness::online_with(|config| heartbeat(with_long_retry_delay(config), 80, 80));
    assert_eq!(socket.expect_text(TIMEOUT), PING);
    socket.expect_end(TIMEOUT);
    let report = harness.expect_report("ping timed out: no message from the server within 80ms");
    assert_eq!(report.attempt(), 1);
    let _line = harness.greet();
    assert_eq!(harness.server.open_connections(), 1);
}

// 11.6
#[test]
fn any_received_frame_counts_as_a_pong() {
    let mut harness = Harness::with(|config| heartbeat(config, 60, 2_000));
    let socket = harness.accept();
    socket.reply_with(|frame| match frame["event"].as_str() {
        Some("pusher:ping") => vec![json!({"event": "weather", "data": "rain"})],
        _ => vec![],
    });
    socket.establish("1.1", 120);
    for _ in 0..12 {
        assert_eq!(socket.expect_text(TIMEOUT), PING);
    }
    harness.until("a round trip", |world| {
        let connection = world.resource::<PusherConnection>();
        connection.round_trip().is_some()
    });
    assert_eq!(harness.server.connections_so_far(), 1);
}

// 11.7
#[test]
fn server_ping_is_answered_with_one_pong_of_the_same_kind() {
    let (_play, socket) = Harness::online();
    for ping in [
        json!({"event": "pusher:ping", "data": {}}),
        json!({"event": "pusher:ping"}),
        json!({"event": "pusher:ping", "data": "{}"}),
    ] {
        socket.send(ping);
        assert_eq!(socket.expect_text(TIMEOUT), PONG);
    }
    socket.ping(b"7");
    assert_eq!(socket.expect_pong(TIMEOUT), b"7");
    socket.expect_nothing(QUIET_PERIOD);
}

// 2.1
#[test]
fn link_check_pings_at_once_or_dials_at_once() {
    let (mut harness, socket) =
        Harness::online_with(|config| heartbeat(with_long_retry_delay(config), 60_000, 80));
    harness.connection().check_link();
    assert_eq!(socket.expect_text(TIMEOUT), PING);
    socket.send_text(PONG);
    harness.run_for(QUIET_PERIOD * 2);
    assert!(harness.connection().is_connected(), "the link answered");
    harness.connection().check_link();
    assert_eq!(socket.expect_text(TIMEOUT), PING);
    socket.expect_end(TIMEOUT);
    let socket = harness.greet();
    socket.cut();
    harness.expect_report("the connection was lost");
    harness.server.expect_no_connection(QUIET_PERIOD);
    harness.connection().check_link();
    harness.greet();
}
