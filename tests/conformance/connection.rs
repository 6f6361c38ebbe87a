//! Connecting, and what the codes of an end lead to.

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
fn one_socket_asks_for_the_app_and_says_who_asks() {
    let (mut play, line) = Play::online();
    let request = line.request();
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
    let host = play.server.address().to_string();
    assert_eq!(request.header("Host"), Some(&*host));
    play.run_for(A_WHILE);
    line.expect_nothing(Duration::ZERO);
    assert_eq!(play.server.connections_so_far(), 1);
}

// 11.1
#[test]
fn a_path_prefix_comes_first_and_an_odd_key_stays_one_part_of_the_path() {
    let server = ScriptedServer::start();
    let endpoint = Endpoint::custom("127.0.0.1", server.port()).with_path("/ws/v1/");
    let mut app = support::game(PusherConfig::new("a/b?c", endpoint));
    app.update();
    let line = server.accept(SOON);
    assert_eq!(line.request().path(), "/ws/v1/app/a%2Fb%3Fc");
    assert_eq!(line.request().query("protocol").as_deref(), Some("7"));
}

// 11.2
#[test]
fn a_greeting_is_understood_as_a_text_and_as_an_object() {
    let greeting = json!({"socket_id": "218.3", "activity_timeout": 120});
    for data in [json!(greeting.to_string()), greeting] {
        let mut play = Play::new();
        let line = play.accept();
        line.send(json!({"event": "pusher:connection_established", "data": data}));
        play.connected_as("218.3");
    }
}

// 11.8: to go on without a word over a link that the game did not ask for is not ours to decide.
#[test]
fn a_server_that_wants_tls_is_not_asked_again_and_the_game_learns_what_to_do() {
    let (mut play, line) = Play::online();
    line.close(4000, "TLS only");
    let error = play.failed();
    assert_eq!(error.code(), Some(4000));
    assert!(error.to_string().contains("switch TLS on"), "{error}");
    play.server.expect_no_connection(A_WHILE);
}

// 11.9, 11.12
#[test]
fn final_codes_end_it_with_the_servers_words_and_nothing_is_tried_again() {
    let mut play = Play::new();
    for code in [4001, 4003, 4009, 4099, 4300, 4301, 4999] {
        let line = play.greet();
        line.close(code, "we are done");
        let error = play.failed();
        assert_eq!(error.code(), Some(code));
        assert!(error.to_string().contains("we are done"), "{error}");
        assert_eq!(play.errors().last().unwrap().code(), Some(code));
        play.server.expect_no_connection(A_WHILE);
        play.connection().connect();
    }
}

// 11.10
#[test]
fn a_server_at_its_capacity_is_left_in_peace_for_the_delay() {
    for code in [4100, 4199] {
        let (mut play, line) =
            Play::online_with(|config| config.with_reconnect(retry_after(250, 300)));
        let closed = Instant::now();
        line.close(code, "full");
        play.greet();
        assert!(closed.elapsed() >= Duration::from_millis(250));
        assert_eq!(play.reported("full").code(), Some(code));
    }
}

// 11.11: within a second at random, so that a server that restarts is not met by all its players at once.
#[test]
fn a_server_that_says_reconnect_is_dialled_without_the_delay_of_a_failure() {
    for code in [4200, 4299] {
        let (mut play, line) = Play::online_with(patient);
        let closed = Instant::now();
        line.close(code, "restarting");
        play.greet();
        assert!(closed.elapsed() < Duration::from_secs(1) + STALL * 5);
    }
}

// 11.13
#[test]
fn after_every_other_end_the_client_comes_back() {
    type End = fn(&ScriptedConnection);
    let ends: [(End, &str); 10] = [
        (|line| line.close(1000, ""), "code 1000"),
        (|line| line.close(1001, "bye"), "code 1001"),
        (|line| line.close(1002, ""), "code 1002"),
        (|line| line.close(1003, ""), "code 1003"),
        (|line| line.close(1011, "oops"), "oops"),
        (|line| line.close(1013, ""), "try again later"),
        (|line| line.close(3999, ""), "code 3999"),
        (
            ScriptedConnection::close_without_code,
            "closed the connection",
        ),
        (ScriptedConnection::cut, "the connection was lost"),
        (ScriptedConnection::reset, "the connection was lost"),
    ];
    let mut play = Play::new();
    let mut line = play.greet();
    for (end, words) in ends {
        end(&line);
        play.app.world_mut().resource_mut::<Log>().errors.clear();
        play.reported(words);
        line = play.greet();
    }
}

