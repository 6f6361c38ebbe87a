//! The connection: from nobody asking to given up.

use pusher_protocol::{
    protocol::{ChannelAuthorization, UserAuthentication},
    session::{ClientEvent, Command, ConnectionError, Hint, Input, SendId, SendMode},
};
use serde_json::{json, value::RawValue};

use crate::{
    scene::Scene,
    support::{SECOND, name},
    table::Table,
};

#[test]
fn each_command_and_input_does_in_each_state_of_the_connection_what_the_table_says() {
    TABLE.check();
}

pub fn refused() -> ConnectionError {
    ConnectionError::Tcp {
        host: "h".into(),
        port: 1,
        reason: "refused".into(),
    }
}

pub fn send(scene: &mut Scene, channel: &str, mode: SendMode) -> String {
    scene.command(Command::Send(ClientEvent {
        id: SendId(1),
        mode,
        channel: name(channel),
        event: "client-e".into(),
        data: RawValue::from_string("1".into()).unwrap(),
    }))
}

fn dialling() -> Scene {
    let mut scene = Scene::new();
    scene.command(Command::Connect);
    scene
}

fn greeting() -> Scene {
    let mut scene = dialling();
    scene.open();
    scene
}

fn asked() -> Scene {
    let mut scene = Scene::connected();
    scene.input(Input::Hint(Hint::NetworkChanged));
    scene
}

fn waiting() -> Scene {
    let mut scene = dialling();
    scene.pass_until(5 * SECOND);
    scene.fail_dial(refused());
    scene.pass_until(5 * SECOND + SECOND / 2);
    scene
}

fn failed() -> Scene {
    let mut scene = Scene::connected();
    scene.pass_until(5 * SECOND);
    scene.close(Some(4001));
    scene.pass_until(6 * SECOND);
    scene
}

/// The failure is less than a quarter of a second ago.
fn refused_at_once() -> Scene {
    let mut scene = dialling();
    scene.fail_dial(refused());
    scene
}

fn failed_at_once() -> Scene {
    let mut scene = Scene::connected();
    scene.close(Some(4001));
    scene
}

fn first(scene: &mut Scene, code: Option<u16>) -> String {
    scene.frame(&json!({"event": "pusher:error", "data": {"code": code, "message": "no"}}))
}

