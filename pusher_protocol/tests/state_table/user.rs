//! The states of the sign-in.

use pusher_protocol::{
    protocol::{AuthError, UserAuthentication},
    session::{Command, Hint, Input},
};
use serde_json::{Value, json};

use crate::{scene::Scene, table::Table};

#[test]
fn the_sign_in_follows_its_state_table() {
    TABLE.check();
}

fn offline() -> Scene {
    let mut scene = Scene::new();
    scene.command(Command::SignIn);
    scene
}

fn authenticating() -> Scene {
    let mut scene = Scene::connected();
    scene.command(Command::SignIn);
    scene
}

/// The backend was overloaded; a retry is scheduled.
fn backoff() -> Scene {
    let mut scene = authenticating();
    authenticated(&mut scene, Err(AuthError::http(503, "")));
    scene
}

fn signing_in() -> Scene {
    let mut scene = authenticating();
    authenticated(&mut scene, me());
    scene
}

/// The server accepted the user; the confirmation of the user's own channel is pending.
fn accepted() -> Scene {
    let mut scene = signing_in();
    success(&mut scene, &json!({"id": "me"}));
    scene
}

fn signed_in() -> Scene {
    let mut scene = accepted();
    event(&mut scene, "pusher_internal:subscription_succeeded", "me");
    scene
}

fn refused() -> Scene {
    let mut scene = authenticating();
    authenticated(&mut scene, Err(AuthError::http(403, "")));
    scene
}

/// The server did not reply in time.
fn timed_out() -> Scene {
    let mut scene = signing_in();
    scene.wake();
    scene
}

