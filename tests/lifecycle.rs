//! Tests of a game that the system suspends and resumes.
#![cfg(all(feature = "lifecycle", feature = "testing"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failed expectation is a failed test"
)]

use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{ConnectionState, config::SuspendPolicy, prelude::*, testing::TestServer};
use bevy_window::AppLifecycle;

fn game(config: PusherConfig) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(config)))
        .add_message::<AppLifecycle>();
    app
}

fn join(server: &TestServer, app: &mut App, channel: &str) -> Entity {
    let entity = app.world_mut().spawn(PusherChannel::new(channel)).id();
    server.update_until(app, |world| world.get::<PusherSubscribed>(entity).is_some());
    entity
}

/// Sends lifecycle events, one per update.
fn send_lifecycle_events(app: &mut App, states: &[AppLifecycle]) {
    for state in states {
        app.world_mut().write_message(*state);
        app.update();
    }
}

fn suspend(app: &mut App) {
    send_lifecycle_events(app, &[AppLifecycle::WillSuspend, AppLifecycle::Suspended]);
}

fn resume(app: &mut App) {
    send_lifecycle_events(app, &[AppLifecycle::WillResume, AppLifecycle::Running]);
}

fn connection(app: &App) -> &PusherConnection {
    app.world().resource::<PusherConnection>()
}

#[test]
fn resume_checks_the_link_at_once() {
    let server = TestServer::new();
    let mut app = game(server.config());
    send_lifecycle_events(
        &mut app,
        &[
            AppLifecycle::Idle,
            AppLifecycle::WillResume,
            AppLifecycle::Running,
        ],
    );
    let lobby = join(&server, &mut app, "presence-lobby");
    assert_eq!(connection(&app).round_trip(), None);
    suspend(&mut app);
    assert_eq!(server.members("presence-lobby"), ["player"]);
    resume(&mut app);
    app.update();
    assert!(connection(&app).round_trip().is_some());
    assert!(app.world().get::<PusherSubscribed>(lobby).is_some());
}

#[test]
fn resume_dials_without_waiting_for_the_retry() {
    let server = TestServer::new();
    let mut app = game(server.config());
    join(&server, &mut app, "lobby");
    server.go_offline();
    server.advance(Duration::from_secs(600));
    app.update();
    suspend(&mut app);
    server.go_online();
    assert!(matches!(
        connection(&app).state(),
        ConnectionState::Waiting { .. }
    ));
    resume(&mut app);
    assert!(connection(&app).is_connected());
}

#[test]
fn suspended_game_may_disconnect() {
    let server = TestServer::new();
    let mut app = game(
        server
            .config()
            .with_suspend_policy(SuspendPolicy::Disconnect),
    );
    let lobby = join(&server, &mut app, "presence-lobby");
    suspend(&mut app);
    assert_eq!(server.connection_count(), 0);
    assert_eq!(*connection(&app).state(), ConnectionState::Disconnected);
    resume(&mut app);
    assert!(app.world().get::<PusherSubscribed>(lobby).is_some());

    connection(&app).disconnect();
    app.update();
    suspend(&mut app);
    resume(&mut app);
    assert_eq!(server.connection_count(), 0, "the client did not reconnect");
}

/// A configuration that disconnects while the game is suspended.
fn disconnecting_when_suspended(server: &TestServer) -> PusherConfig {
    let config = server.config();
    config.with_suspend_policy(SuspendPolicy::Disconnect)
}

#[test]
fn suspending_right_after_connect_disconnects() {
    let server = TestServer::new();
    let mut app = game(disconnecting_when_suspended(&server).with_autoconnect(false));
    app.update();
    connection(&app).connect();
    suspend(&mut app);
    assert_eq!(server.connection_count(), 0);
    assert_eq!(*connection(&app).state(), ConnectionState::Disconnected);
    resume(&mut app);
    assert!(connection(&app).is_connected());

    // With autoconnect, in the very first frame.
    let mut app = game(disconnecting_when_suspended(&server));
    suspend(&mut app);
    assert_eq!(
        server.connection_count(),
        1,
        "only the other game is connected"
    );
}

#[test]
fn disconnect_around_a_suspend_stays_disconnected() {
    let server = TestServer::new();
    let mut app = game(disconnecting_when_suspended(&server));
    join(&server, &mut app, "lobby");
    connection(&app).disconnect();
    suspend(&mut app);
    resume(&mut app);
    assert_eq!(*connection(&app).state(), ConnectionState::Disconnected);
    assert_eq!(server.connection_count(), 0);

    connection(&app).connect();
    app.update();
    suspend(&mut app);
    connection(&app).disconnect();
    app.update();
    resume(&mut app);
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn resume_does_not_retry_a_failed_connection() {
    let server = TestServer::new();
    let mut app = game(disconnecting_when_suspended(&server));
    join(&server, &mut app, "lobby");
    server.close_connections(4001, "no such app");
    server.update_until(&mut app, |world| {
        let state = world.resource::<PusherConnection>().state();
        matches!(state, ConnectionState::Failed { .. })
    });
    suspend(&mut app);
    resume(&mut app);
    assert!(matches!(
        connection(&app).state(),
        ConnectionState::Failed { .. }
    ));
}
