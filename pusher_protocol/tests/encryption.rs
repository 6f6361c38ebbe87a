//! Encrypted channels: decrypted events arrive as plain text, all others never arrive.

#![cfg(feature = "encrypted")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization, EventData},
    session::{
        AUTHORIZATIONS_AT_ONCE, Command, EventTarget, Input, Notice, PusherError, RequestId,
        SessionConfig, SubscriptionError, SubscriptionStatus,
    },
};
use serde_json::{Value, json};
use support::*;

const CHANNEL: &str = "private-encrypted-foobar";
const SECRET: &str = "g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY=";
const OTHER_SECRET: &str = "EL9VBUURoCLg6KVdzIxsFSQB+LcUEeJ2Xtt7Hz933bI=";
const NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const CIPHERTEXT: &str = "JudJzMunSIiVrODAo+lfpUsGJzgoj596PYEg0Ekt7UbHsg5iiqAaZxI=";
const PLAIN: &str = r#"{"message":"hello world"}"#;

fn answer(client: &mut Client, request: RequestId, secret: &str) -> Vec<TestOutput> {
    let answer = ChannelAuthorization::new("k:s").with_shared_secret(secret);
    client.input(Input::Authorized(request, Ok(answer)))
}

fn subscribed(secret: &str) -> Client {
    let mut client = Client::connected();
    let request_id = request(&client.want(CHANNEL));
    let outputs = answer(&mut client, request_id, secret);
    assert!(
        !frames(&outputs)[0].to_string().contains(secret),
        "the server must not receive the secret"
    );
    client.confirm(CHANNEL);
    client
}

fn encrypted(data: &Value) -> Value {
    json!({"event": "secret-plan", "channel": CHANNEL, "data": data.to_string()})
}

fn good() -> Value {
    encrypted(&json!({"nonce": NONCE, "ciphertext": CIPHERTEXT}))
}

fn undecryptable(outputs: &[TestOutput]) -> usize {
    let undecryptable = |notice: &&Notice| {
        matches!(
            notice,
            Notice::Error {
                error: PusherError::Undecryptable { .. },
                ..
            }
        )
    };
    notices(outputs).iter().filter(undecryptable).count()
}

fn late_events(outputs: &[TestOutput]) -> Vec<String> {
    let event = |notice| {
        if let Notice::Event(event) = notice {
            Some(event.data.as_str().to_owned())
        } else {
            None
        }
    };
    notices(outputs).into_iter().filter_map(event).collect()
}

/// Delivers an event that cannot be decrypted, and returns the request for a new key within a second.
fn request_for_a_key(client: &mut Client) -> RequestId {
    assert_eq!(client.frame(&good()), (None, vec![]));
    request(&client.wait(SECOND))
}

#[test]
fn the_test_vectors_decrypt_with_the_right_key_only() {
    let vectors: Value = serde_json::from_str(include_str!("../../tests/data/vectors.json"))
        .expect("vectors.json is JSON");
    let vectors = vectors["encryption"]
        .as_array()
        .expect("vectors of encryption");
    assert!(vectors.len() >= 6);
    for vector in vectors {
        let text = |field: &str| vector[field].as_str().unwrap().to_owned();
        let mut client = subscribed(&text("shared_secret"));
        let (event, outputs) = client.frame(&encrypted(
            &json!({"nonce": text("nonce"), "ciphertext": text("ciphertext")}),
        ));
        assert_eq!(outputs, [], "{vector}");
        match vector["plaintext"].as_str() {
            Some(plain) => assert_eq!(
                event.unwrap().data,
                EventData::Text(plain.to_owned().into()),
                "{vector}"
            ),
            None => {
                let rekeys = requests(&client.wait(SECOND)).len();
                assert_eq!((event, rekeys), (None, 1), "{vector}");
            }
        }
    }
}

#[test]
fn a_dropped_rekey_backlog_is_reported() {
    let ends: [fn(&mut Client) -> Vec<TestOutput>; 4] = [
        Client::lose,
        |client| client.command(Command::SignOut),
        |client| client.unsubscribe(CHANNEL),
        |client| client.command(Command::Disconnect),
    ];
    for end in ends {
        let mut client = subscribed(OTHER_SECRET);
        client.frame(&good());
        client.frame(&good());
        assert_eq!(undecryptable(&end(&mut client)), 2);
    }
}

#[test]
fn the_rekey_backlog_is_bounded_in_bytes() {
    let mut client = subscribed(OTHER_SECRET);
    let request_id = request_for_a_key(&mut client);
    let large = encrypted(&json!({"nonce": NONCE, "ciphertext": "A".repeat(1 << 20)}));
    let reported: Vec<usize> = (0..6)
        .map(|_| undecryptable(&client.frame(&large).1))
        .collect();
    assert_eq!(reported, [0, 0, 0, 1, 1, 1]);
    client.frame(&good());
    let outputs = answer(&mut client, request_id, SECRET);
    assert_eq!(late_events(&outputs), [PLAIN, PLAIN]);
}

