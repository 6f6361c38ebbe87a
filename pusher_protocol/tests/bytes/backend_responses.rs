//! Malformed responses of the game's backend, and tampered events on encrypted channels.

use base64::{Engine, prelude::BASE64_STANDARD};
use pusher_protocol::{
    protocol::{ChannelAuthorization, UserAuthentication},
    session::{Command, Input, SignInState, SubscriptionStatus},
};
use serde_json::{Value, json};

use crate::{
    documented::{busy_client, parse},
    mutations::mutations,
    support::*,
};

const SECRET: &str = "g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY=";
const SEALED: (&str, &str) = (
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    "JudJzMunSIiVrODAo+lfpUsGJzgoj596PYEg0Ekt7UbHsg5iiqAaZxI=",
);
const ENCRYPTED: &str = "private-encrypted-foobar";

/// A channel, the response that the backend's documentation shows for it, and whether it suffices to subscribe.
const ANSWERS: [(&str, &str); 7] = [
    ("private-a", r#"{"auth":"KEY:SIG"}"#),
    (
        "private-a",
        r#"{"auth":"KEY:SIG","channel_data":null,"more":[1]}"#,
    ),
    (
        "presence-a",
        r#"{"auth":"KEY:SIG","channel_data":"{\"user_id\":\"10\",\"user_info\":{}}"}"#,
    ),
    (
        "presence-a",
        r#"{"auth":"KEY:SIG","channel_data":"{\"user_id\": 9007199254740993}"}"#,
    ),
    (
        "private-encrypted-a",
        r#"{"auth":"KEY:SIG","shared_secret":"g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY="}"#,
    ),
    (
        "private-encrypted-a",
        r#"{"auth":"KEY:SIG","channel_data":null,"shared_secret":"g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY="}"#,
    ),
    (
        "private-encrypted-cache-a",
        r#"{"auth":"KEY:SIG","shared_secret":"EL9VBUURoCLg6KVdzIxsFSQB+LcUEeJ2Xtt7Hz933bI="}"#,
    ),
];

/// Sends this response for this channel and returns the outputs.
fn ask_for(channel: &str, body: &str) -> Vec<TestOutput> {
    let mut client = Client::connected();
    let request_id = request(&client.want(channel));
    client.input(Input::Authorized(
        request_id,
        ChannelAuthorization::from_json(body),
    ))
}

#[test]
fn every_documented_authorization_is_accepted() {
    for (channel, body) in ANSWERS {
        let frames = frames(&ask_for(channel, body));
        assert_eq!(frames.len(), 1, "{body}");
        let fields = parse(body);
        assert_eq!(frames[0]["data"]["auth"], fields["auth"], "{body}");
        assert_eq!(
            frames[0]["data"].get("channel_data"),
            fields.get("channel_data").filter(|data| !data.is_null()),
            "{body}"
        );
        assert!(!frames[0].to_string().contains("shared_secret"));
    }
}

/// Also mutates the JSON inside the string `inner`.
fn deep_mutations(body: &Value, inner: &str) -> Vec<Value> {
    let mut all = mutations(body);
    if let Some(text) = body[inner].as_str() {
        for mutation in mutations(&parse(text)) {
            let mut changed = body.clone();
            changed[inner] = json!(mutation.to_string());
            all.push(changed);
        }
    }
    all
}

#[test]
fn malformed_authorizations_work_or_fail_the_channel() {
    for (channel, body) in ANSWERS {
        for mutation in deep_mutations(&parse(body), "channel_data") {
            let outputs = ask_for(channel, &mutation.to_string());
            if let [frame] = &frames(&outputs)[..] {
                assert_eq!(frame["data"]["auth"], mutation["auth"], "{mutation}");
                assert!(
                    mutation["auth"]
                        .as_str()
                        .is_some_and(|auth| !auth.is_empty())
                );
                continue;
            }
            let [(failed, SubscriptionStatus::Failed(error))] = &statuses(&outputs)[..] else {
                panic!("{mutation}: {outputs:?}")
            };
            assert_eq!(failed, channel);
            assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn malformed_authentications_work_or_fail_the_sign_in() {
    let body = r#"{"auth":"KEY:SIG","user_data":"{\"id\":\"u1\",\"user_info\":{\"name\":\"A\"},\"watchlist\":[\"u2\"]}"}"#;
    let sign_in = |body: &Value| {
        let mut client = Client::connected();
        let request_id = request(&client.command(Command::SignIn));
        let answer = UserAuthentication::from_json(&body.to_string());
        let outputs = client.input(Input::Authenticated(request_id, answer));
        (client, outputs)
    };
    let signed_in = |body: &Value| {
        let (mut client, outputs) = sign_in(body);
        let frame = frames(&outputs).pop()?;
        let data = &frame["data"];
        assert_eq!(
            (&data["auth"], &data["user_data"]),
            (&body["auth"], &body["user_data"])
        );
        let echo =
            json!({"event": "pusher:signin_success", "data": {"user_data": data["user_data"]}});
        let (_, mut outputs) = client.frame(&echo);
        outputs.extend(client.wait(2 * SECOND));
        Some(summarize(None, &outputs))
    };
    let done = signed_in(&parse(body));
    assert_eq!(
        done.as_deref(),
        Some("subscribe #server-to-user-u1, SignedIn u1")
    );
    for mutation in deep_mutations(&parse(body), "user_data") {
        match signed_in(&mutation) {
            Some(done) => assert!(
                done.contains("SignedIn") || done == "SignIn failed NoUser",
                "{mutation}: {done}"
            ),
            None => {
                let (_, outputs) = sign_in(&mutation);
                let done = summarize(None, &outputs);
                assert_eq!(done, "SignIn failed Authentication", "{mutation}");
            }
        }
    }
}

#[test]
fn a_user_id_may_be_any_string_or_integer() {
    for (id, expected) in [
        (json!("u1"), Some("u1")),
        (json!(7), Some("7")),
        (json!(u64::MAX), Some("18446744073709551615")),
        (json!("ü 1\u{202e}"), Some("ü 1\u{202e}")),
        (json!(""), None),
        (json!(1.5), None),
        (json!(null), None),
        (json!([1]), None),
    ] {
        let mut client = Client::connected();
        let request_id = request(&client.command(Command::SignIn));
        client.authenticate(request_id, &json!({"id": id}));
        let user_data = json!({"id": id}).to_string();
        client.frame(&json!({"event": "pusher:signin_success", "data": {"user_data": user_data}}));
        let outputs = client.wait(2 * SECOND);
        let state = notices(&outputs)
            .into_iter()
            .find_map(|notice| match notice {
                pusher_protocol::session::Notice::SignIn(SignInState::SignedIn { id, .. }) => {
                    Some(id)
                }
                _ => None,
            });
        assert_eq!(state.as_deref(), expected, "{id}");
    }
}

#[test]
fn only_32_bytes_of_base64_are_a_valid_key() {
    let key = |bytes: usize| BASE64_STANDARD.encode(vec![200; bytes]);
    let mut secrets: Vec<(String, bool)> =
        (0..=64).map(|bytes| (key(bytes), bytes == 32)).collect();
    secrets.push((key(32).replace('=', ""), false));
    secrets.push((format!(" {}", key(32)), false));
    secrets.push((key(32).replace('I', "-"), false));
    secrets.push((key(1_000_000), false));
    for (secret, is_key) in secrets {
        let body = json!({"auth": "KEY:SIG", "shared_secret": secret}).to_string();
        let outputs = ask_for("private-encrypted-a", &body);
        assert_eq!(
            frames(&outputs).len(),
            usize::from(is_key),
            "{} characters",
            secret.len()
        );
    }
}

/// Delivers this event on the encrypted channel of a busy client. Returns whether it reaches user code, and a summary of the
/// rest.
fn open(nonce: &[u8], ciphertext: &[u8]) -> (bool, String) {
    let mut client = busy_client();
    let data = json!({"nonce": BASE64_STANDARD.encode(nonce), "ciphertext": BASE64_STANDARD.encode(ciphertext)});
    let (event, mut outputs) =
        client.frame(&json!({"event": "e", "channel": ENCRYPTED, "data": data}));
    // A new key is requested within a second.
    outputs.extend(client.wait(SECOND));
    (event.is_some(), summarize(None, &outputs))
}

#[test]
fn tampered_events_are_never_decrypted() {
    let decode = |text: &str| BASE64_STANDARD.decode(text).unwrap();
    let (nonce, ciphertext) = (decode(SEALED.0), decode(SEALED.1));
    assert_eq!(open(&nonce, &ciphertext), (true, "-".into()));
    let rekey = format!("authorize {ENCRYPTED}");
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..nonce.len() * 8 {
        assert_eq!(
            open(&flipped(&nonce, bit), &ciphertext),
            (false, rekey.clone())
        );
    }
    for bit in 0..ciphertext.len() * 8 {
        assert_eq!(
            open(&nonce, &flipped(&ciphertext, bit)),
            (false, rekey.clone())
        );
    }
    for length in 0..ciphertext.len() {
        let (opened, outputs) = open(&nonce, &ciphertext[..length]);
        let is_sealed = length >= 16;
        assert!(!opened);
        assert_eq!(outputs == rekey, is_sealed, "{length} bytes: {outputs}");
    }
    for length in (0..64).filter(|length| *length != nonce.len()) {
        let (opened, outputs) = open(&vec![0; length], &ciphertext);
        assert_eq!(
            (opened, &*outputs),
            (false, "error Undecryptable"),
            "{length} bytes"
        );
    }
    let longer: Vec<u8> = ciphertext.iter().copied().chain([0]).collect();
    assert_eq!(open(&nonce, &longer), (false, rekey));
    assert!(SECRET.len() == 44, "the key of the busy client");
}
