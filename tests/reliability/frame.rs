//! The frame: never kept waiting, never overrun, and it misses nothing.

use bevy_pusher::{LagCause, auth::AuthEndpoint};
use pusher_test_support::{Answer, BlackHole, ScriptedAuth};

use super::{
    process::{self, Holdings, processor_time},
    *,
};

/// What the plugin may take of a frame, with some for the measuring in a build without optimizations.
const MOST: Duration = Duration::from_millis(10);

/// How long frames took.
#[derive(Default)]
struct Frames {
    times: Vec<Duration>,
}

impl Frames {
    /// Runs one frame of an app that does nothing of its own, and measures it in time of its processor: how long others
    /// had it says nothing of the plugin.
    fn run(&mut self, play: &mut Play) {
        let begun = processor_time();
        play.frame();
        self.times.push(processor_time() - begun);
    }

    fn run_for(&mut self, play: &mut Play, time: Duration) {
        // The first one of an app sets up its schedules.
        play.frame();
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.run(play);
        }
    }

    /// One frame may be long: what the host of a virtual machine takes counts as the processor's time. Not the first one,
    /// in which what has piled up would show.
    fn check(mut self, what: &str) {
        let first = self.times[0];
        self.times.sort_unstable();
        let longest = self.times[self.times.len() - 1];
        let median = self.times[self.times.len() / 2];
        eprintln!(
            "{what}: {} frames, median {median:?}, longest {longest:?}",
            self.times.len()
        );
        let next = self.times[self.times.len().saturating_sub(2)];
        assert!(first < MOST && next < MOST, "{what}: {first:?}, {next:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_frame_waits_for_a_backend_that_never_answers() {
    let auth = ScriptedAuth::always(Answer::never());
    let (mut play, line) = Play::online_with(|config| {
        config
            .with_auth_endpoint(AuthEndpoint::new(auth.url("/")))
            .with_timing(Timing {
                authorization_timeout: Duration::from_millis(200),
                ..Timing::default()
            })
    });
    line.reply_with(pusher_test_support::polite);
    for number in 0..50 {
        support::spawn(&mut play.app, &format!("private-{number}"));
    }
    let mut frames = Frames::default();
    frames.run_for(&mut play, Duration::from_secs(1));
    frames.check("fifty channels whose backend never answers");
    play.join_politely("lobby");
    play.no_frame_stalled();
}

#[cfg(target_os = "linux")]
#[test]
fn no_frame_waits_for_a_host_that_does_not_answer_and_is_dialled_again_and_again() {
    let black_hole = BlackHole::start();
    let mut play = Play::at(black_hole.port(), ScriptedServer::start(), |config| {
        config.with_timing(Timing {
            dial_timeout: Duration::from_millis(50),
            ..Timing::default()
        })
    });
    let mut frames = Frames::default();
    frames.run_for(&mut play, Duration::from_secs(1));
    frames.check("a host that does not answer");
    assert!(play.errors().len() > 3);
    play.no_frame_stalled();
}

#[cfg(target_os = "linux")]
#[test]
fn no_frame_waits_for_a_server_that_does_not_read() {
    let server = ScriptedServer::builder().receive_buffer(4096).start();
    let unlimited = Limits {
        client_events_per_second: None,
        ..Limits::default()
    };
    let mut play = Play::on(server, |config| {
        let_in(config, "ann").with_limits(unlimited)
    });
    let line = play.greet();
    play.join(&line, "private-room");
    line.stop_reading();
    let filling = "x".repeat(8_000);
    let mut frames = Frames::default();
    for _ in 0..100 {
        for _ in 0..10 {
            let sent = play
                .connection()
                .send("private-room", "client-move", &filling);
            sent.unwrap();
        }
        frames.run(&mut play);
    }
    frames.check("a thousand client events to a server that does not read");
    play.no_frame_stalled();
}

#[cfg(target_os = "linux")]
#[test]
fn no_frame_of_a_flood_takes_longer_than_its_budget() {
    let (mut play, line) = Play::online();
    let lobby = play.join(&line, "lobby");
    let events: Vec<String> = (0..50_000)
        .map(|number: u32| {
            json!({"event": "count", "channel": "lobby", "data": number.to_string()}).to_string()
        })
        .collect();
    let mut frames = Frames::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for part in events.chunks(500) {
                line.send_texts_at_once(part);
            }
        });
        let last = "lobby count 49999".to_owned();
        while play.told().last() != Some(&last) {
            frames.run(&mut play);
            assert!(frames.times.len() < 100_000, "the flood never ends");
        }
    });
    frames.check("a flood of 50,000 events");
    assert!(play.status(lobby).is_subscribed());
    play.no_frame_stalled();
}

/// What arrived after an absence, in its order.
#[derive(Resource, Default)]
struct Arrived {
    next: u64,
    count: u64,
    lost: u64,
}

