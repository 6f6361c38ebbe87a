//! Unknown messages and fields: they are delivered, and extra fields are sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use pusher_protocol::{
    protocol::EventData,
    session::{Command, EventTarget, Notice, SubscriptionStatus},
};
use serde_json::{Map, Value, json};
use support::*;

use SubscriptionStatus::{Failed, Subscribed, Subscribing};

fn want_with(client: &mut Client, channel: &str, extra: &Value) -> Vec<TestOutput> {
    let extra: Option<Map<String, Value>> = extra.as_object().cloned();
    client.command(Command::Subscribe {
        channel: name(channel),
        extra,
    })
}

fn summarize(outputs: &[TestOutput]) -> Vec<SubscriptionStatus> {
    statuses(outputs)
        .into_iter()
        .map(|(_, status)| status)
        .collect()
}

/// Returns the gap reported with the last status.
fn gap(outputs: &[TestOutput]) -> Option<std::time::Duration> {
    let gap = |notice| match notice {
        Notice::Subscription { gap, .. } => gap,
        _ => None,
    };
    notices(outputs).into_iter().filter_map(gap).last()
}

#[test]
fn unknown_keys_are_delivered_with_the_event() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    for (channel, target) in [
        (Some("lobby"), EventTarget::Channel(name("lobby"))),
        (None, EventTarget::Connection),
    ] {
        let mut frame = json!({"event": "e", "data": "1", "serial": 9007199254740993_u64, "tags": {"a": ["b"]}, "message_id": "m-1"});
        if let Some(channel) = channel {
            frame["channel"] = json!(channel);
        }
        let event = client.frame(&frame).0.unwrap();
        assert_eq!(event.target, target);
        let mut extras: Vec<(&str, &EventData<'_>)> = event
            .extras
            .iter()
            .map(|extra| (&*extra.key, &extra.value))
            .collect();
        extras.sort_by_key(|(key, _)| *key);
        assert_eq!(
            extras,
            [
                ("message_id", &EventData::Text("m-1".into())),
                ("serial", &EventData::Json("9007199254740993".into())),
                ("tags", &EventData::Json(r#"{"a":["b"]}"#.into())),
            ]
        );
    }
    let event = client
        .frame(&json!({"event": "e", "channel": "lobby", "data": "1"}))
        .0
        .unwrap();
    assert!(event.extras.is_empty());
}

#[test]
fn unknown_protocol_events_are_delivered_to_their_target() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    let (event, _) = client
        .frame(&json!({"event": "pusher:delta_compression_enabled", "data": {"enabled": true}}));
    let event = event.unwrap();
    assert_eq!(event.target, EventTarget::Connection);
    assert_eq!(event.event, "pusher:delta_compression_enabled");
    let (event, _) =
        client.frame(&json!({"event": "pusher:delta", "channel": "lobby", "data": {"seq": 1}}));
    assert_eq!(event.unwrap().target, EventTarget::Channel(name("lobby")));
    let internal = json!({"event": "pusher_internal:new", "channel": "lobby", "data": "{}"});
    assert_eq!(client.frame(&internal), (None, vec![]));
}

#[test]
fn extra_fields_cannot_replace_protocol_fields() {
    let mut client = Client::connected();
    let extra = json!({"filter": {"key": "kind", "cmp": "eq", "val": "goal"}, "channel": "private-x", "auth": "forged", "channel_data": "forged"});
    let outputs = want_with(&mut client, "lobby", &extra);
    assert_eq!(
        frames(&outputs),
        [
            json!({"event": "pusher:subscribe", "data": {"channel": "lobby", "filter": extra["filter"]}})
        ]
    );
    let request_id = request(&want_with(&mut client, "private-room", &extra));
    assert_eq!(
        frames(&client.authorize(request_id))[0]["data"],
        json!({"channel": "private-room", "auth": "key:signature", "filter": extra["filter"]})
    );
}

#[test]
fn extra_fields_are_sent_again_after_a_reconnect() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"rewind": 5}));
    client.confirm("lobby");
    client.lose();
    client.wait_for_dial();
    let outputs = client.establish();
    assert_eq!(frames(&outputs)[0]["data"]["rewind"], 5);
}

#[test]
fn changed_fields_resubscribe_and_report_the_gap() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"filter": 1}));
    client.confirm("lobby");
    assert_eq!(want_with(&mut client, "lobby", &json!({"filter": 1})), []);
    let outputs = want_with(&mut client, "lobby", &json!({"filter": 2}));
    assert_eq!(
        frames(&outputs),
        [
            unsubscribe_frame("lobby"),
            json!({"event": "pusher:subscribe", "data": {"channel": "lobby", "filter": 2}})
        ]
    );
    assert_eq!(summarize(&outputs), [Subscribing]);
    client.wait(SECOND);
    let outputs = client.confirm("lobby");
    assert_eq!(summarize(&outputs), [Subscribed]);
    assert_eq!(gap(&outputs), Some(SECOND));
    let outputs = want_with(&mut client, "lobby", &Value::Null);
    assert_eq!(frames(&outputs)[1], subscribe_frame("lobby"));
}

