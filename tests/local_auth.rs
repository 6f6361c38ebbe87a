//! Tests of a game that signs with the app secret itself, against a server that verifies the signatures.
#![cfg(all(feature = "local-auth", feature = "testing"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failed expectation is a failed test"
)]

use bevy::prelude::*;
use bevy_pusher::{auth::LocalAuthorizer, prelude::*, testing::TestServer};
use serde_json::{Value, json};

/// A local authorizer with the app and the master key of the development server.
fn ann() -> LocalAuthorizer {
    let master_key = std::array::from_fn(|index| u8::try_from(index).unwrap());
    LocalAuthorizer::new("app-key", "app-secret")
        .with_user("ann", json!({"name": "Ann"}))
        .with_watchlist(["bob"])
        .with_encryption_master_key(master_key)
}

fn game(server: &TestServer, local: LocalAuthorizer) -> App {
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        PusherPlugin::new(server.config_as("somebody else").with_local_auth(local)),
    ));
    app
}

fn join(server: &TestServer, app: &mut App, channel: &str) -> Entity {
    let entity = app.world_mut().spawn(PusherChannel::new(channel)).id();
    server.update_until(app, |world| world.get::<PusherSubscribed>(entity).is_some());
    entity
}

#[test]
fn local_auth_authorizes_every_channel_kind_and_signs_in() {
    let server = TestServer::new();
    let mut app = game(&server, ann());
    join(&server, &mut app, "private-a");
    let lobby = join(&server, &mut app, "presence-a");
    let me = app
        .world()
        .get::<PusherMembers>(lobby)
        .unwrap()
        .me()
        .unwrap();
    assert_eq!(me.id(), "ann");
    assert_eq!(me.info::<Value>().unwrap(), json!({"name": "Ann"}));
    join(&server, &mut app, "private-encrypted-a");
    server.publish("private-encrypted-a", "secret", &json!("psst"));
    app.update();
    let events = app.world().resource::<Messages<PusherEvent>>();
    let event = events.iter_current_update_messages().next().unwrap();
    assert_eq!(event.data().as_str(), "\"psst\"");
    app.world().resource::<PusherConnection>().sign_in();
    let bob = server.peer("bob");
    bob.sign_in();
    server.update_until(&mut app, |world| {
        world.resource::<PusherUser>().is_online("bob")
    });
}

#[test]
fn local_auth_with_a_wrong_secret_is_refused() {
    let server = TestServer::new();
    let wrong = LocalAuthorizer::new("app-key", "wrong").with_user("ann", Value::Null);
    let mut app = game(&server, wrong);
    let entity = app.world_mut().spawn(PusherChannel::new("private-a")).id();
    server.update_until(&mut app, |world| {
        let status = world.get::<PusherSubscription>(entity).unwrap();
        matches!(status, PusherSubscription::Failed { .. })
    });
    app.world().resource::<PusherConnection>().sign_in();
    // Like the hosted service, the server closes with a final code.
    server.update_until(&mut app, |world| {
        let connection = world.resource::<PusherConnection>();
        let error = connection.state().error();
        error.is_some_and(|error| error.code() == Some(4009))
    });
}
