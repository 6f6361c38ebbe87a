//! Servers that end, networks that fail, tabs that are hidden and pages that are frozen.

use std::{
    thread,
    time::{Duration, Instant},
};

use pusher_dev_server::{DevServer, DevServerConfig, ServerEvent};
use pusher_test_support::{ScriptedServer, SigningAuth, Sockudo, polite};
use pusher_web_tests::{Request, Setup, webdriver::wait_for};
use serde_json::json;

use crate::{
    dev_server,
    page::{Place, SOON, setup, setup_for, setup_for_sockudo},
};

#[test]
fn a_restart_of_the_server_brings_every_channel_back() {
    let mut server = Sockudo::start();
    let auth = SigningAuth::start(&server.credentials());
    let place = Place::new();
    let page = place.play(&setup_for_sockudo(&server, &auth, "ann"));
    let channels = ["lobby", "private-room", "presence-room"];
    for channel in channels {
        page.join(channel);
    }
    let before = page.connected();
    server.start_again();
    for channel in channels {
        page.has_been_told(&format!("{channel} subscribed again"));
        server.publish(channel, "greeting", &json!({}));
        page.has_been_told(&format!("{channel} greeting {{}}"));
    }
    assert_ne!(page.connected(), before);
}

fn expect_ping(server: &DevServer) {
    let events = server.events();
    let ping = events.wait_for(SOON, |event| {
        matches!(event, ServerEvent::PingReceived { .. })
    });
    assert!(ping.is_some(), "no ping came");
}

#[test]
fn heartbeats_and_reconnects_go_on_in_a_hidden_tab() {
    let server =
        DevServer::start(DevServerConfig::default().with_activity_timeout(Duration::from_secs(1)))
            .unwrap();
    let place = Place::new();
    let page = place.play(&setup_for(&server, "ann"));
    page.join("private-room");
    page.join("presence-room");
    let other = place.open();
    let frames = page.hide_behind(&other);

    expect_ping(&server);
    expect_ping(&server);
    server.publish("private-room", "count", &1).unwrap();
    // A network that is cut takes along what was under way. Between two pings lies the answer to the first, and that comes
    // behind the event.
    expect_ping(&server);
    expect_ping(&server);
    server.set_accepting(false).unwrap();
    server.set_accepting(true).unwrap();
    wait_for(
        || "all channels to be subscribed again".into(),
        SOON,
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
    assert!(!state.told.iter().any(|told| told.contains("count")));

    page.show();
    page.has_been_told("private-room count 2");
    let told = page.state().told;
    let about_the_room: Vec<&str> = told
        .iter()
        .filter_map(|told| told.strip_prefix("private-room "))
        .collect();
    assert_eq!(
        about_the_room,
        ["subscribed", "count 1", "subscribed again", "count 2"]
    );
}

#[test]
fn a_page_that_was_held_up_takes_what_waits_before_it_doubts_its_link() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&Setup {
        activity_timeout: 1000,
        pong_timeout: 1000,
        ..setup_for(&server, "ann")
    });
    page.join("lobby");
    let before = page.connected();
    for round in 0..5 {
        // Longer than both, in the middle of either.
        let hold_up = "const end = Date.now() + 1800; while (Date.now() < end);";
        page.script(&format!("setTimeout(() => {{ {hold_up} }}, 0)"));
        thread::sleep(Duration::from_millis(1000));
        server.publish("lobby", "count", &round).unwrap();
        page.has_been_told(&format!("lobby count {round}"));
    }
    expect_ping(&server);
    let state = page.state();
    assert_eq!(state.socket_id.as_deref(), Some(&*before));
    assert!(!state.told.iter().any(|told| told.contains("error")));
}

/// Whether it keeps the connection of a page that it freezes, is the browser's decision.
#[test]
fn a_page_that_was_frozen_is_back_at_once() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&Setup {
        min_delay: 60_000,
        ..setup_for(&server, "ann")
    });
    page.join("lobby");
    page.hide_behind(&place.open());
    page.command("Page.setWebLifecycleState", &json!({"state": "frozen"}));
    thread::sleep(Duration::from_secs(3));
    page.command("Page.setWebLifecycleState", &json!({"state": "active"}));
    page.show();
    page.connected();
    wait_for(
        || "the channel to be subscribed".into(),
        SOON,
        || (server.subscriber_count("lobby") == 1).then_some(()),
    );
    server.publish("lobby", "greeting", &1).unwrap();
    page.has_been_told("lobby greeting 1");
}

