//! Tests of panicking observers and of despawning all entities: neither loses an event or a subscription.
#![cfg(feature = "testing")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use bevy::{
    app::OnAppExitSystems,
    ecs::{error::FallbackErrorHandler, resource::IsResource},
    prelude::*,
};
use bevy_pusher::{
    PusherMember, PusherMemberEntities, PusherMemberOf, PusherSpawnMembers, PusherSubscribeExtras,
    prelude::*,
    testing::{TestServer, TestUser},
};
use serde_json::json;
use support::*;

/// The messages that the systems have read.
#[derive(Resource, Default)]
struct Read(Vec<String>);

#[derive(serde::Deserialize)]
struct Number(u32);

/// A game with an error handler that lets it go on after a panic.
fn panic_tolerant_game(server: &TestServer) -> App {
    let mut app = game(server.config_as("ann"));
    app.insert_resource(FallbackErrorHandler(bevy::ecs::error::warn))
        .add_pusher_event::<Number>("number")
        .init_resource::<Read>()
        .add_systems(
            Update,
            |mut raw: MessageReader<PusherEvent>,
             mut numbers: MessageReader<PusherEvent<Number>>,
             mut changes: MessageReader<PusherSubscriptionChanged>,
             mut lags: MessageReader<PusherLagged>,
             mut read: ResMut<Read>| {
                let changes = changes
                    .read()
                    .filter(|change| change.status().is_subscribed());
                let read = &mut read.0;
                read.extend(changes.map(|change| format!("{} subscribed", change.channel())));
                read.extend(
                    raw.read()
                        .map(|event| format!("raw {}", event.data().as_str())),
                );
                read.extend(
                    numbers
                        .read()
                        .map(|number| format!("number {}", number.data().0)),
                );
                read.extend(lags.read().map(|lagged| format!("{} lost", lagged.total())));
            },
        );
    app
}

fn received_messages(app: &App) -> &[String] {
    &app.world().resource::<Read>().0
}

/// Joins the lobby with an entity for each member.
fn join_lobby(server: &TestServer, app: &mut App) -> Entity {
    let channel = PusherChannel::new("presence-lobby");
    let lobby = app.world_mut().spawn((channel, PusherSpawnMembers)).id();
    server.update_until_subscribed(app, lobby);
    lobby
}

