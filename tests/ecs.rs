//! Tests of the ECS interface over a real socket, against a scripted server. Further features have a file each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bevy::{prelude::*, time::TimeUpdateStrategy};
use bevy_pusher::{
    ConnectionState, PusherWaker, SendError, SubscriptionError, config::*, prelude::*,
};
use pusher_test_support::{ScriptedServer, update_until};
use serde::Deserialize;
use serde_json::{Value, json};
use support::{scripted::*, *};

fn event(channel: &str, name: &str, data: &Value) -> String {
    json!({"event": name, "channel": channel, "data": data.to_string()}).to_string()
}

fn counted(channel: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers
        .map(|number| event(channel, "count", &json!(number)))
        .collect()
}

/// Returns the numbers of the `count` events that the observers received.
fn received_numbers(app: &App) -> Vec<u32> {
    let number = |recorded: &String| recorded.strip_prefix("lobby count ")?.parse().ok();
    recorded(app.world()).iter().filter_map(number).collect()
}

#[derive(Deserialize, Debug)]
struct Move {
    x: u32,
}

#[test]
fn confirmation_and_following_events_arrive_in_order() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    spawn(&mut app, "lobby");
    app.update();
    connection.expect_event("pusher:subscribe", TIMEOUT);
    let success = json!({"event": "pusher_internal:subscription_succeeded", "channel": "lobby", "data": "{}"});
    let mut texts = vec![success.to_string()];
    texts.extend(counted("lobby", 0..5));
    connection.send_texts_at_once(texts);
    expect_recorded(&mut app, "lobby count 4");
    let expected = [
        "lobby subscribed",
        "lobby count 0",
        "lobby count 1",
        "lobby count 2",
        "lobby count 3",
        "lobby count 4",
    ];
    assert_eq!(recorded(app.world()), expected);
}

#[test]
fn each_entity_of_a_channel_gets_one_message_and_one_trigger() {
    #[derive(Resource, Default)]
    struct Messages(Vec<Entity>);
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    app.init_resource::<Messages>().add_systems(
        Update,
        |mut events: MessageReader<PusherEvent>, mut messages: ResMut<Messages>| {
            messages.0.extend(events.read().map(|event| event.entity()));
        },
    );
    let first = listen(&mut app, &connection, "lobby");
    let second = spawn(&mut app, "lobby");
    app.update();
    assert!(
        app.world().get::<PusherSubscribed>(second).is_some(),
        "the second entity has the status at once"
    );
    let entities: Arc<std::sync::Mutex<Vec<Entity>>> = Arc::default();
    for entity in [first, second] {
        let entities = entities.clone();
        app.world_mut()
            .entity_mut(entity)
            .observe(move |event: On<PusherEvent>| {
                entities.lock().unwrap().push(event.entity());
            });
    }
    connection.event("lobby", "e", &json!(1));
    update_until(&mut app, "a message", TIMEOUT, |world| {
        !world.resource::<Messages>().0.is_empty()
    });
    app.update();
    assert_eq!(app.world().resource::<Messages>().0, [first]);
    assert_eq!(*entities.lock().unwrap(), [first, second]);
    connection.expect_nothing(Duration::from_millis(50));
    app.world_mut().despawn(first);
    app.update();
    connection.expect_nothing(Duration::from_millis(50));
    app.world_mut().despawn(second);
    app.update();
    assert_eq!(
        connection.expect_json(TIMEOUT),
        json!({"event": "pusher:unsubscribe", "data": {"channel": "lobby"}})
    );
}

#[test]
fn receive_budget_bounds_a_frame_and_keeps_order() {
    let server = ScriptedServer::start();
    let limits = Limits {
        receive_budget: Duration::from_nanos(1),
        ..Limits::default()
    };
    let (mut app, connection) = online_with(&server, config(&server).with_limits(limits));
    listen(&mut app, &connection, "lobby");
    connection.send_texts_at_once(counted("lobby", 0..200));
    let mut frames = 0;
    update_until(&mut app, "all events", TIMEOUT, |world| {
        frames += 1;
        recorded(world)
            .last()
            .is_some_and(|recorded| recorded == "lobby count 199")
    });
    assert!(frames >= 200, "{frames}");
    assert_eq!(received_numbers(&app), (0..200).collect::<Vec<_>>());
}

