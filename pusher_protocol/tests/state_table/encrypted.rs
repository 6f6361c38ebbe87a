//! The states of an encrypted channel: its key, and events that wait for another.

use base64::{Engine, prelude::BASE64_STANDARD};
use crypto_secretbox::{KeyInit, Nonce, XSalsa20Poly1305, aead::Aead};
use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization},
    session::{Command, Hint, Input, SendMode},
};
use serde_json::{Value, json};

use crate::{connection::send, scene::Scene, support::name, table::Table};

const CHANNEL: &str = "private-encrypted-a";

#[test]
fn the_encryption_follows_its_state_table() {
    TABLE.check();
}

/// The backend's response with one of the channel's keys.
pub fn answer(key: u8) -> ChannelAuthorization {
    ChannelAuthorization::new("k:s").with_shared_secret(BASE64_STANDARD.encode([key; 32]))
}

/// Authorized with the first key; the server's reply is pending.
fn subscribing() -> Scene {
    let mut scene = Scene::connected();
    scene.want(CHANNEL);
    authorized(&mut scene, Ok(answer(1)));
    scene
}

fn keyed() -> Scene {
    let mut scene = subscribing();
    scene.confirm(CHANNEL);
    scene
}

/// An event under the second key waits; the request for the key is scheduled.
fn spreading() -> Scene {
    let mut scene = keyed();
    sealed(&mut scene, 2);
    scene
}

/// The second key was requested.
fn rekeying() -> Scene {
    let mut scene = spreading();
    scene.wake();
    scene
}

/// A new key was requested a moment ago, and the first key came again.
fn rekeyed() -> Scene {
    let mut scene = rekeying();
    authorized(&mut scene, Ok(answer(1)));
    scene
}

fn authorized(scene: &mut Scene, answer: Result<ChannelAuthorization, AuthError>) -> String {
    let request = scene.requests.pop();
    let request = request.map_or(scene.stale_request, |request| request.id);
    scene.input(Input::Authorized(request, answer))
}

fn frame(scene: &mut Scene, event: &str, data: &Value) -> String {
    scene.frame(&json!({"event": event, "channel": CHANNEL, "data": data}))
}

/// An event under this key.
fn sealed(scene: &mut Scene, key: u8) -> String {
    let nonce = [9; 24];
    let cipher = XSalsa20Poly1305::new(&[key; 32].into());
    let sealed = cipher
        .encrypt(&Nonce::from(nonce), &b"1"[..])
        .expect("a short text");
    let encode = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    frame(
        scene,
        "e",
        &json!({"nonce": encode(&nonce), "ciphertext": encode(&sealed)}),
    )
}

