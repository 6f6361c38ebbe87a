//! Every documented frame with each part missing, null or of another type: the connection stands, and what was not said
//! properly moves nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use pusher_protocol::session::{ConnectionState, Notice, SessionConfig};
use serde_json::{Value, json};
use support::*;

/// Every frame that the protocol's document shows, once with its data as a value; the texts are made of it.
fn documented() -> Vec<Value> {
    vec![
        json!({"event": "pusher:connection_established", "data": {"socket_id": "1.2", "activity_timeout": 120}}),
        json!({"event": "pusher:error", "data": {"code": 4301, "message": "m"}}),
        json!({"event": "pusher:error", "channel": "lobby", "data": {"code": 4009, "message": "m"}}),
        json!({"event": "pusher:ping", "data": {}}),
        json!({"event": "pusher:pong", "data": {}}),
        json!({"event": "pusher_internal:subscription_succeeded", "channel": "presence-room", "data": {
            "presence": {"count": 2, "ids": ["u1", "u2"], "hash": {"u1": {"name": "A"}, "u2": null}}}}),
        json!({"event": "pusher_internal:subscription_error", "channel": "private-room", "data": {"status": 401}}),
        json!({"event": "pusher:subscription_error", "channel": "private-room",
            "data": {"type": "AuthError", "error": "e", "status": 401}}),
        json!({"event": "pusher_internal:member_added", "channel": "presence-room",
            "data": {"user_id": "u3", "user_info": {"name": "C"}}}),
        json!({"event": "pusher_internal:member_removed", "channel": "presence-room", "data": {"user_id": "u3"}}),
        json!({"event": "pusher_internal:subscription_count", "channel": "lobby", "data": {"subscription_count": 7}}),
        json!({"event": "pusher:cache_miss", "channel": "lobby", "data": {}}),
        json!({"event": "pusher:signin_success", "data": {"user_data": "{\"id\":\"u1\"}"}}),
        json!({"event": "pusher_internal:watchlist_events",
            "data": {"events": [{"name": "online", "user_ids": ["u2"]}]}}),
        json!({"event": "my-event", "channel": "lobby", "data": {"hello": "world"}}),
        json!({"event": "client-typing", "channel": "presence-room", "data": {"on": true}, "user_id": "u2"}),
        json!({"event": "my-event", "channel": "private-encrypted-x", "data": {"nonce": "AA==", "ciphertext": "AA=="}}),
    ]
}

/// `value` with each of its parts, at any depth, left out or replaced by each other kind of value.
fn mutations(value: &Value) -> Vec<Value> {
    let mut found: Vec<Value> = [
        json!(null),
        json!(true),
        json!(-7),
        json!(1e300),
        json!(""),
        json!("x"),
        json!([]),
        json!([[]]),
        json!({}),
    ]
    .into_iter()
    .filter(|other| other != value)
    .collect();
    if let Value::Object(fields) = value {
        for (key, inner) in fields {
            let mut without = fields.clone();
            without.remove(key);
            found.push(Value::Object(without));
            for mutation in mutations(inner) {
                let mut changed = fields.clone();
                changed.insert(key.clone(), mutation);
                found.push(Value::Object(changed));
            }
        }
    }
    if let Value::Array(elements) = value {
        for (index, inner) in elements.iter().enumerate() {
            for mutation in mutations(inner) {
                let mut changed = elements.clone();
                changed[index] = mutation;
                found.push(Value::Array(changed));
            }
        }
    }
    found
}

/// The frame as it is, and with its data as a text.
fn both_forms(frame: Value) -> Vec<Value> {
    let mut text = frame.clone();
    if let Some(data) = frame.get("data") {
        text["data"] = json!(data.to_string());
    }
    vec![frame, text]
}

fn busy_client() -> Client {
    let mut client = Client::connected();
    client.subscribe("lobby");
    client.subscribe("private-room");
    client.join("presence-room", "u1", &["u1", "u2"]);
    client.want("private-wanted");
    client.want("pending");
    client
}

#[test]
fn no_malformed_frame_moves_the_connection_or_another_channel() {
    let mut tried = 0;
    for frame in documented() {
        for mutation in mutations(&frame).into_iter().flat_map(both_forms) {
            tried += 1;
            let mut client = busy_client();
            let (_, seen) = client.frame(&mutation);
            assert_eq!(states(&seen), [], "{mutation}");
            assert_eq!(statuses(&seen), [], "{mutation}");
            for notice in notices(&seen) {
                if let Notice::Members { channel, .. } = &notice {
                    assert_eq!(channel.as_str(), "presence-room", "{mutation}");
                }
            }
            let good = json!({"event": "e", "channel": "lobby", "data": "1"});
            assert!(client.frame(&good).0.is_some(), "{mutation}");
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn no_malformed_first_frame_connects_or_hangs() {
    for frame in documented() {
        for mutation in mutations(&frame).into_iter().flat_map(both_forms) {
            let mut client = Client::new(SessionConfig::default());
            client.command(pusher_protocol::session::Command::Connect);
            client.open();
            let (event, seen) = client.frame(&mutation);
            assert_eq!(event, None, "{mutation}");
            let connected =
                |state: &ConnectionState| matches!(state, ConnectionState::Connected { .. });
            let greeted = mutation["event"] == "pusher:connection_established";
            assert!(
                greeted || !states(&seen).iter().any(connected),
                "{mutation}"
            );
            let seen = client.wait(60 * SECOND);
            let failed = |state: &ConnectionState| matches!(state, ConnectionState::Failed { .. });
            assert!(
                greeted
                    || mutation["event"] == "pusher:error"
                    || dials(&seen) > 0
                    || states(&seen).iter().any(failed),
                "{mutation}: {seen:?}"
            );
        }
    }
}