#[test]
fn overflow_drops_the_oldest_events_and_counts_them() {
    let server = ScriptedServer::start();
    let limits = Limits {
        waiting_events: 100,
        ..Limits::default()
    };
    let (mut app, connection) = online_with(&server, config(&server).with_limits(limits));
    app.add_observer(|lagged: On<PusherLagged>, mut recorded: ResMut<Recorded>| {
        recorded.0.push(format!(
            "lagged {} of lobby {}",
            lagged.total(),
            lagged.of_channel("lobby")
        ));
    });
    listen(&mut app, &connection, "lobby");
    app.world_mut().resource_mut::<Recorded>().0.clear();
    connection.send_texts_at_once(counted("lobby", 0..1000));
    // The first pong proves that the client has read all earlier frames, the second that it has handed them over to the app.
    for _ in 0..2 {
        connection.send(json!({"event": "pusher:ping"}));
        connection.expect_event("pusher:pong", TIMEOUT);
    }
    expect_recorded(&mut app, "lobby count 999");
    let received = received_numbers(&app);
    assert_eq!(
        received,
        (1000 - received.len() as u32..1000).collect::<Vec<_>>()
    );
    assert!(
        received.len() <= 100 && received.len() > 90,
        "{}",
        received.len()
    );
    let lost = 1000 - received.len();
    assert_eq!(
        recorded(app.world())[0],
        format!("lagged {lost} of lobby {lost}")
    );
}

#[test]
fn a_ping_is_answered_while_the_game_does_nothing() {
    let server = ScriptedServer::start();
    let (app, connection) = online(&server);
    for _ in 0..10 {
        let pinged = Instant::now();
        connection.send(json!({"event": "pusher:ping", "data": {}}));
        connection.expect_event("pusher:pong", TIMEOUT);
        assert!(pinged.elapsed() < Duration::from_secs(1));
        connection.ping(b"are you there");
        assert_eq!(connection.expect_pong(TIMEOUT), b"are you there");
    }
    drop(app);
}

#[test]
fn observer_may_despawn_and_rename_channels_during_delivery() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    let first = listen(&mut app, &connection, "lobby");
    let second = spawn(&mut app, "lobby");
    let third = spawn(&mut app, "lobby");
    app.update();
    app.world_mut()
        .entity_mut(first)
        .observe(move |_: On<PusherEvent>, mut commands: Commands| {
            commands.entity(second).despawn();
            commands
                .entity(third)
                .insert(PusherChannel::new("elsewhere"));
        });
    connection.send_texts_at_once(counted("lobby", 0..3));
    expect_recorded(&mut app, "lobby count 2");
    assert_eq!(
        received_numbers(&app),
        [0, 1, 2],
        "the others received nothing more"
    );
    assert_eq!(
        connection.expect_event("pusher:subscribe", TIMEOUT)["data"]["channel"],
        "elsewhere"
    );
}

