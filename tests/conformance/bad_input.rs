//! What no server, host or player should do: each leaves a value that says so, and costs nothing else.

use std::time::Duration;

use bevy_pusher::{ConnectionState, config::*};
use pusher_test_support::BlackHole;
use serde_json::{Value, json};

use super::*;

/// Frames that are no message of the protocol.
fn nonsense() -> Vec<String> {
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
fn a_frame_that_is_no_message_is_reported_and_the_next_event_comes() {
    let (mut play, line) = Play::online();
    play.join(&line, "lobby");
    for (number, frame) in nonsense().into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        line.send_text(&frame);
        play.hears(&line, "lobby", number);
        let head: String = frame.chars().take(80).collect();
        assert_eq!(play.errors().len(), number as usize + 1, "{head:?}");
        let report = play.errors().last().unwrap();
        assert_eq!((report.attempt(), report.code()), (0, None));
        let words = report.error().to_string();
        assert!(
            words.contains("not a Pusher message") && words.len() < 300,
            "{head:?}: {words}"
        );
    }
    line.send_binary([0, 159, 146, 150]);
    let words = play.reported("binary").error().to_string();
    assert!(words.len() < 300, "{words}");
    play.hears(&line, "lobby", 1000);
    assert_eq!(play.server.connections_so_far(), 1);
    line.expect_nothing(A_WHILE);
    play.no_frame_stalled();
}