#[test]
fn a_page_that_comes_online_or_into_sight_dials_at_once() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&Setup {
        min_delay: 60_000,
        ..setup_for(&server, "ann")
    });
    page.join("lobby");
    let lose = || {
        server.set_accepting(false).unwrap();
        page.until("the loss", |state| state.socket_id.is_none());
        server.set_accepting(true).unwrap();
    };
    lose();
    page.script("dispatchEvent(new Event('offline'))");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(page.state().socket_id, None);
    page.script("dispatchEvent(new Event('online'))");
    page.connected();

    lose();
    page.hide_behind(&place.open());
    page.show();
    page.connected();
}

#[test]
fn what_the_browser_tells_of_the_network_has_the_link_checked_at_once() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&setup_for(&server, "ann"));
    page.join("lobby");
    let before = page.connected();
    let expect_ping = |what: &str, happen: &dyn Fn()| {
        let events = server.events();
        happen();
        // Far before the heartbeat.
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
    page.hide_behind(&place.open());
    expect_ping("being shown", &|| page.show());
    assert_eq!(page.connected(), before);
}

#[test]
fn a_link_without_a_sign_of_life_is_given_up() {
    let server = ScriptedServer::start();
    let place = Place::new();
    let page = place.play(&Setup {
        activity_timeout: 500,
        pong_timeout: 500,
        ..setup(server.port(), "key")
    });
    let silent = server.accept(SOON);
    silent.establish("1.1", 120);
    silent.find_event("pusher:ping", SOON);
    let next = server.accept(SOON);
    next.establish("1.2", 120);
    next.reply_with(polite);
    page.until("another connection", |state| {
        state.socket_id.as_deref() == Some("1.2")
    });
    page.has_been_told_of("did not answer a ping");
    // A ping of the WebSocket itself is the browser's to answer.
    next.ping(b"ping");
    assert_eq!(next.expect_pong(SOON), b"ping");
}

#[test]
fn a_close_tells_its_code() {
    let server = ScriptedServer::start();
    let place = Place::new();
    let page = place.play(&setup(server.port(), "key"));
    let connection = server.accept(SOON);
    connection.establish("1.1", 120);
    page.connected();
    connection.close(4001, "no such app");
    page.has_been_told_of("Failed { error: Closed { code: Some(4001), reason: \"no such app\" } }");
    server.expect_no_connection(Duration::from_secs(1));
}

#[test]
fn a_message_that_is_too_large_ends_the_connection_with_the_reason() {
    let server = ScriptedServer::start();
    let place = Place::new();
    let page = place.play(&Setup {
        inbound_message_bytes: 10_000,
        ..setup(server.port(), "key")
    });
    let connection = server.accept(SOON);
    connection.establish("1.1", 120);
    page.connected();
    // Less than that in JavaScript's units, more in bytes.
    connection.send_text("ë".repeat(9000));
    page.has_been_told_of("a message of more than 10000 bytes");
    let close = connection.expect_close(SOON);
    assert_eq!(close.code, Some(1000));
    server.accept(SOON);
}

#[test]
fn a_server_that_does_not_read_holds_up_client_events_and_nothing_else() {
    let server = ScriptedServer::builder().receive_buffer(4096).start();
    let place = Place::new();
    let page = place.play(&Setup {
        outbound_bytes: 1 << 20,
        authorize: pusher_web_tests::Authorize::ByCode,
        ..setup(server.port(), "key")
    });
    let connection = server.accept(SOON);
    connection.reply_with(polite);
    connection.establish("1.1", 120);
    page.ask(&Request::Join("private-room".into()));
    page.until("being asked", |state| state.asked.is_some());
    page.ask(&Request::Authorize {
        auth: "key:signature".into(),
        channel_data: None,
    });
    page.has_been_told("private-room subscribed");
    connection.stop_reading();
    let begun = Instant::now();
    let refused = "not sent: too much is waiting to be sent already";
    while !page.state().told.iter().any(|told| told == refused) {
        assert!(begun.elapsed() < SOON, "all was taken");
        page.send("private-room", "client-big", "x".repeat(500_000).into());
    }
    connection.event("private-room", "greeting", &json!({}));
    page.has_been_told("private-room greeting {}");
    connection.read_again();
    wait_for(
        || "what was taken to arrive".into(),
        SOON,
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