#[test]
fn changed_name_resubscribes_and_no_name_unsubscribes() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    let entity = listen(&mut app, &connection, "one");
    app.world_mut()
        .entity_mut(entity)
        .insert(PusherChannel::new("two"));
    assert_eq!(
        app.world().get::<PusherSubscription>(entity),
        Some(&PusherSubscription::Pending)
    );
    assert!(app.world().get::<PusherSubscribed>(entity).is_none());
    app.update();
    let frames = connection.expect_jsons(2, TIMEOUT);
    let sent: Vec<(&str, &str)> = frames
        .iter()
        .map(|frame| {
            (
                frame["event"].as_str().unwrap(),
                frame["data"]["channel"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(
        sent.contains(&("pusher:unsubscribe", "one"))
            && sent.contains(&("pusher:subscribe", "two")),
        "{sent:?}"
    );
    app.world_mut().entity_mut(entity).remove::<PusherChannel>();
    assert!(app.world().get::<PusherSubscription>(entity).is_none());
    app.update();
    connection.subscribed("two");
    assert_eq!(
        connection.expect_event("pusher:unsubscribe", TIMEOUT)["data"]["channel"],
        "two"
    );
}

#[test]
fn same_name_again_sends_nothing() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    let entity = listen(&mut app, &connection, "lobby");
    app.world_mut()
        .entity_mut(entity)
        .insert(PusherChannel::new("lobby"));
    app.update();
    app.world_mut().despawn(entity);
    let other = spawn(&mut app, "lobby");
    app.update();
    connection.expect_nothing(Duration::from_millis(100));
    assert!(app.world().get::<PusherSubscribed>(other).is_some());
}

#[test]
fn invalid_channel_names_fail_with_the_reason() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    for name in ["", "with space", "#server-to-user-1", &"x".repeat(300)] {
        let entity = spawn(&mut app, name);
        app.update();
        let status = app.world().get::<PusherSubscription>(entity);
        assert!(
            matches!(
                status,
                Some(PusherSubscription::Failed {
                    error: SubscriptionError::InvalidName(_)
                })
            ),
            "{name}: {status:?}"
        );
    }
    let failures = recorded(app.world())
        .iter()
        .filter(|recorded| recorded.contains("failed"))
        .count();
    assert_eq!(failures, 4);
    connection.expect_nothing(Duration::from_millis(50));
    listen(&mut app, &connection, "lobby");
}

#[test]
fn private_channel_without_an_authorizer_fails() {
    let server = ScriptedServer::start();
    let (mut app, _connection) = online(&server);
    spawn(&mut app, "private-room");
    update_until(&mut app, "failing", TIMEOUT, |world| {
        recorded(world)
            .iter()
            .any(|recorded| recorded.contains("nothing is configured to answer the request"))
    });
}

#[test]
fn entities_and_types_added_before_the_plugin_work() {
    let server = ScriptedServer::start();
    let mut app = App::new();
    app.add_plugins(MinimalPlugins);
    let entity = spawn(&mut app, "lobby");
    app.add_pusher_event::<Move>("move")
        .add_plugins(PusherPlugin::new(config(&server)));
    record(&mut app);
    let connection = greet(&server, &mut app);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed("lobby");
    wait_until_subscribed(&mut app, entity);
}

#[test]
fn app_works_without_finish() {
    let server = ScriptedServer::start();
    let mut app = App::new();
    app.add_plugins(PusherPlugin::new(config(&server)));
    record(&mut app);
    let connection = greet(&server, &mut app);
    listen(&mut app, &connection, "lobby");
    connection.event("lobby", "e", &json!(1));
    expect_recorded(&mut app, "lobby e 1");
}

#[test]
fn config_may_be_inserted_late_replaced_and_removed() {
    let (first, second) = (ScriptedServer::start(), ScriptedServer::start());
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::default()));
    record(&mut app);
    let entity = spawn(&mut app, "lobby");
    app.update();
    assert_eq!(
        app.world().resource::<PusherConnection>().state(),
        &ConnectionState::Disconnected
    );

    app.insert_resource(config(&first));
    let connection = greet(&first, &mut app);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed("lobby");
    wait_until_subscribed(&mut app, entity);

    app.insert_resource(config(&first).with_sent_answers(true));
    app.update();
    connection.expect_nothing(Duration::from_millis(100));
    assert!(
        app.world().resource::<PusherConnection>().is_connected(),
        "no reason for another connection"
    );

    app.insert_resource(config(&second));
    app.update();
    connection.expect_close(TIMEOUT);
    let connection = second.accept(TIMEOUT);
    connection.establish("2.2", 120);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed("lobby");
    expect_recorded(&mut app, "lobby subscribed again");

    app.world_mut().remove_resource::<PusherConfig>();
    update_until(&mut app, "the disconnect", TIMEOUT, |world| {
        *world.resource::<PusherConnection>().state() == ConnectionState::Disconnected
    });
    connection.expect_close(TIMEOUT);
    assert_eq!(
        app.world().get::<PusherSubscription>(entity),
        Some(&PusherSubscription::Pending)
    );
}

