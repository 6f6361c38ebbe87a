//! Public channels, and what is the same for all of them.

use std::time::Duration;

use bevy_pusher::{RawData, config::*};
use pusher_test_support::{Answer, ScriptedAuth};
use serde_json::{Value, json};

use super::*;

// 11.23
#[test]
fn a_channel_from_before_the_connection_is_asked_for_once_after_it() {
    let mut play = Play::new();
    let first = play.spawn("lobby");
    let second = play.spawn("lobby");
    let line = play.greet();
    assert_eq!(line.expect_json(SOON), subscribe("lobby"));
    line.expect_nothing(A_WHILE);
    line.subscribed("lobby");
    for entity in [first, second] {
        play.subscribed(entity);
    }
}

// 11.24
#[test]
fn a_public_channel_is_asked_for_by_its_name_alone() {
    let (mut play, line) = Play::online();
    play.spawn("lobby");
    assert_eq!(
        line.expect_text(SOON),
        r#"{"event":"pusher:subscribe","data":{"channel":"lobby"}}"#
    );
}

// 11.28
#[test]
fn success_is_a_text_an_object_or_nothing_and_is_told_as_a_status() {
    let (mut play, line) = Play::online();
    for (channel, data) in [
        ("a", Some(json!("{}"))),
        ("b", Some(json!({}))),
        ("c", None),
    ] {
        let entity = play.spawn(channel);
        line.expect_event("pusher:subscribe", SOON);
        let mut frame =
            json!({"event": "pusher_internal:subscription_succeeded", "channel": channel});
        if let Some(data) = data {
            frame["data"] = data;
        }
        line.send(frame);
        play.subscribed(entity);
    }
    assert_eq!(
        play.told(),
        ["a subscribed", "b subscribed", "c subscribed"]
    );
}

