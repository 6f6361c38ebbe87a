//! Tests of the handshake and of the action that each close code leads to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bevy_pusher::{ConnectionState, config::*};
use serde_json::json;

use super::*;

// 11.1
#[test]
fn handshake_names_app_protocol_and_client() {
    let (mut harness, socket) = Harness::online();
    let request = socket.request();
    assert_eq!(request.path(), "/app/app-key");
    assert_eq!(request.query("protocol").as_deref(), Some("7"));
    assert_eq!(request.query("client").as_deref(), Some("bevy_pusher"));
    let version = request.query("version").unwrap();
    let numbers: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    assert_eq!(numbers.len(), 3, "{version}");
    assert_eq!(request.header("Sec-WebSocket-Protocol"), None);
    assert_eq!(request.header("Sec-WebSocket-Version"), Some("13"));
    let host = harness.server.address().to_string();
    assert_eq!(request.header("Host"), Some(&*host));
    harness.run_for(QUIET_PERIOD);
    socket.expect_nothing(Duration::ZERO);
    assert_eq!(harness.server.connections_so_far(), 1);
}

// 11.1
#[test]
fn path_prefix_comes_first_and_the_key_is_percent_encoded() {
    let server = ScriptedServer::start();
    let endpoint = Endpoint::custom("127.0.0.1", server.port()).with_path("/ws/v1/");
    let mut app = support::game(PusherConfig::new("a/b?c", endpoint));
    app.update();
    let socket = server.accept(TIMEOUT);
    assert_eq!(socket.request().path(), "/ws/v1/app/a%2Fb%3Fc");
    assert_eq!(socket.request().query("protocol").as_deref(), Some("7"));
}

// 11.2
#[test]
fn a_greeting_is_understood_as_a_text_and_as_an_object() {
    let greeting = json!({"socket_id": "218.3", "activity_timeout": 120});
    for data in [json!(greeting.to_string()), greeting] {
        let mut harness = Harness::new();
        let socket = harness.accept();
        socket.send(json!({"event": "pusher:connection_established", "data": data}));
        harness.connected_as("218.3");
    }
}

// 11.8: the client must not switch to TLS silently, because the game did not configure it.
#[test]
fn tls_only_server_is_not_retried_and_the_error_says_what_to_do() {
    let (mut harness, socket) = Harness::online();
    socket.close(4000, "TLS only");
    let error = harness.expect_failure();
    assert_eq!(error.code(), Some(4000));
    assert!(error.to_string().contains("switch TLS on"), "{error}");
    harness.server.expect_no_connection(QUIET_PERIOD);
}

// 11.9, 11.12
#[test]
fn final_close_codes_fail_without_a_retry() {
    let mut harness = Harness::new();
    for code in [4001, 4003, 4009, 4099, 4300, 4301, 4999] {
        let socket = harness.greet();
        socket.close(code, "we are done");
        let error = harness.expect_failure();
        assert_eq!(error.code(), Some(code));
        assert!(error.to_string().contains("we are done"), "{error}");
        assert_eq!(harness.errors().last().unwrap().code(), Some(code));
        harness.server.expect_no_connection(QUIET_PERIOD);
        harness.connection().connect();
    }
}

// 11.10
#[test]
fn over_capacity_server_is_retried_after_the_delay() {
    for code in [4100, 4199] {
        let (mut harness, socket) =
            Harness::online_with(|config| config.with_reconnect(retry_after(250, 300)));
        let closed = Instant::now();
        socket.close(code, "full");
        harness.greet();
        assert!(closed.elapsed() >= Duration::from_millis(250));
        assert_eq!(harness.expect_report("full").code(), Some(code));
    }
}

// 11.11: at a random time within a second, so that not all clients of a restarted server reconnect at once.
#[test]
fn close_code_4200_reconnects_without_backoff() {
    for code in [4200, 4299] {
        let (mut harness, socket) = Harness::online_with(with_long_retry_delay);
        let closed = Instant::now();
        socket.close(code, "restarting");
        harness.greet();
        assert!(closed.elapsed() < Duration::from_secs(1) + SLOW_FRAME * 5);
    }
}

// 11.13
#[test]
fn other_close_codes_reconnect() {
    type End = fn(&ScriptedConnection);
    let ends: [(End, &str); 10] = [
        (|socket| socket.close(1000, ""), "code 1000"),
        (|socket| socket.close(1001, "bye"), "code 1001"),
        (|socket| socket.close(1002, ""), "code 1002"),
        (|socket| socket.close(1003, ""), "code 1003"),
        (|socket| socket.close(1011, "oops"), "oops"),
        (|socket| socket.close(1013, ""), "try again later"),
        (|socket| socket.close(3999, ""), "code 3999"),
        (
            ScriptedConnection::close_without_code,
            "closed the connection",
        ),
        (ScriptedConnection::cut, "the connection was lost"),
        (ScriptedConnection::reset, "the connection was lost"),
    ];
    let mut harness = Harness::new();
    let mut socket = harness.greet();
    for (end, excerpt) in ends {
        end(&socket);
        harness.app.world_mut().resource_mut::<Log>().errors.clear();
        harness.expect_report(excerpt);
        socket = harness.greet();
    }
}

