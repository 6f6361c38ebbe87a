//! Sizes at, below and above each limit, and numbers at the bounds of their types.

use pusher_protocol::{
    ChannelName, ChannelNameError, NameRules,
    config::Limits,
    protocol::CHANNEL_NAME_LENGTH,
    session::{Command, Input, Notice, SendMode, SessionConfig},
};
use serde_json::{Value, json};

use crate::{documented::busy_client, support::*};

#[test]
fn the_name_limit_counts_characters_not_bytes() {
    // The hosted service documents 164 and checks 200.
    for length in [1, 163, 164, 165, 199, 200] {
        let strict = ChannelName::new(&"x".repeat(length), NameRules::Strict);
        assert_eq!(strict.map(|name| name.len()), Ok(length));
        let relaxed = ChannelName::new(&"ü".repeat(length), NameRules::Relaxed);
        assert_eq!(relaxed.map(|name| name.len()), Ok(2 * length));
    }
    for length in [201, 100_000] {
        let too_long = ChannelNameError::TooLong { length };
        for (name, rules) in [("x", NameRules::Strict), ("ü", NameRules::Relaxed)] {
            assert_eq!(
                ChannelName::new(&name.repeat(length), rules),
                Err(too_long.clone())
            );
        }
    }
    let prefix = "private-encrypted-cache-";
    let rest = "x".repeat(CHANNEL_NAME_LENGTH - prefix.len());
    assert!(ChannelName::new(&format!("{prefix}{rest}"), NameRules::Strict).is_ok());
    assert!(ChannelName::new(&format!("{prefix}{rest}x"), NameRules::Strict).is_err());
}

#[test]
fn longest_channel_names_work_and_overlong_ones_are_dropped() {
    let longest = "x".repeat(CHANNEL_NAME_LENGTH);
    let mut client = Client::connected();
    client.subscribe(&longest);
    let event = |channel: &str| json!({"event": "e", "channel": channel, "data": "1"});
    assert!(client.frame(&event(&longest)).0.is_some());
    for length in [201, 1_000_000] {
        assert_eq!(client.frame(&event(&"x".repeat(length))), (None, vec![]));
    }
}

#[test]
fn event_names_have_no_length_limit() {
    // Servers check for 200, and the error of the server is reported.
    let mut client = busy_client();
    for length in [1, 199, 200, 201, 100_000] {
        let event = "e".repeat(length);
        let received = client
            .frame(&json!({"event": event, "channel": "lobby", "data": "1"}))
            .0;
        assert_eq!(received.map(|event| event.event.len()), Some(length));
        let event = format!("client-{event}");
        let sent = client.send_with(SendMode::Queued, 1, "private-room", &event, "1");
        assert_eq!(
            frames(&sent).first().map(|frame| &frame["event"]),
            Some(&json!(event))
        );
        client.wait(SECOND);
    }
    assert!(
        client
            .frame(&json!({"event": "", "channel": "lobby", "data": "1"}))
            .0
            .is_some()
    );
}

#[test]
fn the_size_limit_counts_bytes_of_json() {
    let largest = Limits::default().client_event_bytes;
    assert_eq!(largest, 10_240);
    for (data, is_sent) in [
        (json!("x".repeat(largest - 3)), true),
        (json!("x".repeat(largest - 2)), true),
        (json!("x".repeat(largest - 1)), false),
        (json!("ü".repeat(largest / 2 - 1)), true),
        (json!("ü".repeat(largest / 2)), false),
        (json!("\"".repeat(largest / 2 - 1)), true),
        (json!("\"".repeat(largest / 2)), false),
    ] {
        let mut client = Client::connected();
        client.subscribe("private-room");
        let data = data.to_string();
        let outputs = client.send("private-room", "client-x", &data);
        assert_eq!(
            frames(&outputs).len(),
            usize::from(is_sent),
            "{}",
            data.len()
        );
        let answer = summarize(None, &outputs);
        assert_eq!(answer == "rejected TooLarge", !is_sent, "{answer}");
    }
}

