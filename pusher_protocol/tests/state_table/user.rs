//! The sign-in: from nobody to signed in.

use pusher_protocol::{
    protocol::{AuthError, UserAuthentication},
    session::{Command, Hint, Input},
};
use serde_json::{Value, json};

use crate::{scene::Scene, table::Table};

#[test]
fn each_command_and_input_does_in_each_state_of_the_sign_in_what_the_table_says() {
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

/// The backend was overloaded, and will be asked again.
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

/// The server took the user; their own channel is to be confirmed.
fn taken() -> Scene {
    let mut scene = signing_in();
    success(&mut scene, &json!({"id": "me"}));
    scene
}

fn signed_in() -> Scene {
    let mut scene = taken();
    event(&mut scene, "pusher_internal:subscription_succeeded", "me");
    scene
}

fn refused() -> Scene {
    let mut scene = authenticating();
    authenticated(&mut scene, Err(AuthError::http(403, "")));
    scene
}

/// The server did not answer in time.
fn unanswered() -> Scene {
    let mut scene = signing_in();
    scene.wake();
    scene
}

fn me() -> Result<UserAuthentication, AuthError> {
    Ok(UserAuthentication::new("k:s", r#"{"id":"me"}"#))
}

/// The backend answers who the user is, or what was asked once.
fn authenticated(scene: &mut Scene, answer: Result<UserAuthentication, AuthError>) -> String {
    let question = scene.questions.pop();
    let request = question.map_or(scene.old_question, |question| question.request);
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
        ("nobody", Scene::connected),
        ("offline", offline),
        ("authenticating", authenticating),
        ("backoff", backoff),
        ("signing in", signing_in),
        ("taken", taken),
        ("signed in", signed_in),
        ("refused", refused),
        ("unanswered", unanswered),
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
        ("Authenticated, an old question", |scene| {
            scene.input(Input::Authenticated(scene.old_question, me()))
        }),
        ("Closed", |scene| scene.close(None)),
        ("TimePassed, early", Scene::wake_early),
        ("TimePassed, what is awaited is due", Scene::wake),
        ("Hint", |scene| scene.input(Input::Hint(Hint::Resumed))),
        ("signin_success", |scene| {
            success(scene, &json!({"id": "me"}))
        }),
        ("signin_success that names nobody", |scene| {
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
        ("the watchlist as Sockudo tells it", |scene| {
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
        ("an event to somebody else", |scene| {
            event(scene, "e", "ann")
        }),
    ],
    beside: None,
    text: "
SignIn
    nobody, refused, unanswered: SigningIn, authenticate
    offline, authenticating, signing in, taken, signed in: -
    backoff: authenticate
SignOut
    nobody, offline: -
    authenticating: take the question back, SignedOut
    backoff, refused: SignedOut
    signing in, taken, signed in, unanswered: SignedOut, close, Connecting 1, dial
Connect
    nobody, authenticating, backoff, signing in, taken, signed in, refused, unanswered: -
    offline: Connecting 1, dial
Disconnect
    nobody: close, Disconnected
    offline: -
    authenticating: close, take the question back, SignedOut, Disconnected
    backoff, signing in, taken, signed in, refused, unanswered: close, SignedOut, Disconnected
Redial
    nobody: close, Connecting 1, dial
    offline: -
    authenticating: close, take the question back, SignedOut, Connecting 1, dial
    backoff, signing in, taken, signed in, refused, unanswered: close, SignedOut, Connecting 1, dial
Authenticated
    nobody, offline, backoff, signing in, taken, signed in, refused, unanswered: -
    authenticating: signin
Authenticated, refused
    nobody, offline, backoff, signing in, taken, signed in, refused, unanswered: -
    authenticating: SignIn failed Authentication
Authenticated, overloaded
    nobody, offline, backoff, signing in, taken, signed in, refused, unanswered: -
    authenticating: error Authentication
Authenticated, an old question
    nobody, offline, authenticating, backoff, signing in, taken, signed in, refused, unanswered: -
Closed
    nobody: error Closed, Waiting
    offline: -
    authenticating: take the question back, SignedOut, error Closed, Waiting
    backoff, signing in, taken, signed in, refused, unanswered: SignedOut, error Closed, Waiting
TimePassed, early
    nobody, offline, authenticating, backoff, signing in, taken, signed in, refused, unanswered: -
TimePassed, what is awaited is due
    nobody, signed in, refused, unanswered: ping
    offline: -
    authenticating: take the question back, error Authentication
    backoff: authenticate
    signing in: SignIn failed TimedOut
    taken: SignedIn me
Hint
    nobody, authenticating, backoff, signing in, taken, signed in, refused, unanswered: ping
    offline: -
signin_success
    nobody, offline, authenticating, backoff, taken, signed in, refused: -
    signing in, unanswered: subscribe #server-to-user-me
signin_success that names nobody
    nobody, offline, authenticating, backoff, taken, signed in, refused, unanswered: -
    signing in: SignIn failed NoUser
a forged signin_success
    nobody, offline, authenticating, backoff, signing in, taken, signed in, refused, unanswered: -
pusher:error 4009
    nobody, authenticating, backoff, taken, signed in, refused, unanswered: error Server 4009
    offline: -
    signing in: SignIn failed Refused, error Server 4009
pusher:error 4301, about client events
    nobody, authenticating, backoff, signing in, taken, signed in, refused, unanswered: error Server 4301
    offline: -
pusher:error 4302, about the watchlist
    nobody, authenticating, backoff, signing in, taken, signed in, refused, unanswered: error Server 4302
    offline: -
watchlist_events
    nobody, offline: -
    authenticating, backoff, signing in, taken, signed in, refused, unanswered: online: ann
the watchlist as Sockudo tells it
    nobody: event offline {\"user_ids\":[\"ann\"]}
    offline: -
    authenticating, backoff, signing in, taken, signed in, refused, unanswered: offline: ann
subscription_succeeded of the user's channel
    nobody, offline, authenticating, backoff, signing in, signed in, refused, unanswered: -
    taken: SignedIn me
subscription_error of the user's channel
    nobody, offline, authenticating, backoff, signing in, refused, unanswered: -
    taken: SignedIn me, error Server
    signed in: error Server
an event to the user
    nobody, offline, authenticating, backoff, signing in, refused, unanswered: -
    taken: SignedIn me, late event e to the user 1
    signed in: event e to the user 1
a message of the protocol on the user's channel
    nobody, offline, authenticating, backoff, signing in, taken, signed in, refused, unanswered: -
an event to somebody else
    nobody, offline, authenticating, backoff, signing in, taken, signed in, refused, unanswered: -
",
};
