//! The states of one channel: a presence channel, which can reach all of them.

use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization},
    session::{Command, Hint, Input, SendId, SendMode},
};
use serde_json::{Value, json};

use crate::{connection::send, scene::Scene, support::name, table::Table};

const CHANNEL: &str = "presence-a";

#[test]
fn the_channel_follows_its_state_table() {
    TABLE.check();
}

fn offline() -> Scene {
    let mut scene = Scene::new();
    scene.want(CHANNEL);
    scene
}

/// Eight other channels are being authorized.
fn queued() -> Scene {
    let mut scene = Scene::connected();
    for number in 0..8 {
        scene.want(&format!("private-{number}"));
    }
    scene.want(CHANNEL);
    scene
}

fn authorizing() -> Scene {
    let mut scene = Scene::connected();
    scene.want(CHANNEL);
    scene
}

/// The backend was overloaded; a retry is scheduled.
fn backoff() -> Scene {
    let mut scene = authorizing();
    authorized(&mut scene, Err(AuthError::http(503, "")));
    scene
}

/// Authorized without `channel_data`: the pending sign-in decides the identity.
fn awaiting() -> Scene {
    let mut scene = Scene::connected();
    scene.command(Command::SignIn);
    scene.want(CHANNEL);
    authorized(&mut scene, Ok(ChannelAuthorization::new("k:s")));
    scene
}

fn subscribing() -> Scene {
    let mut scene = authorizing();
    authorized(&mut scene, Ok(me()));
    scene
}

/// Unsubscribed before the server's reply.
fn unsubscribing() -> Scene {
    let mut scene = subscribing();
    scene.unsubscribe(CHANNEL);
    scene
}

fn subscribed() -> Scene {
    let mut scene = subscribing();
    scene.confirm(CHANNEL);
    scene
}

fn refused() -> Scene {
    let mut scene = authorizing();
    authorized(&mut scene, Err(AuthError::http(403, "")));
    scene
}

/// The server did not reply in time.
fn timed_out() -> Scene {
    let mut scene = subscribing();
    scene.wake();
    scene
}

/// Suspended by a sign-out.
fn suspended() -> Scene {
    let mut scene = subscribed();
    scene.command(Command::SignOut);
    scene
}