// 11.14
#[test]
fn an_error_instead_of_the_greeting_counts_like_the_code_of_an_end() {
    let refusal = |code: u16| json!({"code": code, "message": "no such app"});
    for data in [refusal(4001), json!(refusal(4001).to_string())] {
        let mut play = Play::new();
        let line = play.accept();
        line.send(json!({"event": "pusher:error", "data": data}));
        let error = play.failed();
        assert_eq!(error.code(), Some(4001));
        let words = error.to_string();
        assert!(
            words.contains("no such app") && words.contains("check the key"),
            "{words}"
        );
        line.expect_close(SOON);
        play.server.expect_no_connection(A_WHILE);
    }
    for (code, policy, soonest) in [
        (4100, retry_after(250, 300), 250),
        (4200, retry_after(60_000, 60_000), 0),
    ] {
        let mut play = Play::with(|config| config.with_reconnect(policy));
        let line = play.accept();
        let refused = Instant::now();
        line.send(json!({"event": "pusher:error", "data": refusal(code)}));
        play.greet();
        assert!(refused.elapsed() >= Duration::from_millis(soonest));
        assert!(refused.elapsed() < Duration::from_secs(1) + STALL * 5);
    }
}

// 11.15, 11.16
#[test]
fn an_error_on_a_live_connection_is_reported_and_changes_nothing() {
    let (mut play, line) = Play::online();
    let lobby = play.join(&line, "lobby");
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
            "the server reports an error",
            None,
        ),
    ];
    let count = errors.len();
    for (frame, words, code) in errors {
        line.send(frame);
        let report = play.reported(words);
        if words.starts_with('m') {
            assert_eq!((report.code(), report.attempt()), (code, 0), "{words}");
        }
    }
    play.until("the last report", |world| {
        world.resource::<Log>().errors.len() == count
    });
    assert!(play.connection().is_connected());
    assert!(play.status(lobby).is_subscribed());
    line.expect_nothing(A_WHILE);
    play.hears(&line, "lobby", 1);
}

// 11.17
#[test]
fn what_answers_without_the_greeting_is_left_with_a_word_and_tried_again() {
    let mut play = Play::new();
    let greeting_without_name = json!({"event": "pusher:connection_established", "data": "{}"});
    for first in [
        "not json at all",
        "[]",
        r#"{"event":"news","channel":"lobby","data":"{}"}"#,
        &greeting_without_name.to_string(),
    ] {
        let line = play.accept();
        line.send_text(first);
        play.app.world_mut().resource_mut::<Log>().errors.clear();
        play.reported("does not speak the Pusher protocol");
        line.expect_close(SOON);
    }
    play.greet();
}

// 11.20
#[test]
fn disconnecting_ends_it_for_good_and_connecting_begins_anew() {
    let (mut play, line) = Play::online();
    play.connection().disconnect();
    assert_eq!(line.expect_close(SOON).code, Some(1000));
    line.expect_end(SOON);
    let disconnected = |world: &mut World| {
        *world.resource::<PusherConnection>().state() == ConnectionState::Disconnected
    };
    play.until("disconnecting", disconnected);
    play.server.expect_no_connection(A_WHILE);
    play.connection().connect();
    let line = play.greet();
    assert_eq!(play.connection().socket_id(), Some("2.2"));

    // Also while it waits to try again.
    line.close(1000, "");
    play.until("waiting or dialling", |world| {
        !world.resource::<PusherConnection>().is_connected()
    });
    play.connection().disconnect();
    play.until("disconnecting", disconnected);
    let so_far = play.server.connections_so_far();
    play.run_for(A_WHILE);
    assert_eq!(play.server.connections_so_far(), so_far);
    assert!(
        play.errors()
            .last()
            .is_some_and(|error| error.attempt() > 0)
    );
}