const TABLE: Table = Table {
    states: &[
        ("idle", Scene::new),
        ("dialling", dialling),
        ("greeting", greeting),
        ("live", Scene::connected),
        ("asked", asked),
        ("waiting", waiting),
        ("failed", failed),
        ("refused at once", refused_at_once),
        ("failed at once", failed_at_once),
    ],
    stimuli: &[
        // Commands.
        ("Connect", |scene| scene.command(Command::Connect)),
        ("Disconnect", |scene| scene.command(Command::Disconnect)),
        ("Redial", |scene| scene.command(Command::Redial)),
        ("Subscribe a public channel", |scene| scene.want("lobby")),
        ("Subscribe a private channel", |scene| {
            scene.want("private-a")
        }),
        ("Unsubscribe what is not wanted", |scene| {
            scene.unwant("lobby")
        }),
        ("Retry what is not wanted", |scene| {
            scene.command(Command::Retry(name("lobby")))
        }),
        ("Send at once", |scene| {
            send(scene, "private-a", SendMode::Immediate)
        }),
        ("Send when possible", |scene| {
            send(scene, "private-a", SendMode::Queued)
        }),
        ("Send the latest", |scene| {
            send(scene, "private-a", SendMode::Latest)
        }),
        ("Send on a public channel", |scene| {
            send(scene, "lobby", SendMode::Queued)
        }),
        ("SignIn", |scene| scene.command(Command::SignIn)),
        ("SignOut", |scene| scene.command(Command::SignOut)),
        // The driver.
        ("Opened", Scene::open),
        ("Opened, an old dial", |scene| {
            scene.input(Input::Opened(scene.old_dial))
        }),
        ("DialFailed", |scene| scene.fail_dial(refused())),
        ("DialFailed, for good", |scene| {
            scene.fail_dial(ConnectionError::Unsupported("no TLS".into()))
        }),
        ("DialFailed, an old dial", |scene| {
            scene.input(Input::DialFailed(
                scene.old_dial,
                ConnectionError::Unsupported("x".into()),
            ))
        }),
        ("Closed without a code", |scene| scene.close(None)),
        ("Closed 1000", |scene| scene.close(Some(1000))),
        ("Closed 4001", |scene| scene.close(Some(4001))),
        ("Closed 4100", |scene| scene.close(Some(4100))),
        ("Closed 4200", |scene| scene.close(Some(4200))),
        ("Closed 4301", |scene| scene.close(Some(4301))),
        ("Closed, an old socket", |scene| {
            let error = ConnectionError::Closed {
                code: Some(4001),
                reason: String::new(),
            };
            scene.input(Input::Closed(scene.old_dial, error))
        }),
        ("BinaryFrame", |scene| {
            scene.input(Input::BinaryFrame(scene.current()))
        }),
        ("BinaryFrame of an old socket", |scene| {
            scene.input(Input::BinaryFrame(scene.old_dial))
        }),
        ("Written", |scene| {
            scene.input(Input::Written {
                id: SendId(9),
                accepted: true,
            })
        }),
        ("Written, not accepted", |scene| {
            scene.input(Input::Written {
                id: SendId(9),
                accepted: false,
            })
        }),
        ("Authorized, nobody asked", |scene| {
            scene.input(Input::Authorized(
                scene.old_question,
                Ok(ChannelAuthorization::new("k:s")),
            ))
        }),
        ("Authenticated, nobody asked", |scene| {
            let answer = UserAuthentication::new("k:s", r#"{"id":"me"}"#);
            scene.input(Input::Authenticated(scene.old_question, Ok(answer)))
        }),
        ("TimePassed, early", Scene::wake_early),
        ("TimePassed, what is awaited is due", Scene::wake),
        ("TimePassed, after the machine slept", Scene::sleep),
        ("Hint NetworkChanged", |scene| {
            scene.input(Input::Hint(Hint::NetworkChanged))
        }),
        ("Hint Resumed", |scene| {
            scene.input(Input::Hint(Hint::Resumed))
        }),
        // Frames.
        ("the greeting", Scene::greet),
        ("a greeting without a socket_id", |scene| {
            scene.frame(&json!({"event": "pusher:connection_established", "data": {}}))
        }),
        ("pusher:error 4001", |scene| first(scene, Some(4001))),
        ("pusher:error 4100", |scene| first(scene, Some(4100))),
        ("pusher:error 4200", |scene| first(scene, Some(4200))),
        ("pusher:error without a code", |scene| first(scene, None)),
        ("pusher:ping", |scene| {
            scene.frame(&json!({"event": "pusher:ping"}))
        }),
        ("pusher:pong", |scene| {
            scene.frame(&json!({"event": "pusher:pong"}))
        }),
        ("an event of a channel that is not wanted", |scene| {
            scene.frame(&json!({"event": "e", "channel": "lobby", "data": "1"}))
        }),
        ("an event without a channel", |scene| {
            scene.frame(&json!({"event": "e", "data": "1"}))
        }),
        ("garbage", |scene| scene.text("garbage")),
    ],
    beside: None,
    text: "
Connect
    idle, waiting, failed: Connecting 1, dial
    dialling, greeting, live, asked: -
    refused at once, failed at once: Waiting
Disconnect
    idle: -
    dialling: cancel the dial, Disconnected
    greeting, live, asked: close, Disconnected
    waiting, failed, refused at once, failed at once: Disconnected
Redial
    idle: -
    dialling: cancel the dial, Connecting 1, dial
    greeting, live, asked: close, Connecting 1, dial
    waiting, failed: Connecting 1, dial
    refused at once, failed at once: Waiting
Subscribe a public channel
    idle, dialling, greeting, waiting, failed, refused at once, failed at once: -
    live, asked: lobby Subscribing, subscribe lobby
Subscribe a private channel
    idle, dialling, greeting, waiting, failed, refused at once, failed at once: -
    live, asked: private-a Subscribing, authorize private-a
Unsubscribe what is not wanted
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
Retry what is not wanted
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
Send at once
    idle, dialling, greeting, waiting, failed, refused at once, failed at once: rejected NotConnected
    live, asked: rejected NotSubscribed
Send when possible
    idle, failed, failed at once: rejected NotConnected
    dialling, greeting, live, asked, waiting, refused at once: Queued
Send the latest
    idle, dialling, greeting, waiting, failed, refused at once, failed at once: rejected NotConnected
    live, asked: rejected NotSubscribed
Send on a public channel
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: rejected WrongKind
SignIn
    idle, dialling, greeting, waiting, failed, refused at once, failed at once: -
    live, asked: SigningIn, authenticate
SignOut
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
Opened
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
Opened, an old dial
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
DialFailed
    idle, greeting, live, asked, waiting, failed, refused at once, failed at once: -
    dialling: error Tcp, Waiting
DialFailed, for good
    idle, greeting, live, asked, waiting, failed, refused at once, failed at once: -
    dialling: error Unsupported, Failed
DialFailed, an old dial
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
Closed without a code
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting, live, asked: error Closed, Waiting
Closed 1000
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting, live, asked: error Closed 1000, Waiting
Closed 4001
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting, live, asked: error Closed 4001, Failed
Closed 4100
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting, live, asked: error Closed 4100, Waiting
Closed 4200
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting, live, asked: error Closed 4200, Waiting
Closed 4301
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting, live, asked: error Closed 4301, Failed
Closed, an old socket
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
BinaryFrame
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting: close, error NotPusher, Waiting
    live: error Frame
    asked: round trip, error Frame
BinaryFrame of an old socket
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
Written
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
Written, not accepted
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: rejected Backlogged
Authorized, nobody asked
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
Authenticated, nobody asked
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
TimePassed, early
    idle, dialling, greeting, live, asked, waiting, failed, refused at once, failed at once: -
TimePassed, what is awaited is due
    idle, failed, failed at once: -
    dialling: cancel the dial, error TimedOut, Waiting
    greeting: abandon, error TimedOut, Waiting
    live: ping
    asked: abandon, error PongTimedOut, Waiting
    waiting, refused at once: Connecting 2, dial
TimePassed, after the machine slept
    idle, dialling, greeting, asked, failed, failed at once: -
    live: ping
    waiting: Connecting 2, dial
    refused at once: Waiting
Hint NetworkChanged
    idle, dialling, greeting, asked, failed, failed at once: -
    live: ping
    waiting: Connecting 2, dial
    refused at once: Waiting
Hint Resumed
    idle, dialling, greeting, asked, failed, failed at once: -
    live: ping
    waiting: Connecting 2, dial
    refused at once: Waiting
the greeting
    idle, dialling, live, waiting, failed, refused at once, failed at once: -
    greeting: Connected
    asked: round trip
a greeting without a socket_id
    idle, dialling, live, waiting, failed, refused at once, failed at once: -
    greeting: close, error NotPusher, Waiting
    asked: round trip
pusher:error 4001
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting: close, error Refused 4001, Failed
    live: error Server 4001
    asked: round trip, error Server 4001
pusher:error 4100
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting: close, error Refused 4100, Waiting
    live: error Server 4100
    asked: round trip, error Server 4100
pusher:error 4200
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting: close, error Refused 4200, Waiting
    live: error Server 4200
    asked: round trip, error Server 4200
pusher:error without a code
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting: close, error Refused, Waiting
    live: error Server
    asked: round trip, error Server
pusher:ping
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting, live: pong
    asked: round trip, pong
pusher:pong
    idle, dialling, greeting, live, waiting, failed, refused at once, failed at once: -
    asked: round trip
an event of a channel that is not wanted
    idle, dialling, live, waiting, failed, refused at once, failed at once: -
    greeting: close, error NotPusher, Waiting
    asked: round trip
an event without a channel
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting: close, error NotPusher, Waiting
    live: event e 1
    asked: event e 1, round trip
garbage
    idle, dialling, waiting, failed, refused at once, failed at once: -
    greeting: close, error NotPusher, Waiting
    live: error Frame
    asked: round trip, error Frame
",
};