fn me() -> ChannelAuthorization {
    ChannelAuthorization::new("k:s").with_channel_data(r#"{"user_id":"me"}"#)
}

/// The backend responds to the pending request for this channel, or to a stale one.
fn authorized(scene: &mut Scene, answer: Result<ChannelAuthorization, AuthError>) -> String {
    let pending = scene
        .requests
        .iter()
        .position(|request| request.channel.as_deref() == Some(CHANNEL));
    let request = match pending {
        Some(index) => scene.requests.remove(index).id,
        None => scene.stale_request,
    };
    scene.input(Input::Authorized(request, answer))
}

fn frame(scene: &mut Scene, event: &str, data: &Value) -> String {
    scene.frame(&json!({"event": event, "channel": CHANNEL, "data": data}))
}

/// A protocol message that another client forged.
fn forged(scene: &mut Scene, event: &str) -> String {
    let data = json!({"user_id": "evil"});
    scene.frame(&json!({"event": event, "channel": CHANNEL, "data": data, "user_id": "u2"}))
}

const TABLE: Table = Table {
    states: &[
        ("not wanted", Scene::connected),
        ("offline", offline),
        ("queued", queued),
        ("authorizing", authorizing),
        ("backoff", backoff),
        ("awaiting", awaiting),
        ("subscribing", subscribing),
        ("unsubscribing", unsubscribing),
        ("subscribed", subscribed),
        ("refused", refused),
        ("timed out", timed_out),
        ("suspended", suspended),
    ],
    stimuli: &[
        ("Subscribe", |scene| scene.want(CHANNEL)),
        ("Unsubscribe", |scene| scene.unsubscribe(CHANNEL)),
        ("Retry", |scene| {
            scene.command(Command::Retry(name(CHANNEL)))
        }),
        ("Send immediate", |scene| {
            send(scene, CHANNEL, SendMode::Immediate)
        }),
        ("Send queued", |scene| {
            send(scene, CHANNEL, SendMode::Queued)
        }),
        ("Send latest", |scene| {
            send(scene, CHANNEL, SendMode::Latest)
        }),
        ("SignIn", |scene| scene.command(Command::SignIn)),
        ("SignOut", |scene| scene.command(Command::SignOut)),
        ("Connect", |scene| scene.command(Command::Connect)),
        ("Disconnect", |scene| scene.command(Command::Disconnect)),
        ("Redial", |scene| scene.command(Command::Redial)),
        ("Authorized", |scene| authorized(scene, Ok(me()))),
        ("Authorized without the member's data", |scene| {
            authorized(scene, Ok(ChannelAuthorization::new("k:s")))
        }),
        ("Authorized with data without an id", |scene| {
            authorized(
                scene,
                Ok(ChannelAuthorization::new("k:s").with_channel_data("{}")),
            )
        }),
        ("Authorized, refused", |scene| {
            authorized(scene, Err(AuthError::http(403, "")))
        }),
        ("Authorized, overloaded", |scene| {
            authorized(scene, Err(AuthError::http(503, "")))
        }),
        ("Authorized, a stale request", |scene| {
            scene.input(Input::Authorized(scene.stale_request, Ok(me())))
        }),
        ("Written", |scene| {
            scene.input(Input::Written {
                id: SendId(9),
                accepted: true,
            })
        }),
        ("BinaryFrame", |scene| {
            scene.input(Input::BinaryFrame(scene.current()))
        }),
        ("Closed", |scene| scene.close(None)),
        ("TimePassed, early", Scene::wake_early),
        ("TimePassed, due", Scene::wake),
        ("Hint", |scene| scene.input(Input::Hint(Hint::Resumed))),
        ("subscription_succeeded", |scene| scene.confirm(CHANNEL)),
        ("subscription_succeeded without members", |scene| {
            frame(scene, "pusher_internal:subscription_succeeded", &json!({}))
        }),
        ("subscription_error", |scene| {
            frame(scene, "pusher:subscription_error", &json!({"status": 403}))
        }),
        ("pusher:error on the channel", |scene| {
            frame(scene, "pusher:error", &json!({"code": 4009}))
        }),
        ("pusher:error on no channel", |scene| {
            scene.frame(&json!({"event": "pusher:error", "data": {"code": 4009}}))
        }),
        ("member_added", |scene| {
            frame(
                scene,
                "pusher_internal:member_added",
                &json!({"user_id": "u2"}),
            )
        }),
        ("member_removed", |scene| {
            frame(
                scene,
                "pusher_internal:member_removed",
                &json!({"user_id": "me"}),
            )
        }),
        ("subscription_count", |scene| {
            frame(
                scene,
                "pusher_internal:subscription_count",
                &json!({"subscription_count": 7}),
            )
        }),
        ("cache_miss", |scene| {
            frame(scene, "pusher:cache_miss", &json!({}))
        }),
        ("an event", |scene| frame(scene, "e", &json!(1))),
        ("a forged subscription_succeeded", |scene| {
            forged(scene, "pusher_internal:subscription_succeeded")
        }),
        ("a forged member_added", |scene| {
            forged(scene, "pusher_internal:member_added")
        }),
        ("a forged subscription_error", |scene| {
            forged(scene, "pusher:subscription_error")
        }),
    ],
    ignored: Some("private-"),
    text: "
Subscribe
    not wanted: presence-a Subscribing, authorize presence-a
    offline, queued, authorizing, backoff, awaiting, subscribing, subscribed, refused, timed out, suspended: -
    unsubscribing: presence-a Subscribing
Unsubscribe
    not wanted, offline, queued, backoff, awaiting, subscribing, unsubscribing, refused, suspended: -
    authorizing: cancel the request
    subscribed, timed out: unsubscribe presence-a
Retry
    not wanted, offline, queued, authorizing, awaiting, subscribing, unsubscribing, subscribed: -
    backoff: authorize presence-a
    refused, suspended: presence-a Subscribing, authorize presence-a
    timed out: unsubscribe presence-a, presence-a Subscribing, authorize presence-a
Send immediate
    not wanted, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, refused, timed out, suspended: rejected NotSubscribed
    offline: rejected NotConnected
    subscribed: client-e presence-a
Send queued
    not wanted, queued, authorizing, backoff, awaiting, subscribing, unsubscribing: Queued
    offline: rejected NotConnected
    subscribed: client-e presence-a
    refused, timed out: rejected NotSubscribed
    suspended: rejected SignedOut
Send latest
    not wanted, unsubscribing, refused, timed out: rejected NotSubscribed
    offline: rejected NotConnected
    queued, authorizing, backoff, awaiting, subscribing: -
    subscribed: client-e presence-a
    suspended: rejected SignedOut
SignIn
    not wanted, queued, authorizing, backoff, subscribing, unsubscribing, subscribed, refused, timed out: SigningIn, authenticate
    offline, awaiting: -
    suspended: SigningIn, authenticate, presence-a Subscribing, authorize presence-a
SignOut
    not wanted, offline, suspended: -
    queued: cancel the request (8 times), presence-a Failed SignedOut
    authorizing: cancel the request, presence-a Failed SignedOut
    backoff, refused: presence-a Failed SignedOut
    awaiting: cancel the request, SignedOut, presence-a Failed SignedOut
    subscribing, subscribed, timed out: unsubscribe presence-a, presence-a Failed SignedOut
    unsubscribing: unsubscribe presence-a
Connect
    not wanted, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
    offline: Connecting 1, dial
Disconnect
    not wanted, unsubscribing: close, Disconnected
    offline: -
    queued: close, cancel the request (8 times), presence-a Pending, Disconnected
    authorizing: close, cancel the request, presence-a Pending, Disconnected
    backoff, subscribing, subscribed, refused, timed out, suspended: close, presence-a Pending, Disconnected
    awaiting: close, cancel the request, SignedOut, presence-a Pending, Disconnected
Redial
    not wanted, unsubscribing: close, Connecting 1, dial
    offline: -
    queued: close, cancel the request (8 times), presence-a Pending, Connecting 1, dial
    authorizing: close, cancel the request, presence-a Pending, Connecting 1, dial
    backoff, subscribing, subscribed, refused, timed out, suspended: close, presence-a Pending, Connecting 1, dial
    awaiting: close, cancel the request, SignedOut, presence-a Pending, Connecting 1, dial
Authorized
    not wanted, offline, queued, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
    authorizing: subscribe presence-a
Authorized without the member's data
    not wanted, offline, queued, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
    authorizing: presence-a Failed NoIdentity
Authorized with data without an id
    not wanted, offline, queued, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
    authorizing: presence-a Failed Authorization
Authorized, refused
    not wanted, offline, queued, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
    authorizing: presence-a Failed Authorization
Authorized, overloaded
    not wanted, offline, queued, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
    authorizing: error Authorization presence-a
Authorized, a stale request
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
Written
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
BinaryFrame
    not wanted, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: error Frame
    offline: -
Closed
    not wanted, unsubscribing: error Closed, Waiting
    offline: -
    queued: cancel the request (8 times), presence-a Pending, error Closed, Waiting
    authorizing: cancel the request, presence-a Pending, error Closed, Waiting
    backoff, subscribing, subscribed, refused, timed out, suspended: presence-a Pending, error Closed, Waiting
    awaiting: cancel the request, SignedOut, presence-a Pending, error Closed, Waiting
TimePassed, early
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
TimePassed, due
    not wanted, subscribed, refused, timed out, suspended: ping
    offline: -
    queued: cancel the request (8 times), authorize presence-a
    authorizing: cancel the request, error Authorization presence-a
    backoff: authorize presence-a
    awaiting: cancel the request, error Authentication
    subscribing: presence-a Failed TimedOut
    unsubscribing: unsubscribe presence-a
Hint
    not wanted, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: ping
    offline: -
subscription_succeeded
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribed, refused, suspended: -
    subscribing, timed out: presence-a Subscribed, 1 members
    unsubscribing: unsubscribe presence-a
subscription_succeeded without members
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribed, refused, suspended: -
    subscribing, timed out: presence-a Subscribed, 0 members
    unsubscribing: unsubscribe presence-a
subscription_error
    not wanted, offline, queued, authorizing, backoff, awaiting, unsubscribing, subscribed, refused, suspended: -
    subscribing, timed out: presence-a Failed Refused
pusher:error on the channel
    not wanted, queued, authorizing, backoff, awaiting, unsubscribing, subscribed, refused, suspended: error Server 4009
    offline: -
    subscribing, timed out: error Server 4009, presence-a Failed Refused
pusher:error on no channel
    not wanted, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: error Server 4009
    offline: -
member_added
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, refused, timed out, suspended: -
    subscribed: u2 joined
member_removed
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, refused, timed out, suspended: -
    subscribed: me left
subscription_count
    not wanted, offline, queued, authorizing, backoff, awaiting, unsubscribing, refused, suspended: -
    subscribing, subscribed, timed out: count 7
cache_miss
    not wanted, offline, queued, authorizing, backoff, awaiting, unsubscribing, refused, suspended: -
    subscribing, subscribed, timed out: cache missed
an event
    not wanted, offline, queued, authorizing, backoff, awaiting, unsubscribing, refused, suspended: -
    subscribing, subscribed, timed out: event e on presence-a 1
a forged subscription_succeeded
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
a forged member_added
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
a forged subscription_error
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, unsubscribing, subscribed, refused, timed out, suspended: -
",
};