#[test]
fn the_queue_holds_exactly_its_limit() {
    for limit in [0, 1, 256] {
        let mut client = Client::new(SessionConfig {
            limits: Limits {
                queued_client_events: limit,
                ..Limits::default()
            },
            ..SessionConfig::default()
        });
        client.command(Command::Connect);
        let mut answers = Vec::new();
        for id in 0..=limit as u64 {
            let outputs = client.send_with(SendMode::Queued, id, "private-room", "client-x", "1");
            answers.push(summarize(None, &outputs));
        }
        let full = answers.pop();
        assert!(
            answers
                .iter()
                .all(|answer| answer == "answer Queued" || answer == "Queued"),
            "{answers:?}"
        );
        assert_eq!(full.as_deref(), Some("rejected QueueFull"));
    }
}

#[test]
fn messages_around_the_size_limit_arrive_complete() {
    // The driver rejects larger messages before the session sees them.
    let limit = Limits::default().inbound_message_bytes;
    let mut client = busy_client();
    for length in [limit - 1, limit, limit + 1] {
        let around = json!({"event": "e", "channel": "lobby", "data": ""})
            .to_string()
            .len();
        let data = "x".repeat(length - around);
        let text = json!({"event": "e", "channel": "lobby", "data": data}).to_string();
        assert_eq!(text.len(), length);
        let (event, _) = client.text(&text);
        assert_eq!(
            event.map(|event| event.data.as_str().len()),
            Some(data.len())
        );
    }
}

/// Returns the number of members after a server's list of this length.
fn members_of(count: usize, id: impl Fn(usize) -> Value, info: &Value) -> usize {
    let mut client = busy_client();
    let ids: Vec<Value> = (0..count).map(id).collect();
    let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let hash: serde_json::Map<String, Value> =
        ids.iter().map(|id| (text(id), info.clone())).collect();
    let data = json!({"presence": {"count": count, "ids": ids, "hash": hash}});
    let (_, outputs) = client.frame(&json!({
        "event": "pusher_internal:subscription_succeeded", "channel": "presence-pending", "data": data.to_string()
    }));
    let members = notices(&outputs)
        .into_iter()
        .find_map(|notice| match notice {
            Notice::Members { roster, .. } => Some(roster.len()),
            _ => None,
        });
    members.expect("members")
}

#[test]
fn presence_channels_have_no_limit_on_members() {
    // Limits of the hosted service: 100 members, 128 characters per id, 1 KB of info. Other servers have other limits.
    for count in [0, 1, 99, 100, 101, 5_000] {
        assert_eq!(
            members_of(count, |n| json!(format!("u{n}")), &json!(null)),
            count
        );
        assert_eq!(members_of(count, |n| json!(n), &json!(null)), count);
    }
    for length in [127, 128, 129, 10_000] {
        let id = |n| json!(format!("{n}{}", "x".repeat(length)));
        assert_eq!(members_of(2, id, &json!(null)), 2);
    }
    for length in [1023, 1024, 1025, 100_000] {
        let info = json!({"name": "x".repeat(length)});
        assert_eq!(members_of(2, |n| json!(n), &info), 2);
    }
}

