//! Tests of the shutdown of a process, an app and a connection, in each phase of a connection.

use std::process::exit;

use bevy::app::ScheduleRunnerPlugin;
use bevy_pusher::auth::AuthEndpoint;
use pusher_dev_server::{DevServer, DevServerConfig};
use pusher_test_support::{Answer, BlackHole, Ended, ScriptedAuth, update_until};
use support::{connected, endpoint_as, join};

use super::{
    process::{self, ResourceUsage},
    *,
};

const TWO_SECONDS: Duration = Duration::from_secs(2);

fn config(port: u16) -> PusherConfig {
    PusherConfig::new("app-key", Endpoint::custom("127.0.0.1", port))
}

/// Runs a game in the child process until it ends in the way that `scenario` names.
fn run_scenario(scenario: &str, port: u16) {
    let config = match scenario {
        "an authorizer hangs" => config(port).with_authorizer(authorize_with(|_| {
            loop {
                std::thread::park();
            }
        })),
        _ => config(port),
    };
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(Duration::from_millis(5))),
        PusherPlugin::new(config),
    ));
    app.add_systems(Startup, |mut commands: Commands| {
        commands.spawn(PusherChannel::from("lobby"));
        commands.spawn(PusherChannel::from("private-room"));
    });
    match scenario {
        "panic" => {
            app.add_systems(Update, |subscribed: Query<&PusherSubscribed>| {
                assert!(subscribed.is_empty(), "panic on purpose");
            });
        }
        "process::exit" => {
            app.add_systems(Update, |subscribed: Query<&PusherSubscribed>| {
                if !subscribed.is_empty() {
                    exit(7);
                }
            });
        }
        "drop" | "forget" => {
            while app
                .world_mut()
                .query::<&PusherSubscribed>()
                .iter(app.world())
                .count()
                == 0
            {
                app.update();
            }
            if scenario == "forget" {
                std::mem::forget(app);
            }
            return;
        }
        "dialling" => {
            app.add_systems(
                Update,
                |time: Res<Time<Real>>, mut exit: MessageWriter<AppExit>| {
                    if time.elapsed() > Duration::from_millis(200) {
                        exit.write(AppExit::Success);
                    }
                },
            );
        }
        _ => {
            app.add_systems(
                Update,
                |subscribed: Query<&PusherSubscribed>, mut exit: MessageWriter<AppExit>| {
                    if !subscribed.is_empty() {
                        exit.write(AppExit::Success);
                    }
                },
            );
        }
    }
    app.run();
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn process_ends_in_time_and_the_server_sees_the_close() {
    if let Some((scenario, ports)) = process::scenario() {
        return run_scenario(&scenario, ports[0]);
    }
    for (scenario, status, sends_close) in [
        ("exit", 0, true),
        ("drop", 0, true),
        ("panic", 101, true),
        ("an authorizer hangs", 0, true),
        ("the server answers no close", 0, true),
        ("forget", 0, false),
        ("process::exit", 7, false),
    ] {
        let server = ScriptedServer::start();
        let test = "shutdown::process_ends_in_time_and_the_server_sees_the_close";
        let process = process::start(test, scenario, &[server.port()]);
        let socket = server.accept(TIMEOUT);
        if scenario.starts_with("the server") {
            socket.leave_closes_unanswered();
        }
        socket.establish("1.1", 120);
        socket.expect_event("pusher:subscribe", TIMEOUT);
        let started = Instant::now();
        socket.subscribed("lobby");
        assert_eq!(
            process.expect_end(TWO_SECONDS).code(),
            Some(status),
            "{scenario}"
        );
        let took = started.elapsed();
        if sends_close {
            assert_eq!(socket.expect_close(TIMEOUT).code, Some(1000), "{scenario}");
        }
        assert_ne!(socket.expect_end(TIMEOUT), Ended::ByServer);
        eprintln!("{scenario}: the process ends in {took:?}");
    }
    let black_hole = BlackHole::start();
    let not_accepting = ScriptedServer::builder().never_accepts().start();
    for port in [black_hole.port(), not_accepting.port()] {
        let test = "shutdown::process_ends_in_time_and_the_server_sees_the_close";
        let process = process::start(test, "dialling", &[port]);
        assert!(process.expect_end(TWO_SECONDS + TWO_SECONDS).success());
    }
}

