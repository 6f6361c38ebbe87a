//! Tests of subscriptions: public channels and what all kinds of channels have in common.

use std::time::Duration;

use bevy_pusher::{RawData, config::*};
use pusher_test_support::{Answer, ScriptedAuth};
use serde_json::{Value, json};

use super::*;

// 11.23
#[test]
fn channel_spawned_before_the_connection_is_subscribed_once() {
    let mut harness = Harness::new();
    let first = harness.spawn("lobby");
    let second = harness.spawn("lobby");
    let socket = harness.greet();
    assert_eq!(socket.expect_json(TIMEOUT), subscribe("lobby"));
    socket.expect_nothing(QUIET_PERIOD);
    socket.subscribed("lobby");
    for entity in [first, second] {
        harness.wait_until_subscribed(entity);
    }
}

// 11.24
#[test]
fn public_channel_request_has_only_the_name() {
    let (mut harness, socket) = Harness::online();
    harness.spawn("lobby");
    assert_eq!(
        socket.expect_text(TIMEOUT),
        r#"{"event":"pusher:subscribe","data":{"channel":"lobby"}}"#
    );
}

// 11.28
#[test]
fn subscription_success_data_is_a_string_an_object_or_absent() {
    let (mut harness, socket) = Harness::online();
    for (channel, data) in [
        ("a", Some(json!("{}"))),
        ("b", Some(json!({}))),
        ("c", None),
    ] {
        let entity = harness.spawn(channel);
        socket.expect_event("pusher:subscribe", TIMEOUT);
        let mut frame =
            json!({"event": "pusher_internal:subscription_succeeded", "channel": channel});
        if let Some(data) = data {
            frame["data"] = data;
        }
        socket.send(frame);
        harness.wait_until_subscribed(entity);
    }
    assert_eq!(
        harness.recorded(),
        ["a subscribed", "b subscribed", "c subscribed"]
    );
}

