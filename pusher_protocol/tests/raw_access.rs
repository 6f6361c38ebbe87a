//! What the protocol does not know reaches the game, and goes out in its requests.

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

fn want_with(client: &mut Client, channel: &str, extra: &Value) -> Vec<Seen> {
    let extra: Option<Map<String, Value>> = extra.as_object().cloned();
    client.command(Command::Subscribe {
        channel: name(channel),
        extra,
    })
}

fn words(seen: &[Seen]) -> Vec<SubscriptionStatus> {
    statuses(seen)
        .into_iter()
        .map(|(_, status)| status)
        .collect()
}

/// For how long the channel heard nothing, as told with its last status.
fn gap(seen: &[Seen]) -> Option<std::time::Duration> {
    let gap = |notice| match notice {
        Notice::Subscription { gap, .. } => gap,
        _ => None,
    };
    notices(seen).into_iter().filter_map(gap).last()
}

#[test]
fn unknown_keys_come_with_the_event_wherever_it_is_for() {
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
fn an_event_of_the_protocol_that_is_not_known_reaches_whom_it_names() {
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
fn fields_of_the_game_go_into_the_request_and_the_protocols_own_stay_its_own() {
    let mut client = Client::connected();
    let extra = json!({"filter": {"key": "kind", "cmp": "eq", "val": "goal"}, "channel": "private-x", "auth": "forged", "channel_data": "forged"});
    let seen = want_with(&mut client, "lobby", &extra);
    assert_eq!(
        frames(&seen),
        [
            json!({"event": "pusher:subscribe", "data": {"channel": "lobby", "filter": extra["filter"]}})
        ]
    );
    let asked = request(&want_with(&mut client, "private-room", &extra));
    assert_eq!(
        frames(&client.authorize(asked))[0]["data"],
        json!({"channel": "private-room", "auth": "key:signature", "filter": extra["filter"]})
    );
}

#[test]
fn the_fields_go_out_again_after_a_reconnect() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"rewind": 5}));
    client.confirm("lobby");
    client.lose();
    client.wait_for_dial();
    let seen = client.establish();
    assert_eq!(frames(&seen)[0]["data"]["rewind"], 5);
}

#[test]
fn other_fields_are_another_subscription_whose_gap_is_told() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"filter": 1}));
    client.confirm("lobby");
    assert_eq!(want_with(&mut client, "lobby", &json!({"filter": 1})), []);
    let seen = want_with(&mut client, "lobby", &json!({"filter": 2}));
    assert_eq!(
        frames(&seen),
        [
            unsubscribe_frame("lobby"),
            json!({"event": "pusher:subscribe", "data": {"channel": "lobby", "filter": 2}})
        ]
    );
    assert_eq!(words(&seen), [Subscribing]);
    client.wait(SECOND);
    let seen = client.confirm("lobby");
    assert_eq!(words(&seen), [Subscribed]);
    assert_eq!(gap(&seen), Some(SECOND));
    let seen = want_with(&mut client, "lobby", &Value::Null);
    assert_eq!(frames(&seen)[1], subscribe_frame("lobby"));
}

#[test]
fn a_private_channel_is_authorized_again_for_its_other_fields() {
    let mut client = Client::connected();
    client.join("presence-room", "me", &["me", "ann"]);
    let seen = want_with(&mut client, "presence-room", &json!({"filter": 1}));
    assert_eq!(frames(&seen), [unsubscribe_frame("presence-room")]);
    let asked = request(&seen);
    let seen = client.authorize_as(asked, "me");
    assert_eq!(frames(&seen)[0]["data"]["filter"], 1);
    let seen = client.confirm_presence("presence-room", &["me", "bob"]);
    let changes: Vec<String> = notices(&seen)
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
fn fields_that_change_before_the_request_are_simply_the_ones_that_are_sent() {
    let mut client = Client::connected();
    let asked = request(&want_with(
        &mut client,
        "private-room",
        &json!({"filter": 1}),
    ));
    assert_eq!(
        want_with(&mut client, "private-room", &json!({"filter": 2})),
        []
    );
    let sent = frames(&client.authorize(asked));
    assert_eq!(sent[0]["data"]["filter"], 2);
    assert_eq!(words(&client.confirm("private-room")), [Subscribed]);
}

#[test]
fn fields_that_change_while_the_answer_is_awaited_wait_for_it() {
    let refusal =
        json!({"event": "pusher:subscription_error", "channel": "lobby", "data": {"status": 400}});
    let answers: [fn(&mut Client, &Value) -> Vec<Seen>; 3] = [
        |client, _| client.confirm("lobby"),
        |client, refusal| client.frame(refusal).1,
        |client, _| client.wait(10 * SECOND),
    ];
    for (number, answer) in answers.iter().enumerate() {
        let mut client = Client::connected();
        want_with(&mut client, "lobby", &json!({"filter": 1}));
        assert_eq!(want_with(&mut client, "lobby", &json!({"filter": 2})), []);
        let seen = answer(&mut client, &refusal);
        assert_eq!(words(&seen), [], "{number}: it goes on subscribing");
        let sent = frames(&seen);
        let last = sent.last().unwrap();
        assert_eq!(last["data"]["filter"], 2, "{number}: {sent:?}");
        assert_eq!(words(&client.confirm("lobby")), [Subscribed], "{number}");
    }
}

#[test]
fn there_and_back_again_while_the_answer_is_awaited_changes_nothing() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"filter": 1}));
    want_with(&mut client, "lobby", &json!({"filter": 2}));
    want_with(&mut client, "lobby", &json!({"filter": 1}));
    let seen = client.confirm("lobby");
    assert_eq!(words(&seen), [Subscribed]);
    assert!(frames(&seen).is_empty());
}

#[test]
fn other_fields_are_another_try_for_a_channel_that_was_refused() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"filter": "nonsense"}));
    let refusal =
        json!({"event": "pusher:subscription_error", "channel": "lobby", "data": {"status": 400}});
    let seen = client.frame(&refusal).1;
    assert!(matches!(words(&seen)[..], [Failed(_)]));
    let seen = want_with(&mut client, "lobby", &json!({"filter": 1}));
    assert_eq!(words(&seen), [Subscribing]);
    assert_eq!(frames(&seen).len(), 1);
}

#[test]
fn a_channel_that_was_left_and_is_wanted_with_other_fields_is_subscribed_with_them() {
    let mut client = Client::connected();
    want_with(&mut client, "lobby", &json!({"filter": 1}));
    client.unwant("lobby");
    let seen = want_with(&mut client, "lobby", &json!({"filter": 2}));
    assert_eq!(words(&seen), [Subscribing]);
    let seen = client.confirm("lobby");
    assert_eq!(
        frames(&seen),
        [
            unsubscribe_frame("lobby"),
            json!({"event": "pusher:subscribe", "data": {"channel": "lobby", "filter": 2}})
        ]
    );
    assert_eq!(words(&client.confirm("lobby")), [Subscribed]);
}

#[test]
fn after_signing_out_other_fields_ask_for_nothing() {
    let mut client = Client::connected();
    client.subscribe("private-room");
    client.command(Command::SignOut);
    assert_eq!(
        want_with(&mut client, "private-room", &json!({"filter": 1})),
        []
    );
}