#[test]
fn an_event_is_decrypted_in_place() {
    let mut client = subscribed(SECRET);
    let (event, outputs) = client.frame(&good());
    let event = event.unwrap();
    assert_eq!(event.data, EventData::Text(PLAIN.into()));
    assert_eq!(event.target, EventTarget::Channel(name(CHANNEL)));
    assert_eq!(outputs, []);
    let object = json!({"event": "e", "channel": CHANNEL, "data": {"nonce": NONCE, "ciphertext": CIPHERTEXT}});
    assert!(client.frame(&object).0.is_some());
}

#[test]
fn a_new_key_delivers_the_waiting_events_in_order() {
    let mut client = subscribed(OTHER_SECRET);
    let request_id = request_for_a_key(&mut client);
    let (event, outputs) = client.frame(&good());
    assert_eq!(
        (event, outputs),
        (None, vec![]),
        "it waits behind the first"
    );
    let outputs = answer(&mut client, request_id, SECRET);
    assert_eq!(
        frames(&outputs),
        [] as [Value; 0],
        "the channel stays subscribed"
    );
    assert_eq!(late_events(&outputs), [PLAIN, PLAIN]);
    assert!(client.frame(&good()).0.is_some());
}

#[test]
fn a_wrong_new_key_drops_the_event_and_rekeys_after_5_s() {
    let mut client = subscribed(OTHER_SECRET);
    client.frame(&good());
    let due = client.session.wake_at().unwrap();
    let request_id = request(&client.wait(due - client.now.monotonic));
    let outputs = answer(&mut client, request_id, OTHER_SECRET);
    assert_eq!(
        (late_events(&outputs).len(), undecryptable(&outputs)),
        (0, 1)
    );
    // The interval starts with the request.
    client.wait(5 * SECOND - Duration::from_millis(1));
    assert_eq!(undecryptable(&client.frame(&good()).1), 1);
    client.wait(Duration::from_millis(1));
    let request_id = request_for_a_key(&mut client);
    let outputs = client.refuse(request_id, AuthError::http(500, ""));
    assert_eq!(undecryptable(&outputs), 1);
}

#[test]
fn a_hundred_undecryptable_events_request_one_key() {
    let mut client = subscribed(OTHER_SECRET);
    let mut rekeys = Vec::new();
    let mut lost = 0;
    for _ in 0..100 {
        let (event, outputs) = client.frame(&good());
        assert_eq!(event, None);
        lost += undecryptable(&outputs);
        for request in requests(&client.wait(SECOND / 25)) {
            rekeys.push(request);
            lost += undecryptable(&answer(&mut client, request, OTHER_SECRET));
        }
    }
    assert_eq!((rekeys.len(), lost), (1, 100));
}

#[test]
fn a_rekey_request_without_a_response_times_out() {
    let mut client = subscribed(OTHER_SECRET);
    let request_id = request_for_a_key(&mut client);
    let outputs = client.wait(10 * SECOND);
    assert!(outputs.contains(&TestOutput::CancelRequest(request_id)));
    assert_eq!(undecryptable(&outputs), 1);
    assert_eq!(answer(&mut client, request_id, SECRET), []);
}

#[test]
fn malformed_ciphertexts_are_reported_without_a_rekey() {
    let mut client = subscribed(SECRET);
    for data in [
        json!(null),
        json!({}),
        json!("plain text"),
        json!({"nonce": NONCE}),
        json!({"nonce": "!", "ciphertext": CIPHERTEXT}),
        json!({"nonce": "AAAA", "ciphertext": CIPHERTEXT}),
        json!({"nonce": NONCE, "ciphertext": "AAAA"}),
    ] {
        let (event, outputs) = client.frame(&encrypted(&data));
        assert_eq!(
            (event, undecryptable(&outputs), requests(&outputs).len()),
            (None, 1, 0),
            "{data}"
        );
    }
    let (event, outputs) =
        client.frame(&json!({"event": "client-x", "channel": CHANNEL, "data": {"a": 1}}));
    assert_eq!((event, undecryptable(&outputs)), (None, 1));
}

#[test]
fn messages_of_the_protocol_are_not_encrypted() {
    let mut client = subscribed(SECRET);
    let (_, outputs) = client.frame(&json!({"event": "pusher:cache_miss", "channel": CHANNEL}));
    assert_eq!(notices(&outputs), [Notice::CacheMissed(name(CHANNEL))]);
}

#[test]
fn without_a_valid_secret_the_channel_fails() {
    for (secret, error) in [
        (
            None,
            AuthError::MissingField {
                field: "shared_secret",
            },
        ),
        (
            Some("short"),
            AuthError::InvalidField {
                field: "shared_secret",
            },
        ),
        (
            Some("AAAA"),
            AuthError::InvalidField {
                field: "shared_secret",
            },
        ),
    ] {
        let mut client = Client::connected();
        let request_id = request(&client.want(CHANNEL));
        let mut authorization = ChannelAuthorization::new("k:s");
        authorization.shared_secret = secret.map(str::to_owned);
        let outputs = client.input(Input::Authorized(request_id, Ok(authorization)));
        assert_eq!(frames(&outputs), [] as [Value; 0]);
        let failed = SubscriptionStatus::Failed(SubscriptionError::Authorization(error));
        assert_eq!(statuses(&outputs), [(CHANNEL.to_owned(), failed)]);
    }
}

