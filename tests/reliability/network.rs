//! The network between plugin and server, as bad as networks are.

use bevy_pusher::ConnectionState;
use pusher_dev_server::{DevServer, DevServerConfig};
use pusher_test_support::{
    Answer, Ended, Fault, FaultProxy, ScriptedAuth, TestAuthority, update_until,
};
use support::{connected, endpoint_as, has_been_told, impatient, join, subscribed, told};

use super::*;

/// A play whose game and server have this network between them.
fn through_proxy(change: impl FnOnce(PusherConfig) -> PusherConfig) -> (Play, FaultProxy) {
    let server = ScriptedServer::start();
    let proxy = FaultProxy::start(server.address());
    (Play::at(proxy.port(), server, change), proxy)
}

fn counts(line: &ScriptedConnection, numbers: std::ops::Range<u32>) {
    line.send_texts_at_once(numbers.map(|number| {
        json!({"event": "count", "channel": "lobby", "data": number.to_string()}).to_string()
    }));
}

fn counted(play: &Play) -> Vec<u32> {
    let number = |told: &String| told.strip_prefix("lobby count ")?.parse().ok();
    play.told().iter().filter_map(number).collect()
}

/// Bytes one by one, and all of them late.
fn crumbs() -> Fault {
    Fault::delay(Duration::from_millis(5)).in_pieces(1, Duration::ZERO)
}

#[test]
fn everything_works_where_each_byte_comes_alone_plain_and_over_tls() {
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
            proxy.set(crumbs());
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
                // So many small steps take long on a machine that has other things to do.
                dial_timeout: SOON,
                authorization_timeout: SOON,
                subscribe_timeout: SOON,
                ..Timing::default()
            });
        let mut play = Play::on(server, |_| config);
        let line = play.greet();
        let room = play.spawn("presence-room");
        let data = &line.expect_event("pusher:subscribe", SOON)["data"];
        assert_eq!(data["auth"], "key:1.1");
        let roster = json!({"presence": {"count": 1, "ids": ["ann"], "hash": {"ann": null}}});
        line.event(
            "presence-room",
            "pusher_internal:subscription_succeeded",
            &roster,
        );
        play.subscribed(room);
        play.join(&line, "lobby");
        line.event("lobby", "word", &json!("Zoë ë 🎲"));
        play.has_been_told("lobby word \"Zoë ë 🎲\"");
        counts(&line, 0..40);
        play.has_been_told("lobby count 39");
        assert_eq!(counted(&play), (0..40).collect::<Vec<_>>());
        play.connection()
            .send("presence-room", "client-move", &"🎲".repeat(100))
            .unwrap();
        assert_eq!(
            line.expect_event("client-move", SOON)["data"],
            "🎲".repeat(100)
        );
        line.ping(b"ping");
        assert_eq!(line.expect_pong(SOON), b"ping");
        play.connection().disconnect();
        play.frame();
        assert_eq!(line.expect_close(SOON).code, Some(1000));
        assert!(play.errors().is_empty(), "{:?}", play.errors());
        play.no_frame_stalled();
    }
}

/// Serves a play whose each connection confirms the lobby and sends three events of its own there.
fn serve_three_events_each(server: &ScriptedServer) {
    server.handle_each(|pending, number| {
        let Ok(line) = pending.try_upgrade(SOON) else {
            return;
        };
        line.reply_with(move |frame| {
            let mut answers = pusher_test_support::polite(frame);
            if frame["event"] == "pusher:subscribe" {
                let count = |part: usize| {
                    let data = (number * 3 + part).to_string();
                    json!({"event": "count", "channel": "lobby", "data": data})
                };
                answers.extend([0, 1, 2].map(count));
            }
            answers
        });
        line.establish(&format!("{number}.1"), 120);
        line.hold();
    });
}