#[test]
fn typed_events_arrive_and_raw_ones_can_be_switched_off() {
    #[derive(Resource, Default)]
    struct Received(Vec<u32>);
    for raw_for_typed in [true, false] {
        let server = ScriptedServer::start();
        let (mut app, connection) =
            online_with(&server, config(&server).with_raw_for_typed(raw_for_typed));
        app.init_resource::<Received>()
            .add_pusher_event::<Move>("move")
            .add_systems(
                Update,
                |mut moves: MessageReader<PusherEvent<Move>>, mut received: ResMut<Received>| {
                    received.0.extend(moves.read().map(|event| event.data().x));
                },
            );
        listen(&mut app, &connection, "lobby");
        connection.event("lobby", "move", &json!({"x": 7}));
        connection.event("lobby", "untyped", &json!(1));
        expect_recorded(&mut app, "lobby untyped 1");
        app.update();
        assert_eq!(app.world().resource::<Received>().0, [7]);
        let raw = recorded(app.world())
            .iter()
            .any(|recorded| recorded == r#"lobby move {"x":7}"#);
        assert_eq!(raw, raw_for_typed);
    }
}

#[test]
fn decode_failure_names_the_path_and_the_next_event_arrives() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    app.add_pusher_event::<Move>("move").add_systems(
        Update,
        |mut failures: MessageReader<PusherDecodeFailed>, mut recorded: ResMut<Recorded>| {
            for failure in failures.read() {
                let message = format!(
                    "{} {} {}",
                    failure.name(),
                    failure.path(),
                    failure.raw().as_str()
                );
                recorded.0.push(message);
            }
        },
    );
    app.add_observer(
        |event: On<PusherEvent<Move>>, mut recorded: ResMut<Recorded>| {
            recorded.0.push(format!("moved {}", event.data().x));
        },
    );
    listen(&mut app, &connection, "lobby");
    connection.event("lobby", "move", &json!({"x": "east"}));
    connection.event("lobby", "move", &json!({"x": 2}));
    expect_recorded(&mut app, "moved 2");
    expect_recorded(&mut app, r#"move x {"x":"east"}"#);
}

#[test]
fn fixed_update_reads_each_event_exactly_once() {
    #[derive(Resource, Default)]
    struct Received(Vec<u32>);
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    app.init_resource::<Received>()
        .insert_resource(Time::<Fixed>::from_hz(10.0))
        .insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_secs_f64(
            1.0 / 240.0,
        )))
        .add_systems(
            FixedUpdate,
            |mut events: MessageReader<PusherEvent>, mut received: ResMut<Received>| {
                received.0.extend(
                    events
                        .read()
                        .map(|event| event.data().parse::<u32>().unwrap()),
                );
            },
        );
    listen(&mut app, &connection, "lobby");
    for part in 0..10 {
        connection.send_texts_at_once(counted("lobby", part * 100..(part + 1) * 100));
        for _ in 0..30 {
            app.update();
        }
    }
    update_until(&mut app, "all events", TIMEOUT, |world| {
        world.resource::<Received>().0.len() >= 1000
    });
    assert_eq!(
        app.world().resource::<Received>().0,
        (0..1000).collect::<Vec<_>>()
    );
}

#[test]
fn messages_do_not_accumulate_while_time_is_paused() {
    let server = ScriptedServer::start();
    let limits = Limits {
        unread_messages: 100,
        ..Limits::default()
    };
    let (mut app, connection) = online_with(&server, config(&server).with_limits(limits));
    app.add_observer(|lagged: On<PusherLagged>, mut recorded: ResMut<Recorded>| {
        recorded
            .0
            .push(format!("lagged {:?} {}", lagged.cause(), lagged.total()));
    });
    listen(&mut app, &connection, "lobby");
    app.world_mut().resource_mut::<Time<Virtual>>().pause();
    for part in 0..20 {
        connection.send_texts_at_once(counted("lobby", part * 50..(part + 1) * 50));
        expect_recorded(&mut app, &format!("lobby count {}", (part + 1) * 50 - 1));
    }
    assert_eq!(
        received_numbers(&app),
        (0..1000).collect::<Vec<_>>(),
        "observers miss nothing"
    );
    let kept = app.world().resource::<Messages<PusherEvent>>().len();
    assert!(kept <= 200, "{kept}");
    let lost: usize = recorded(app.world())
        .iter()
        .filter_map(|recorded| {
            recorded
                .strip_prefix("lagged Unread ")?
                .parse::<usize>()
                .ok()
        })
        .sum();
    assert_eq!(lost + kept, 1000);
}