/// Starts a game and brings its connection into this phase.
fn game_in(phase: &str, ports: &[u16]) -> App {
    let [black_hole, not_accepting, silent, server, auth] = ports else {
        panic!("{ports:?}");
    };
    let port = match phase {
        "TCP" => *black_hole,
        "upgrade" => *not_accepting,
        "greeting" => *silent,
        "waiting to try again" => 1,
        _ => *server,
    };
    let url = format!("http://127.0.0.1:{auth}/");
    let mut app = support::game(
        config(port)
            .with_auth_endpoint(AuthEndpoint::new(url))
            .with_reconnect(retry_after(60_000, 60_000)),
    );
    let connection = |world: &World| world.resource::<PusherConnection>().state().clone();
    match phase {
        "TCP" | "upgrade" | "greeting" => {
            let started = Instant::now();
            update_until(&mut app, "a dial", TIMEOUT, |_| {
                started.elapsed() > SLOW_FRAME
            });
        }
        "waiting to try again" => update_until(&mut app, "waiting", TIMEOUT, |world| {
            connection(world).error().is_some()
        }),
        "authorization" => {
            connected(&mut app);
            let room = support::spawn(&mut app, "private-room");
            let started = Instant::now();
            update_until(&mut app, "the authorization request", TIMEOUT, |_| {
                started.elapsed() > SLOW_FRAME
            });
            let status = app.world().get::<PusherSubscription>(room);
            assert_eq!(status, Some(&PusherSubscription::Subscribing));
        }
        "live" => {
            join(&mut app, "lobby");
        }
        _ => panic!("{phase}"),
    }
    app
}

#[cfg(target_os = "linux")]
#[test]
fn app_dropped_in_any_phase_leaves_no_thread_and_no_socket() {
    let test = "shutdown::app_dropped_in_any_phase_leaves_no_thread_and_no_socket";
    if let Some((_, ports)) = process::scenario() {
        drop(game_in("live", &ports));
        let base = ResourceUsage::now();
        for phase in [
            "TCP",
            "upgrade",
            "greeting",
            "authorization",
            "live",
            "waiting to try again",
        ] {
            let app = game_in(phase, &ports);
            let with_app = ResourceUsage::now();
            assert!(with_app.threads > base.threads, "{phase}: {with_app:?}");
            let started = Instant::now();
            drop(app);
            let dropped = started.elapsed();
            with_app.expect_no_more_than(phase, base);
            eprintln!(
                "dropped in the phase {phase}: {dropped:?}, all resources released after {:?}",
                started.elapsed()
            );
        }
        return;
    }
    let black_hole = BlackHole::start();
    let not_accepting = ScriptedServer::builder().never_accepts().start();
    let silent = ScriptedServer::start();
    silent.handle_each(|pending, _| pending.upgrade(TIMEOUT).hold());
    let server = DevServer::start(DevServerConfig::default()).unwrap();
    let auth = ScriptedAuth::always(Answer::never());
    let ports = [
        black_hole.port(),
        not_accepting.port(),
        silent.port(),
        server.port(),
        auth.port(),
    ];
    assert!(
        process::start(test, "phases", &ports)
            .expect_end(TIMEOUT * 2)
            .success()
    );
    silent.expect_open_connections(0, TIMEOUT);
    auth.expect_open_connections(0, TIMEOUT);
    assert_eq!(server.connection_count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_cycles_leave_no_thread_no_socket_and_no_memory() {
    let test = "shutdown::two_hundred_cycles_leave_no_thread_no_socket_and_no_memory";
    if let Some((_, ports)) = process::scenario() {
        let cycle = || {
            let url = format!("http://127.0.0.1:{}/pusher/auth", ports[0]);
            let mut app =
                support::game(config(ports[0]).with_auth_endpoint(endpoint_as(&url, "ann")));
            join(&mut app, "presence-room");
            app.world().resource::<PusherConnection>().disconnect();
            update_until(&mut app, "the disconnect", TIMEOUT, |world| {
                !world.resource::<PusherConnection>().is_connected()
            });
            app.world().resource::<PusherConnection>().connect();
            join(&mut app, "private-room");
        };
        (0..20).for_each(|_| cycle());
        let base = ResourceUsage::now();
        (0..100).for_each(|_| cycle());
        let end = base.expect_no_more_than("200 cycles", base);
        eprintln!("after 20 apps {base:?}, after 120 {end:?}");
        assert!(end.kib < base.kib + 4096, "{base:?}, then {end:?}");
        return;
    }
    let server = DevServer::start(DevServerConfig::default()).unwrap();
    let process = process::start(test, "cycles", &[server.port()]);
    assert!(process.expect_end(TIMEOUT * 3).success());
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn two_apps_in_one_process_are_independent_clients() {
    let server = DevServer::start(DevServerConfig::default()).unwrap();
    let mut apps = ["ann", "bob"].map(|user| {
        let auth = endpoint_as(&server.auth_endpoint(), user);
        let mut app = support::game(config(server.port()).with_auth_endpoint(auth));
        join(&mut app, "presence-room");
        app
    });
    assert_eq!(server.members("presence-room"), ["ann", "bob"]);
    for app in &mut apps {
        server.publish("presence-room", "hello", &1).unwrap();
        support::expect_recorded(app, "presence-room hello 1");
    }
    let [ann, mut bob] = apps;
    drop(ann);
    support::expect_recorded(&mut bob, "presence-room -ann");
    server.publish("presence-room", "hello", &2).unwrap();
    support::expect_recorded(&mut bob, "presence-room hello 2");
    assert_eq!(server.connection_count(), 1);
}