// 11.29
#[test]
fn reconnect_authorizes_channels_for_the_new_socket() {
    let auth = ScriptedAuth::start(|request| {
        let auth = format!("key:{}", request.field("socket_id").unwrap());
        Answer::json(&json!({"auth": auth, "channel_data": r#"{"user_id":"ann"}"#}))
    });
    let (mut harness, mut socket) =
        Harness::online_with(|config| config.with_auth_endpoint(endpoint(&auth)));
    let names = ["lobby", "presence-room", "private-room"];
    let entities = names.map(|name| harness.spawn(name));
    for socket_id in ["1.1", "2.2", "3.3"] {
        let mut requests: Vec<Value> = socket.expect_jsons(3, TIMEOUT);
        requests.sort_by_key(|frame| frame["data"]["channel"].to_string());
        let auths: Vec<Value> = requests
            .iter()
            .map(|frame| frame["data"]["auth"].clone())
            .collect();
        let signed = json!(format!("key:{socket_id}"));
        assert_eq!(auths, [Value::Null, signed.clone(), signed]);
        names.iter().for_each(|name| socket.subscribed(name));
        for entity in entities {
            harness.wait_until_subscribed(entity);
        }
        harness.expect_delivery(&socket, "lobby", harness.sockets);
        socket.cut();
        harness.until("the loss", |world| {
            entities
                .iter()
                .all(|entity| world.get::<PusherSubscribed>(*entity).is_none())
        });
        assert_eq!(*harness.status(entities[0]), PusherSubscription::Pending);
        socket = harness.greet();
    }
    let again = |recorded: &&String| *recorded == "private-room subscribed again";
    assert_eq!(harness.recorded().iter().filter(again).count(), 2);
    socket.expect_nothing(Duration::ZERO.max(line_settles(&socket)));
}

/// Waits for the three subscriptions of the last connection; returns how long to watch that nothing follows.
fn line_settles(socket: &ScriptedConnection) -> Duration {
    socket.expect_jsons(3, TIMEOUT);
    QUIET_PERIOD
}

fn endpoint(auth: &ScriptedAuth) -> bevy_pusher::auth::AuthEndpoint {
    bevy_pusher::auth::AuthEndpoint::new(auth.url("/auth"))
}

// 11.31
#[test]
fn leaving_sends_one_unsubscribe_and_stops_events() {
    let (mut harness, socket) = Harness::online();
    let lobby = harness.join(&socket, "lobby");
    let hall = harness.join(&socket, "hall");
    harness.despawn(lobby);
    assert_eq!(socket.expect_json(TIMEOUT), unsubscribe("lobby"));
    socket.event("lobby", "late", &json!(1));
    harness.expect_delivery(&socket, "hall", 1);
    assert!(
        !harness
            .recorded()
            .iter()
            .any(|recorded| recorded.contains("late"))
    );
    harness.despawn(hall);
    assert_eq!(socket.expect_json(TIMEOUT), unsubscribe("hall"));
    socket.expect_nothing(QUIET_PERIOD);
}

// 11.32
#[test]
fn leaving_before_the_answer_unsubscribes_after_it() {
    let (mut harness, socket) = Harness::online();
    let lobby = harness.spawn("lobby");
    socket.expect_event("pusher:subscribe", TIMEOUT);
    harness.despawn(lobby);
    socket.expect_nothing(QUIET_PERIOD);
    socket.subscribed("lobby");
    assert_eq!(socket.expect_json(TIMEOUT), unsubscribe("lobby"));
    harness.frame();
    assert!(harness.recorded().is_empty(), "{:?}", harness.recorded());
}

// 11.32
#[test]
fn rejoining_before_the_answer_is_subscribed_by_it() {
    let (mut harness, socket) = Harness::online();
    let lobby = harness.spawn("lobby");
    socket.expect_event("pusher:subscribe", TIMEOUT);
    harness.despawn(lobby);
    let lobby = harness.spawn("lobby");
    socket.subscribed("lobby");
    harness.wait_until_subscribed(lobby);
    socket.expect_nothing(QUIET_PERIOD);
    harness.expect_delivery(&socket, "lobby", 1);
}

// 11.33, 11.34
#[test]
fn despawned_channels_are_not_resubscribed() {
    let (mut harness, socket) = Harness::online();
    let unanswered = harness.spawn("unanswered");
    socket.expect_event("pusher:subscribe", TIMEOUT);
    let lost = harness.join(&socket, "lost");
    harness.join(&socket, "kept");
    harness.despawn(unanswered);
    harness.server.stop_listening();
    socket.cut();
    harness.until("the loss", |world| {
        world.get::<PusherSubscribed>(lost).is_none()
    });
    harness.despawn(lost);
    harness.server.listen_again();
    let socket = harness.greet();
    assert_eq!(socket.expect_json(TIMEOUT), subscribe("kept"));
    socket.expect_nothing(QUIET_PERIOD);
}

// 11.35
#[test]
fn event_of_an_unwanted_channel_is_dropped() {
    let (mut harness, socket) = Harness::online();
    harness.join(&socket, "lobby");
    socket.event("elsewhere", "news", &json!(1));
    socket.event(
        "presence-elsewhere",
        "pusher_internal:member_added",
        &json!({"user_id": "x"}),
    );
    socket.subscribed("elsewhere");
    harness.expect_delivery(&socket, "lobby", 1);
    assert_eq!(
        harness.recorded(),
        ["lobby subscribed", "lobby still-here 1"]
    );
    assert!(harness.errors().is_empty());
}

// 11.36
#[test]
fn data_of_every_shape_arrives_unchanged() {
    #[derive(Resource, Default)]
    struct Received(Vec<RawData>);
    let (mut harness, socket) = Harness::online();
    harness.app.init_resource::<Received>().add_observer(
        |event: On<PusherEvent>, mut received: ResMut<Received>| {
            received.0.push(event.data().clone())
        },
    );
    harness.join(&socket, "lobby");
    let shapes = [
        (r#""{\"a\":1}""#, r#"{"a":1}"#, Some(json!({"a": 1}))),
        (r#"{"a":1}"#, r#"{"a":1}"#, Some(json!({"a": 1}))),
        (r#""plain""#, "plain", None),
        (r#""123""#, "123", Some(json!(123))),
        (r#""null""#, "null", Some(Value::Null)),
        ("null", "null", Some(Value::Null)),
        (r#""""#, "", None),
        (r#""\"x\"""#, r#""x""#, Some(json!("x"))),
        (r#""Zoë \u00eb 🎲""#, "Zoë ë 🎲", None),
        (
            r#""9007199254740993""#,
            "9007199254740993",
            Some(json!(9007199254740993_u64)),
        ),
        (
            "18446744073709551615",
            "18446744073709551615",
            Some(json!(u64::MAX)),
        ),
        ("[1, 2]", "[1, 2]", Some(json!([1, 2]))),
    ];
    for (data, ..) in &shapes {
        socket.send_text(format!(
            r#"{{"event":"e","channel":"lobby","data":{data}}}"#
        ));
    }
    socket.send_text(r#"{"event":"e","channel":"lobby"}"#);
    harness.until("all events", |world| {
        world.resource::<Received>().0.len() > shapes.len()
    });
    let received = &harness.app.world().resource::<Received>().0;
    for ((sent, text, value), data) in shapes.iter().zip(received) {
        assert_eq!(data.as_str(), *text, "{sent}");
        assert_eq!(data.parse::<Value>().ok(), *value, "{sent}");
        assert!(!data.is_absent());
    }
    assert!(received.last().unwrap().is_absent());
}

// 11.37
#[test]
fn subscription_count_is_reported_including_zero() {
    #[derive(Resource, Default)]
    struct Counts(Vec<u64>);
    let (mut harness, socket) = Harness::online();
    harness.app.init_resource::<Counts>().add_observer(
        |count: On<PusherSubscriptionCountChanged>, mut counts: ResMut<Counts>| {
            assert_eq!(count.channel(), "lobby");
            counts.0.push(count.count());
        },
    );
    harness.join(&socket, "lobby");
    let name = "pusher_internal:subscription_count";
    socket.event("lobby", name, &json!({"subscription_count": 7}));
    socket.send(json!({"event": name, "channel": "lobby", "data": {"subscription_count": 0}}));
    harness.until("two counts", |world| world.resource::<Counts>().0 == [7, 0]);
}

// 11.38
#[test]
fn server_refusal_fails_only_its_channel() {
    let (mut harness, socket) = Harness::online_with(|config| authorize_as(config, "ann"));
    harness.join(&socket, "lobby");
    for (event, channel) in [
        ("pusher_internal:subscription_error", "private-a"),
        ("pusher:subscription_error", "private-b"),
    ] {
        let entity = harness.spawn(channel);
        socket.expect_event("pusher:subscribe", TIMEOUT);
        let data =
            json!({"type": "AuthError", "error": "The connection is unauthorized.", "status": 401});
        socket.send(json!({"event": event, "channel": channel, "data": data}));
        let error = harness.expect_refusal(entity);
        assert_eq!(error.status(), Some(401));
        assert!(
            error
                .to_string()
                .contains("The connection is unauthorized."),
            "{error}"
        );
    }
    socket.expect_nothing(QUIET_PERIOD);
    harness.expect_delivery(&socket, "lobby", 1);
}

#[test]
fn unanswered_subscription_fails_and_a_late_success_counts() {
    let (mut harness, socket) = Harness::online_with(|config| {
        config.with_timing(Timing {
            subscribe_timeout: Duration::from_millis(60),
            ..Timing::default()
        })
    });
    let lobby = harness.spawn("lobby");
    socket.expect_event("pusher:subscribe", TIMEOUT);
    let error = harness.expect_refusal(lobby).to_string();
    assert!(error.contains("timed out"), "{error}");
    socket.expect_nothing(QUIET_PERIOD);
    socket.subscribed("lobby");
    harness.wait_until_subscribed(lobby);
    harness.expect_delivery(&socket, "lobby", 1);
}

// 11.39
#[test]
fn channel_kind_follows_from_its_name() {
    let auth = ScriptedAuth::always(Answer::json(&json!({
        "auth": "key:sig",
        "channel_data": r#"{"user_id":"ann"}"#,
        "shared_secret": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    })));
    let (mut harness, socket) =
        Harness::online_with(|config| config.with_auth_endpoint(endpoint(&auth)));
    let reserved = harness.spawn("#server-to-user-ann");
    harness.expect_refusal(reserved);
    for public in ["cache-a", "privatex", "presencex", "private", "Private-a"] {
        harness.spawn(public);
        assert_eq!(socket.expect_json(TIMEOUT), subscribe(public));
    }
    assert!(auth.requests().is_empty());
    for (name, is_presence) in [
        ("private-cache-b", false),
        ("presence-cache-c", true),
        ("private-encrypted-cache-d", false),
    ] {
        let entity = harness.spawn(name);
        let text = socket.expect_text(TIMEOUT);
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["data"]["channel"], name);
        assert_eq!(frame["data"]["auth"], "key:sig");
        assert!(
            !text.contains("MDEyMzQ1"),
            "the secret is in the output: {text}"
        );
        socket.subscribed(name);
        harness.wait_until_subscribed(entity);
        let has_members = harness.app.world().get::<PusherMembers>(entity).is_some();
        assert_eq!(has_members, is_presence, "{name}");
    }
    assert_eq!(auth.requests().len(), 3);
}

// 11.58
#[test]
fn cache_miss_is_reported_and_a_cached_event_is_delivered() {
    let (mut harness, socket) = Harness::online();
    for (channel, data) in [
        ("cache-a", Some(json!("{}"))),
        ("cache-b", Some(json!({}))),
        ("cache-c", None),
    ] {
        harness.join(&socket, channel);
        let mut frame = json!({"event": "pusher:cache_miss", "channel": channel});
        if let Some(data) = data {
            frame["data"] = data;
        }
        socket.send(frame);
        harness.expect_recorded(&format!("{channel} cache miss"));
    }
    harness.spawn("cache-full");
    socket.expect_event("pusher:subscribe", TIMEOUT);
    let success = json!({"event": "pusher_internal:subscription_succeeded", "channel": "cache-full", "data": "{}"});
    let cached = json!({"event": "score", "channel": "cache-full", "data": "3"});
    socket.send_texts_at_once([success.to_string(), cached.to_string()]);
    harness.expect_recorded("cache-full score 3");
}

// 11.59
#[test]
fn despawned_observer_does_not_affect_the_others() {
    #[derive(Resource, Default)]
    struct Received(Vec<&'static str>);
    let (mut harness, socket) = Harness::online();
    let lobby = harness.join(&socket, "lobby");
    let world = harness.app.world_mut();
    world.init_resource::<Received>();
    let [first, second] = ["first", "second"].map(|name| {
        let observer =
            move |_: On<PusherEvent>, mut received: ResMut<Received>| received.0.push(name);
        world.spawn(Observer::new(observer).with_entity(lobby)).id()
    });
    harness.expect_delivery(&socket, "lobby", 1);
    harness.app.world_mut().despawn(first);
    harness.expect_delivery(&socket, "lobby", 2);
    let mut received = harness.app.world().resource::<Received>().0.clone();
    // The order of the observers of one entity is unspecified.
    received.sort_unstable();
    assert_eq!(received, ["first", "second", "second"]);
    harness.app.world_mut().despawn(second);
}

// 11.60
#[test]
fn ten_thousand_events_at_once_arrive_in_their_order() {
    let (mut harness, socket) = Harness::online();
    harness.join(&socket, "lobby");
    let event = |number: u32| {
        json!({"event": "count", "channel": "lobby", "data": number.to_string()}).to_string()
    };
    socket.send_texts_at_once((0..10_000).map(event));
    harness.expect_recorded("lobby count 9999");
    let counted: Vec<u32> = harness
        .recorded()
        .iter()
        .filter_map(|recorded| recorded.strip_prefix("lobby count ")?.parse().ok())
        .collect();
    assert_eq!(counted, (0..10_000).collect::<Vec<_>>());
}
