//! Tests of the connection as a Bevy state.
#![cfg(feature = "states")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_pusher::{PusherState, PusherStatesPlugin, config::*, prelude::*};
use pusher_test_support::{ScriptedServer, update_until};
use support::*;

fn state(world: &World) -> PusherState {
    *world.resource::<State<PusherState>>().get()
}

#[test]
fn bevy_state_follows_the_connection_in_the_same_frame() {
    let server = ScriptedServer::start();
    let endpoint = Endpoint::custom("127.0.0.1", server.port());
    let mut app = game(with_short_retry_delay(PusherConfig::new(
        "app-key", endpoint,
    )));
    app.add_plugins((StatesPlugin, PusherStatesPlugin))
        .add_systems(
            OnEnter(PusherState::Connected),
            |connection: Res<PusherConnection>, mut recorded: ResMut<Recorded>| {
                assert!(connection.is_connected());
                recorded.0.push("entered".into());
            },
        );
    app.update();
    let connection = server.accept(TIMEOUT);
    update_until(&mut app, "a dial", TIMEOUT, |world| {
        state(world) == PusherState::Connecting
    });
    connection.establish("1.1", 120);
    connected(&mut app);
    assert_eq!(state(app.world()), PusherState::Connected);
    assert_eq!(recorded(app.world()), ["entered"]);

    let shown = app
        .world_mut()
        .spawn(DespawnOnExit(PusherState::Connected))
        .id();
    connection.close(4004, "over quota");
    update_until(&mut app, "the connection to fail", TIMEOUT, |world| {
        state(world) == PusherState::Failed
    });
    assert!(app.world().get_entity(shown).is_err());

    app.world().resource::<PusherConnection>().disconnect();
    update_until(&mut app, "the disconnect", TIMEOUT, |world| {
        state(world) == PusherState::Disconnected
    });
}

#[test]
fn plugins_may_be_added_in_any_order() {
    let server = ScriptedServer::start();
    let endpoint = Endpoint::custom("127.0.0.1", server.port());
    let mut app = game(PusherConfig::new("app-key", endpoint));
    app.add_plugins((PusherStatesPlugin, StatesPlugin));
    app.finish();
    app.cleanup();
    app.update();
    let connection = server.accept(TIMEOUT);
    connection.establish("1.1", 120);
    connected(&mut app);
    assert_eq!(state(app.world()), PusherState::Connected);
}

#[test]
fn client_works_without_the_states_plugin_of_bevy() {
    let server = ScriptedServer::start();
    let endpoint = Endpoint::custom("127.0.0.1", server.port());
    let mut app = game(PusherConfig::new("app-key", endpoint));
    app.add_plugins(PusherStatesPlugin);
    app.finish();
    app.cleanup();
    app.update();
    let connection = server.accept(TIMEOUT);
    connection.establish("1.1", 120);
    connected(&mut app);
    assert!(!app.world().contains_resource::<State<PusherState>>());
}