// 11.21
#[test]
fn each_state_is_told_once_in_a_chain_and_a_retry_says_when() {
    let mut play = Play::with(|config| {
        config.with_reconnect(ReconnectPolicy {
            max_attempts: Some(3),
            ..retry_after(40, 60)
        })
    });
    for _ in 0..3 {
        let line = play.accept();
        line.close(1000, "");
        drop(line);
    }
    play.failed();
    let states = &play.app.world().resource::<Log>().states;
    let mut previous = &ConnectionState::Disconnected;
    for (before, now) in states {
        assert_eq!(before, previous);
        assert_ne!(before, now);
        previous = now;
    }
    let words: Vec<String> = states
        .iter()
        .map(|(_, state)| match state {
            ConnectionState::Connecting { attempt } => format!("connecting {attempt}"),
            ConnectionState::Waiting { attempt, .. } => format!("waiting {attempt}"),
            ConnectionState::Failed { error } => error.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    let last = "gave up after 3 attempts; the last: the server closed the connection with code 1000 (closed normally)";
    let expected = [
        "connecting 1",
        "waiting 1",
        "connecting 2",
        "waiting 2",
        "connecting 3",
        last,
    ];
    assert_eq!(words, expected);
    assert_eq!(play.connection().retry_in(), None);
}

// 11.22
#[test]
fn connecting_again_and_again_is_one_socket() {
    let mut play = Play::new();
    for _ in 0..3 {
        play.connection().connect();
    }
    let line = play.greet();
    for _ in 0..3 {
        play.connection().connect();
        play.frame();
    }
    line.expect_nothing(A_WHILE);
    assert_eq!(play.server.connections_so_far(), 1);
}

// 11.61
#[test]
fn a_server_that_always_says_reconnect_is_not_hammered_and_has_us_back_in_the_end() {
    let refuses = Arc::new(AtomicBool::new(true));
    let server = ScriptedServer::start();
    let refusing = refuses.clone();
    server.handle_each(move |pending, number| {
        let line = pending.upgrade(SOON);
        line.establish(&format!("{number}.1"), 120);
        if refusing.load(Ordering::SeqCst) {
            line.close(4200, "again");
        }
        line.hold();
    });
    let mut play = Play::on(server, |config| {
        config.with_reconnect(retry_after(100, 100))
    });
    play.run_for(Duration::from_secs(2));
    let made = play.server.connections_so_far();
    // The first, the one within a second, and then one every 100 ms.
    assert!((3..=22).contains(&made), "{made}");
    refuses.store(false, Ordering::SeqCst);
    play.until("being connected for a while", |world| {
        let connection = world.resource::<PusherConnection>();
        connection.is_connected() && connection.last_error().is_some()
    });
    play.no_frame_stalled();
}

// 11.62
#[test]
fn a_server_in_the_manner_of_reverb_is_understood() {
    let mut play = Play::with(|config| heartbeat(let_in(config, "7"), 60, 2_000));
    let line = play.accept();
    line.reply_with(|frame| match frame["event"].as_str() {
        Some("pusher:ping") => vec![json!({"event": "pusher:pong"})],
        _ => vec![],
    });
    line.establish("1.1", 30);
    play.connected_as("1.1");
    let room = play.spawn("presence-room");
    line.find_event("pusher:subscribe", SOON);
    line.send(
        json!({"event": "pusher_internal:subscription_succeeded", "channel": "presence-room",
        "data": r#"{"presence":{"count":0,"ids":[],"hash":[]}}"#}),
    );
    play.subscribed(room);
    line.send(json!({"event": "client-wave", "channel": "presence-room", "data": {"hand": "left"}, "user_id": "8"}));
    play.has_been_told(r#"presence-room client-wave {"hand":"left"} from 8"#);
    let error = |code: u16, message: &str| {
        let data = json!({"code": code, "message": message});
        json!({"event": "pusher:error", "data": data.to_string()})
    };
    line.send(error(4200, "Invalid message format"));
    assert_eq!(play.reported("Invalid message format").attempt(), 0);
    line.find_event("pusher:ping", SOON);
    // It prunes a connection with an error, and then cuts it without a code.
    line.send(error(4201, "Pong reply not received in time"));
    line.cut();
    play.reported("the connection was lost");
    // An unknown key: an error, and the connection stays open.
    let line = play.accept();
    line.send(error(4001, "Application does not exist"));
    assert_eq!(play.failed().code(), Some(4001));
    line.expect_end(SOON);
}