// 11.19
#[test]
fn unknown_frames_and_unknown_keys_are_no_errors() {
    #[derive(Resource, Default)]
    struct Heard(Vec<String>);
    let (mut play, line) = Play::online();
    play.app.init_resource::<Heard>().add_observer(
        |event: On<bevy_pusher::PusherGlobalEvent>, mut heard: ResMut<Heard>| {
            heard
                .0
                .push(format!("{} {}", event.name(), event.data().as_str()));
        },
    );
    play.join(&line, "lobby");
    line.send(json!({"event": "e", "channel": "lobby", "data": "1", "id": 7, "tags": {"a": []}}));
    line.send(json!({"event": "pusher:from_the_future", "data": {"a": 1}}));
    line.send(json!({"event": "pusher:from_the_future", "channel": "lobby", "data": "2"}));
    line.send(json!({"event": "pusher_internal:secret", "channel": "lobby", "data": "3"}));
    line.send(json!({"event": "", "channel": "lobby", "data": "4"}));
    line.send(json!({"event": "e".repeat(10_000), "channel": "lobby", "data": "5"}));
    line.send(json!({"event": "e", "channel": "l".repeat(10_000), "data": "6"}));
    line.send(json!({"event": "e\u{0}\u{202e}", "channel": "lobby", "data": "7"}));
    line.pong(b"nobody asked");
    play.hears(&line, "lobby", 1);
    let long = format!("lobby {} 5", "e".repeat(10_000));
    assert_eq!(
        play.told(),
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
    let heard = &play.app.world().resource::<Heard>().0;
    assert_eq!(*heard, [r#"pusher:from_the_future {"a":1}"#]);
    assert!(play.errors().is_empty());
}

// 11.19
#[test]
fn data_nested_deeper_than_any_decoder_goes_arrives_raw_and_fails_the_typed_event_alone() {
    #[derive(serde::Deserialize)]
    struct Anything(#[expect(dead_code, reason = "only its decoding matters")] Value);
    #[derive(Resource, Default)]
    struct Failed(Vec<String>);
    let (mut play, line) = Play::online();
    play.app
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
    play.join(&line, "lobby");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for data in [deep.clone(), json!(deep).to_string()] {
        line.send_text(format!(
            r#"{{"event":"deep","channel":"lobby","data":{data}}}"#
        ));
    }
    // The protocol's own messages are read too, and are as deep.
    for event in [
        "pusher:error",
        "pusher_internal:subscription_count",
        "pusher_internal:member_added",
    ] {
        line.send_text(format!(
            r#"{{"event":"{event}","channel":"lobby","data":{deep}}}"#
        ));
    }
    play.hears(&line, "lobby", 1);
    play.until("the failures", |world| {
        world.resource::<Failed>().0.len() == 2
    });
    let expected = format!("lobby deep {deep}");
    let raw = play.told().iter().filter(|told| **told == expected);
    assert_eq!(raw.count(), 2);
    for failure in &play.app.world().resource::<Failed>().0 {
        assert!(failure.contains("recursion limit"), "{failure}");
    }
    for report in play.errors() {
        assert!(report.error().to_string().len() < 500);
    }
    play.no_frame_stalled();
}

// 11.19, section 3
#[test]
fn what_cannot_be_read_costs_the_connection_and_its_channels_come_back_without_haste() {
    let limits = Limits {
        inbound_message_bytes: 100_000,
        ..Limits::default()
    };
    let mut play = Play::with(|config| {
        config
            .with_limits(limits)
            .with_reconnect(retry_after(100, 100))
    });
    play.spawn("lobby");
    let largest = |bytes: usize| {
        let frame = r#"{"event":"e","channel":"lobby","data":""}"#;
        frame.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - frame.len())))
    };
    type Break = fn(&ScriptedConnection);
    let breaks: [(&str, Break); 4] = [
        ("too long", |line| {
            line.send_text("x".repeat(100_001));
        }),
        ("UTF-8", |line| line.send_text_bytes([0xc3, 0x28])),
        ("", |line| line.send_raw([0xf1, 0])),
        ("", |line| line.send_raw([0x81, 0x80, 1, 2, 3, 4])),
    ];
    let mut line = play.greet();
    for (number, (words, break_it)) in breaks.into_iter().enumerate() {
        line.expect_event("pusher:subscribe", SOON);
        line.subscribed("lobby");
        line.send_text(largest(100_000));
        play.hears(&line, "lobby", u32::try_from(number).unwrap());
        let broken = Instant::now();
        break_it(&line);
        let report = play.reported("the server sent what cannot be read");
        let report = report.error().to_string();
        assert!(report.contains(words) || number > 0, "{report}");
        line.expect_close(SOON);
        play.app.world_mut().resource_mut::<Log>().errors.clear();
        line = play.greet();
        assert!(broken.elapsed() >= Duration::from_millis(100));
    }
    play.no_frame_stalled();
}

/// A server whose every connection meets the same fate, after so many milliseconds of which it is looked at how often the
/// game came back.
fn met_by(
    fate: impl Fn(pusher_test_support::PendingConnection) + Send + Sync + 'static,
) -> (Play, usize) {
    let server = ScriptedServer::start();
    server.handle_each(move |pending, _| fate(pending));
    let mut play = Play::on(server, |config| {
        config.with_reconnect(retry_after(100, 200))
    });
    play.spawn("lobby");
    play.run_for(Duration::from_millis(900));
    let made = play.server.connections_so_far();
    (play, made)
}

// 11.61, and the loop of drop, reconnect and the same message again
#[test]
fn no_server_is_hammered_whatever_it_does_to_each_connection() {
    type Fate = fn(pusher_test_support::PendingConnection);
    let fates: [(&str, Fate, &str); 9] = [
        (
            "closes at once",
            |pending| pending.close(),
            "did not upgrade",
        ),
        ("resets", |pending| pending.reset(), "did not upgrade"),
        (
            "refuses the key",
            |pending| pending.refuse(401, &[], "no such app", SOON),
            "(401): no such app",
        ),
        (
            "has no such path",
            |pending| pending.refuse(404, &[], "<html>Not Found</html>", SOON),
            "(404): <html>Not Found</html>",
        ),
        (
            "redirects",
            |pending| pending.refuse(302, &[("Location", "/login")], "", SOON),
            "(302)",
        ),
        (
            "speaks something else",
            |pending| {
                pending.read_request(SOON);
                pending.respond_raw("220 smtp ready\r\n\r\n");
                pending.close();
            },
            "did not upgrade",
        ),
        (
            "ends before its greeting",
            |pending| pending.upgrade(SOON).cut(),
            "is the app key right?",
        ),
        (
            "sends garbage instead of its greeting",
            |pending| {
                let line = pending.upgrade(SOON);
                line.send_text("garbage");
                line.hold();
            },
            "does not speak the Pusher protocol",
        ),
        (
            "sends what cannot be read after its greeting",
            |pending| {
                let line = pending.upgrade(SOON);
                line.establish("1.1", 120);
                line.send_text("x".repeat((1 << 20) + 1));
                line.hold();
            },
            "the server sent what cannot be read",
        ),
    ];
    for (what, fate, words) in fates {
        let (mut play, made) = met_by(fate);
        // The first at once, and then one every 100 to 200 ms; with many tests at a time fewer.
        assert!((2..=10).contains(&made), "{what}: {made} connections");
        let report = play.reported(words);
        let text = report.error().to_string();
        assert!(text.len() < 500, "{what}: {text}");
        play.until("waiting, with the reason at hand", |world| {
            let state = world.resource::<PusherConnection>().state();
            matches!(state, ConnectionState::Waiting { error, .. } if error.to_string().contains(words))
        });
        play.no_frame_stalled();
    }
}

// 11.18
#[test]
fn a_silent_host_is_given_up_in_time_and_had_as_soon_as_it_speaks() {
    let quick = |config: PusherConfig| {
        config.with_timing(Timing {
            dial_timeout: Duration::from_secs(1),
            ..Timing::default()
        })
    };
    let server = ScriptedServer::start();
    server.handle_each(|pending, number| match number {
        0 => pending.hold(),
        1 => pending.upgrade(SOON).hold(),
        _ => {
            let line = pending.upgrade(SOON);
            line.reply_with(pusher_test_support::polite);
            line.establish("9.9", 120);
            line.hold();
        }
    });
    let mut play = Play::on(server, quick);
    let lobby = play.spawn("lobby");
    let upgrade = play.reported("still waiting for the WebSocket upgrade");
    let greeting = play.reported("still waiting for the server's pusher:connection_established");
    assert_eq!((upgrade.attempt(), greeting.attempt()), (1, 2));
    play.subscribed(lobby);
    assert_eq!(play.connection().socket_id(), Some("9.9"));
    play.server.expect_open_connections(1, SOON);
    play.no_frame_stalled();

    let black_hole = BlackHole::start();
    let endpoint = Endpoint::custom("127.0.0.1", black_hole.port());
    let config = PusherConfig::new("app-key", endpoint).with_reconnect(retry_after(10, 30));
    play.app.insert_resource(quick(config));
    let report = play.reported("still waiting for the TCP connection");
    assert!(report.error().to_string().contains("within 1s"));
    play.no_frame_stalled();
}

#[test]
fn a_host_that_is_not_there_is_told_by_name_and_tried_again() {
    let server = ScriptedServer::start();
    server.stop_listening();
    let port = server.port();
    let mut play = Play::on(server, |config| config);
    let report = play.reported(&format!("127.0.0.1:{port} was not reached"));
    assert_eq!(report.attempt(), 1);

    // A label of 64 characters is none that could be asked for, so that this stays on this machine.
    let nowhere = format!("{}.invalid", "x".repeat(64));
    let endpoint = Endpoint::custom(&*nowhere, port);
    let config = PusherConfig::new("app-key", endpoint).with_reconnect(retry_after(10, 30));
    play.app.insert_resource(config);
    play.reported(&format!("the address of {nowhere} was not found"));
    play.until("trying again", |world| {
        let state = world.resource::<PusherConnection>().state();
        matches!(state, ConnectionState::Connecting { attempt: 2.. })
    });
    play.no_frame_stalled();
}

#[test]
fn a_configuration_that_cannot_be_dialled_fails_at_once_and_mends_when_it_is_replaced() {
    let mut play = Play::new();
    play.spawn("lobby");
    let line = play.greet();
    line.expect_event("pusher:subscribe", SOON);
    for (key, endpoint, words) in [
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
        play.app.insert_resource(PusherConfig::new(key, endpoint));
        play.frame();
        let error = play.failed().to_string();
        assert!(error.contains(words), "{error}");
        let so_far = play.server.connections_so_far();
        play.run_for(A_WHILE / 4);
        assert_eq!(play.server.connections_so_far(), so_far);
        let endpoint = Endpoint::custom("127.0.0.1", play.server.port());
        play.app
            .insert_resource(PusherConfig::new("app-key", endpoint));
        let line = play.greet();
        line.expect_event("pusher:subscribe", SOON);
    }
}
