//! A game and the scripted server that it talks to.

use bevy::prelude::*;
use pusher_test_support::{ScriptedConnection, ScriptedServer};

use super::*;

pub fn config(server: &ScriptedServer) -> PusherConfig {
    impatient(PusherConfig::new(
        "app-key",
        Endpoint::custom("127.0.0.1", server.port()),
    ))
}

/// A game whose connection stands, and the server's end of it.
pub fn online(server: &ScriptedServer) -> (App, ScriptedConnection) {
    online_with(server, config(server))
}

pub fn online_with(server: &ScriptedServer, config: PusherConfig) -> (App, ScriptedConnection) {
    let mut app = game(config);
    let connection = greet(server, &mut app);
    (app, connection)
}

/// Accepts the app's connection and greets it.
pub fn greet(server: &ScriptedServer, app: &mut App) -> ScriptedConnection {
    app.update();
    let connection = server.accept(SOON);
    connection.establish("1.1", 120);
    connected(app);
    connection
}

/// Spawns a public channel and confirms it.
pub fn listen(app: &mut App, connection: &ScriptedConnection, channel: &str) -> Entity {
    let entity = spawn(app, channel);
    app.update();
    let frame = connection.expect_event("pusher:subscribe", SOON);
    assert_eq!(frame["data"]["channel"], channel);
    connection.subscribed(channel);
    subscribed(app, entity);
    entity
}