#[test]
fn a_connection_that_breaks_after_any_byte_is_had_again_and_nothing_is_heard_twice() {
    let authority = TestAuthority::new();
    for tls in [false, true] {
        // Every byte of what is said, and of what TLS makes of it every thirteenth.
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
        let mut play = Play::on(server, |_| config);
        let lobby = play.spawn("lobby");
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
            play.until("the next connection", |world| {
                // The upgrade, the greeting, the confirmation and three events came through.
                let last = told(world).last();
                let last = last.and_then(|told| told.strip_prefix("lobby count "));
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
        play.subscribed(lobby);
        let heard = counted(&play);
        let ascends = heard.is_sorted_by(|before, after| before < after);
        assert!(ascends, "{heard:?}");
        assert!(heard.len() > 2, "{heard:?}");
        play.no_frame_stalled();
        eprintln!(
            "over TLS: {tls}; {} connections, each broken {step} bytes later",
            proxy.connections_so_far()
        );
    }
}

type Death = fn(&FaultProxy);

/// How a connection may be dead without a word.
fn silent_deaths() -> [(&'static str, Death); 3] {
    [
        ("the route vanished", |proxy| proxy.set(Fault::hold())),
        ("the server is gone and its end was lost", |proxy| {
            proxy.set_to_client(Fault::hold());
            proxy.lose_server();
        }),
        ("nothing reaches the server", |proxy| {
            proxy.set_to_server(Fault::hold())
        }),
    ]
}

#[test]
fn a_connection_that_is_dead_without_a_word_is_noticed_in_time_and_had_again_when_the_way_is_free()
{
    let patience = Duration::from_millis(200);
    for (what, die) in silent_deaths() {
        let (mut play, proxy) = through_proxy(|config| {
            config.with_timing(Timing {
                activity_timeout: patience,
                pong_timeout: patience,
                dial_timeout: patience,
                ..Timing::default()
            })
        });
        let old = play.greet_politely();
        let lobby = play.join_politely("lobby");
        die(&proxy);
        let died = Instant::now();
        play.until("noticing it", |world| {
            !world.resource::<PusherConnection>().is_connected()
        });
        let noticed = died.elapsed();
        assert!(noticed < patience * 2 + STALL * 5, "{what}: {noticed:?}");
        eprintln!(
            "{what}: noticed after {noticed:?} with 200 ms to the ping and 200 ms for the pong"
        );
        play.reported("did not answer a ping within 200ms");
        // What was said meanwhile comes when the way is free again: to nobody.
        old.event("lobby", "count", &json!(1));
        play.run_for(patience * 2);
        assert!(!play.connection().is_connected());
        proxy.set(Fault::none());
        let line = loop {
            // Dials that were held come through too, and are given up by then.
            let pending = play.server.accept_tcp(SOON);
            if pending.ended().is_some() {
                continue;
            }
            let line = pending.upgrade(SOON);
            line.reply_with(pusher_test_support::polite);
            line.establish("9.9", 120);
            play.run_for(STALL);
            if line.ended().is_none() {
                break line;
            }
        };
        play.connected_as("9.9");
        play.subscribed(lobby);
        play.hears(&line, "lobby", 1);
        assert_eq!(counted(&play), [0; 0], "{what}");
        play.no_frame_stalled();
    }
}

#[test]
fn a_pause_shorter_than_the_patience_costs_nothing() {
    let (mut play, proxy) = through_proxy(|config| heartbeat(config, 300, 2_000));
    let line = play.greet();
    let lobby = play.join(&line, "lobby");
    for part in 0..3 {
        proxy.set(Fault::hold());
        counts(&line, part * 100..part * 100 + 100);
        play.run_for(Duration::from_millis(400));
        assert!(play.connection().is_connected());
        proxy.set(Fault::none());
        play.has_been_told(&format!("lobby count {}", part * 100 + 99));
        line.find_event("pusher:ping", SOON);
    }
    assert_eq!(counted(&play), (0..300).collect::<Vec<_>>());
    assert!(play.status(lobby).is_subscribed());
    assert_eq!(proxy.connections_so_far(), 1);
    assert!(play.errors().is_empty());
}

#[test]
fn the_round_trip_is_that_of_the_way() {
    let (mut play, proxy) = through_proxy(|config| heartbeat(config, 50, 2_000));
    let _line = play.greet_politely();
    proxy.set(Fault::delay(Duration::from_millis(40)));
    play.until("a slow round trip", |world| {
        let round_trip = world.resource::<PusherConnection>().round_trip();
        round_trip.is_some_and(|time| time >= Duration::from_millis(80))
    });
    let round_trip = play.connection().round_trip().unwrap();
    assert!(
        round_trip < Duration::from_millis(80) + STALL,
        "{round_trip:?}"
    );
}

#[test]
fn of_two_dials_the_last_counts_however_late_the_first_comes_through() {
    let (mut play, proxy) = through_proxy(|config| config);
    proxy.set(Fault::hold());
    play.frame();
    play.server.expect_connections_so_far(1, SOON);
    let late = play.server.accept_tcp(SOON);
    let direct = Endpoint::custom("127.0.0.1", play.server.port());
    play.app
        .insert_resource(PusherConfig::new("app-key", direct));
    let line = play.greet();
    proxy.set(Fault::none());
    assert_eq!(late.expect_end(SOON), Ended::ByClient);
    play.run_for(A_WHILE);
    assert_eq!(play.connection().socket_id(), Some("1.1"));
    assert_eq!(play.server.connections_so_far(), 2);
    play.join(&line, "lobby");
    play.hears(&line, "lobby", 1);
}

#[test]
fn an_outage_is_told_once_a_channel_with_its_length() {
    #[derive(Resource, Default)]
    struct Gaps(Vec<(String, Duration)>);
    let (mut play, proxy) = through_proxy(|config| config);
    play.app.init_resource::<Gaps>().add_observer(
        |changed: On<PusherSubscriptionChanged>, mut gaps: ResMut<Gaps>| {
            if let Some(gap) = changed.gap() {
                gaps.0.push((changed.channel().into(), gap));
            }
        },
    );
    let line = play.greet();
    let channels = ["lobby", "cache-full", "cache-empty"];
    let entities = channels.map(|channel| play.join(&line, channel));
    let outage = Duration::from_millis(700);
    proxy.stop_listening();
    let begun = Instant::now();
    proxy.cut();
    play.run_for(outage);
    proxy.listen_again();
    let line = play.greet();
    line.expect_jsons(3, SOON);
    channels.iter().for_each(|channel| line.subscribed(channel));
    line.event("cache-full", "score", &json!(3));
    line.send(json!({"event": "pusher:cache_miss", "channel": "cache-empty", "data": "{}"}));
    for entity in entities {
        play.subscribed(entity);
    }
    play.has_been_told("cache-full score 3");
    play.has_been_told("cache-empty cache miss");
    let whole = begun.elapsed();
    let gaps = &play.app.world().resource::<Gaps>().0;
    assert_eq!(gaps.len(), 3, "{gaps:?}");
    for ((channel, gap), expected) in gaps.iter().zip(channels) {
        assert_eq!(channel, expected);
        assert!((outage..=whole).contains(gap), "{gap:?} of {whole:?}");
    }
}

#[test]
fn forty_channels_of_every_kind_and_the_user_come_back_and_talk_on_after_each_of_five_restarts() {
    let server = DevServer::start(DevServerConfig::default()).unwrap();
    let game = |user: &str| {
        let config = PusherConfig::new("app-key", Endpoint::custom("127.0.0.1", server.port()))
            .with_auth_endpoint(endpoint_as(&server.auth_endpoint(), user))
            .with_user_auth_endpoint(endpoint_as(&server.user_auth_endpoint(), user));
        let mut app = support::game(impatient(config));
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
            subscribed(&mut ann, *entity);
        }
        update_until(&mut ann, "signing in", SOON, |world| {
            world.resource::<PusherUser>().id() == Some("ann")
        });
        subscribed(&mut bob, talk);
        for name in &names {
            assert_eq!(
                server.publish(name, "back", &restart).unwrap(),
                1 + usize::from(name == "presence-room-0")
            );
        }
        for name in &names {
            has_been_told(&mut ann, &format!("{name} back {restart}"));
        }
        assert_eq!(server.publish_to_user("ann", "gift", &restart).unwrap(), 1);
        has_been_told(&mut ann, &format!("user gift {restart}"));
        let connection = bob.world().resource::<PusherConnection>();
        connection
            .send("presence-room-0", "client-hello", &restart)
            .unwrap();
        has_been_told(
            &mut ann,
            &format!("presence-room-0 client-hello {restart} from bob"),
        );
        server.set_accepting(false).unwrap();
        for app in [&mut ann, &mut bob] {
            update_until(app, "the loss", SOON, |world| {
                !world.resource::<PusherConnection>().is_connected()
            });
        }
        server.set_accepting(true).unwrap();
    }
    let events = |told: &&String| told.contains(" back ");
    assert_eq!(
        told(ann.world()).iter().filter(events).count(),
        6 * names.len()
    );
}

#[test]
fn a_game_that_subscribes_whenever_it_is_connected_hears_each_event_once() {
    let (mut play, proxy) = through_proxy(|config| config);
    play.app.add_observer(
        |changed: On<PusherConnectionChanged>, mut commands: Commands| {
            if matches!(changed.current(), ConnectionState::Connected { .. }) {
                commands.spawn(PusherChannel::from("lobby"));
            }
        },
    );
    let mut messages = bevy::ecs::message::MessageCursor::<PusherEvent>::default();
    for restart in 0..10 {
        let line = play.greet();
        play.frame();
        line.expect_event("pusher:subscribe", SOON);
        line.subscribed("lobby");
        line.event("lobby", "once", &json!(restart));
        let mut seen = 0;
        let count = |world: &mut World| {
            let all = world.resource::<Messages<PusherEvent>>();
            seen += messages.read(all).count();
            seen > 0
        };
        play.until("the event", count);
        play.run_for(A_WHILE / 4);
        let all = play.app.world().resource::<Messages<PusherEvent>>();
        assert_eq!(messages.read(all).count(), 0, "it came twice");
        line.expect_nothing(Duration::ZERO);
        drop(line);
        proxy.cut();
    }
}