/// Despawns all entities that are not resources, as games do between two levels.
fn despawn_all(app: &mut App) {
    let world = app.world_mut();
    let entities: Vec<Entity> = world
        .query_filtered::<Entity, Without<IsResource>>()
        .iter(world)
        .collect();
    for entity in entities {
        // Despawning a related entity may have despawned it already.
        let _ = world.try_despawn(entity);
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_observer_loses_no_event() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    let lobby = spawn(&mut app, "lobby");
    server.update_until_subscribed(&mut app, lobby);
    app.add_observer(|event: On<PusherEvent>| {
        assert_ne!(event.data().as_str(), "2", "panic on purpose")
    })
    .add_observer(|number: On<PusherEvent<Number>>| {
        assert_ne!(number.data().0, 5, "panic on purpose")
    });
    for number in 1..=6 {
        server.publish("lobby", "number", &json!(number));
    }
    for _ in 0..4 {
        app.update();
    }
    let expected = |kind: &str| (1..=6).map(|number| format!("{kind} {number}")).collect();
    for kind in ["raw", "number"] {
        let read = received_messages(&app)
            .iter()
            .filter(|read| read.starts_with(kind));
        let expected: Vec<String> = expected(kind);
        assert_eq!(read.cloned().collect::<Vec<_>>(), expected);
    }
    assert!(
        !received_messages(&app)
            .iter()
            .any(|read| read.ends_with("lost"))
    );
    // The other observer received every event, except those for which a panic ended the command queue before it.
    for number in [1, 3, 4, 5, 6] {
        let received = format!("lobby number {number}");
        assert!(recorded(app.world()).contains(&received), "{received}");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_observer_does_not_affect_other_entities() {
    #[derive(Component, Default)]
    struct Received(u32);
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    let entities = [0, 1, 2].map(|index| {
        let world = app.world_mut();
        let mut entity = world.spawn((PusherChannel::new("lobby"), Received(0)));
        if index == 1 {
            entity.observe(|_: On<PusherEvent>| panic!("panic on purpose"));
        } else {
            entity.observe(
                |event: On<PusherEvent>, mut received: Query<&mut Received>| {
                    received.get_mut(event.entity()).unwrap().0 += 1;
                },
            );
        }
        entity.id()
    });
    server.update_until_subscribed(&mut app, entities[2]);
    server.publish("lobby", "number", &json!(1));
    server.publish("lobby", "number", &json!(2));
    for _ in 0..3 {
        app.update();
    }
    let received = entities.map(|entity| app.world().get::<Received>(entity).unwrap().0);
    assert_eq!(received, [2, 0, 2]);
    assert!(received_messages(&app).contains(&"number 2".to_owned()));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_component_observers_leave_consistent_channels() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    app.add_observer(|_: On<Insert<PusherSubscription>>| panic!("panic on purpose"))
        .add_observer(|_: On<Add<PusherSubscribed>>| panic!("panic on purpose"))
        .add_observer(|_: On<Insert<PusherMembers>>| panic!("panic on purpose"))
        .add_observer(|_: On<Add<PusherMember>>| panic!("panic on purpose"));
    let world = app.world_mut();
    let lobby = world.spawn_empty().id();
    panics(|| {
        app.world_mut()
            .entity_mut(lobby)
            .insert((PusherChannel::new("presence-lobby"), PusherSpawnMembers));
    });
    let bob = server.peer(TestUser::new("bob"));
    bob.subscribe("presence-lobby");
    for _ in 0..20 {
        app.update();
    }
    let world = app.world_mut();
    assert!(world.get::<PusherSubscribed>(lobby).is_some());
    assert!(
        world
            .get::<PusherSubscription>(lobby)
            .unwrap()
            .is_subscribed()
    );
    assert_eq!(members(world, lobby), ["ann", "bob"]);
    let mut spawned = world.query::<&PusherMember>();
    assert_eq!(spawned.iter(world).count(), 2);
    assert!(received_messages(&app).contains(&"presence-lobby subscribed".to_owned()));
}

/// Runs code that panics outside of the plugin.
fn panics(code: impl FnOnce()) {
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(code)).is_err());
}

/// Runs code that may panic or pass its panic to the error handler of the app.
fn may_panic(code: impl FnOnce()) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(code));
}

#[derive(Component)]
struct Health;

