//! Server restarts, failing networks, hidden tabs and frozen pages.

use std::{
    thread,
    time::{Duration, Instant},
};

use pusher_dev_server::{DevServer, DevServerConfig, ServerEvent};
use pusher_test_support::{ScriptedServer, SigningAuth, Sockudo, standard_reply};
use pusher_web_tests::{Request, Setup, webdriver::wait_for};
use serde_json::json;

use crate::{
    dev_server,
    page::{Fixture, TIMEOUT, setup, setup_for, setup_for_sockudo},
};

#[test]
fn server_restart_resubscribes_every_channel() {
    let mut server = Sockudo::start();
    let auth = SigningAuth::start(&server.credentials());
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup_for_sockudo(&server, &auth, "ann"));
    let channels = ["lobby", "private-room", "presence-room"];
    for channel in channels {
        page.join(channel);
    }
    let before = page.wait_for_connection();
    server.start_again();
    for channel in channels {
        page.wait_for_log(&format!("{channel} subscribed again"));
        server.publish(channel, "greeting", &json!({}));
        page.wait_for_log(&format!("{channel} greeting {{}}"));
    }
    assert_ne!(page.wait_for_connection(), before);
}

fn expect_ping(server: &DevServer) {
    let events = server.events();
    let ping = events.wait_for(TIMEOUT, |event| {
        matches!(event, ServerEvent::PingReceived { .. })
    });
    assert!(ping.is_some(), "no ping came");
}

#[test]
fn heartbeats_and_reconnects_work_in_a_hidden_tab() {
    let server =
        DevServer::start(DevServerConfig::default().with_activity_timeout(Duration::from_secs(1)))
            .unwrap();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup_for(&server, "ann"));
    page.join("private-room");
    page.join("presence-room");
    let other = fixture.open();
    let frames = page.hide_behind(&other);

    expect_ping(&server);
    expect_ping(&server);
    server.publish("private-room", "count", &1).unwrap();
    // A cut network drops data in transit. The second ping is sent after the answer to the first, and that answer was sent
    // after the event.
    expect_ping(&server);
    expect_ping(&server);
    server.set_accepting(false).unwrap();
    server.set_accepting(true).unwrap();
    wait_for(
        || "all channels to be subscribed again".into(),
        TIMEOUT,
        || {
            let counts =
                ["private-room", "presence-room"].map(|name| server.subscriber_count(name));
            (counts == [1, 1]).then_some(())
        },
    );
    server.publish("private-room", "count", &2).unwrap();
    expect_ping(&server);
    let state = page.state();
    assert_eq!(state.frames, frames, "a hidden page has no frames");
    assert!(!state.log.iter().any(|entry| entry.contains("count")));

    page.show();
    page.wait_for_log("private-room count 2");
    let log = page.state().log;
    let about_the_room: Vec<&str> = log
        .iter()
        .filter_map(|entry| entry.strip_prefix("private-room "))
        .collect();
    assert_eq!(
        about_the_room,
        ["subscribed", "count 1", "subscribed again", "count 2"]
    );
}

#[test]
fn blocked_page_reads_queued_messages_before_a_timeout() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        activity_timeout: 1000,
        pong_timeout: 1000,
        ..setup_for(&server, "ann")
    });
    page.join("lobby");
    let before = page.wait_for_connection();
    for round in 0..5 {
        // Longer than each of the two timeouts.
        let hold_up = "const end = Date.now() + 1800; while (Date.now() < end);";
        page.script(&format!("setTimeout(() => {{ {hold_up} }}, 0)"));
        thread::sleep(Duration::from_millis(1000));
        server.publish("lobby", "count", &round).unwrap();
        page.wait_for_log(&format!("lobby count {round}"));
    }
    expect_ping(&server);
    let state = page.state();
    assert_eq!(state.socket_id.as_deref(), Some(&*before));
    assert!(!state.log.iter().any(|entry| entry.contains("error")));
}

/// The browser decides whether a frozen page keeps its connection.
#[test]
fn frozen_page_reconnects_at_once() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        min_delay: 60_000,
        ..setup_for(&server, "ann")
    });
    page.join("lobby");
    page.hide_behind(&fixture.open());
    page.command("Page.setWebLifecycleState", &json!({"state": "frozen"}));
    thread::sleep(Duration::from_secs(3));
    page.command("Page.setWebLifecycleState", &json!({"state": "active"}));
    page.show();
    page.wait_for_connection();
    wait_for(
        || "the channel to be subscribed".into(),
        TIMEOUT,
        || (server.subscriber_count("lobby") == 1).then_some(()),
    );
    server.publish("lobby", "greeting", &1).unwrap();
    page.wait_for_log("lobby greeting 1");
}