fn arrive(event: On<PusherEvent>, mut arrived: ResMut<Arrived>) {
    let number: u64 = event.data().parse().unwrap();
    assert_eq!(
        number, arrived.next,
        "in order, with what is lost told in its place"
    );
    arrived.next += 1;
    arrived.count += 1;
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_absence_costs_bounded_memory_an_exact_count_and_no_long_frame() {
    let test = "frame::a_long_absence_costs_bounded_memory_an_exact_count_and_no_long_frame";
    // Alone, so that the memory is that of one game (and of its server).
    if process::ran_alone(test, SOON * 6) {
        return;
    }
    // Ten minutes at 500 events a second.
    let all = 300_000_u64;
    let server = ScriptedServer::start();
    let endpoint = Endpoint::custom("127.0.0.1", server.port());
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        PusherPlugin::new(PusherConfig::new("app-key", endpoint)),
    ))
    .init_resource::<Arrived>()
    .add_observer(arrive)
    .add_observer(|lagged: On<PusherLagged>, mut arrived: ResMut<Arrived>| {
        // A quick machine hands over more messages at once than are kept for readers, of which there are none here.
        if lagged.cause() == LagCause::Waiting {
            arrived.next += lagged.total();
            arrived.lost += lagged.total();
        }
    });
    app.update();
    let line = server.accept(SOON);
    line.reply_with(pusher_test_support::polite);
    line.establish("1.1", 120);
    support::join(&mut app, "lobby");

    let before = Holdings::now();
    let event = |number: u64| {
        json!({"event": "count", "channel": "lobby", "data": number.to_string()}).to_string()
    };
    for start in (0..all).step_by(1000) {
        line.send_texts_at_once((start..start + 1000).map(event));
    }
    // An answered ping shows that the client has read all that was sent before it, a second one that it handed it over.
    for _ in 0..2 {
        line.send(json!({"event": "pusher:ping"}));
        line.find_event("pusher:pong", SOON);
    }
    let after = Holdings::now();
    let grown = after.kib.saturating_sub(before.kib) >> 10;
    assert!(grown < 80, "{grown} MiB");

    let back = Instant::now();
    let mut times = vec![];
    while app.world().resource::<Arrived>().next != all {
        let begun = processor_time();
        app.update();
        times.push(processor_time() - begun);
        assert!(back.elapsed() < SOON);
    }
    let took = back.elapsed();
    let Arrived { count, lost, .. } = *app.world().resource::<Arrived>();
    assert_eq!(count + lost, all);
    assert!(count <= 131_072, "{count}");
    eprintln!(
        "{all} events without a frame: {grown} MiB, {lost} lost and counted, {count} caught up with in {took:?}"
    );
    Frames { times }.check("catching up");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "long"]
fn a_game_that_is_stuck_in_a_system_for_a_minute_answers_pings_and_keeps_its_connection() {
    let (mut play, line) = Play::online();
    play.join(&line, "lobby");
    play.app.add_systems(Update, |mut stuck: Local<bool>| {
        if !std::mem::replace(&mut *stuck, true) {
            std::thread::sleep(Duration::from_secs(60));
        }
    });
    let slowest = std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let begun = Instant::now();
            let mut slowest = Duration::ZERO;
            while begun.elapsed() < Duration::from_secs(58) {
                let asked = Instant::now();
                line.send(json!({"event": "pusher:ping", "data": {}}));
                line.expect_event("pusher:pong", SOON);
                slowest = slowest.max(asked.elapsed());
                std::thread::sleep(Duration::from_millis(500));
            }
            slowest
        });
        play.app.update();
        server.join().unwrap()
    });
    eprintln!("slowest pong of a game that is stuck for a minute: {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    play.hears(&line, "lobby", 1);
    assert_eq!(play.server.connections_so_far(), 1);
}

#[test]
fn a_system_that_begins_to_look_late_finds_how_things_are() {
    #[derive(Resource, Default)]
    struct Look(bool);
    #[derive(Resource, Default)]
    struct Seen(Vec<String>);
    let (mut play, line) = Play::online_with(|config| let_in(config, "ann"));
    play.app
        .init_resource::<Look>()
        .init_resource::<Seen>()
        .add_systems(
            Update,
            (|connection: Res<PusherConnection>,
              rooms: Query<(&PusherChannel, &PusherMembers), With<PusherSubscribed>>,
              mut seen: ResMut<Seen>| {
                for (channel, members) in &rooms {
                    let ids: Vec<&str> = members.iter().map(|member| member.id()).collect();
                    let socket_id = connection.socket_id().unwrap();
                    seen.0.push(format!("{socket_id} {} {ids:?}", channel.0));
                }
            })
            .run_if(|look: Res<Look>| look.0),
        );
    let room = play.spawn("presence-room");
    line.expect_event("pusher:subscribe", SOON);
    let roster = json!({"presence": {"count": 1, "ids": ["ann"], "hash": {"ann": null}}});
    line.event(
        "presence-room",
        "pusher_internal:subscription_succeeded",
        &roster,
    );
    play.subscribed(room);
    line.event(
        "presence-room",
        "pusher_internal:member_added",
        &json!({"user_id": "bob"}),
    );
    play.has_been_told("presence-room +bob");
    for _ in 0..10 {
        play.frame();
    }
    play.app.insert_resource(Look(true));
    play.frame();
    let expected = r#"1.1 presence-room ["ann", "bob"]"#;
    assert_eq!(play.app.world().resource::<Seen>().0, [expected]);
}

#[test]
fn run_conditions_follow_the_state() {
    #[derive(Resource, Default)]
    struct Ran(Vec<&'static str>);
    let note = |word: &'static str| {
        move |mut ran: ResMut<Ran>| {
            if ran.0.last() != Some(&word) {
                ran.0.push(word);
            }
        }
    };
    let mut play = Play::with(|config| config.with_reconnect(retry_after(300, 400)));
    play.app.init_resource::<Ran>().add_systems(
        Update,
        (
            note("connected").run_if(pusher_connected),
            note("waiting").run_if(pusher_waiting),
            note("failed").run_if(pusher_failed),
            note("signed in").run_if(pusher_signed_in),
        ),
    );
    let line = play.greet();
    line.close(1000, "");
    play.until("waiting", |world| {
        let connection = world.resource::<PusherConnection>();
        connection.retry_at().is_some()
    });
    let line = play.greet();
    line.close(4001, "");
    play.failed();
    let ran = &play.app.world().resource::<Ran>().0;
    assert_eq!(*ran, ["connected", "waiting", "connected", "failed"]);
}
