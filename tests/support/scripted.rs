//! Helpers for a game that is connected to a scripted server.

use bevy::prelude::*;
use pusher_test_support::{ScriptedConnection, ScriptedServer};

use super::*;

pub fn config(server: &ScriptedServer) -> PusherConfig {
    with_short_retry_delay(PusherConfig::new(
        "app-key",
        Endpoint::custom("127.0.0.1", server.port()),
    ))
}

/// Returns a connected game and the server's end of its connection.
pub fn online(server: &ScriptedServer) -> (App, ScriptedConnection) {
    online_with(server, config(server))
}

pub fn online_with(server: &ScriptedServer, config: PusherConfig) -> (App, ScriptedConnection) {
    let mut app = game(config);
    let connection = greet(server, &mut app);
    (app, connection)
}

/// Accepts and establishes the connection of the app.
pub fn greet(server: &ScriptedServer, app: &mut App) -> ScriptedConnection {
    app.update();
    let connection = server.accept(TIMEOUT);
    connection.establish("1.1", 120);
    connected(app);
    connection
}

/// Spawns a public channel and confirms it.
pub fn listen(app: &mut App, connection: &ScriptedConnection, channel: &str) -> Entity {
    let entity = spawn(app, channel);
    app.update();
    let frame = connection.expect_event("pusher:subscribe", TIMEOUT);
    assert_eq!(frame["data"]["channel"], channel);
    connection.subscribed(channel);
    wait_until_subscribed(app, entity);
    entity
}