/// Returns the ids of the members that have an entity.
fn spawned_members(app: &mut App) -> Vec<String> {
    let world = app.world_mut();
    let mut spawned = world.query::<&PusherMember>();
    let mut names: Vec<String> = spawned
        .iter(world)
        .map(|member| member.id().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn channel_spawned_during_a_panic_is_subscribed() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    app.add_observer(|_: On<Add<Health>>| panic!("panic on purpose"));
    panics(|| {
        app.world_mut().spawn((PusherChannel::new("lobby"), Health));
    });
    let world = app.world_mut();
    let lobby = world
        .query_filtered::<Entity, With<PusherChannel>>()
        .single(world)
        .unwrap();
    server.update_until_subscribed(&mut app, lobby);
    assert_eq!(server.subscriber_count("lobby"), 1);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn channel_stays_subscribed_if_its_removal_panics() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    app.add_observer(|_: On<Remove<Health>>| panic!("panic on purpose"))
        .add_observer(
            |removed: On<Remove<PusherChannel>>, healths: Query<&Health>| {
                assert!(!healths.contains(removed.entity), "panic on purpose");
            },
        );
    let lobby = app
        .world_mut()
        .spawn((PusherChannel::new("lobby"), Health))
        .id();
    server.update_until_subscribed(&mut app, lobby);
    panics(|| {
        app.world_mut().despawn(lobby);
    });
    panics(|| {
        app.world_mut().entity_mut(lobby).remove::<PusherChannel>();
    });
    for _ in 0..3 {
        app.update();
    }
    assert!(app.world().get::<PusherSubscribed>(lobby).is_some());
    assert_eq!(server.subscriber_count("lobby"), 1);
    server.publish("lobby", "number", &json!(1));
    app.update();
    assert_eq!(received_messages(&app).last().unwrap(), "number 1");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn member_entities_follow_the_roster_despite_panics() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    app.add_observer(|_: On<Add<PusherMembers>>| panic!("panic on purpose"))
        .add_observer(|_: On<Add<PusherMember>>| panic!("panic on purpose"))
        .add_observer(|_: On<Add<PusherMemberOf>>| panic!("panic on purpose"))
        .add_observer(
            |removed: On<Remove<PusherMember>>,
             members: Query<&PusherMember>,
             mut first: Local<bool>| {
                let is_bob = members
                    .get(removed.entity)
                    .is_ok_and(|member| member.id() == "bob");
                assert!(
                    !is_bob || std::mem::replace(&mut *first, true),
                    "panic on purpose, once"
                );
            },
        );
    let lobby = join_lobby(&server, &mut app);
    let [bob, carl] = ["bob", "carl"].map(|name| server.peer(TestUser::new(name)));
    bob.subscribe("presence-lobby");
    app.update();
    carl.subscribe("presence-lobby");
    app.update();
    assert_eq!(spawned_members(&mut app), ["ann", "bob", "carl"]);
    // The first removal of bob's entity panics, so the next change removes it.
    bob.unsubscribe("presence-lobby");
    app.update();
    carl.unsubscribe("presence-lobby");
    app.update();
    app.update();
    assert_eq!(spawned_members(&mut app), ["ann"]);
    app.world_mut().despawn(lobby);
    app.update();
    assert!(spawned_members(&mut app).is_empty());
}

/// A change of the lobby by an observer, before another observer panics.
#[derive(Event, Clone, Copy, PartialEq, Debug)]
enum Deed {
    Despawn,
    Rename,
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn change_during_a_panic_keeps_entity_and_server_consistent() {
    for deed in [Deed::Despawn, Deed::Rename] {
        let server = TestServer::new();
        let mut app = panic_tolerant_game(&server);
        let lobby = app
            .world_mut()
            .spawn((PusherChannel::new("lobby"), Health))
            .id();
        server.update_until_subscribed(&mut app, lobby);
        app.add_observer(|_: On<Remove<Health>>| panic!("panic on purpose"))
            .add_observer(|_: On<Insert<Health>>| panic!("panic on purpose"))
            .add_observer(move |deed: On<Deed>, mut commands: Commands| match *deed {
                Deed::Despawn => commands.entity(lobby).despawn(),
                Deed::Rename => {
                    commands
                        .entity(lobby)
                        .insert((PusherChannel::new("room"), Health));
                }
            });
        may_panic(|| app.world_mut().trigger(deed));
        for _ in 0..3 {
            app.update();
        }
        let world = app.world();
        let channel = world.get::<PusherChannel>(lobby).unwrap().0.clone();
        assert_eq!(
            channel,
            if deed == Deed::Rename {
                "room"
            } else {
                "lobby"
            }
        );
        assert!(world.get::<PusherSubscribed>(lobby).is_some());
        assert_eq!(server.subscriber_count(&channel), 1, "{deed:?}");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_observer_of_the_marker_leaves_no_stale_component() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    let lobby = join_lobby(&server, &mut app);
    app.add_observer(
        |_: On<Remove<PusherSubscribed>>, mut panicked: Local<u32>| {
            *panicked += 1;
            assert!(
                panicked.is_multiple_of(2),
                "panic on purpose, every second time"
            );
        },
    );
    app.world().resource::<PusherConnection>().disconnect();
    app.update();
    app.update();
    assert!(app.world().get::<PusherSubscribed>(lobby).is_none());
    app.world().resource::<PusherConnection>().connect();
    server.update_until_subscribed(&mut app, lobby);

    may_panic(|| {
        app.world_mut().entity_mut(lobby).remove::<PusherChannel>();
        app.world_mut().flush();
    });
    app.update();
    let entity = app.world().entity(lobby);
    assert!(!entity.contains::<PusherSubscription>());
    assert!(!entity.contains::<PusherSubscribed>());
    assert!(!entity.contains::<PusherMembers>());
    assert!(spawned_members(&mut app).is_empty());
    assert_eq!(server.subscriber_count("presence-lobby"), 0);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn member_entities_survive_a_panicking_despawn_of_their_channel() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    let lobby = app
        .world_mut()
        .spawn((
            PusherChannel::new("presence-lobby"),
            PusherSpawnMembers,
            Health,
        ))
        .id();
    server.update_until_subscribed(&mut app, lobby);
    let bob = server.peer(TestUser::new("bob"));
    bob.subscribe("presence-lobby");
    app.update();
    app.add_observer(|_: On<Remove<Health>>| panic!("panic on purpose"))
        .add_observer(|_: On<Remove<PusherMember>>, mut panicked: Local<bool>| {
            assert!(
                std::mem::replace(&mut *panicked, true),
                "panic on purpose, once"
            );
        });
    panics(|| {
        app.world_mut().despawn(lobby);
    });
    app.update();
    app.update();
    assert_eq!(spawned_members(&mut app), ["ann", "bob"]);
    app.world_mut()
        .entity_mut(lobby)
        .remove::<PusherSpawnMembers>();
    app.update();
    app.update();
    assert!(spawned_members(&mut app).is_empty());
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_despawn_of_member_entities_is_completed() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    let lobby = join_lobby(&server, &mut app);
    app.add_observer(|_: On<Remove<PusherMember>>, mut panicked: Local<bool>| {
        assert!(
            std::mem::replace(&mut *panicked, true),
            "panic on purpose, once"
        );
    });
    may_panic(|| {
        app.world_mut().despawn(lobby);
    });
    app.update();
    app.update();
    assert!(app.world().get_entity(lobby).is_err());
    assert!(spawned_members(&mut app).is_empty());
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panicking_observer_of_the_relation_adds_no_member_twice() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    app.add_observer(|_: On<Insert<PusherMemberOf>>| panic!("panic on purpose"));
    let lobby = join_lobby(&server, &mut app);
    let bob = server.peer(TestUser::new("bob"));
    bob.subscribe("presence-lobby");
    app.update();
    let entities = app.world().get::<PusherMemberEntities>(lobby).unwrap();
    assert_eq!(entities.iter().len(), 2);
    bob.unsubscribe("presence-lobby");
    app.update();
    let entities = app.world().get::<PusherMemberEntities>(lobby).unwrap();
    assert_eq!(entities.iter().len(), 1);
}

#[test]
fn observer_of_a_member_may_unsubscribe() {
    let server = TestServer::new();
    for name in ["presence-lobby", "presence-room"] {
        let others = ["bob", "carl", "dora"].map(|name| server.peer(TestUser::new(name)));
        others.iter().for_each(|other| other.subscribe(name));
        std::mem::forget(others);
    }
    for deed in 0..4 {
        let mut app = panic_tolerant_game(&server);
        app.add_observer(
            move |added: On<Add<PusherMember>>,
                  members: Query<&PusherMemberOf>,
                  mut done: Local<bool>,
                  mut commands: Commands| {
                if std::mem::replace(&mut *done, true) {
                    return;
                }
                let channel = members.get(added.entity).unwrap().channel();
                match deed {
                    0 => commands.entity(channel).despawn(),
                    1 => {
                        commands.entity(channel).remove::<PusherSpawnMembers>();
                    }
                    2 => {
                        commands.entity(channel).remove::<PusherChannel>();
                    }
                    _ => {
                        commands
                            .entity(channel)
                            .insert(PusherChannel::new("presence-room"));
                    }
                }
            },
        );
        app.world_mut()
            .spawn((PusherChannel::new("presence-lobby"), PusherSpawnMembers));
        for _ in 0..30 {
            app.update();
        }
        let expected: &[&str] = if deed < 3 {
            &[]
        } else {
            &["ann", "bob", "carl", "dora"]
        };
        assert_eq!(spawned_members(&mut app), expected, "{deed}");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn extra_fields_are_sent_if_their_replacement_panics() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    let extras = |number: u32| PusherSubscribeExtras::new().with("number", json!(number));
    let lobby = app
        .world_mut()
        .spawn((PusherChannel::new("lobby"), extras(1)))
        .id();
    server.update_until_subscribed(&mut app, lobby);
    app.add_observer(|_: On<Add<Health>>| panic!("panic on purpose"));
    let subscribed = received_messages(&app).len();
    panics(|| {
        app.world_mut()
            .entity_mut(lobby)
            .insert((extras(2), Health));
    });
    for _ in 0..3 {
        app.update();
    }
    let again = received_messages(&app).get(subscribed..).unwrap();
    assert_eq!(again, ["lobby subscribed"]);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn constantly_panicking_observer_does_not_slow_delivery() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    let lobby = spawn(&mut app, "lobby");
    server.update_until_subscribed(&mut app, lobby);
    app.add_observer(|_: On<PusherEvent<Number>>| panic!("panic on purpose"));
    for number in 0..50 {
        server.publish("lobby", "number", &json!(number));
    }
    app.update();
    let numbers = received_messages(&app)
        .iter()
        .filter(|read| read.starts_with("number"));
    assert_eq!(numbers.count(), 50, "all in one frame");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
#[should_panic(expected = "panic on purpose")]
fn panic_propagates_without_a_custom_error_handler() {
    let server = TestServer::new();
    let mut app = game(server.config());
    let lobby = spawn(&mut app, "lobby");
    server.update_until_subscribed(&mut app, lobby);
    app.add_observer(|_: On<PusherEvent>| panic!("panic on purpose"));
    server.publish("lobby", "number", &json!(1));
    app.update();
}

#[test]
fn clearing_all_entities_does_not_break_the_plugin() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    let bob = server.peer(TestUser::new("bob"));
    bob.subscribe("presence-lobby");
    for _ in 0..2 {
        let lobby = join_lobby(&server, &mut app);
        app.update();
        assert_eq!(members(app.world(), lobby), ["ann", "bob"]);
        let world = app.world_mut();
        assert_eq!(world.query::<&PusherMember>().iter(world).count(), 2);
        // The member entities appear and disappear with the marker, too.
        world.entity_mut(lobby).remove::<PusherSpawnMembers>();
        world.flush();
        assert_eq!(world.query::<&PusherMember>().iter(world).count(), 0);
        world.entity_mut(lobby).insert(PusherSpawnMembers);

        server.publish("presence-lobby", "number", &json!(7));
        app.update();
        assert_eq!(received_messages(&app).last().unwrap(), "number 7");
        despawn_all(&mut app);
        app.update();
        assert_eq!(server.subscriber_count("presence-lobby"), 1, "only bob");
        let world = app.world_mut();
        assert_eq!(world.query::<&PusherMember>().iter(world).count(), 0);
    }
}

#[test]
fn channel_changes_after_clearing_entities_are_followed() {
    let server = TestServer::new();
    let mut app = panic_tolerant_game(&server);
    app.update();
    despawn_all(&mut app);
    let room = spawn(&mut app, "room-1");
    server.update_until_subscribed(&mut app, room);
    app.world_mut()
        .entity_mut(room)
        .insert((PusherChannel::new("room-2"), PusherSubscribeExtras::new()));
    server.update_until_subscribed(&mut app, room);
    assert_eq!(server.subscriber_count("room-1"), 0);
    assert_eq!(server.subscriber_count("room-2"), 1);
    app.world_mut().entity_mut(room).remove::<PusherChannel>();
    app.update();
    assert_eq!(server.subscriber_count("room-2"), 0);
    assert!(app.world().get::<PusherSubscription>(room).is_none());
    assert!(app.world().get::<PusherSubscribed>(room).is_none());
}

#[test]
fn app_exit_in_the_last_schedule_closes_in_the_same_frame() {
    let server = TestServer::new();
    let mut app = game(server.config());
    server.update_until(&mut app, |world| {
        world.resource::<PusherConnection>().is_connected()
    });
    app.add_systems(
        Last,
        (|mut exit: MessageWriter<AppExit>| {
            exit.write(AppExit::Success);
        })
        .before(OnAppExitSystems),
    );
    assert_eq!(server.connection_count(), 1);
    app.update();
    assert_eq!(server.connection_count(), 0);
}