const TABLE: Table = Table {
    states: &[
        ("subscribing", subscribing),
        ("keyed", keyed),
        ("spreading", spreading),
        ("rekeying", rekeying),
        ("rekeyed", rekeyed),
    ],
    stimuli: &[
        ("an event under the first key", |scene| sealed(scene, 1)),
        ("an event under the second key", |scene| sealed(scene, 2)),
        ("an event in the clear", |scene| {
            frame(scene, "e", &json!({"a": 1}))
        }),
        ("a client event in the clear", |scene| {
            frame(scene, "client-e", &json!(1))
        }),
        ("a message of the protocol", |scene| {
            frame(scene, "pusher:e", &json!(1))
        }),
        ("cache_miss", |scene| {
            frame(scene, "pusher:cache_miss", &json!({}))
        }),
        ("subscription_succeeded", |scene| scene.confirm(CHANNEL)),
        ("subscription_error", |scene| {
            frame(scene, "pusher:subscription_error", &json!({}))
        }),
        ("Authorized with the first key", |scene| {
            authorized(scene, Ok(answer(1)))
        }),
        ("Authorized with the second key", |scene| {
            authorized(scene, Ok(answer(2)))
        }),
        ("Authorized without a key", |scene| {
            authorized(scene, Ok(ChannelAuthorization::new("k:s")))
        }),
        ("Authorized, refused", |scene| {
            authorized(scene, Err(AuthError::http(403, "")))
        }),
        ("Authorized, overloaded", |scene| {
            authorized(scene, Err(AuthError::http(503, "")))
        }),
        ("Subscribe", |scene| scene.want(CHANNEL)),
        ("Unsubscribe", |scene| scene.unsubscribe(CHANNEL)),
        ("Subscribe after Unsubscribe", |scene| {
            scene.unsubscribe(CHANNEL);
            scene.want(CHANNEL)
        }),
        ("Retry", |scene| {
            scene.command(Command::Retry(name(CHANNEL)))
        }),
        ("Send", |scene| send(scene, CHANNEL, SendMode::Queued)),
        ("SignOut", |scene| scene.command(Command::SignOut)),
        ("Disconnect", |scene| scene.command(Command::Disconnect)),
        ("Redial", |scene| scene.command(Command::Redial)),
        ("Closed", |scene| scene.close(None)),
        ("TimePassed, early", Scene::wake_early),
        ("TimePassed, due", Scene::wake),
        ("Hint", |scene| scene.input(Input::Hint(Hint::Resumed))),
    ],
    ignored: None,
    text: "
an event under the first key
    subscribing, keyed, rekeyed: event e on private-encrypted-a 1
    spreading, rekeying: -
an event under the second key
    subscribing, keyed, spreading, rekeying: -
    rekeyed: error Undecryptable
an event in the clear
    subscribing, keyed, rekeyed: error Undecryptable
    spreading, rekeying: -
a client event in the clear
    subscribing, keyed, rekeyed: error Undecryptable
    spreading, rekeying: -
a message of the protocol
    subscribing, keyed, spreading, rekeying, rekeyed: event pusher:e on private-encrypted-a 1
cache_miss
    subscribing, keyed, spreading, rekeying, rekeyed: cache missed
subscription_succeeded
    subscribing: private-encrypted-a Subscribed
    keyed, spreading, rekeying, rekeyed: -
subscription_error
    subscribing: private-encrypted-a Failed Refused
    keyed, spreading, rekeying, rekeyed: -
Authorized with the first key
    subscribing, keyed, spreading, rekeyed: -
    rekeying: error Undecryptable
Authorized with the second key
    subscribing, keyed, spreading, rekeyed: -
    rekeying: late event e on private-encrypted-a 1
Authorized without a key
    subscribing, keyed, spreading, rekeyed: -
    rekeying: error Undecryptable
Authorized, refused
    subscribing, keyed, spreading, rekeyed: -
    rekeying: error Undecryptable
Authorized, overloaded
    subscribing, keyed, spreading, rekeyed: -
    rekeying: error Undecryptable
Subscribe
    subscribing, keyed, spreading, rekeying, rekeyed: -
Unsubscribe
    subscribing: -
    keyed, rekeyed: unsubscribe private-encrypted-a
    spreading: unsubscribe private-encrypted-a, error Undecryptable
    rekeying: unsubscribe private-encrypted-a, cancel the request, error Undecryptable
Subscribe after Unsubscribe
    subscribing: private-encrypted-a Subscribing
    keyed, spreading, rekeying, rekeyed: private-encrypted-a Subscribing, authorize private-encrypted-a
Retry
    subscribing, keyed, spreading, rekeying, rekeyed: -
Send
    subscribing, keyed, spreading, rekeying, rekeyed: rejected WrongKind
SignOut
    subscribing, keyed, rekeyed: unsubscribe private-encrypted-a, private-encrypted-a Failed SignedOut
    spreading: error Undecryptable, unsubscribe private-encrypted-a, private-encrypted-a Failed SignedOut
    rekeying: error Undecryptable, unsubscribe private-encrypted-a, cancel the request, private-encrypted-a Failed SignedOut
Disconnect
    subscribing, keyed, rekeyed: close, private-encrypted-a Pending, Disconnected
    spreading: close, error Undecryptable, private-encrypted-a Pending, Disconnected
    rekeying: close, cancel the request, error Undecryptable, private-encrypted-a Pending, Disconnected
Redial
    subscribing, keyed, rekeyed: close, private-encrypted-a Pending, Connecting 1, dial
    spreading: close, error Undecryptable, private-encrypted-a Pending, Connecting 1, dial
    rekeying: close, cancel the request, error Undecryptable, private-encrypted-a Pending, Connecting 1, dial
Closed
    subscribing, keyed, rekeyed: private-encrypted-a Pending, error Closed, Waiting
    spreading: error Undecryptable, private-encrypted-a Pending, error Closed, Waiting
    rekeying: cancel the request, error Undecryptable, private-encrypted-a Pending, error Closed, Waiting
TimePassed, early
    subscribing, keyed, spreading, rekeying, rekeyed: -
TimePassed, due
    subscribing: private-encrypted-a Failed TimedOut
    keyed, rekeyed: ping
    spreading: authorize private-encrypted-a
    rekeying: cancel the request, error Undecryptable
Hint
    subscribing, keyed, spreading, rekeying, rekeyed: ping
",
};
