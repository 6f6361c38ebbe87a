//! One channel, a presence channel, which has all that others have: from not wanted to given up with a user.

use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization},
    session::{Command, Hint, Input, SendId, SendMode},
};
use serde_json::{Value, json};

use crate::{connection::send, scene::Scene, support::name, table::Table};

const CHANNEL: &str = "presence-a";

#[test]
fn each_command_and_input_does_in_each_state_of_a_channel_what_the_table_says() {
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

/// The backend was overloaded, and will be asked again.
fn backoff() -> Scene {
    let mut scene = authorizing();
    authorized(&mut scene, Err(AuthError::http(503, "")));
    scene
}

/// Authorized without the member's data: the sign-in under way is to say who that is.
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

/// Not wanted any more, but the server's answer is still to come.
fn leaving() -> Scene {
    let mut scene = subscribing();
    scene.unwant(CHANNEL);
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

/// The server did not answer in time.
fn unanswered() -> Scene {
    let mut scene = subscribing();
    scene.wake();
    scene
}

/// Given up with the user who signed out.
fn barred() -> Scene {
    let mut scene = subscribed();
    scene.command(Command::SignOut);
    scene
}

fn me() -> ChannelAuthorization {
    ChannelAuthorization::new("k:s").with_channel_data(r#"{"user_id":"me"}"#)
}

/// The backend answers for this channel, or what was asked for it once.
fn authorized(scene: &mut Scene, answer: Result<ChannelAuthorization, AuthError>) -> String {
    let asked = scene
        .questions
        .iter()
        .position(|question| question.channel.as_deref() == Some(CHANNEL));
    let request = match asked {
        Some(index) => scene.questions.remove(index).request,
        None => scene.old_question,
    };
    scene.input(Input::Authorized(request, answer))
}

fn frame(scene: &mut Scene, event: &str, data: &Value) -> String {
    scene.frame(&json!({"event": event, "channel": CHANNEL, "data": data}))
}

/// A message of the protocol that another player sent.
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
        ("leaving", leaving),
        ("subscribed", subscribed),
        ("refused", refused),
        ("unanswered", unanswered),
        ("barred", barred),
    ],
    stimuli: &[
        ("Subscribe", |scene| scene.want(CHANNEL)),
        ("Unsubscribe", |scene| scene.unwant(CHANNEL)),
        ("Retry", |scene| {
            scene.command(Command::Retry(name(CHANNEL)))
        }),
        ("Send at once", |scene| {
            send(scene, CHANNEL, SendMode::Immediate)
        }),
        ("Send when possible", |scene| {
            send(scene, CHANNEL, SendMode::Queued)
        }),
        ("Send the latest", |scene| {
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
        ("Authorized with data that name nobody", |scene| {
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
        ("Authorized, an old question", |scene| {
            scene.input(Input::Authorized(scene.old_question, Ok(me())))
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
        ("TimePassed, what is awaited is due", Scene::wake),
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
    beside: Some("private-"),
    text: "
Subscribe
    not wanted: presence-a Subscribing, authorize presence-a
    offline, queued, authorizing, backoff, awaiting, subscribing, subscribed, refused, unanswered, barred: -
    leaving: presence-a Subscribing
Unsubscribe
    not wanted, offline, queued, backoff, awaiting, subscribing, leaving, refused, barred: -
    authorizing: take the question back
    subscribed, unanswered: unsubscribe presence-a
Retry
    not wanted, offline, queued, authorizing, awaiting, subscribing, leaving, subscribed: -
    backoff: authorize presence-a
    refused, barred: presence-a Subscribing, authorize presence-a
    unanswered: unsubscribe presence-a, presence-a Subscribing, authorize presence-a
Send at once
    not wanted, queued, authorizing, backoff, awaiting, subscribing, leaving, refused, unanswered, barred: rejected NotSubscribed
    offline: rejected NotConnected
    subscribed: client-e presence-a
Send when possible
    not wanted, queued, authorizing, backoff, awaiting, subscribing, leaving: Queued
    offline: rejected NotConnected
    subscribed: client-e presence-a
    refused, unanswered: rejected NotSubscribed
    barred: rejected SignedOut
Send the latest
    not wanted, leaving, refused, unanswered: rejected NotSubscribed
    offline: rejected NotConnected
    queued, authorizing, backoff, awaiting, subscribing: -
    subscribed: client-e presence-a
    barred: rejected SignedOut
SignIn
    not wanted, queued, authorizing, backoff, subscribing, leaving, subscribed, refused, unanswered: SigningIn, authenticate
    offline, awaiting: -
    barred: SigningIn, authenticate, presence-a Subscribing, authorize presence-a
SignOut
    not wanted, offline, barred: -
    queued: take the question back (8 times), presence-a Failed SignedOut
    authorizing: take the question back, presence-a Failed SignedOut
    backoff, refused: presence-a Failed SignedOut
    awaiting: take the question back, SignedOut, presence-a Failed SignedOut
    subscribing, subscribed, unanswered: unsubscribe presence-a, presence-a Failed SignedOut
    leaving: unsubscribe presence-a
Connect
    not wanted, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
    offline: Connecting 1, dial
Disconnect
    not wanted, leaving: close, Disconnected
    offline: -
    queued: close, take the question back (8 times), presence-a Pending, Disconnected
    authorizing: close, take the question back, presence-a Pending, Disconnected
    backoff, subscribing, subscribed, refused, unanswered, barred: close, presence-a Pending, Disconnected
    awaiting: close, take the question back, SignedOut, presence-a Pending, Disconnected
Redial
    not wanted, leaving: close, Connecting 1, dial
    offline: -
    queued: close, take the question back (8 times), presence-a Pending, Connecting 1, dial
    authorizing: close, take the question back, presence-a Pending, Connecting 1, dial
    backoff, subscribing, subscribed, refused, unanswered, barred: close, presence-a Pending, Connecting 1, dial
    awaiting: close, take the question back, SignedOut, presence-a Pending, Connecting 1, dial
Authorized
    not wanted, offline, queued, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
    authorizing: subscribe presence-a
Authorized without the member's data
    not wanted, offline, queued, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
    authorizing: presence-a Failed NoIdentity
Authorized with data that name nobody
    not wanted, offline, queued, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
    authorizing: presence-a Failed Authorization
Authorized, refused
    not wanted, offline, queued, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
    authorizing: presence-a Failed Authorization
Authorized, overloaded
    not wanted, offline, queued, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
    authorizing: error Authorization presence-a
Authorized, an old question
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
Written
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
BinaryFrame
    not wanted, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: error Frame
    offline: -
Closed
    not wanted, leaving: error Closed, Waiting
    offline: -
    queued: take the question back (8 times), presence-a Pending, error Closed, Waiting
    authorizing: take the question back, presence-a Pending, error Closed, Waiting
    backoff, subscribing, subscribed, refused, unanswered, barred: presence-a Pending, error Closed, Waiting
    awaiting: take the question back, SignedOut, presence-a Pending, error Closed, Waiting
TimePassed, early
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
TimePassed, what is awaited is due
    not wanted, subscribed, refused, unanswered, barred: ping
    offline: -
    queued: take the question back (8 times), authorize presence-a
    authorizing: take the question back, error Authorization presence-a
    backoff: authorize presence-a
    awaiting: take the question back, error Authentication
    subscribing: presence-a Failed TimedOut
    leaving: unsubscribe presence-a
Hint
    not wanted, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: ping
    offline: -
subscription_succeeded
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribed, refused, barred: -
    subscribing, unanswered: presence-a Subscribed, 1 members
    leaving: unsubscribe presence-a
subscription_succeeded without members
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribed, refused, barred: -
    subscribing, unanswered: presence-a Subscribed, 0 members
    leaving: unsubscribe presence-a
subscription_error
    not wanted, offline, queued, authorizing, backoff, awaiting, leaving, subscribed, refused, barred: -
    subscribing, unanswered: presence-a Failed Refused
pusher:error on the channel
    not wanted, queued, authorizing, backoff, awaiting, leaving, subscribed, refused, barred: error Server 4009
    offline: -
    subscribing, unanswered: error Server 4009, presence-a Failed Refused
pusher:error on no channel
    not wanted, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: error Server 4009
    offline: -
member_added
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, leaving, refused, unanswered, barred: -
    subscribed: u2 joined
member_removed
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, leaving, refused, unanswered, barred: -
    subscribed: me left
subscription_count
    not wanted, offline, queued, authorizing, backoff, awaiting, leaving, refused, barred: -
    subscribing, subscribed, unanswered: count 7
cache_miss
    not wanted, offline, queued, authorizing, backoff, awaiting, leaving, refused, barred: -
    subscribing, subscribed, unanswered: cache missed
an event
    not wanted, offline, queued, authorizing, backoff, awaiting, leaving, refused, barred: -
    subscribing, subscribed, unanswered: event e on presence-a 1
a forged subscription_succeeded
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
a forged member_added
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
a forged subscription_error
    not wanted, offline, queued, authorizing, backoff, awaiting, subscribing, leaving, subscribed, refused, unanswered, barred: -
",
};
