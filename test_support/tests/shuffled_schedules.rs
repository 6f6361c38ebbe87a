//! Bevy may run systems without an ordering between them in any order. These tests check that a game receives the same in the same
//! frames in each order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a failed expectation is a failed test"
)]

use std::collections::HashSet;

use bevy_app::{OnAppExitSystems, prelude::*};
use bevy_ecs::{
    prelude::*,
    schedule::{ScheduleBuildSettings, Schedules},
};
use bevy_pusher::{
    PusherMember, PusherSpawnMembers,
    prelude::*,
    testing::{TestPeer, TestServer, TestUser},
};
use serde_json::json;

const SEEDS: std::ops::Range<u64> = 0..24;

/// The number of frames that a game runs.
const FRAMES: u32 = 40;

const LOBBY: &str = "presence-lobby";

/// A record of each frame.
#[derive(Resource, Default)]
struct Trace {
    frame: u32,
    observed: Vec<String>,
    /// One line per frame. Its entries are sorted, because the systems that read are shuffled too.
    read: Vec<String>,
    of_frame: Vec<String>,
    /// The order in which two systems without an ordering have run.
    unordered: Vec<u8>,
}

#[derive(Component)]
struct Lobby;

fn read<M: Message>(
    name: &'static str,
    describe: fn(&M) -> String,
) -> impl FnMut(MessageReader<M>, ResMut<Trace>) {
    move |mut messages, mut trace| {
        let read = messages
            .read()
            .map(|message| format!("{name} {}", describe(message)));
        trace.of_frame.extend(read);
    }
}

fn observe<E: Event>(
    name: &'static str,
    describe: fn(&E) -> String,
) -> impl FnMut(On<E>, ResMut<Trace>) {
    move |event, mut trace| trace.observed.push(format!("{name} {}", describe(&event)))
}

fn raw(event: &PusherEvent) -> String {
    event.data().as_str().to_owned()
}

fn number(number: &PusherEvent<u32>) -> String {
    number.data().to_string()
}

fn joined(joined: &PusherMemberJoined) -> String {
    joined.member().id().to_owned()
}

fn state(changed: &PusherConnectionChanged) -> String {
    // Only the name, because the time of the next attempt differs between games.
    let state = format!("{:?}", changed.current());
    state
        .split([' ', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The actions of the game in each frame.
fn act(
    mut commands: Commands,
    config: Res<Config>,
    connection: Res<PusherConnection>,
    lobby: Query<Entity, With<Lobby>>,
    mut trace: ResMut<Trace>,
) {
    trace.frame += 1;
    match trace.frame {
        2 => commands.insert_resource(config.0.clone()),
        4 => {
            commands.spawn((Lobby, PusherChannel::new(LOBBY), PusherSpawnMembers));
        }
        8 => {
            connection.send(LOBBY, "client-wave", &json!(1)).unwrap();
            connection
                .send("presence-else", "client-wave", &json!(2))
                .unwrap();
        }
        12 => {
            commands
                .entity(lobby.single().unwrap())
                .insert(PusherChannel::new("presence-room"));
        }
        16 => {
            commands
                .entity(lobby.single().unwrap())
                .insert(PusherChannel::new(LOBBY));
        }
        20 => connection.disconnect(),
        22 => connection.connect(),
        28 => commands.remove_resource::<PusherConfig>(),
        31 => commands.insert_resource(config.0.clone()),
        36 => commands.entity(lobby.single().unwrap()).despawn(),
        _ => {}
    }
}

#[derive(Resource)]
struct Config(PusherConfig);

fn game(server: &TestServer, seed: Option<u64>) -> App {
    let mut app = App::new();
    app.add_plugins(PusherPlugin::default())
        .add_pusher_event::<u32>("number")
        .insert_resource(Config(server.config_as("ann").with_sent_answers(true)))
        .init_resource::<Trace>()
        .add_systems(
            Update,
            (
                act,
                read("state", state),
                read("subscription", |changed: &PusherSubscriptionChanged| {
                    format!("{} {:?}", changed.channel(), changed.status())
                }),
                read("joined", joined),
                read("left", |left: &PusherMemberLeft| {
                    left.member().id().to_owned()
                }),
                read("raw", raw),
                read("number", number),
                read("answer", |answer: &PusherSendAnswered| {
                    format!("{:?}", answer.outcome())
                }),
                |mut trace: ResMut<Trace>| trace.unordered.push(1),
                |mut trace: ResMut<Trace>| trace.unordered.push(2),
            ),
        )
        .add_systems(
            Last,
            (
                (|mut trace: ResMut<Trace>, members: Query<&PusherMember>| {
                    let mut of_frame = std::mem::take(&mut trace.of_frame);
                    of_frame.sort();
                    let frame = trace.frame;
                    let members = members.iter().len();
                    let read = format!("{frame}, {members} members: {}", of_frame.join(", "));
                    trace.read.push(read);
                }),
                (|trace: Res<Trace>, mut exit: MessageWriter<AppExit>| {
                    if trace.frame == FRAMES {
                        exit.write(AppExit::Success);
                    }
                })
                .before(OnAppExitSystems),
            ),
        )
        .add_observer(observe("raw", raw))
        .add_observer(observe("number", number))
        .add_observer(observe("joined", joined));
    let mut schedules = app.world_mut().resource_mut::<Schedules>();
    for (_, schedule) in schedules.iter_mut() {
        schedule.set_build_settings(ScheduleBuildSettings {
            shuffle_seed: seed,
            ..Default::default()
        });
    }
    app
}

/// The actions of other clients and the server before a frame.
fn others_act(server: &TestServer, bob: &TestPeer, frame: u32) {
    match frame {
        7 | 17 => bob.subscribe(LOBBY),
        9 | 18 | 26 => {
            for number in frame..frame + 3 {
                server.publish(LOBBY, "number", &json!(number));
            }
        }
        11 => bob.unsubscribe(LOBBY),
        _ => {}
    }
}

fn play(seed: Option<u64>) -> Trace {
    let server = TestServer::new();
    let mut app = game(&server, seed);
    let bob = server.peer(TestUser::new("bob"));
    for frame in 1..=FRAMES {
        others_act(&server, &bob, frame);
        app.update();
    }
    assert_eq!(app.should_exit(), Some(AppExit::Success));
    assert_eq!(
        server.connection_count(),
        1,
        "the game closed its connection in its last frame"
    );
    app.world_mut().remove_resource::<Trace>().unwrap()
}

#[test]
fn shuffled_system_order_gives_the_same_result() {
    let usual = play(None);
    let all = usual.read.join("\n");
    for expected in [
        "state Connected",
        "subscription presence-lobby Subscribed",
        "subscription presence-room Subscribed",
        "joined bob",
        "left bob",
        "answer Sent",
        "answer Rejected",
        "number 9",
        "number 26",
        "state Disconnected",
    ] {
        assert!(all.contains(expected), "{expected} is not in\n{all}");
    }
    let mut orders = HashSet::new();
    for seed in SEEDS {
        let trace = play(Some(seed));
        assert_eq!(trace.read, usual.read, "seed {seed}");
        assert_eq!(trace.observed, usual.observed, "seed {seed}");
        orders.insert(trace.unordered);
    }
    assert!(orders.len() > 1, "the schedules were not shuffled");
}
