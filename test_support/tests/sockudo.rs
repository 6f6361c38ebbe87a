//! Tests of starting Sockudo and using it with pusher-js and the HTTP API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

use std::time::Duration;

use pusher_test_support::{PusherJs, PusherJsOptions, SigningAuth, Sockudo};
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn events_of_the_http_api_reach_pusher_js() {
    let server = Sockudo::start();
    let mut client = PusherJs::spawn(&PusherJsOptions::for_sockudo(&server));
    client.expect_connected(SOON);
    client.subscribe("room", SOON);
    assert_eq!(server.channels(), ["room"]);
    server.publish("room", "greeting", &json!({"to": "all"}));
    assert_eq!(
        client.expect_event("room", "greeting", SOON),
        json!({"to": "all"})
    );

    let batch = (0..25).map(|number| ("room", "count", json!(number)));
    server.publish_batch(batch);
    for number in 0..25 {
        assert_eq!(client.expect_event("room", "count", SOON), json!(number));
    }
}

#[test]
fn tls_works_with_a_test_authority() {
    let server = Sockudo::start_tls();
    let mut client = PusherJs::spawn(&PusherJsOptions::for_sockudo(&server));
    client.expect_connected(SOON);
    client.subscribe("room", SOON);
    server.publish("room", "greeting", &json!("hello"));
    assert_eq!(
        client.expect_event("room", "greeting", SOON),
        json!("hello")
    );
}

#[test]
fn private_presence_and_encrypted_channels_are_authorized() {
    let server = Sockudo::start();
    let auth = SigningAuth::start(&server.credentials());
    let options = PusherJsOptions::for_sockudo(&server).with_auth(&auth);
    let mut ann = PusherJs::spawn(&options.clone().with_param("user_id", "ann"));
    let mut bob = PusherJs::spawn(&options.with_param("user_id", "bob"));
    for client in [&mut ann, &mut bob] {
        client.expect_connected(SOON);
        client.subscribe("presence-room", SOON);
        client.subscribe("private-encrypted-room", SOON);
    }
    ann.expect("bob's arrival", SOON, |line| {
        line["type"] == "member_added" && line["id"] == "bob"
    });
    let mut users = server.users("presence-room");
    users.sort();
    assert_eq!(users, ["ann", "bob"]);

    bob.send(&json!({"command": "trigger", "channel": "presence-room", "event": "client-wave", "data": 1}));
    assert_eq!(
        ann.expect_event("presence-room", "client-wave", SOON),
        json!(1)
    );

    // The npm library `pusher` encrypts; pusher-js decrypts with the shared secret from SigningAuth.
    bob.send(&json!({"command": "publish", "channel": "private-encrypted-room", "event": "secret", "data": {"a": 1}}));
    assert_eq!(
        ann.expect_event("private-encrypted-room", "secret", SOON),
        json!({"a": 1})
    );
}

#[test]
fn a_user_signs_in_and_gets_events() {
    let server = Sockudo::start();
    let auth = SigningAuth::start(&server.credentials());
    let options = PusherJsOptions::for_sockudo(&server).with_auth(&auth);
    let mut client = PusherJs::spawn(&options.with_param("user_id", "ann"));
    client.expect_connected(SOON);
    client.send(&json!({"command": "signin"}));
    client.expect("the sign-in", SOON, |line| {
        line["type"] == "signed_in" && line["user_data"] == r#"{"id":"ann"}"#
    });
    server.publish_to_user("ann", "for-you", &json!(true));
    client.expect("the user's event", SOON, |line| {
        line["type"] == "user_event" && line["event"] == "for-you"
    });
}

#[test]
fn a_restart_keeps_the_port_and_pusher_js_reconnects() {
    let mut server = Sockudo::start();
    let mut client = PusherJs::spawn(&PusherJsOptions::for_sockudo(&server));
    let first = client.expect_connected(SOON);
    client.subscribe("room", SOON);
    server.stop();
    server.start_again();
    assert_ne!(client.expect_connected(SOON), first);
    client.expect("room subscribed again", SOON, |line| {
        line["type"] == "subscribed"
    });
}