#[test]
fn an_integer_id_keeps_every_digit() {
    let huge = "1234567890".repeat(10);
    let numbers = [
        ("0", "0"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775808", "-9223372036854775808"),
        (&huge, &huge),
    ];
    for (number, id) in numbers {
        let mut client = busy_client();
        let data = json!(format!(r#"{{"user_id":{number}}}"#));
        let (_, outputs) = client.frame(&json!({
            "event": "pusher_internal:member_added", "channel": "presence-room", "data": data
        }));
        assert_eq!(summarize(None, &outputs), format!("{id} joined"));
    }
}

#[test]
fn watchlists_have_no_limit() {
    for count in [0, 1, 99, 100, 101, 10_000] {
        let mut client = busy_client();
        let ids: Vec<String> = (0..count).map(|n| format!("u{n}")).collect();
        let events = json!({"events": [{"name": "online", "user_ids": ids}]});
        let (_, outputs) =
            client.frame(&json!({"event": "pusher_internal:watchlist_events", "data": events}));
        let [Notice::Watchlist { user_ids, .. }] = &notices(&outputs)[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(*user_ids, ids);
    }
}

#[test]
fn out_of_range_numbers_are_ignored() {
    for (count, expected) in [
        (json!(0), "count 0"),
        (json!(u64::MAX), "count 18446744073709551615"),
        (json!(1e20), "-"),
        (json!(-1), "-"),
        (json!(1.5), "-"),
        (json!("7"), "-"),
    ] {
        let mut client = busy_client();
        let (_, outputs) = client.frame(&json!({
            "event": "pusher_internal:subscription_count", "channel": "lobby", "data": {"subscription_count": count}
        }));
        assert_eq!(summarize(None, &outputs), expected, "{count}");
    }
    for (code, expected) in [
        (json!(4301), "error Server 4301"),
        (json!("4301"), "error Server 4301"),
        (json!(65_535), "error Server 65535"),
        (json!(65_536), "error Server"),
        (json!(-4301), "error Server"),
        (json!(4301.5), "error Server"),
    ] {
        let mut client = Client::connected();
        let (_, outputs) = client.frame(&json!({"event": "pusher:error", "data": {"code": code}}));
        assert_eq!(summarize(None, &outputs), expected, "{code}");
    }
}

#[test]
fn deeply_nested_json_is_accepted() {
    for depth in [1, 126, 127, 128, 129, 20_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for data in [
            deep.clone(),
            format!(r#"{{"presence":{{"ids":{deep},"hash":{{"u1":{deep}}}}}}}"#),
            format!(r#"{{"presence":{deep}}}"#),
            format!(r#"{{"user_id":{deep},"user_info":{deep}}}"#),
            format!(r#"{{"user_id":"u9","user_info":{deep}}}"#),
            format!(r#"{{"events":{deep}}}"#),
            format!(r#"{{"events":[{{"name":"online","user_ids":{deep}}}]}}"#),
            format!(r#"{{"user_data":{deep}}}"#),
            format!(
                r#"{{"user_data":{}}}"#,
                json!(format!(r#"{{"id":{deep}}}"#))
            ),
            format!(r#"{{"code":{deep},"message":{deep}}}"#),
            format!(r#"{{"nonce":{deep},"ciphertext":{deep}}}"#),
        ] {
            let mut client = busy_client();
            for event in [
                "pusher_internal:subscription_succeeded",
                "pusher_internal:member_added",
                "pusher_internal:member_removed",
                "pusher_internal:watchlist_events",
                "pusher:signin_success",
                "pusher:error",
                "pusher:ping",
                "online",
                "e",
            ] {
                for channel in [
                    "",
                    "presence-pending",
                    "presence-room",
                    "private-encrypted-foobar",
                ] {
                    let channel = if channel.is_empty() {
                        String::new()
                    } else {
                        format!(r#","channel":"{channel}""#)
                    };
                    let (_, outputs) =
                        client.text(&format!(r#"{{"event":"{event}"{channel},"data":{data}}}"#));
                    assert!(states(&outputs).is_empty());
                }
            }
            let good = json!({"event": "e", "channel": "lobby", "data": "1"});
            assert!(client.frame(&good).0.is_some(), "depth {depth}");
        }
    }
}

#[test]
fn the_rekey_backlog_is_bounded_in_events() {
    let mut client = busy_client();
    let data = json!({"nonce": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "ciphertext": "AAAAAAAAAAAAAAAAAAAAAAAA"});
    let sealed = json!({"event": "e", "channel": "private-encrypted-foobar", "data": data});
    client.frame(&sealed);
    let request_id = request(&client.wait(SECOND));
    for _ in 1..1024 {
        assert_eq!(client.frame(&sealed), (None, vec![]));
    }
    let (_, outputs) = client.frame(&sealed);
    assert_eq!(summarize(None, &outputs), "error Undecryptable");
    let refused = pusher_protocol::protocol::AuthError::http(403, "");
    let outputs = client.input(Input::Authorized(request_id, Err(refused)));
    assert_eq!(notices(&outputs).len(), 1024, "each is reported");
}