// 11.29
#[test]
fn after_a_loss_every_channel_is_had_again_with_an_authorization_for_the_new_socket() {
    let auth = ScriptedAuth::start(|request| {
        let auth = format!("key:{}", request.field("socket_id").unwrap());
        Answer::json(&json!({"auth": auth, "channel_data": r#"{"user_id":"ann"}"#}))
    });
    let (mut play, mut line) =
        Play::online_with(|config| config.with_auth_endpoint(endpoint(&auth)));
    let names = ["lobby", "presence-room", "private-room"];
    let entities = names.map(|name| play.spawn(name));
    for socket_id in ["1.1", "2.2", "3.3"] {
        let mut asked: Vec<Value> = line.expect_jsons(3, SOON);
        asked.sort_by_key(|frame| frame["data"]["channel"].to_string());
        let auths: Vec<Value> = asked
            .iter()
            .map(|frame| frame["data"]["auth"].clone())
            .collect();
        let signed = json!(format!("key:{socket_id}"));
        assert_eq!(auths, [Value::Null, signed.clone(), signed]);
        names.iter().for_each(|name| line.subscribed(name));
        for entity in entities {
            play.subscribed(entity);
        }
        play.hears(&line, "lobby", play.sockets);
        line.cut();
        play.until("the loss", |world| {
            entities
                .iter()
                .all(|entity| world.get::<PusherSubscribed>(*entity).is_none())
        });
        assert_eq!(*play.status(entities[0]), PusherSubscription::Pending);
        line = play.greet();
    }
    let again = |told: &&String| *told == "private-room subscribed again";
    assert_eq!(play.told().iter().filter(again).count(), 2);
    line.expect_nothing(Duration::ZERO.max(line_settles(&line)));
}

/// The last connection of a test may still bring its subscriptions.
fn line_settles(line: &ScriptedConnection) -> Duration {
    line.expect_jsons(3, SOON);
    A_WHILE
}

fn endpoint(auth: &ScriptedAuth) -> bevy_pusher::auth::AuthEndpoint {
    bevy_pusher::auth::AuthEndpoint::new(auth.url("/auth"))
}

// 11.31
#[test]
fn leaving_says_so_once_and_nothing_more_is_heard() {
    let (mut play, line) = Play::online();
    let lobby = play.join(&line, "lobby");
    let hall = play.join(&line, "hall");
    play.despawn(lobby);
    assert_eq!(line.expect_json(SOON), unsubscribe("lobby"));
    line.event("lobby", "late", &json!(1));
    play.hears(&line, "hall", 1);
    assert!(!play.told().iter().any(|told| told.contains("late")));
    play.despawn(hall);
    assert_eq!(line.expect_json(SOON), unsubscribe("hall"));
    line.expect_nothing(A_WHILE);
}

// 11.32
#[test]
fn who_leaves_before_the_answer_is_not_told_of_success_and_leaves_after_it() {
    let (mut play, line) = Play::online();
    let lobby = play.spawn("lobby");
    line.expect_event("pusher:subscribe", SOON);
    play.despawn(lobby);
    line.expect_nothing(A_WHILE);
    line.subscribed("lobby");
    assert_eq!(line.expect_json(SOON), unsubscribe("lobby"));
    play.frame();
    assert!(play.told().is_empty(), "{:?}", play.told());
}

// 11.32
#[test]
fn who_leaves_and_comes_back_before_the_answer_is_subscribed_by_it() {
    let (mut play, line) = Play::online();
    let lobby = play.spawn("lobby");
    line.expect_event("pusher:subscribe", SOON);
    play.despawn(lobby);
    let lobby = play.spawn("lobby");
    line.subscribed("lobby");
    play.subscribed(lobby);
    line.expect_nothing(A_WHILE);
    play.hears(&line, "lobby", 1);
}

// 11.33, 11.34
#[test]
fn a_channel_given_up_before_the_answer_or_without_a_connection_stays_given_up() {
    let (mut play, line) = Play::online();
    let unanswered = play.spawn("unanswered");
    line.expect_event("pusher:subscribe", SOON);
    let lost = play.join(&line, "lost");
    play.join(&line, "kept");
    play.despawn(unanswered);
    play.server.stop_listening();
    line.cut();
    play.until("the loss", |world| {
        world.get::<PusherSubscribed>(lost).is_none()
    });
    play.despawn(lost);
    play.server.listen_again();
    let line = play.greet();
    assert_eq!(line.expect_json(SOON), subscribe("kept"));
    line.expect_nothing(A_WHILE);
}

// 11.35
#[test]
fn an_event_of_a_channel_that_nobody_asked_for_is_for_nobody() {
    let (mut play, line) = Play::online();
    play.join(&line, "lobby");
    line.event("elsewhere", "news", &json!(1));
    line.event(
        "presence-elsewhere",
        "pusher_internal:member_added",
        &json!({"user_id": "x"}),
    );
    line.subscribed("elsewhere");
    play.hears(&line, "lobby", 1);
    assert_eq!(play.told(), ["lobby subscribed", "lobby still-here 1"]);
    assert!(play.errors().is_empty());
}

// 11.36
#[test]
fn data_of_every_shape_arrives_as_it_came() {
    #[derive(Resource, Default)]
    struct Heard(Vec<RawData>);
    let (mut play, line) = Play::online();
    play.app.init_resource::<Heard>().add_observer(
        |event: On<PusherEvent>, mut heard: ResMut<Heard>| heard.0.push(event.data().clone()),
    );
    play.join(&line, "lobby");
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
        line.send_text(format!(
            r#"{{"event":"e","channel":"lobby","data":{data}}}"#
        ));
    }
    line.send_text(r#"{"event":"e","channel":"lobby"}"#);
    play.until("all of them", |world| {
        world.resource::<Heard>().0.len() > shapes.len()
    });
    let heard = &play.app.world().resource::<Heard>().0;
    for ((sent, text, value), data) in shapes.iter().zip(heard) {
        assert_eq!(data.as_str(), *text, "{sent}");
        assert_eq!(data.parse::<Value>().ok(), *value, "{sent}");
        assert!(!data.is_absent());
    }
    assert!(heard.last().unwrap().is_absent());
}

// 11.37
#[test]
fn the_number_of_subscribers_is_told_zero_too() {
    #[derive(Resource, Default)]
    struct Counts(Vec<u64>);
    let (mut play, line) = Play::online();
    play.app.init_resource::<Counts>().add_observer(
        |count: On<PusherSubscriptionCountChanged>, mut counts: ResMut<Counts>| {
            assert_eq!(count.channel(), "lobby");
            counts.0.push(count.count());
        },
    );
    play.join(&line, "lobby");
    let name = "pusher_internal:subscription_count";
    line.event("lobby", name, &json!({"subscription_count": 7}));
    line.send(json!({"event": name, "channel": "lobby", "data": {"subscription_count": 0}}));
    play.until("two counts", |world| world.resource::<Counts>().0 == [7, 0]);
}

// 11.38
#[test]
fn a_refusal_of_the_server_fails_the_one_channel_with_its_words() {
    let (mut play, line) = Play::online_with(|config| let_in(config, "ann"));
    play.join(&line, "lobby");
    for (event, channel) in [
        ("pusher_internal:subscription_error", "private-a"),
        ("pusher:subscription_error", "private-b"),
    ] {
        let entity = play.spawn(channel);
        line.expect_event("pusher:subscribe", SOON);
        let data =
            json!({"type": "AuthError", "error": "The connection is unauthorized.", "status": 401});
        line.send(json!({"event": event, "channel": channel, "data": data}));
        let error = play.refused(entity);
        assert_eq!(error.status(), Some(401));
        assert!(
            error
                .to_string()
                .contains("The connection is unauthorized."),
            "{error}"
        );
    }
    line.expect_nothing(A_WHILE);
    play.hears(&line, "lobby", 1);
}

#[test]
fn a_server_that_says_nothing_fails_the_channel_in_time_and_its_late_success_counts() {
    let (mut play, line) = Play::online_with(|config| {
        config.with_timing(Timing {
            subscribe_timeout: Duration::from_millis(60),
            ..Timing::default()
        })
    });
    let lobby = play.spawn("lobby");
    line.expect_event("pusher:subscribe", SOON);
    let error = play.refused(lobby).to_string();
    assert!(error.contains("did not answer"), "{error}");
    line.expect_nothing(A_WHILE);
    line.subscribed("lobby");
    play.subscribed(lobby);
    play.hears(&line, "lobby", 1);
}

// 11.39
#[test]
fn the_name_says_what_kind_of_channel_it_is() {
    let auth = ScriptedAuth::always(Answer::json(&json!({
        "auth": "key:sig",
        "channel_data": r#"{"user_id":"ann"}"#,
        "shared_secret": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    })));
    let (mut play, line) = Play::online_with(|config| config.with_auth_endpoint(endpoint(&auth)));
    let reserved = play.spawn("#server-to-user-ann");
    play.refused(reserved);
    for public in ["cache-a", "privatex", "presencex", "private", "Private-a"] {
        play.spawn(public);
        assert_eq!(line.expect_json(SOON), subscribe(public));
    }
    assert!(auth.requests().is_empty());
    for (name, is_presence) in [
        ("private-cache-b", false),
        ("presence-cache-c", true),
        ("private-encrypted-cache-d", false),
    ] {
        let entity = play.spawn(name);
        let text = line.expect_text(SOON);
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["data"]["channel"], name);
        assert_eq!(frame["data"]["auth"], "key:sig");
        assert!(!text.contains("MDEyMzQ1"), "the secret stays here: {text}");
        line.subscribed(name);
        play.subscribed(entity);
        let has_members = play.app.world().get::<PusherMembers>(entity).is_some();
        assert_eq!(has_members, is_presence, "{name}");
    }
    assert_eq!(auth.requests().len(), 3);
}

// 11.58
#[test]
fn an_empty_cache_is_told_and_a_full_one_is_an_event_like_any_other() {
    let (mut play, line) = Play::online();
    for (channel, data) in [
        ("cache-a", Some(json!("{}"))),
        ("cache-b", Some(json!({}))),
        ("cache-c", None),
    ] {
        play.join(&line, channel);
        let mut frame = json!({"event": "pusher:cache_miss", "channel": channel});
        if let Some(data) = data {
            frame["data"] = data;
        }
        line.send(frame);
        play.has_been_told(&format!("{channel} cache miss"));
    }
    play.spawn("cache-full");
    line.expect_event("pusher:subscribe", SOON);
    let success = json!({"event": "pusher_internal:subscription_succeeded", "channel": "cache-full", "data": "{}"});
    let cached = json!({"event": "score", "channel": "cache-full", "data": "3"});
    line.send_texts_at_once([success.to_string(), cached.to_string()]);
    play.has_been_told("cache-full score 3");
}

// 11.59
#[test]
fn an_observer_that_goes_leaves_the_others_theirs() {
    #[derive(Resource, Default)]
    struct Heard(Vec<&'static str>);
    let (mut play, line) = Play::online();
    let lobby = play.join(&line, "lobby");
    let world = play.app.world_mut();
    world.init_resource::<Heard>();
    let [first, second] = ["first", "second"].map(|name| {
        let observer = move |_: On<PusherEvent>, mut heard: ResMut<Heard>| heard.0.push(name);
        world.spawn(Observer::new(observer).with_entity(lobby)).id()
    });
    play.hears(&line, "lobby", 1);
    play.app.world_mut().despawn(first);
    play.hears(&line, "lobby", 2);
    let mut heard = play.app.world().resource::<Heard>().0.clone();
    // Observers of one entity run in no order that a game may count on.
    heard.sort_unstable();
    assert_eq!(heard, ["first", "second", "second"]);
    play.app.world_mut().despawn(second);
}

// 11.60
#[test]
fn ten_thousand_events_at_once_arrive_in_their_order() {
    let (mut play, line) = Play::online();
    play.join(&line, "lobby");
    let event = |number: u32| {
        json!({"event": "count", "channel": "lobby", "data": number.to_string()}).to_string()
    };
    line.send_texts_at_once((0..10_000).map(event));
    play.has_been_told("lobby count 9999");
    let counted: Vec<u32> = play
        .told()
        .iter()
        .filter_map(|told| told.strip_prefix("lobby count ")?.parse().ok())
        .collect();
    assert_eq!(counted, (0..10_000).collect::<Vec<_>>());
}
