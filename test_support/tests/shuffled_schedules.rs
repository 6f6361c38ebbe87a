//! Nothing depends on the order in which Bevy happens to run systems that are not ordered: whatever the order, a game sees the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a failed expectation is a failed test"
)]

use std::{collections::HashSet, mem::discriminant};

use bevy_app::prelude::*;
use bevy_ecs::{
    prelude::*,
    schedule::{ScheduleBuildSettings, Schedules},
};
use bevy_pusher::{
    PusherMember, PusherSpawnMembers,
    prelude::*,
    testing::{TestServer, TestUser},
};
use serde_json::json;

const SEEDS: std::ops::Range<u64> = 0..24;

/// What happened, in its order; a frame's messages are sorted, for a game's systems are shuffled too.
#[derive(Resource, Default)]
struct Trace {
    observed: Vec<String>,
    read: Vec<String>,
    of_frame: Vec<String>,
    /// In which order two systems ran that nothing orders.
    unordered: Vec<u8>,
}

fn read<M: Message>(
    name: &'static str,
    words: fn(&M) -> String,
) -> impl FnMut(MessageReader<M>, ResMut<Trace>) {
    move |mut messages, mut trace| {
        let read = messages
            .read()
            .map(|message| format!("{name} {}", words(message)));
        trace.of_frame.extend(read);
    }
}

/// The schedules of a game, built in an order that depends on the seed.
fn game(server: &TestServer, seed: u64) -> App {
    let mut app = App::new();
    app.add_plugins(PusherPlugin::new(server.config_as("ann")))
        .add_pusher_event::<u32>("number")
        .init_resource::<Trace>()
        .add_systems(
            Update,
            (
                read("state", |state: &PusherStateChanged| {
                    format!("{:?}", discriminant(state.current()))
                }),
                read("subscription", |changed: &PusherSubscriptionChanged| {
                    format!("{} {:?}", changed.channel(), changed.status())
                }),
                read("joined", |joined: &PusherMemberJoined| {
                    joined.member().id().to_owned()
                }),
                read("left", |left: &PusherMemberLeft| {
                    left.member().id().to_owned()
                }),
                read("raw", |event: &PusherEvent| {
                    event.data().as_str().to_owned()
                }),
                read("number", |number: &PusherEvent<u32>| {
                    number.data().to_string()
                }),
                read("answer", |answer: &PusherSendAnswered| {
                    format!("{:?}", answer.outcome())
                }),
                |mut trace: ResMut<Trace>| trace.unordered.push(1),
                |mut trace: ResMut<Trace>| trace.unordered.push(2),
            ),
        )
        .add_systems(Last, |mut trace: ResMut<Trace>| {
            let mut of_frame = std::mem::take(&mut trace.of_frame);
            of_frame.sort();
            if !of_frame.is_empty() {
                trace.read.push(of_frame.join(", "));
            }
        })
        .add_observer(|event: On<PusherEvent>, mut trace: ResMut<Trace>| {
            trace
                .observed
                .push(format!("raw {}", event.data().as_str()));
        })
        .add_observer(|number: On<PusherEvent<u32>>, mut trace: ResMut<Trace>| {
            trace.observed.push(format!("number {}", number.data()));
        })
        .add_observer(|joined: On<PusherMemberJoined>, mut trace: ResMut<Trace>| {
            trace
                .observed
                .push(format!("joined {}", joined.member().id()));
        });
    let mut schedules = app.world_mut().resource_mut::<Schedules>();
    for (_, schedule) in schedules.iter_mut() {
        schedule.set_build_settings(ScheduleBuildSettings {
            shuffle_seed: Some(seed),
            ..Default::default()
        });
    }
    app
}

/// A short game: in, a member comes, events both ways, the connection is lost and comes back, out.
fn play(seed: u64) -> Trace {
    let server = TestServer::new();
    let mut app = game(&server, seed);
    let lobby = app
        .world_mut()
        .spawn((PusherChannel::new("presence-lobby"), PusherSpawnMembers))
        .id();
    server.update_until_subscribed(&mut app, lobby);
    let bob = server.peer(TestUser::new("bob"));
    bob.subscribe("presence-lobby");
    for number in 0..3 {
        server.publish("presence-lobby", "number", &json!(number));
    }
    app.update();
    let world = app.world_mut();
    assert_eq!(world.query::<&PusherMember>().iter(world).count(), 2);
    let connection = app.world().resource::<PusherConnection>();
    connection
        .send("presence-lobby", "client-wave", &json!(1))
        .unwrap();
    connection
        .send("presence-else", "client-wave", &json!(2))
        .unwrap();
    app.update();
    assert_eq!(bob.take_events().len(), 1 + 3);
    server.drop_connections();
    app.update();
    server.update_until_subscribed(&mut app, lobby);
    server.publish("presence-lobby", "number", &json!(3));
    app.update();
    app.world_mut().despawn(lobby);
    app.update();
    assert_eq!(server.members("presence-lobby"), ["bob"]);
    app.world_mut().write_message(AppExit::Success);
    app.update();
    assert_eq!(server.connection_count(), 1, "bob alone");
    app.world_mut().remove_resource::<Trace>().unwrap()
}

#[test]
fn whatever_the_order_of_its_systems_a_game_sees_the_same() {
    let usual = play(0);
    assert!(usual.observed.len() >= 9, "{:?}", usual.observed);
    let mut orders = HashSet::new();
    for seed in SEEDS {
        let trace = play(seed);
        assert_eq!(trace.observed, usual.observed, "seed {seed}");
        assert_eq!(trace.read, usual.read, "seed {seed}");
        orders.insert(trace.unordered);
    }
    assert!(orders.len() > 1, "the schedules were not shuffled");
}