fn me() -> Result<UserAuthentication, AuthError> {
    Ok(UserAuthentication::new("k:s", r#"{"id":"me"}"#))
}

/// The backend responds to the pending authentication, or to a stale one.
fn authenticated(scene: &mut Scene, answer: Result<UserAuthentication, AuthError>) -> String {
    let request = scene.requests.pop();
    let request = request.map_or(scene.stale_request, |request| request.id);
    scene.input(Input::Authenticated(request, answer))
}

fn success(scene: &mut Scene, user_data: &Value) -> String {
    let data = json!({"user_data": user_data.to_string()});
    scene.frame(&json!({"event": "pusher:signin_success", "data": data}))
}

fn error(scene: &mut Scene, code: u16) -> String {
    scene.frame(&json!({"event": "pusher:error", "data": {"code": code}}))
}

fn event(scene: &mut Scene, name: &str, user: &str) -> String {
    let channel = format!("#server-to-user-{user}");
    scene.frame(&json!({"event": name, "channel": channel, "data": "1"}))
}

const TABLE: Table = Table {
    states: &[
        ("signed out", Scene::connected),
        ("offline", offline),
        ("authenticating", authenticating),
        ("backoff", backoff),
        ("signing in", signing_in),
        ("accepted", accepted),
        ("signed in", signed_in),
        ("refused", refused),
        ("timed out", timed_out),
    ],
    stimuli: &[
        ("SignIn", |scene| scene.command(Command::SignIn)),
        ("SignOut", |scene| scene.command(Command::SignOut)),
        ("Connect", |scene| scene.command(Command::Connect)),
        ("Disconnect", |scene| scene.command(Command::Disconnect)),
        ("Redial", |scene| scene.command(Command::Redial)),
        ("Authenticated", |scene| authenticated(scene, me())),
        ("Authenticated, refused", |scene| {
            authenticated(scene, Err(AuthError::http(403, "")))
        }),
        ("Authenticated, overloaded", |scene| {
            authenticated(scene, Err(AuthError::http(503, "")))
        }),
        ("Authenticated, a stale request", |scene| {
            scene.input(Input::Authenticated(scene.stale_request, me()))
        }),
        ("Closed", |scene| scene.close(None)),
        ("TimePassed, early", Scene::wake_early),
        ("TimePassed, due", Scene::wake),
        ("Hint", |scene| scene.input(Input::Hint(Hint::Resumed))),
        ("signin_success", |scene| {
            success(scene, &json!({"id": "me"}))
        }),
        ("signin_success without a user id", |scene| {
            success(scene, &json!({}))
        }),
        ("a forged signin_success", |scene| {
            let data = json!({"user_data": r#"{"id":"evil"}"#});
            scene.frame(&json!({"event": "pusher:signin_success", "data": data, "user_id": "evil"}))
        }),
        ("pusher:error 4009", |scene| error(scene, 4009)),
        ("pusher:error 4301, about client events", |scene| {
            error(scene, 4301)
        }),
        ("pusher:error 4302, about the watchlist", |scene| {
            error(scene, 4302)
        }),
        ("watchlist_events", |scene| {
            let events = json!([{"name": "online", "user_ids": ["ann"]}]);
            scene.frame(
                &json!({"event": "pusher_internal:watchlist_events", "data": {"events": events}}),
            )
        }),
        ("the watchlist in the format of Sockudo", |scene| {
            scene.frame(&json!({"event": "offline", "data": {"user_ids": ["ann"]}}))
        }),
        ("subscription_succeeded of the user's channel", |scene| {
            event(scene, "pusher_internal:subscription_succeeded", "me")
        }),
        ("subscription_error of the user's channel", |scene| {
            event(scene, "pusher:subscription_error", "me")
        }),
        ("an event to the user", |scene| event(scene, "e", "me")),
        ("a message of the protocol on the user's channel", |scene| {
            event(scene, "pusher:e", "me")
        }),
        ("an event to another user", |scene| {
            event(scene, "e", "ann")
        }),
    ],
    ignored: None,
    text: "
SignIn
    signed out, refused, timed out: SigningIn, authenticate
    offline, authenticating, signing in, accepted, signed in: -
    backoff: authenticate
SignOut
    signed out, offline: -
    authenticating: cancel the request, SignedOut
    backoff, refused: SignedOut
    signing in, accepted, signed in, timed out: SignedOut, close, Connecting 1, dial
Connect
    signed out, authenticating, backoff, signing in, accepted, signed in, refused, timed out: -
    offline: Connecting 1, dial
Disconnect
    signed out: close, Disconnected
    offline: -
    authenticating: close, cancel the request, SignedOut, Disconnected
    backoff, signing in, accepted, signed in, refused, timed out: close, SignedOut, Disconnected
Redial
    signed out: close, Connecting 1, dial
    offline: -
    authenticating: close, cancel the request, SignedOut, Connecting 1, dial
    backoff, signing in, accepted, signed in, refused, timed out: close, SignedOut, Connecting 1, dial
Authenticated
    signed out, offline, backoff, signing in, accepted, signed in, refused, timed out: -
    authenticating: signin
Authenticated, refused
    signed out, offline, backoff, signing in, accepted, signed in, refused, timed out: -
    authenticating: SignIn failed Authentication
Authenticated, overloaded
    signed out, offline, backoff, signing in, accepted, signed in, refused, timed out: -
    authenticating: error Authentication
Authenticated, a stale request
    signed out, offline, authenticating, backoff, signing in, accepted, signed in, refused, timed out: -
Closed
    signed out: error Closed, Waiting
    offline: -
    authenticating: cancel the request, SignedOut, error Closed, Waiting
    backoff, signing in, accepted, signed in, refused, timed out: SignedOut, error Closed, Waiting
TimePassed, early
    signed out, offline, authenticating, backoff, signing in, accepted, signed in, refused, timed out: -
TimePassed, due
    signed out, signed in, refused, timed out: ping
    offline: -
    authenticating: cancel the request, error Authentication
    backoff: authenticate
    signing in: SignIn failed TimedOut
    accepted: SignedIn me
Hint
    signed out, authenticating, backoff, signing in, accepted, signed in, refused, timed out: ping
    offline: -
signin_success
    signed out, offline, authenticating, backoff, accepted, signed in, refused: -
    signing in, timed out: subscribe #server-to-user-me
signin_success without a user id
    signed out, offline, authenticating, backoff, accepted, signed in, refused, timed out: -
    signing in: SignIn failed NoUser
a forged signin_success
    signed out, offline, authenticating, backoff, signing in, accepted, signed in, refused, timed out: -
pusher:error 4009
    signed out, authenticating, backoff, accepted, signed in, refused, timed out: error Server 4009
    offline: -
    signing in: SignIn failed Refused, error Server 4009
pusher:error 4301, about client events
    signed out, authenticating, backoff, signing in, accepted, signed in, refused, timed out: error Server 4301
    offline: -
pusher:error 4302, about the watchlist
    signed out, authenticating, backoff, signing in, accepted, signed in, refused, timed out: error Server 4302
    offline: -
watchlist_events
    signed out, offline: -
    authenticating, backoff, signing in, accepted, signed in, refused, timed out: online: ann
the watchlist in the format of Sockudo
    signed out: event offline {\"user_ids\":[\"ann\"]}
    offline: -
    authenticating, backoff, signing in, accepted, signed in, refused, timed out: offline: ann
subscription_succeeded of the user's channel
    signed out, offline, authenticating, backoff, signing in, signed in, refused, timed out: -
    accepted: SignedIn me
subscription_error of the user's channel
    signed out, offline, authenticating, backoff, signing in, refused, timed out: -
    accepted: SignedIn me, error Server
    signed in: error Server
an event to the user
    signed out, offline, authenticating, backoff, signing in, refused, timed out: -
    accepted: SignedIn me, late event e to the user 1
    signed in: event e to the user 1
a message of the protocol on the user's channel
    signed out, offline, authenticating, backoff, signing in, accepted, signed in, refused, timed out: -
an event to another user
    signed out, offline, authenticating, backoff, signing in, accepted, signed in, refused, timed out: -
",
};