#[test]
fn error_reports_do_not_accumulate_while_time_is_paused() {
    let server = ScriptedServer::start();
    let limits = Limits {
        unread_messages: 100,
        ..Limits::default()
    };
    let (mut app, connection) = online_with(&server, config(&server).with_limits(limits));
    app.add_pusher_event::<u32>("text");
    listen(&mut app, &connection, "lobby");
    app.world_mut().resource_mut::<Time<Virtual>>().pause();
    for part in 0..20 {
        for _ in 0..50 {
            connection.event("lobby", "text", &json!("no number"));
        }
        connection.event("lobby", "count", &json!(part));
        expect_recorded(&mut app, &format!("lobby count {part}"));
    }
    let kept = app.world().resource::<Messages<PusherDecodeFailed>>().len();
    assert!((1..=200).contains(&kept), "{kept}");
}

#[test]
fn waker_is_called_once_per_burst_and_not_for_heartbeats() {
    let server = ScriptedServer::start();
    let woken = Arc::new(AtomicUsize::new(0));
    let mut app = game(config(&server));
    let counter = woken.clone();
    app.insert_resource(PusherWaker::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    }));
    let connection = greet(&server, &mut app);
    listen(&mut app, &connection, "lobby");
    for _ in 0..10 {
        app.update();
    }
    woken.store(0, Ordering::SeqCst);
    for _ in 0..20 {
        connection.send(json!({"event": "pusher:ping"}));
        connection.expect_event("pusher:pong", TIMEOUT);
    }
    assert_eq!(woken.load(Ordering::SeqCst), 0);
    connection.send_texts_at_once(counted("lobby", 0..100));
    // The second pong proves that the events before the first ping were handed over.
    for _ in 0..2 {
        connection.send(json!({"event": "pusher:ping"}));
        connection.expect_event("pusher:pong", TIMEOUT);
    }
    assert_eq!(woken.load(Ordering::SeqCst), 1);
    expect_recorded(&mut app, "lobby count 99");
}

#[test]
fn unsendable_client_event_is_refused_or_answered() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    listen(&mut app, &connection, "lobby");
    let pusher = app.world().resource::<PusherConnection>();
    assert!(matches!(
        pusher.send("private-room", "move", &1),
        Err(SendError::NotAClientEvent { .. })
    ));
    assert!(matches!(
        pusher.send("lobby", "client-move", &1),
        Err(SendError::WrongKind { .. })
    ));
    assert!(matches!(
        pusher.send("", "client-move", &1),
        Err(SendError::InvalidChannel(_))
    ));
    let large = "x".repeat(20_000);
    assert!(matches!(
        pusher.send("private-room", "client-move", &large),
        Err(SendError::TooLarge { .. })
    ));
    let map = std::collections::HashMap::from([((1, 2), 3)]);
    assert!(matches!(
        pusher.send("private-room", "client-move", &map),
        Err(SendError::NotSerializable { .. })
    ));
    let id = pusher.send("private-room", "client-move", &1).unwrap();
    update_until(&mut app, "an answer", TIMEOUT, |world| {
        let answers = world.resource::<Messages<PusherSendAnswered>>();
        answers
            .iter_current_update_messages()
            .any(|answer| answer.id() == id && answer.error() == Some(&SendError::NotSubscribed))
    });
    connection.expect_nothing(Duration::from_millis(50));
}

#[test]
fn app_exit_and_app_drop_send_a_close_frame() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    app.world_mut().write_message(AppExit::Success);
    app.update();
    assert_eq!(connection.expect_close(TIMEOUT).code, Some(1000));

    let server = ScriptedServer::start();
    let (app, connection) = online(&server);
    let dropped = Instant::now();
    drop(app);
    assert!(dropped.elapsed() < Duration::from_secs(2));
    assert_eq!(connection.expect_close(TIMEOUT).code, Some(1000));
    server.expect_open_connections(0, TIMEOUT);
}

#[test]
fn starting_without_a_server_reports_and_retries() {
    let server = ScriptedServer::start();
    server.stop_listening();
    let mut app = game(config(&server));
    let entity = spawn(&mut app, "lobby");
    update_until(&mut app, "waiting", TIMEOUT, |world| {
        world.resource::<PusherConnection>().retry_in().is_some()
    });
    server.listen_again();
    let connection = server.accept(TIMEOUT);
    connection.establish("1.1", 120);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    connection.subscribed("lobby");
    wait_until_subscribed(&mut app, entity);
}

