//! Random input: messages, close codes, names and responses.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
    test_runner::{RngAlgorithm, RngSeed},
};
use pusher_protocol::{
    ChannelKind, ChannelName, NameRules,
    protocol::{AuthError, ChannelAuthorization, CloseAction, UserAuthentication},
    session::{
        Command, ConnectionError, ConnectionState, EventTarget, Input, Notice, SubscriptionStatus,
    },
};
use serde_json::{Value, json};

use crate::{dialling_client, documented::busy_client, support::*};

/// Event names with a meaning in the protocol, so that random messages reach its handlers.
const EVENTS: [&str; 15] = [
    "pusher:connection_established",
    "pusher:error",
    "pusher:ping",
    "pusher:pong",
    "pusher:cache_miss",
    "pusher:signin_success",
    "pusher:subscription_error",
    "pusher_internal:subscription_succeeded",
    "pusher_internal:subscription_error",
    "pusher_internal:member_added",
    "pusher_internal:member_removed",
    "pusher_internal:subscription_count",
    "pusher_internal:watchlist_events",
    "online",
    "client-e",
];
const CHANNELS: [&str; 9] = [
    "lobby",
    "cache-map",
    "pending",
    "private-room",
    "private-wanted",
    "presence-room",
    "presence-pending",
    "presence-anonymous",
    "private-encrypted-foobar",
];
const KEYS: [&str; 20] = [
    "socket_id",
    "activity_timeout",
    "code",
    "message",
    "error",
    "status",
    "presence",
    "ids",
    "hash",
    "count",
    "user_id",
    "user_info",
    "user_data",
    "id",
    "events",
    "name",
    "user_ids",
    "subscription_count",
    "nonce",
    "ciphertext",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(&["u1", "u2", "me", "1.1", "4001", "{\"id\":\"u1\"}"][..]).prop_map(Value::from),
    ];
    let key = prop_oneof![9 => select(&KEYS[..]).prop_map(String::from), 1 => any::<String>()];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(key.clone(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A random message, most of the time with a valid outer form.
fn any_message() -> impl Strategy<Value = String> {
    let event = prop_oneof![
        9 => select(&EVENTS[..]).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => any_json(),
    ];
    let channel = prop_oneof![
        6 => select(&CHANNELS[..]).prop_map(|channel| Some(Value::from(channel))),
        3 => Just(None),
        1 => any_json().prop_map(Some),
    ];
    let data = prop_oneof![
        4 => any_json().prop_map(Some),
        4 => any_json().prop_map(|data| Some(Value::from(data.to_string()))),
        1 => Just(None),
    ];
    let user_id = prop_oneof![6 => Just(None), 1 => any_json().prop_map(Some)];
    let message = (event, channel, data, user_id).prop_map(|(event, channel, data, user_id)| {
        let mut message = json!({"event": event});
        for (key, value) in [("channel", channel), ("data", data), ("user_id", user_id)] {
            if let Some(value) = value {
                message[key] = value;
            }
        }
        message.to_string()
    });
    prop_oneof![
        8 => message.clone(),
        // Truncated, as by a proxy.
        1 => (message, any::<prop::sample::Index>()).prop_map(|(text, at)| {
            let at = at.index(text.chars().count());
            text.chars().take(at).collect()
        }),
        1 => any_json().prop_map(|value| value.to_string()),
        1 => any::<String>(),
    ]
}

/// Checks that an error text is one line and not too long.
fn check_error_text(error: &dyn std::fmt::Display) {
    let shown = error.to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

fn check_notices(outputs: &[TestOutput]) {
    for notice in notices(outputs) {
        match notice {
            Notice::Error { error, .. } => check_error_text(&error),
            Notice::State(ConnectionState::Failed { error }) => check_error_text(&error),
            Notice::Subscription {
                status: SubscriptionStatus::Failed(error),
                ..
            } => check_error_text(&error),
            _ => {}
        }
    }
}

/// Checks that an open connection still delivers events.
fn check_live(client: &mut Client) {
    let good = json!({"event": "e", "channel": "lobby", "data": "1"});
    assert!(client.frame(&good).0.is_some());
    assert!(client.session.wake_at().is_some());
}

/// The same cases in each run; `RANDOM_RUN_SEED=n` selects others.
fn config() -> ProptestConfig {
    let seed = std::env::var("RANDOM_RUN_SEED").map(|seed| seed.parse().expect("a number"));
    ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        rng_seed: RngSeed::Fixed(seed.unwrap_or_default()),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_message_harms_an_open_connection(messages in vec(any_message(), 1..20)) {
        let mut client = busy_client();
        for message in &messages {
            let (event, outputs) = client.text(message);
            assert!(states(&outputs).is_empty(), "{message}");
            if let Some(EventTarget::Channel(channel)) = event.map(|event| event.target) {
                assert!(CHANNELS.contains(&channel.as_str()), "{message}");
            }
            check_notices(&outputs);
        }
        check_live(&mut client);
        // Checks that the client does not start an endless activity.
        client.wait(5 * SECOND);
    }

    #[test]
    fn no_first_message_leaves_the_client_stuck(messages in vec(any_message(), 1..4)) {
        let mut client = dialling_client();
        for message in &messages {
            let (event, outputs) = client.text(message);
            check_notices(&outputs);
            let state = states(&outputs).pop();
            assert!(event.is_none() || state.is_none());
        }
        client.command(Command::Connect);
        assert!(client.session.wake_at().is_some());
    }

    #[test]
    fn any_close_code_leads_to_its_action(code in any::<Option<u16>>(), reason in any::<String>()) {
        let mut client = busy_client();
        let error = ConnectionError::Closed { code, reason };
        let outputs = client.input(Input::Closed(client.dial.unwrap(), error));
        check_notices(&outputs);
        let failed = matches!(states(&outputs).pop(), Some(ConnectionState::Failed { .. }));
        assert_eq!(failed, CloseAction::of(code) == CloseAction::Fail);
    }

    #[test]
    fn any_response_authorizes_or_fails_the_channel(
        channel in select(&["private-a", "presence-a", "private-encrypted-a"][..]),
        body in prop_oneof![any_json().prop_map(|body| body.to_string()), any::<String>()],
        status in any::<u16>(),
    ) {
        let mut client = Client::connected();
        for answer in [ChannelAuthorization::from_json(&body), Err(AuthError::http(status, &body))] {
            if let Err(error) = &answer {
                check_error_text(error);
            }
            let request_id = request(&client.want(channel));
            let outputs = client.input(Input::Authorized(request_id, answer));
            assert!(states(&outputs).is_empty());
            check_notices(&outputs);
            client.unsubscribe(channel);
            client.confirm(channel);
        }
        if let Err(error) = UserAuthentication::from_json(&body) {
            check_error_text(&error);
        }
    }

    #[test]
    fn any_name_is_valid_or_has_an_error(name in any::<String>(), prefix in select(&["", "#", "private-", "presence-", "private-encrypted-"][..])) {
        let text = format!("{prefix}{name}");
        for rules in [NameRules::Strict, NameRules::Relaxed] {
            match ChannelName::new(&text, rules) {
                Ok(name) => {
                    assert_eq!(name.as_str(), text);
                    assert_eq!(name.kind() == ChannelKind::Public, prefix.is_empty() && !name.starts_with("private-") && !name.starts_with("presence-"));
                }
                Err(error) => check_error_text(&error),
            }
        }
    }
}