#[test]
fn page_dials_at_once_when_online_or_visible() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        min_delay: 60_000,
        ..setup_for(&server, "ann")
    });
    page.join("lobby");
    let lose_connection = || {
        server.set_accepting(false).unwrap();
        page.wait_until("the loss", |state| state.socket_id.is_none());
        server.set_accepting(true).unwrap();
    };
    lose_connection();
    page.script("dispatchEvent(new Event('offline'))");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(page.state().socket_id, None);
    page.script("dispatchEvent(new Event('online'))");
    page.wait_for_connection();

    lose_connection();
    page.hide_behind(&fixture.open());
    page.show();
    page.wait_for_connection();
}

#[test]
fn browser_network_events_check_the_link_at_once() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup_for(&server, "ann"));
    page.join("lobby");
    let before = page.wait_for_connection();
    let expect_ping = |what: &str, happen: &dyn Fn()| {
        let events = server.events();
        happen();
        // Long before the heartbeat.
        let ping = events.wait_for(Duration::from_secs(10), |event| {
            matches!(event, ServerEvent::PingReceived { .. })
        });
        assert!(ping.is_some(), "no ping came after: {what}");
    };
    for event in ["offline", "online"] {
        expect_ping(event, &|| {
            page.script(&format!("dispatchEvent(new Event('{event}'))"));
        });
    }
    page.hide_behind(&fixture.open());
    expect_ping("being shown", &|| page.show());
    assert_eq!(page.wait_for_connection(), before);
}

#[test]
fn silent_connection_is_dropped() {
    let server = ScriptedServer::start();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        activity_timeout: 500,
        pong_timeout: 500,
        ..setup(server.port(), "key")
    });
    let silent = server.accept(TIMEOUT);
    silent.establish("1.1", 120);
    silent.find_event("pusher:ping", TIMEOUT);
    let next = server.accept(TIMEOUT);
    next.establish("1.2", 120);
    next.reply_with(standard_reply);
    page.wait_until("another connection", |state| {
        state.socket_id.as_deref() == Some("1.2")
    });
    page.wait_for_log_containing("ping timed out");
    // The browser answers WebSocket pings itself.
    next.ping(b"ping");
    assert_eq!(next.expect_pong(TIMEOUT), b"ping");
}

#[test]
fn close_code_is_reported() {
    let server = ScriptedServer::start();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup(server.port(), "key"));
    let connection = server.accept(TIMEOUT);
    connection.establish("1.1", 120);
    page.wait_for_connection();
    connection.close(4001, "no such app");
    page.wait_for_log_containing(
        "Failed { error: Closed { code: Some(4001), reason: \"no such app\" } }",
    );
    server.expect_no_connection(Duration::from_secs(1));
}

#[test]
fn too_large_message_closes_the_connection_with_the_reason() {
    let server = ScriptedServer::start();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        inbound_message_bytes: 10_000,
        ..setup(server.port(), "key")
    });
    let connection = server.accept(TIMEOUT);
    connection.establish("1.1", 120);
    page.wait_for_connection();
    // Within the limit in UTF-16 units, above it in bytes.
    connection.send_text("ë".repeat(9000));
    page.wait_for_log_containing("a message has more than 10000 bytes");
    let close = connection.expect_close(TIMEOUT);
    assert_eq!(close.code, Some(1000));
    server.accept(TIMEOUT);
}

#[test]
fn unread_socket_in_a_page_refuses_only_client_events() {
    let server = ScriptedServer::builder().receive_buffer(4096).start();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        outbound_bytes: 1 << 20,
        authorize: pusher_web_tests::Authorize::ByCallback,
        ..setup(server.port(), "key")
    });
    let connection = server.accept(TIMEOUT);
    connection.reply_with(standard_reply);
    connection.establish("1.1", 120);
    page.ask(&Request::Join("private-room".into()));
    page.wait_until("a pending authorization", |state| {
        state.pending_authorization.is_some()
    });
    page.ask(&Request::Authorize {
        auth: "key:signature".into(),
        channel_data: None,
    });
    page.wait_for_log("private-room subscribed");
    connection.stop_reading();
    let started = Instant::now();
    let refused = "not sent: the send buffer is full, because the server does not read";
    while !page.state().log.iter().any(|entry| entry == refused) {
        assert!(started.elapsed() < TIMEOUT, "nothing was refused");
        page.send("private-room", "client-big", "x".repeat(500_000).into());
    }
    connection.event("private-room", "greeting", &json!({}));
    page.wait_for_log("private-room greeting {}");
    connection.read_again();
    wait_for(
        || "the accepted events to arrive".into(),
        TIMEOUT,
        || {
            let big = |text: &String| text.contains("client-big");
            (connection
                .received_texts()
                .iter()
                .filter(|text| big(text))
                .count()
                >= 2)
                .then_some(())
        },
    );
}