#[test]
fn connection_states_follow_a_valid_sequence() {
    #[derive(Resource, Default)]
    struct Path(Vec<&'static str>);
    fn state_name(state: &ConnectionState) -> &'static str {
        match state {
            ConnectionState::Disconnected => "disconnected",
            ConnectionState::Connecting { .. } => "connecting",
            ConnectionState::Connected { .. } => "connected",
            ConnectionState::Waiting { .. } => "waiting",
            ConnectionState::Failed { .. } => "failed",
        }
    }
    let server = ScriptedServer::start();
    let mut app = game(config(&server));
    app.init_resource::<Path>().add_observer(
        |changed: On<PusherConnectionChanged>,
         connection: Res<PusherConnection>,
         mut path: ResMut<Path>| {
            assert_eq!(
                connection.state(),
                changed.current(),
                "the state first, then its message"
            );
            let previous = path.0.last().copied().unwrap_or("disconnected");
            assert_eq!(state_name(changed.previous()), previous);
            path.0.push(state_name(changed.current()));
        },
    );
    let connection = greet(&server, &mut app);
    app.update();
    app.update();
    let ticks = app
        .world()
        .resource_ref::<PusherConnection>()
        .last_changed();
    listen(&mut app, &connection, "lobby");
    assert_eq!(
        app.world()
            .resource_ref::<PusherConnection>()
            .last_changed(),
        ticks
    );
    connection.close(4200, "restart");
    update_until(&mut app, "noticing", TIMEOUT, |world| {
        !world.resource::<PusherConnection>().is_connected()
    });
    let connection = server.accept(TIMEOUT);
    connection.establish("2.2", 120);
    connected(&mut app);
    connection.close(4001, "gone");
    update_until(&mut app, "failing", TIMEOUT, |world| {
        matches!(
            world.resource::<PusherConnection>().state(),
            ConnectionState::Failed { .. }
        )
    });
    // A call within 250 ms counts as a reaction of code to the failure and is throttled.
    let failed = Instant::now();
    update_until(&mut app, "250 ms to pass", TIMEOUT, |_| {
        failed.elapsed() > Duration::from_millis(250)
    });
    app.world().resource::<PusherConnection>().connect();
    let connection = server.accept(TIMEOUT);
    connection.establish("3.3", 120);
    connected(&mut app);
    app.world().resource::<PusherConnection>().disconnect();
    update_until(&mut app, "the disconnect", TIMEOUT, |world| {
        *world.resource::<PusherConnection>().state() == ConnectionState::Disconnected
    });
    let path = [
        "connecting",
        "connected",
        "waiting",
        "connecting",
        "connected",
        "failed",
        "connecting",
        "connected",
        "disconnected",
    ];
    assert_eq!(app.world().resource::<Path>().0, path);
}

#[test]
fn channel_can_be_part_of_a_scene() {
    let server = ScriptedServer::start();
    let (mut app, connection) = online(&server);
    app.add_plugins((
        bevy::asset::AssetPlugin::default(),
        bevy::scene::ScenePlugin,
    ));
    app.add_systems(Startup, |mut commands: Commands| {
        commands.spawn_scene(bsn! { PusherChannel("lobby") });
    });
    app.world_mut().run_schedule(Startup);
    app.update();
    assert_eq!(
        connection.expect_event("pusher:subscribe", TIMEOUT)["data"]["channel"],
        "lobby"
    );
}

#[test]
fn huge_durations_do_not_overflow() {
    let server = ScriptedServer::start();
    let limits = Limits {
        receive_budget: Duration::MAX,
        ..Limits::default()
    };
    let timing = Timing {
        dial_timeout: Duration::MAX,
        authorization_timeout: Duration::MAX,
        subscribe_timeout: Duration::MAX,
        queue_timeout: Duration::MAX,
        activity_timeout: Duration::MAX,
        pong_timeout: Duration::MAX,
        healthy_after: Duration::MAX,
        close_timeout: Duration::MAX,
    };
    let config = config(&server).with_limits(limits).with_timing(timing);
    let (mut app, connection) = online_with(&server, config);
    listen(&mut app, &connection, "lobby");
    connection.send_texts_at_once(counted("lobby", 0..3));
    expect_recorded(&mut app, "lobby count 2");
    drop(app);
    connection.expect_close(TIMEOUT);
}