#[test]
fn subscribing_again_before_the_reply_keeps_the_key() {
    let mut client = Client::connected();
    let request_id = request(&client.want(CHANNEL));
    answer(&mut client, request_id, SECRET);
    client.unsubscribe(CHANNEL);
    client.want(CHANNEL);
    client.confirm(CHANNEL);
    let (event, outputs) = client.frame(&good());
    assert!(event.is_some(), "{outputs:?}");
}

#[test]
fn rekeys_of_many_channels_are_requested_a_few_at_a_time() {
    let channels: Vec<String> = (0..20).map(|n| format!("private-encrypted-{n}")).collect();
    let mut client = Client::connected();
    for channel in &channels {
        let request_id = request(&client.want(channel));
        answer(&mut client, request_id, OTHER_SECRET);
        client.confirm(channel);
    }
    let data = json!({"nonce": NONCE, "ciphertext": CIPHERTEXT});
    for channel in &channels {
        client.frame(&json!({"event": "e", "channel": channel, "data": data}));
    }
    let mut open = requests(&client.wait(SECOND));
    assert_eq!(open.len(), AUTHORIZATIONS_AT_ONCE);
    // Slow, but in time for each: the timeout starts with the request.
    let mut opened = 0;
    while !open.is_empty() {
        client.wait(9 * SECOND);
        for request in std::mem::take(&mut open) {
            let outputs = answer(&mut client, request, SECRET);
            opened += late_events(&outputs).len();
            open.extend(requests(&outputs));
        }
        client.frame(&json!({"event": "pusher:ping"}));
        assert!(open.len() <= AUTHORIZATIONS_AT_ONCE);
    }
    assert_eq!(opened, channels.len());
}

#[test]
fn rekey_requests_of_many_clients_spread_over_a_second() {
    let mut requested_at: Vec<Duration> = (0..200)
        .map(|seed| {
            let mut client = Client::connected_with(SessionConfig {
                seed,
                ..SessionConfig::default()
            });
            let request_id = request(&client.want(CHANNEL));
            answer(&mut client, request_id, OTHER_SECRET);
            client.confirm(CHANNEL);
            let before = client.now.monotonic;
            client.frame(&good());
            client.session.wake_at().unwrap() - before
        })
        .collect();
    requested_at.sort_unstable();
    let most = requested_at
        .iter()
        .map(|from| {
            let to = *from + Duration::from_millis(100);
            requested_at
                .iter()
                .filter(|at| (*from..to).contains(at))
                .count()
        })
        .max();
    assert!(most.unwrap() <= 40, "{most:?} of 200 within 100 ms");
}

#[test]
fn signing_out_cancels_rekey_requests() {
    let mut client = subscribed(OTHER_SECRET);
    let request_id = request_for_a_key(&mut client);
    let outputs = client.command(Command::SignOut);
    assert!(
        outputs.contains(&TestOutput::CancelRequest(request_id)),
        "{outputs:?}"
    );
}

#[test]
fn after_a_reconnect_the_channel_uses_the_new_key() {
    let mut client = subscribed(OTHER_SECRET);
    client.lose();
    client.wait_for_dial();
    let request_id = request(&client.establish());
    answer(&mut client, request_id, SECRET);
    client.confirm(CHANNEL);
    assert!(client.frame(&good()).0.is_some());
}

/// Changes the extra fields while the reply is pending, so that the channel is subscribed again after it.
fn change_fields(client: &mut Client) {
    let extra = json!({"filter": {"key": "team"}}).as_object().cloned();
    let channel = name(CHANNEL);
    assert_eq!(client.command(Command::Subscribe { channel, extra }), []);
}

#[test]
fn a_resubscription_sends_one_backend_request_at_a_time() {
    // The undecryptable event comes after the resubscription's request.
    let mut client = Client::connected();
    let request_id = request(&client.want(CHANNEL));
    answer(&mut client, request_id, OTHER_SECRET);
    change_fields(&mut client);
    let request_id = request(&client.confirm(CHANNEL));
    assert_eq!(requests(&client.frame(&good()).1), []);
    answer(&mut client, request_id, SECRET);
    client.confirm(CHANNEL);
    assert!(client.frame(&good()).0.is_some());

    // The event comes before: its request for a key is cancelled, and its loss is reported.
    let mut client = Client::connected();
    let request_id = request(&client.want(CHANNEL));
    answer(&mut client, request_id, OTHER_SECRET);
    change_fields(&mut client);
    let for_a_key = request_for_a_key(&mut client);
    let outputs = client.confirm(CHANNEL);
    assert!(outputs.contains(&TestOutput::CancelRequest(for_a_key)));
    assert_eq!((requests(&outputs).len(), undecryptable(&outputs)), (1, 1));
}
