//! The states of the connection.

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
fn the_connection_follows_its_state_table() {
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

fn handshake() -> Scene {
    let mut scene = dialling();
    scene.open();
    scene
}

fn pinged() -> Scene {
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

/// The failure is less than 250 ms ago.
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
        ("handshake", handshake),
        ("live", Scene::connected),
        ("pinged", pinged),
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
        ("Unsubscribe an unwanted channel", |scene| {
            scene.unsubscribe("lobby")
        }),
        ("Retry an unwanted channel", |scene| {
            scene.command(Command::Retry(name("lobby")))
        }),
        ("Send immediate", |scene| {
            send(scene, "private-a", SendMode::Immediate)
        }),
        ("Send queued", |scene| {
            send(scene, "private-a", SendMode::Queued)
        }),
        ("Send latest", |scene| {
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
            scene.input(Input::Opened(scene.stale_dial))
        }),
        ("DialFailed", |scene| scene.fail_dial(refused())),
        ("DialFailed, final", |scene| {
            scene.fail_dial(ConnectionError::Unsupported("no TLS".into()))
        }),
        ("DialFailed, an old dial", |scene| {
            scene.input(Input::DialFailed(
                scene.stale_dial,
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
            scene.input(Input::Closed(scene.stale_dial, error))
        }),
        ("BinaryFrame", |scene| {
            scene.input(Input::BinaryFrame(scene.current()))
        }),
        ("BinaryFrame of an old socket", |scene| {
            scene.input(Input::BinaryFrame(scene.stale_dial))
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
        ("Authorized, never requested", |scene| {
            scene.input(Input::Authorized(
                scene.stale_request,
                Ok(ChannelAuthorization::new("k:s")),
            ))
        }),
        ("Authenticated, never requested", |scene| {
            let answer = UserAuthentication::new("k:s", r#"{"id":"me"}"#);
            scene.input(Input::Authenticated(scene.stale_request, Ok(answer)))
        }),
        ("TimePassed, early", Scene::wake_early),
        ("TimePassed, due", Scene::wake),
        ("TimePassed, after the machine slept", Scene::sleep),
        ("Hint NetworkChanged", |scene| {
            scene.input(Input::Hint(Hint::NetworkChanged))
        }),
        ("Hint Resumed", |scene| {
            scene.input(Input::Hint(Hint::Resumed))
        }),
        // Frames.
        ("the handshake", Scene::complete_handshake),
        ("a handshake without a socket_id", |scene| {
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
    ignored: None,
    text: "
Connect
    idle, waiting, failed: Connecting 1, dial
    dialling, handshake, live, pinged: -
    refused at once, failed at once: Waiting
Disconnect
    idle: -
    dialling: cancel the dial, Disconnected
    handshake, live, pinged: close, Disconnected
    waiting, failed, refused at once, failed at once: Disconnected
Redial
    idle: -
    dialling: cancel the dial, Connecting 1, dial
    handshake, live, pinged: close, Connecting 1, dial
    waiting, failed: Connecting 1, dial
    refused at once, failed at once: Waiting
Subscribe a public channel
    idle, dialling, handshake, waiting, failed, refused at once, failed at once: -
    live, pinged: lobby Subscribing, subscribe lobby
Subscribe a private channel
    idle, dialling, handshake, waiting, failed, refused at once, failed at once: -
    live, pinged: private-a Subscribing, authorize private-a
Unsubscribe an unwanted channel
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
Retry an unwanted channel
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
Send immediate
    idle, dialling, handshake, waiting, failed, refused at once, failed at once: rejected NotConnected
    live, pinged: rejected NotSubscribed
Send queued
    idle, failed, failed at once: rejected NotConnected
    dialling, handshake, live, pinged, waiting, refused at once: Queued
Send latest
    idle, dialling, handshake, waiting, failed, refused at once, failed at once: rejected NotConnected
    live, pinged: rejected NotSubscribed
Send on a public channel
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: rejected WrongKind
SignIn
    idle, dialling, handshake, waiting, failed, refused at once, failed at once: -
    live, pinged: SigningIn, authenticate
SignOut
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
Opened
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
Opened, an old dial
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
DialFailed
    idle, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
    dialling: error Tcp, Waiting
DialFailed, final
    idle, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
    dialling: error Unsupported, Failed
DialFailed, an old dial
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
Closed without a code
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake, live, pinged: error Closed, Waiting
Closed 1000
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake, live, pinged: error Closed 1000, Waiting
Closed 4001
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake, live, pinged: error Closed 4001, Failed
Closed 4100
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake, live, pinged: error Closed 4100, Waiting
Closed 4200
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake, live, pinged: error Closed 4200, Waiting
Closed 4301
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake, live, pinged: error Closed 4301, Failed
Closed, an old socket
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
BinaryFrame
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake: close, error NotPusher, Waiting
    live: error Frame
    pinged: round trip, error Frame
BinaryFrame of an old socket
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
Written
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
Written, not accepted
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: rejected Backlogged
Authorized, never requested
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
Authenticated, never requested
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
TimePassed, early
    idle, dialling, handshake, live, pinged, waiting, failed, refused at once, failed at once: -
TimePassed, due
    idle, failed, failed at once: -
    dialling: cancel the dial, error TimedOut, Waiting
    handshake: abandon, error TimedOut, Waiting
    live: ping
    pinged: abandon, error PongTimedOut, Waiting
    waiting, refused at once: Connecting 2, dial
TimePassed, after the machine slept
    idle, dialling, handshake, pinged, failed, failed at once: -
    live: ping
    waiting: Connecting 2, dial
    refused at once: Waiting
Hint NetworkChanged
    idle, dialling, handshake, pinged, failed, failed at once: -
    live: ping
    waiting: Connecting 2, dial
    refused at once: Waiting
Hint Resumed
    idle, dialling, handshake, pinged, failed, failed at once: -
    live: ping
    waiting: Connecting 2, dial
    refused at once: Waiting
the handshake
    idle, dialling, live, waiting, failed, refused at once, failed at once: -
    handshake: Connected
    pinged: round trip
a handshake without a socket_id
    idle, dialling, live, waiting, failed, refused at once, failed at once: -
    handshake: close, error NotPusher, Waiting
    pinged: round trip
pusher:error 4001
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake: close, error Refused 4001, Failed
    live: error Server 4001
    pinged: round trip, error Server 4001
pusher:error 4100
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake: close, error Refused 4100, Waiting
    live: error Server 4100
    pinged: round trip, error Server 4100
pusher:error 4200
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake: close, error Refused 4200, Waiting
    live: error Server 4200
    pinged: round trip, error Server 4200
pusher:error without a code
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake: close, error Refused, Waiting
    live: error Server
    pinged: round trip, error Server
pusher:ping
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake, live: pong
    pinged: round trip, pong
pusher:pong
    idle, dialling, handshake, live, waiting, failed, refused at once, failed at once: -
    pinged: round trip
an event of a channel that is not wanted
    idle, dialling, live, waiting, failed, refused at once, failed at once: -
    handshake: close, error NotPusher, Waiting
    pinged: round trip
an event without a channel
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake: close, error NotPusher, Waiting
    live: event e 1
    pinged: event e 1, round trip
garbage
    idle, dialling, waiting, failed, refused at once, failed at once: -
    handshake: close, error NotPusher, Waiting
    live: error Frame
    pinged: round trip, error Frame
",
};
