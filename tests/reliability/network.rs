//! Tests of a bad network between plugin and server: single bytes, breaks, silent losses, delays, outages.

use bevy_pusher::ConnectionState;
use pusher_dev_server::{DevServer, DevServerConfig};
use pusher_test_support::{
    Answer, Ended, Fault, FaultProxy, ScriptedAuth, TestAuthority, update_until,
};
use support::{
    connected, endpoint_as, expect_recorded, join, recorded, wait_until_subscribed,
    with_short_retry_delay,
};

use super::*;

/// Creates a harness whose game connects through a fault proxy.
fn through_proxy(change: impl FnOnce(PusherConfig) -> PusherConfig) -> (Harness, FaultProxy) {
    let server = ScriptedServer::start();
    let proxy = FaultProxy::start(server.address());
    (Harness::at(proxy.port(), server, change), proxy)
}

fn counts(socket: &ScriptedConnection, numbers: std::ops::Range<u32>) {
    socket.send_texts_at_once(numbers.map(|number| {
        json!({"event": "count", "channel": "lobby", "data": number.to_string()}).to_string()
    }));
}

fn counted(harness: &Harness) -> Vec<u32> {
    let number = |recorded: &String| recorded.strip_prefix("lobby count ")?.parse().ok();
    harness.recorded().iter().filter_map(number).collect()
}

/// Delivers every byte alone and late.
fn single_bytes() -> Fault {
    Fault::delay(Duration::from_millis(5)).in_pieces(1, Duration::ZERO)
}