#[test]
fn changed_fields_of_a_private_channel_need_authorization() {
    let mut client = Client::connected();
    client.join("presence-room", "me", &["me", "ann"]);
    let outputs = want_with(&mut client, "presence-room", &json!({"filter": 1}));
    assert_eq!(frames(&outputs), [unsubscribe_frame("presence-room")]);
    let request_id = request(&outputs);
    let outputs = client.authorize_as(request_id, "me");
    assert_eq!(frames(&outputs)[0]["data"]["filter"], 1);
    let outputs = client.confirm_presence("presence-room", &["me", "bob"]);
    let changes: Vec<String> = notices(&outputs)
        .into_iter()
        .filter_map(|notice| match notice {
            Notice::MemberJoined(joined) => Some(format!("+{}", joined.member.id())),
            Notice::MemberLeft(left) => Some(format!("-{}", left.member.id())),
            _ => None,
        })
        .collect();
    assert_eq!(changes, ["-ann", "+bob"]);
}

#[test]
fn fields_changed_before_the_request_are_sent_with_it() {
    let mut client = Client::connected();
    let request_id = request(&want_with(
        &mut client,
        "private-room",
        &json!({"filter": 1}),
    ));
    assert_eq!(
        want_with(&mut client, "private-room", &json!({"filter": 2})),
        []
    );
    let sent = frames(&client.authorize(request_id));
    assert_eq!(sent[0]["data"]["filter"], 2);
    assert_eq!(summarize(&client.confirm("private-room")), [Subscribed]);
}

#[test]
fn fields_changed_before_the_reply_wait_for_it() {
    let refusal =
        json!({"event": "pusher:subscription_error", "channel": "lobby", "data": {"status": 400}});
    let answers: [fn(&mut Client, &Value) -> Vec<TestOutput>; 3] = [
        |client, _| client.confirm("lobby"),
        |client, refusal| client.frame(refusal).1,
        |client, _| client.wait(10 * SECOND),
    ];
    for (number, answer) in answers.iter().enumerate() {
        let mut client = Client::connected();
        want_with(&mut client, "lobby", &json!({"filter": 1}));
        assert_eq!(want_with(&mut client, "lobby", &json!({"filter": 2})), []);
        let outputs = answer(&mut client, &refusal);
        assert_eq!(summarize(&outputs), [], "{number}: it goes on subscribing");
        let sent = frames(&outputs);
        let last = sent.last().unwrap();
        assert_eq!(last["data"]["filter"], 2, "{number}: {sent:?}");
        assert_eq!(
            summarize(&client.confirm("lobby")),
            [Subscribed],
            "{number}"
        );
    }
}

#[test]
fn toggled_fields_before_the_reply_change_nothing() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"filter": 1}));
    want_with(&mut client, "lobby", &json!({"filter": 2}));
    want_with(&mut client, "lobby", &json!({"filter": 1}));
    let outputs = client.confirm("lobby");
    assert_eq!(summarize(&outputs), [Subscribed]);
    assert!(frames(&outputs).is_empty());
}

#[test]
fn changed_fields_retry_a_refused_channel() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"filter": "other"}));
    let refusal =
        json!({"event": "pusher:subscription_error", "channel": "lobby", "data": {"status": 400}});
    let outputs = client.frame(&refusal).1;
    assert!(matches!(summarize(&outputs)[..], [Failed(_)]));
    let outputs = want_with(&mut client, "lobby", &json!({"filter": 1}));
    assert_eq!(summarize(&outputs), [Subscribing]);
    assert_eq!(frames(&outputs).len(), 1);
}

#[test]
fn resubscribing_after_unsubscribe_uses_the_new_fields() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"filter": 1}));
    client.unsubscribe("lobby");
    let outputs = want_with(&mut client, "lobby", &json!({"filter": 2}));
    assert_eq!(summarize(&outputs), [Subscribing]);
    let outputs = client.confirm("lobby");
    assert_eq!(
        frames(&outputs),
        [
            unsubscribe_frame("lobby"),
            json!({"event": "pusher:subscribe", "data": {"channel": "lobby", "filter": 2}})
        ]
    );
    assert_eq!(summarize(&client.confirm("lobby")), [Subscribed]);
}

#[test]
fn changed_fields_of_a_suspended_channel_request_nothing() {
    let mut client = Client::connected();
    client.subscribe("private-room");
    client.command(Command::SignOut);
    assert_eq!(
        want_with(&mut client, "private-room", &json!({"filter": 1})),
        []
    );
}