// 11.14
#[test]
fn error_instead_of_a_greeting_acts_like_a_close_code() {
    let refusal = |code: u16| json!({"code": code, "message": "no such app"});
    for data in [refusal(4001), json!(refusal(4001).to_string())] {
        let mut harness = Harness::new();
        let socket = harness.accept();
        socket.send(json!({"event": "pusher:error", "data": data}));
        let error = harness.expect_failure();
        assert_eq!(error.code(), Some(4001));
        let message = error.to_string();
        assert!(
            message.contains("no such app") && message.contains("check the key"),
            "{message}"
        );
        socket.expect_close(TIMEOUT);
        harness.server.expect_no_connection(QUIET_PERIOD);
    }
    for (code, policy, soonest) in [
        (4100, retry_after(250, 300), 250),
        (4200, retry_after(60_000, 60_000), 0),
    ] {
        let mut harness = Harness::with(|config| config.with_reconnect(policy));
        let socket = harness.accept();
        let refused = Instant::now();
        socket.send(json!({"event": "pusher:error", "data": refusal(code)}));
        harness.greet();
        assert!(refused.elapsed() >= Duration::from_millis(soonest));
        assert!(refused.elapsed() < Duration::from_secs(1) + SLOW_FRAME * 5);
    }
}

// 11.15, 11.16
#[test]
fn error_on_a_live_connection_is_reported_without_effect() {
    let (mut harness, socket) = Harness::online();
    let lobby = harness.join(&socket, "lobby");
    let errors = [
        (
            json!({"event": "pusher:error", "data": {"code": 4000, "message": "m0"}}),
            "m0",
            Some(4000),
        ),
        (
            json!({"event": "pusher:error", "data": {"code": 4009, "message": "m1"}}),
            "m1",
            Some(4009),
        ),
        (
            json!({"event": "pusher:error", "data": r#"{"code":4301,"message":"m2"}"#}),
            "m2",
            Some(4301),
        ),
        (
            json!({"event": "pusher:error", "data": {"code": null, "message": "m3"}}),
            "m3",
            None,
        ),
        (
            json!({"event": "pusher:error", "data": {"message": "m4"}}),
            "m4",
            None,
        ),
        (
            json!({"event": "pusher:error", "data": "m5, in plain words"}),
            "m5, in plain words",
            None,
        ),
        (
            json!({"event": "pusher:error"}),
            "the server reported an error",
            None,
        ),
    ];
    let count = errors.len();
    for (frame, excerpt, code) in errors {
        socket.send(frame);
        let report = harness.expect_report(excerpt);
        if excerpt.starts_with('m') {
            assert_eq!((report.code(), report.attempt()), (code, 0), "{excerpt}");
        }
    }
    harness.until("the last report", |world| {
        world.resource::<Log>().errors.len() == count
    });
    assert!(harness.connection().is_connected());
    assert!(harness.status(lobby).is_subscribed());
    socket.expect_nothing(QUIET_PERIOD);
    harness.expect_delivery(&socket, "lobby", 1);
}

// 11.17
#[test]
fn endpoint_without_a_greeting_is_reported_and_retried() {
    let mut harness = Harness::new();
    let greeting_without_name = json!({"event": "pusher:connection_established", "data": "{}"});
    for first in [
        "not json at all",
        "[]",
        r#"{"event":"news","channel":"lobby","data":"{}"}"#,
        &greeting_without_name.to_string(),
    ] {
        let socket = harness.accept();
        socket.send_text(first);
        harness.app.world_mut().resource_mut::<Log>().errors.clear();
        harness.expect_report("does not speak the Pusher protocol");
        socket.expect_close(TIMEOUT);
    }
    harness.greet();
}

// 11.20
#[test]
fn disconnect_is_final_until_the_next_connect() {
    let (mut harness, socket) = Harness::online();
    harness.connection().disconnect();
    assert_eq!(socket.expect_close(TIMEOUT).code, Some(1000));
    socket.expect_end(TIMEOUT);
    let disconnected = |world: &mut World| {
        *world.resource::<PusherConnection>().state() == ConnectionState::Disconnected
    };
    harness.until("the disconnect", disconnected);
    harness.server.expect_no_connection(QUIET_PERIOD);
    harness.connection().connect();
    let socket = harness.greet();
    assert_eq!(harness.connection().socket_id(), Some("2.2"));

    // Also while it waits for the next attempt.
    socket.close(1000, "");
    harness.until("waiting or dialling", |world| {
        !world.resource::<PusherConnection>().is_connected()
    });
    harness.connection().disconnect();
    harness.until("the disconnect", disconnected);
    let so_far = harness.server.connections_so_far();
    harness.run_for(QUIET_PERIOD);
    assert_eq!(harness.server.connections_so_far(), so_far);
    assert!(
        harness
            .errors()
            .last()
            .is_some_and(|error| error.attempt() > 0)
    );
}

// 11.21
#[test]
fn each_state_change_is_reported_once_and_retries_say_when() {
    let mut harness = Harness::with(|config| {
        config.with_reconnect(ReconnectPolicy {
            max_attempts: Some(3),
            ..retry_after(40, 60)
        })
    });
    for _ in 0..3 {
        let socket = harness.accept();
        socket.close(1000, "");
        drop(socket);
    }
    harness.expect_failure();
    let states = &harness.app.world().resource::<Log>().states;
    let mut previous = &ConnectionState::Disconnected;
    for (before, now) in states {
        assert_eq!(before, previous);
        assert_ne!(before, now);
        previous = now;
    }
    let names: Vec<String> = states
        .iter()
        .map(|(_, state)| match state {
            ConnectionState::Connecting { attempt } => format!("connecting {attempt}"),
            ConnectionState::Waiting { attempt, .. } => format!("waiting {attempt}"),
            ConnectionState::Failed { error } => error.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    let last = "gave up after 3 attempts: the server closed the connection with code 1000 (closed normally)";
    let expected = [
        "connecting 1",
        "waiting 1",
        "connecting 2",
        "waiting 2",
        "connecting 3",
        last,
    ];
    assert_eq!(names, expected);
    assert_eq!(harness.connection().retry_in(), None);
}

// 11.22
#[test]
fn repeated_connect_opens_one_socket() {
    let mut harness = Harness::new();
    for _ in 0..3 {
        harness.connection().connect();
    }
    let socket = harness.greet();
    for _ in 0..3 {
        harness.connection().connect();
        harness.frame();
    }
    socket.expect_nothing(QUIET_PERIOD);
    assert_eq!(harness.server.connections_so_far(), 1);
}

// 11.61
#[test]
fn server_that_always_sends_4200_is_retried_with_backoff() {
    let refuses = Arc::new(AtomicBool::new(true));
    let server = ScriptedServer::start();
    let refusing = refuses.clone();
    server.handle_each(move |pending, number| {
        let socket = pending.upgrade(TIMEOUT);
        socket.establish(&format!("{number}.1"), 120);
        if refusing.load(Ordering::SeqCst) {
            socket.close(4200, "again");
        }
        socket.hold();
    });
    let mut harness = Harness::on(server, |config| {
        config.with_reconnect(retry_after(100, 100))
    });
    harness.run_for(Duration::from_secs(2));
    let made = harness.server.connections_so_far();
    // The first dial, one within a second, then one every 100 ms.
    assert!((3..=22).contains(&made), "{made}");
    refuses.store(false, Ordering::SeqCst);
    harness.until("a stable connection", |world| {
        let connection = world.resource::<PusherConnection>();
        connection.is_connected() && connection.last_error().is_some()
    });
    harness.assert_no_slow_frame();
}

// 11.62
#[test]
fn frames_in_the_style_of_reverb_are_accepted() {
    let mut harness = Harness::with(|config| heartbeat(authorize_as(config, "7"), 60, 2_000));
    let socket = harness.accept();
    socket.reply_with(|frame| match frame["event"].as_str() {
        Some("pusher:ping") => vec![json!({"event": "pusher:pong"})],
        _ => vec![],
    });
    socket.establish("1.1", 30);
    harness.connected_as("1.1");
    let room = harness.spawn("presence-room");
    socket.find_event("pusher:subscribe", TIMEOUT);
    socket.send(
        json!({"event": "pusher_internal:subscription_succeeded", "channel": "presence-room",
        "data": r#"{"presence":{"count":0,"ids":[],"hash":[]}}"#}),
    );
    harness.wait_until_subscribed(room);
    socket.send(json!({"event": "client-wave", "channel": "presence-room", "data": {"hand": "left"}, "user_id": "8"}));
    harness.expect_recorded(r#"presence-room client-wave {"hand":"left"} from 8"#);
    let error = |code: u16, message: &str| {
        let data = json!({"code": code, "message": message});
        json!({"event": "pusher:error", "data": data.to_string()})
    };
    socket.send(error(4200, "Invalid message format"));
    assert_eq!(harness.expect_report("Invalid message format").attempt(), 0);
    socket.find_event("pusher:ping", TIMEOUT);
    // Reverb prunes a connection with an error and then cuts it without a close code.
    socket.send(error(4201, "Pong reply not received in time"));
    socket.cut();
    harness.expect_report("the connection was lost");
    // For an unknown key Reverb sends an error and leaves the connection open.
    let socket = harness.accept();
    socket.send(error(4001, "Application does not exist"));
    assert_eq!(harness.expect_failure().code(), Some(4001));
    socket.expect_end(TIMEOUT);
}
