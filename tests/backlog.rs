//! Tests of a game that reads events too slowly or drops a channel for a moment.
#![cfg(feature = "testing")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use bevy::prelude::*;
use bevy_pusher::{ConnectionState, config::*, prelude::*, testing::TestServer};
use support::*;

#[test]
fn dropped_member_changes_are_reported_as_one_difference() {
    let server = TestServer::new();
    let limits = Limits {
        waiting_events: 4,
        ..Limits::default()
    };
    let mut app = game(server.config().with_limits(limits));
    let lobby = spawn(&mut app, "presence-lobby");
    server.update_until(&mut app, |world| {
        world.get::<PusherSubscribed>(lobby).is_some()
    });
    let bob = server.peer("bob");
    bob.subscribe("presence-lobby");
    server.update_until(&mut app, |world| members(world, lobby).len() == 2);
    app.world_mut().resource_mut::<Recorded>().0.clear();

    let peers: Vec<_> = (0..10)
        .map(|number| {
            let peer = server.peer(format!("p{number}").as_str());
            peer.subscribe("presence-lobby");
            peer
        })
        .collect();
    drop(bob);
    let passing = server.peer("passing");
    passing.subscribe("presence-lobby");
    drop(passing);
    app.update();

    let mut recorded: Vec<String> = recorded(app.world())
        .iter()
        .map(|recorded| recorded.trim_end_matches('*').to_owned())
        .collect();
    recorded.sort();
    let mut expected: Vec<String> = (0..10)
        .map(|number| format!("presence-lobby +p{number}"))
        .collect();
    expected.push("presence-lobby -bob".into());
    recorded.retain(|recorded| !recorded.ends_with("passing"));
    expected.sort();
    assert_eq!(recorded, expected);
    assert_eq!(members(app.world(), lobby).len(), 11);
    drop(peers);
}

#[test]
fn channel_respawned_in_one_frame_keeps_status_and_members() {
    let server = TestServer::new();
    let mut app = game(server.config());
    app.add_observer(
        |changed: On<PusherConnectionChanged>,
         rooms: Query<Entity, With<PusherChannel>>,
         mut commands: Commands| {
            if matches!(changed.current(), ConnectionState::Connected { .. }) {
                rooms
                    .iter()
                    .for_each(|room| commands.entity(room).despawn());
            }
        },
    )
    .add_systems(
        Update,
        |rooms: Query<(), With<PusherChannel>>, mut commands: Commands| {
            if rooms.is_empty() {
                commands.spawn(PusherChannel::new("presence-room"));
            }
        },
    );
    // The connection and the subscription are reported in the same frame.
    app.update();
    for _ in 0..5 {
        server.update(&mut app);
    }
    let mut rooms = app
        .world_mut()
        .query_filtered::<Entity, With<PusherChannel>>();
    let room = rooms.single(app.world()).unwrap();
    assert!(app.world().get::<PusherSubscribed>(room).is_some());
    assert_eq!(members(app.world(), room).len(), 1);
}
