//! Tests of invalid input from servers, hosts and configurations: each is reported as an error and affects nothing else.

use std::time::Duration;

use bevy_pusher::{ConnectionState, config::*};
use pusher_test_support::BlackHole;
use serde_json::{Value, json};

use super::*;

/// Frames that are not messages of the protocol.
fn invalid_frames() -> Vec<String> {
    let brackets = "[".repeat(200_000);
    [
        "",
        " ",
        "not json",
        "null",
        "7",
        "[]",
        "{}",
        "{\"event\":",
        "\u{feff}{\"event\":\"e\"}",
        r#"{"channel":"lobby","data":"{}"}"#,
        r#"{"event":null,"channel":"lobby"}"#,
        r#"{"event":7,"channel":"lobby"}"#,
        r#"{"event":{"event":"e"},"channel":"lobby"}"#,
        r#"{"event":"e","channel":["lobby"]}"#,
        r#"{"event":"e","channel":"lobby"} {"event":"e","channel":"lobby"}"#,
        &brackets,
        &format!(r#"{{"event":{brackets}"#),
        &format!(r#"{{"event":"e","channel":"lobby","data":{brackets}"#),
        &"x".repeat(1 << 20),
    ]
    .map(ToOwned::to_owned)
    .into()
}

// 11.19
#[test]
fn unparsable_frame_is_reported_and_the_next_event_arrives() {
    let (mut harness, socket) = Harness::online();
    harness.join(&socket, "lobby");
    for (number, frame) in invalid_frames().into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        socket.send_text(&frame);
        harness.expect_delivery(&socket, "lobby", number);
        let head: String = frame.chars().take(80).collect();
        assert_eq!(harness.errors().len(), number as usize + 1, "{head:?}");
        let report = harness.errors().last().unwrap();
        assert_eq!((report.attempt(), report.code()), (0, None));
        let message = report.error().to_string();
        assert!(
            message.contains("not a Pusher message") && message.len() < 300,
            "{head:?}: {message}"
        );
    }
    socket.send_binary([0, 159, 146, 150]);
    let message = harness.expect_report("binary").error().to_string();
    assert!(message.len() < 300, "{message}");
    harness.expect_delivery(&socket, "lobby", 1000);
    assert_eq!(harness.server.connections_so_far(), 1);
    socket.expect_nothing(QUIET_PERIOD);
    harness.assert_no_slow_frame();
}

// 11.19
#[test]
fn unknown_frames_and_unknown_keys_are_no_errors() {
    #[derive(Resource, Default)]
    struct Received(Vec<String>);
    let (mut harness, socket) = Harness::online();
    harness.app.init_resource::<Received>().add_observer(
        |event: On<bevy_pusher::PusherGlobalEvent>, mut received: ResMut<Received>| {
            received
                .0
                .push(format!("{} {}", event.name(), event.data().as_str()));
        },
    );
    harness.join(&socket, "lobby");
    socket.send(json!({"event": "e", "channel": "lobby", "data": "1", "id": 7, "tags": {"a": []}}));
    socket.send(json!({"event": "pusher:from_the_future", "data": {"a": 1}}));
    socket.send(json!({"event": "pusher:from_the_future", "channel": "lobby", "data": "2"}));
    socket.send(json!({"event": "pusher_internal:secret", "channel": "lobby", "data": "3"}));
    socket.send(json!({"event": "", "channel": "lobby", "data": "4"}));
    socket.send(json!({"event": "e".repeat(10_000), "channel": "lobby", "data": "5"}));
    socket.send(json!({"event": "e", "channel": "l".repeat(10_000), "data": "6"}));
    socket.send(json!({"event": "e\u{0}\u{202e}", "channel": "lobby", "data": "7"}));
    socket.pong(b"unsolicited");
    harness.expect_delivery(&socket, "lobby", 1);
    let long = format!("lobby {} 5", "e".repeat(10_000));
    assert_eq!(
        harness.recorded(),
        [
            "lobby subscribed",
            "lobby e 1",
            "lobby pusher:from_the_future 2",
            "lobby  4",
            &long,
            "lobby e\u{0}\u{202e} 7",
            "lobby still-here 1"
        ]
    );
    let received = &harness.app.world().resource::<Received>().0;
    assert_eq!(*received, [r#"pusher:from_the_future {"a":1}"#]);
    assert!(harness.errors().is_empty());
}

// 11.19
#[test]
fn deeply_nested_data_arrives_raw_and_fails_only_typed_decoding() {
    #[derive(serde::Deserialize)]
    struct Anything(#[expect(dead_code, reason = "only its decoding matters")] Value);
    #[derive(Resource, Default)]
    struct Failed(Vec<String>);
    let (mut harness, socket) = Harness::online();
    harness
        .app
        .add_pusher_event::<Anything>("deep")
        .init_resource::<Failed>()
        .add_systems(
            Update,
            |mut failures: MessageReader<PusherDecodeFailed>, mut failed: ResMut<Failed>| {
                let new = failures.read();
                failed
                    .0
                    .extend(new.map(|failure| format!("{} {}", failure.name(), failure.reason())));
            },
        );
    harness.join(&socket, "lobby");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for data in [deep.clone(), json!(deep).to_string()] {
        socket.send_text(format!(
            r#"{{"event":"deep","channel":"lobby","data":{data}}}"#
        ));
    }
    // Messages of the protocol are parsed too, so they are nested as deeply.
    for event in [
        "pusher:error",
        "pusher_internal:subscription_count",
        "pusher_internal:member_added",
    ] {
        socket.send_text(format!(
            r#"{{"event":"{event}","channel":"lobby","data":{deep}}}"#
        ));
    }
    harness.expect_delivery(&socket, "lobby", 1);
    harness.until("the failures", |world| {
        world.resource::<Failed>().0.len() == 2
    });
    let expected = format!("lobby deep {deep}");
    let raw = harness
        .recorded()
        .iter()
        .filter(|recorded| **recorded == expected);
    assert_eq!(raw.count(), 2);
    for failure in &harness.app.world().resource::<Failed>().0 {
        assert!(failure.contains("recursion limit"), "{failure}");
    }
    for report in harness.errors() {
        assert!(report.error().to_string().len() < 500);
    }
    harness.assert_no_slow_frame();
}

// 11.19, section 3
#[test]
fn unreadable_message_reconnects_after_the_delay() {
    let limits = Limits {
        inbound_message_bytes: 100_000,
        ..Limits::default()
    };
    let mut harness = Harness::with(|config| {
        config
            .with_limits(limits)
            .with_reconnect(retry_after(100, 100))
    });
    harness.spawn("lobby");
    let largest = |bytes: usize| {
        let frame = r#"{"event":"e","channel":"lobby","data":""}"#;
        frame.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - frame.len())))
    };
    type Break = fn(&ScriptedConnection);
    let breaks: [(&str, Break); 4] = [
        ("too long", |socket| {
            socket.send_text("x".repeat(100_001));
        }),
        ("UTF-8", |socket| socket.send_text_bytes([0xc3, 0x28])),
        ("", |socket| socket.send_raw([0xf1, 0])),
        ("", |socket| socket.send_raw([0x81, 0x80, 1, 2, 3, 4])),
    ];
    let mut socket = harness.greet();
    for (number, (excerpt, break_it)) in breaks.into_iter().enumerate() {
        socket.expect_event("pusher:subscribe", TIMEOUT);
        socket.subscribed("lobby");
        socket.send_text(largest(100_000));
        harness.expect_delivery(&socket, "lobby", u32::try_from(number).unwrap());
        let broken = Instant::now();
        break_it(&socket);
        let report = harness.expect_report("the server sent an unreadable message");
        let report = report.error().to_string();
        assert!(report.contains(excerpt) || number > 0, "{report}");
        socket.expect_close(TIMEOUT);
        harness.app.world_mut().resource_mut::<Log>().errors.clear();
        socket = harness.greet();
        assert!(broken.elapsed() >= Duration::from_millis(100));
    }
    harness.assert_no_slow_frame();
}

/// Runs a game for 900 ms against a server that treats every connection in this way; returns the game and the number of
/// connections that it has made.
fn run_against(
    behaviour: impl Fn(pusher_test_support::PendingConnection) + Send + Sync + 'static,
) -> (Harness, usize) {
    let server = ScriptedServer::start();
    server.handle_each(move |pending, _| behaviour(pending));
    let mut harness = Harness::on(server, |config| {
        config.with_reconnect(retry_after(100, 200))
    });
    harness.spawn("lobby");
    harness.run_for(Duration::from_millis(900));
    let made = harness.server.connections_so_far();
    (harness, made)
}

// 11.61, and the loop of a drop, a reconnect and the same message again
#[test]
fn faulty_server_is_retried_after_a_delay() {
    type Behaviour = fn(pusher_test_support::PendingConnection);
    let behaviours: [(&str, Behaviour, &str); 9] = [
        (
            "closes at once",
            |pending| pending.close(),
            "did not upgrade",
        ),
        ("resets", |pending| pending.reset(), "did not upgrade"),
        (
            "refuses the key",
            |pending| pending.refuse(401, &[], "no such app", TIMEOUT),
            "(401): no such app",
        ),
        (
            "has no such path",
            |pending| pending.refuse(404, &[], "<html>Not Found</html>", TIMEOUT),
            "(404): <html>Not Found</html>",
        ),
        (
            "redirects",
            |pending| pending.refuse(302, &[("Location", "/login")], "", TIMEOUT),
            "(302)",
        ),
        (
            "speaks something else",
            |pending| {
                pending.read_request(TIMEOUT);
                pending.respond_raw("220 smtp ready\r\n\r\n");
                pending.close();
            },
            "did not upgrade",
        ),
        (
            "ends before its greeting",
            |pending| pending.upgrade(TIMEOUT).cut(),
            "check the app key",
        ),
        (
            "sends garbage instead of its greeting",
            |pending| {
                let socket = pending.upgrade(TIMEOUT);
                socket.send_text("garbage");
                socket.hold();
            },
            "does not speak the Pusher protocol",
        ),
        (
            "sends what cannot be read after its greeting",
            |pending| {
                let socket = pending.upgrade(TIMEOUT);
                socket.establish("1.1", 120);
                socket.send_text("x".repeat((1 << 20) + 1));
                socket.hold();
            },
            "the server sent an unreadable message",
        ),
    ];
    for (what, behaviour, excerpt) in behaviours {
        let (mut harness, made) = run_against(behaviour);
        // The first at once, then one every 100 to 200 ms; fewer if many tests run at once.
        assert!((2..=10).contains(&made), "{what}: {made} connections");
        let report = harness.expect_report(excerpt);
        let text = report.error().to_string();
        assert!(text.len() < 500, "{what}: {text}");
        harness.until("a retry with a reason", |world| {
            let state = world.resource::<PusherConnection>().state();
            matches!(state, ConnectionState::Waiting { error, .. } if error.to_string().contains(excerpt))
        });
        harness.assert_no_slow_frame();
    }
}

// 11.18
#[test]
fn silent_host_times_out_and_connects_once_it_answers() {
    let quick = |config: PusherConfig| {
        config.with_timing(Timing {
            dial_timeout: Duration::from_secs(1),
            ..Timing::default()
        })
    };
    let server = ScriptedServer::start();
    server.handle_each(|pending, number| match number {
        0 => pending.hold(),
        1 => pending.upgrade(TIMEOUT).hold(),
        _ => {
            let socket = pending.upgrade(TIMEOUT);
            socket.reply_with(pusher_test_support::standard_reply);
            socket.establish("9.9", 120);
            socket.hold();
        }
    });
    let mut harness = Harness::on(server, quick);
    let lobby = harness.spawn("lobby");
    let upgrade = harness.expect_report("still waiting for the WebSocket upgrade");
    let greeting = harness.expect_report("still waiting for pusher:connection_established");
    assert_eq!((upgrade.attempt(), greeting.attempt()), (1, 2));
    harness.wait_until_subscribed(lobby);
    assert_eq!(harness.connection().socket_id(), Some("9.9"));
    harness.server.expect_open_connections(1, TIMEOUT);
    harness.assert_no_slow_frame();

    let black_hole = BlackHole::start();
    let endpoint = Endpoint::custom("127.0.0.1", black_hole.port());
    let config = PusherConfig::new("app-key", endpoint).with_reconnect(retry_after(10, 30));
    harness.app.insert_resource(quick(config));
    let report = harness.expect_report("still waiting for the TCP connection");
    assert!(report.error().to_string().contains("after 1s"));
    harness.assert_no_slow_frame();
}

#[test]
fn unreachable_host_is_named_and_retried() {
    let server = ScriptedServer::start();
    server.stop_listening();
    let port = server.port();
    let mut harness = Harness::on(server, |config| config);
    let report = harness.expect_report(&format!("failed to connect to 127.0.0.1:{port}"));
    assert_eq!(report.attempt(), 1);

    // A label of 64 characters is invalid, so no DNS query leaves this machine.
    let nowhere = format!("{}.invalid", "x".repeat(64));
    let endpoint = Endpoint::custom(&*nowhere, port);
    let config = PusherConfig::new("app-key", endpoint).with_reconnect(retry_after(10, 30));
    harness.app.insert_resource(config);
    harness.expect_report(&format!("failed to resolve {nowhere}"));
    harness.until("the retry", |world| {
        let state = world.resource::<PusherConnection>().state();
        matches!(state, ConnectionState::Connecting { attempt: 2.. })
    });
    harness.assert_no_slow_frame();
}

#[test]
fn invalid_config_fails_at_once_and_a_valid_one_connects() {
    let mut harness = Harness::new();
    harness.spawn("lobby");
    let socket = harness.greet();
    socket.expect_event("pusher:subscribe", TIMEOUT);
    for (key, endpoint, excerpt) in [
        ("", Endpoint::custom("127.0.0.1", 1), "key"),
        ("k", Endpoint::custom("", 1), "host"),
        ("k", Endpoint::custom("wss://example.com", 1), "host"),
        ("k", Endpoint::custom("two words", 1), "host"),
        ("k", Endpoint::cluster(""), "cluster"),
        ("k", Endpoint::cluster("eu/../us"), "cluster"),
        (
            "k",
            Endpoint::custom("localhost", 1).with_path("a?b"),
            "path",
        ),
    ] {
        harness
            .app
            .insert_resource(PusherConfig::new(key, endpoint));
        harness.frame();
        let error = harness.expect_failure().to_string();
        assert!(error.contains(excerpt), "{error}");
        let so_far = harness.server.connections_so_far();
        harness.run_for(QUIET_PERIOD / 4);
        assert_eq!(harness.server.connections_so_far(), so_far);
        let endpoint = Endpoint::custom("127.0.0.1", harness.server.port());
        harness
            .app
            .insert_resource(PusherConfig::new("app-key", endpoint));
        let socket = harness.greet();
        socket.expect_event("pusher:subscribe", TIMEOUT);
    }
}