#[test]
fn everything_works_when_each_byte_arrives_alone() {
    let authority = TestAuthority::new();
    for tls in [false, true] {
        let server = if tls {
            ScriptedServer::start_tls(&authority.localhost())
        } else {
            ScriptedServer::start()
        };
        let auth = ScriptedAuth::start(|request| {
            let auth = format!("key:{}", request.field("socket_id").unwrap());
            Answer::json(&json!({"auth": auth, "channel_data": r#"{"user_id":"ann"}"#}))
        });
        let to_server = FaultProxy::start(server.address());
        let to_auth = FaultProxy::start(auth.address());
        for proxy in [&to_server, &to_auth] {
            proxy.set(single_bytes());
        }
        let mut endpoint = Endpoint::custom("localhost", to_server.port());
        if tls {
            endpoint = endpoint.with_tls();
        }
        let url = format!("http://{}/auth", to_auth.address());
        let config = PusherConfig::new("app-key", endpoint)
            .with_ca_certificate(authority.pem())
            .with_auth_endpoint(bevy_pusher::auth::AuthEndpoint::new(url))
            .with_timing(Timing {
                // On a busy machine this many small steps take long.
                dial_timeout: TIMEOUT,
                authorization_timeout: TIMEOUT,
                subscribe_timeout: TIMEOUT,
                ..Timing::default()
            });
        let mut harness = Harness::on(server, |_| config);
        let socket = harness.greet();
        let room = harness.spawn("presence-room");
        let data = &socket.expect_event("pusher:subscribe", TIMEOUT)["data"];
        assert_eq!(data["auth"], "key:1.1");
        let roster = json!({"presence": {"count": 1, "ids": ["ann"], "hash": {"ann": null}}});
        socket.event(
            "presence-room",
            "pusher_internal:subscription_succeeded",
            &roster,
        );
        harness.wait_until_subscribed(room);
        harness.join(&socket, "lobby");
        socket.event("lobby", "word", &json!("Zoë ë 🎲"));
        harness.expect_recorded("lobby word \"Zoë ë 🎲\"");
        counts(&socket, 0..40);
        harness.expect_recorded("lobby count 39");
        assert_eq!(counted(&harness), (0..40).collect::<Vec<_>>());
        harness
            .connection()
            .send("presence-room", "client-move", &"🎲".repeat(100))
            .unwrap();
        assert_eq!(
            socket.expect_event("client-move", TIMEOUT)["data"],
            "🎲".repeat(100)
        );
        socket.ping(b"ping");
        assert_eq!(socket.expect_pong(TIMEOUT), b"ping");
        harness.connection().disconnect();
        harness.frame();
        assert_eq!(socket.expect_close(TIMEOUT).code, Some(1000));
        assert!(harness.errors().is_empty(), "{:?}", harness.errors());
        harness.assert_no_slow_frame();
    }
}

/// Serves connections: each confirms the lobby and sends three events. The events of all connections are numbered in order.
fn serve_three_events_each(server: &ScriptedServer) {
    server.handle_each(|pending, number| {
        let Ok(socket) = pending.try_upgrade(TIMEOUT) else {
            return;
        };
        socket.reply_with(move |frame| {
            let mut answers = pusher_test_support::standard_reply(frame);
            if frame["event"] == "pusher:subscribe" {
                let count = |part: usize| {
                    let data = (number * 3 + part).to_string();
                    json!({"event": "count", "channel": "lobby", "data": data})
                };
                answers.extend([0, 1, 2].map(count));
            }
            answers
        });
        socket.establish(&format!("{number}.1"), 120);
        socket.hold();
    });
}

#[test]
fn break_after_any_byte_reconnects_without_duplicate_events() {
    let authority = TestAuthority::new();
    for tls in [false, true] {
        // After every byte of the plain connection, and after every thirteenth byte over TLS.
        let (server, step) = if tls {
            (ScriptedServer::start_tls(&authority.localhost()), 13)
        } else {
            (ScriptedServer::start(), 1)
        };
        serve_three_events_each(&server);
        let proxy = FaultProxy::start(server.address());
        let mut endpoint = Endpoint::custom("localhost", proxy.port());
        if tls {
            endpoint = endpoint.with_tls();
        }
        let config = PusherConfig::new("app-key", endpoint)
            .with_ca_certificate(authority.pem())
            .with_reconnect(retry_after(1, 2));
        proxy.set_to_client(Fault::cut_after(0));
        let mut harness = Harness::on(server, |_| config);
        let lobby = harness.spawn("lobby");
        let mut breaks = 0;
        loop {
            let bytes = breaks * step;
            proxy.set_to_client(if breaks % 2 == 0 {
                Fault::cut_after(bytes)
            } else {
                Fault::reset_after(bytes)
            });
            let so_far = proxy.connections_so_far();
            let mut is_whole = false;
            harness.until("the next connection", |world| {
                // The upgrade, the greeting, the confirmation and the three events arrived.
                let last = recorded(world).last();
                let last = last.and_then(|recorded| recorded.strip_prefix("lobby count "));
                is_whole = last.is_some_and(|last| last.parse::<u32>().unwrap() % 3 == 2);
                is_whole || proxy.connections_so_far() > so_far
            });
            if is_whole {
                break;
            }
            breaks += 1;
        }
        assert!(breaks * step > 300, "{breaks}");
        proxy.set_to_client(Fault::none());
        proxy.cut();
        harness.wait_until_subscribed(lobby);
        let received = counted(&harness);
        let ascends = received.is_sorted_by(|before, after| before < after);
        assert!(ascends, "{received:?}");
        assert!(received.len() > 2, "{received:?}");
        harness.assert_no_slow_frame();
        eprintln!(
            "over TLS: {tls}; {} connections, each broken {step} bytes later",
            proxy.connections_so_far()
        );
    }
}

type LoseConnection = fn(&FaultProxy);

/// The ways in which a connection can be lost silently.
fn silent_losses() -> [(&'static str, LoseConnection); 3] {
    [
        ("the route vanished", |proxy| proxy.set(Fault::hold())),
        ("the server ended and its FIN was lost", |proxy| {
            proxy.set_to_client(Fault::hold());
            proxy.lose_server();
        }),
        ("nothing reaches the server", |proxy| {
            proxy.set_to_server(Fault::hold())
        }),
    ]
}

#[test]
fn silently_dead_connection_is_detected_and_replaced() {
    let timeout = Duration::from_millis(200);
    for (what, lose) in silent_losses() {
        let (mut harness, proxy) = through_proxy(|config| {
            config.with_timing(Timing {
                activity_timeout: timeout,
                pong_timeout: timeout,
                dial_timeout: timeout,
                ..Timing::default()
            })
        });
        let old = harness.greet_with_replies();
        let lobby = harness.join_confirmed("lobby");
        lose(&proxy);
        let lost_at = Instant::now();
        harness.until("the loss", |world| {
            !world.resource::<PusherConnection>().is_connected()
        });
        let noticed = lost_at.elapsed();
        assert!(
            noticed < timeout * 2 + SLOW_FRAME * 5,
            "{what}: {noticed:?}"
        );
        eprintln!(
            "{what}: noticed after {noticed:?} with 200 ms to the ping and 200 ms for the pong"
        );
        harness.expect_report("ping timed out: no message from the server within 200ms");
        // The held bytes arrive once the network works again, on a connection that the client has dropped.
        old.event("lobby", "count", &json!(1));
        harness.run_for(timeout * 2);
        assert!(!harness.connection().is_connected());
        proxy.set(Fault::none());
        let socket = loop {
            // Held dials arrive too, but the client has cancelled them.
            let pending = harness.server.accept_tcp(TIMEOUT);
            if pending.ended().is_some() {
                continue;
            }
            let socket = pending.upgrade(TIMEOUT);
            socket.reply_with(pusher_test_support::standard_reply);
            socket.establish("9.9", 120);
            harness.run_for(SLOW_FRAME);
            if socket.ended().is_none() {
                break socket;
            }
        };
        harness.connected_as("9.9");
        harness.wait_until_subscribed(lobby);
        harness.expect_delivery(&socket, "lobby", 1);
        assert_eq!(counted(&harness), [0; 0], "{what}");
        harness.assert_no_slow_frame();
    }
}

#[test]
fn pause_shorter_than_the_timeouts_has_no_effect() {
    let (mut harness, proxy) = through_proxy(|config| heartbeat(config, 300, 2_000));
    let socket = harness.greet();
    let lobby = harness.join(&socket, "lobby");
    for part in 0..3 {
        proxy.set(Fault::hold());
        counts(&socket, part * 100..part * 100 + 100);
        // Longer than the activity timeout, shorter than both timeouts together.
        harness.run_for(Duration::from_millis(400));
        assert!(harness.connection().is_connected());
        proxy.set(Fault::none());
        harness.expect_recorded(&format!("lobby count {}", part * 100 + 99));
        socket.find_event("pusher:ping", TIMEOUT);
    }
    assert_eq!(counted(&harness), (0..300).collect::<Vec<_>>());
    assert!(harness.status(lobby).is_subscribed());
    assert_eq!(proxy.connections_so_far(), 1);
    assert!(harness.errors().is_empty());
}

#[test]
fn round_trip_time_matches_the_network_delay() {
    let (mut harness, proxy) = through_proxy(|config| heartbeat(config, 50, 2_000));
    let _line = harness.greet_with_replies();
    // 40 ms in each direction are a round trip of 80 ms.
    proxy.set(Fault::delay(Duration::from_millis(40)));
    harness.until("a slow round trip", |world| {
        let round_trip = world.resource::<PusherConnection>().round_trip();
        round_trip.is_some_and(|time| time >= Duration::from_millis(80))
    });
    let round_trip = harness.connection().round_trip().unwrap();
    assert!(
        round_trip < Duration::from_millis(80) + SLOW_FRAME,
        "{round_trip:?}"
    );
}

#[test]
fn late_first_dial_does_not_replace_the_last_one() {
    let (mut harness, proxy) = through_proxy(|config| config);
    proxy.set(Fault::hold());
    harness.frame();
    harness.server.expect_connections_so_far(1, TIMEOUT);
    let late = harness.server.accept_tcp(TIMEOUT);
    let direct = Endpoint::custom("127.0.0.1", harness.server.port());
    harness
        .app
        .insert_resource(PusherConfig::new("app-key", direct));
    let socket = harness.greet();
    proxy.set(Fault::none());
    assert_eq!(late.expect_end(TIMEOUT), Ended::ByClient);
    harness.run_for(QUIET_PERIOD);
    assert_eq!(harness.connection().socket_id(), Some("1.1"));
    assert_eq!(harness.server.connections_so_far(), 2);
    harness.join(&socket, "lobby");
    harness.expect_delivery(&socket, "lobby", 1);
}

#[test]
fn outage_is_reported_once_per_channel_with_its_length() {
    #[derive(Resource, Default)]
    struct Gaps(Vec<(String, Duration)>);
    let (mut harness, proxy) = through_proxy(|config| config);
    harness.app.init_resource::<Gaps>().add_observer(
        |changed: On<PusherSubscriptionChanged>, mut gaps: ResMut<Gaps>| {
            if let Some(gap) = changed.gap() {
                gaps.0.push((changed.channel().into(), gap));
            }
        },
    );
    let socket = harness.greet();
    let channels = ["lobby", "cache-full", "cache-empty"];
    let entities = channels.map(|channel| harness.join(&socket, channel));
    // Longer than several reconnect attempts.
    let outage = Duration::from_millis(700);
    proxy.stop_listening();
    let started = Instant::now();
    proxy.cut();
    harness.run_for(outage);
    proxy.listen_again();
    let socket = harness.greet();
    socket.expect_jsons(3, TIMEOUT);
    channels
        .iter()
        .for_each(|channel| socket.subscribed(channel));
    socket.event("cache-full", "score", &json!(3));
    socket.send(json!({"event": "pusher:cache_miss", "channel": "cache-empty", "data": "{}"}));
    for entity in entities {
        harness.wait_until_subscribed(entity);
    }
    harness.expect_recorded("cache-full score 3");
    harness.expect_recorded("cache-empty cache miss");
    let whole = started.elapsed();
    let gaps = &harness.app.world().resource::<Gaps>().0;
    assert_eq!(gaps.len(), 3, "{gaps:?}");
    for ((channel, gap), expected) in gaps.iter().zip(channels) {
        assert_eq!(channel, expected);
        assert!((outage..=whole).contains(gap), "{gap:?} of {whole:?}");
    }
}

#[test]
fn forty_channels_and_the_user_survive_five_server_restarts() {
    let server = DevServer::start(DevServerConfig::default()).unwrap();
    let game = |user: &str| {
        let config = PusherConfig::new("app-key", Endpoint::custom("127.0.0.1", server.port()))
            .with_auth_endpoint(endpoint_as(&server.auth_endpoint(), user))
            .with_user_auth_endpoint(endpoint_as(&server.user_auth_endpoint(), user));
        let mut app = support::game(with_short_retry_delay(config));
        connected(&mut app);
        app
    };
    let (mut ann, mut bob) = (game("ann"), game("bob"));
    let kinds = [
        "lobby",
        "private-room",
        "presence-room",
        "private-encrypted-room",
    ];
    let names: Vec<String> = (0..10)
        .flat_map(|number| kinds.map(|kind| format!("{kind}-{number}")))
        .collect();
    let entities: Vec<Entity> = names
        .iter()
        .map(|name| support::spawn(&mut ann, name))
        .collect();
    ann.world().resource::<PusherConnection>().sign_in();
    let talk = join(&mut bob, "presence-room-0");
    for restart in 0..=5 {
        for entity in &entities {
            wait_until_subscribed(&mut ann, *entity);
        }
        update_until(&mut ann, "the sign-in", TIMEOUT, |world| {
            world.resource::<PusherUser>().id() == Some("ann")
        });
        wait_until_subscribed(&mut bob, talk);
        for name in &names {
            assert_eq!(
                server.publish(name, "back", &restart).unwrap(),
                1 + usize::from(name == "presence-room-0")
            );
        }
        for name in &names {
            expect_recorded(&mut ann, &format!("{name} back {restart}"));
        }
        assert_eq!(server.publish_to_user("ann", "gift", &restart).unwrap(), 1);
        expect_recorded(&mut ann, &format!("user gift {restart}"));
        let connection = bob.world().resource::<PusherConnection>();
        connection
            .send("presence-room-0", "client-hello", &restart)
            .unwrap();
        expect_recorded(
            &mut ann,
            &format!("presence-room-0 client-hello {restart} from bob"),
        );
        server.set_accepting(false).unwrap();
        for app in [&mut ann, &mut bob] {
            update_until(app, "the loss", TIMEOUT, |world| {
                !world.resource::<PusherConnection>().is_connected()
            });
        }
        server.set_accepting(true).unwrap();
    }
    let events = |recorded: &&String| recorded.contains(" back ");
    assert_eq!(
        recorded(ann.world()).iter().filter(events).count(),
        6 * names.len()
    );
}

#[test]
fn subscribing_on_each_connect_delivers_each_event_once() {
    let (mut harness, proxy) = through_proxy(|config| config);
    harness.app.add_observer(
        |changed: On<PusherConnectionChanged>, mut commands: Commands| {
            if matches!(changed.current(), ConnectionState::Connected { .. }) {
                commands.spawn(PusherChannel::from("lobby"));
            }
        },
    );
    let mut messages = bevy::ecs::message::MessageCursor::<PusherEvent>::default();
    for restart in 0..10 {
        let socket = harness.greet();
        harness.frame();
        socket.expect_event("pusher:subscribe", TIMEOUT);
        socket.subscribed("lobby");
        socket.event("lobby", "once", &json!(restart));
        let mut seen = 0;
        let count = |world: &mut World| {
            let all = world.resource::<Messages<PusherEvent>>();
            seen += messages.read(all).count();
            seen > 0
        };
        harness.until("the event", count);
        harness.run_for(QUIET_PERIOD / 4);
        let all = harness.app.world().resource::<Messages<PusherEvent>>();
        assert_eq!(messages.read(all).count(), 0, "delivered twice");
        socket.expect_nothing(Duration::ZERO);
        drop(socket);
        proxy.cut();
    }
}
