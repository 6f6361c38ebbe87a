//! Latencies: sending, receiving, and waking a sleeping app.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use bevy_app::prelude::*;
use bevy_ecs::prelude::*;
use bevy_pusher::{
    PusherWaker,
    auth::{ChannelAuthorization, authorize_with},
    config::Limits,
    prelude::*,
};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use mio::{Events, Poll, Token, Waker};
use pusher_benches::{
    firehose::Firehose,
    frames::{CHANNEL, LobbyMessage},
    game::{Game, ReceiveMode, config},
    statistics::{median, microseconds, percentile},
};

use crate::{
    arguments::Arguments,
    report::{Goal, Report, Row},
};

/// The pause before each measurement, so that all threads sleep.
const QUIET: Duration = Duration::from_millis(2);

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) {
    let firehose = Firehose::start();
    sending(&firehose, arguments, report);
    receiving(&firehose, report);
    waking(&firehose, report);
}

/// From `send` to the bytes at the server, compared with the baseline.
fn sending(firehose: &Firehose, arguments: &Arguments, report: &mut Report) {
    const ROOM: &str = "private-room";

    let config = config("127.0.0.1", firehose.port())
        .with_authorizer(authorize_with(|_| {
            Ok(ChannelAuthorization::new("k:signature"))
        }))
        .with_limits(Limits {
            client_events_per_second: None,
            ..Limits::default()
        });
    let mut game = Game::with_config(config, ReceiveMode::Typed);
    game.app.world_mut().spawn(PusherChannel::new(ROOM));
    let connection = game.wait_for_connection(firehose);
    let baseline = Baseline::start();
    let [mut sent, mut baseline_times] = [const { Vec::new() }; 2];
    for _ in 0..300 * arguments.rounds {
        thread::sleep(QUIET);
        baseline_times.push(microseconds(baseline.send()));
        thread::sleep(QUIET);
        let started = Instant::now();
        let pusher = game.app.world().resource::<PusherConnection>();
        pusher.send(ROOM, "client-wave", "hand").unwrap();
        sent.push(microseconds(connection.wait_for_event() - started));
    }
    report.add(Row::new(
        "channel, poll waker, socket: by hand",
        format!(
            "{:.0} µs, p99 {:.0} µs",
            median(&baseline_times),
            percentile(&baseline_times, 99.0)
        ),
    ));
    report.add(
        Row::new(
            "send to bytes at the server, idle client",
            format!("{:.0} µs", median(&sent)),
        )
        .against("by hand", &sent, &baseline_times, Goal::AtMost(1.5)),
    );
    let p99 = percentile(&sent, 99.0);
    report.add(Row::new("  p99", format!("{p99:.0} µs")).goal(Goal::AtMost(1000.0), p99, " µs"));
}

/// From the server's write to the system that reads the event, in an app with 60 frames per second.
fn receiving(firehose: &Firehose, report: &mut Report) {
    const EVENTS: u64 = 500;
    const FRAME: Duration = Duration::from_nanos(16_666_667);

    #[derive(Resource)]
    struct Clock(Instant, Vec<f64>);

    fn note(mut events: MessageReader<PusherEvent<LobbyMessage>>, mut clock: ResMut<Clock>) {
        for event in events.read() {
            let written = clock.0 + Duration::from_nanos(event.data().seq);
            clock.1.push(microseconds(written.elapsed()) / 1e3);
        }
    }

    let started = Instant::now();
    let mut game = Game::new(firehose.port(), ReceiveMode::Typed);
    game.app
        .insert_resource(Clock(started, Vec::new()))
        .add_systems(Update, note);
    let connection = game.wait_for_connection(firehose);
    let writer = connection.writer();
    let server = thread::spawn(move || {
        for number in 0..EVENTS {
            // Spread over all phases of a frame.
            thread::sleep(Duration::from_micros(5_000 + number * 7_919 % 16_667));
            let now = started.elapsed().as_nanos() as u64;
            writer.write_text(&LobbyMessage::new(now).on(CHANNEL));
        }
    });
    let mut next = Instant::now();
    while game.received().read < EVENTS {
        game.update();
        next += FRAME;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    server.join().unwrap();
    let times = &game.app.world().resource::<Clock>().1;
    let p99 = percentile(times, 99.0);
    report.add(
        Row::new(
            "server's write to the reading system, 60 frames/s",
            format!("{:.1} ms, p99 {p99:.1} ms", median(times)),
        )
        .goal(Goal::AtMost(17.7), p99, " ms, a frame and one more"),
    );
}

/// From the server's write to the wake-up of an app that sleeps until the plugin wakes it.
fn waking(firehose: &Firehose, report: &mut Report) {
    let (wake, woken): (Sender<Instant>, Receiver<Instant>) = bounded(1);
    let mut game = Game::new(firehose.port(), ReceiveMode::Typed);
    let connection = game.wait_for_connection(firehose);
    game.app.insert_resource(PusherWaker::new(move || {
        let _ = wake.try_send(Instant::now());
    }));
    game.update();
    let writer = connection.writer();
    let mut times = Vec::new();
    for seq in 0..1000 {
        thread::sleep(QUIET);
        let text = LobbyMessage::new(seq).on(CHANNEL);
        let started = Instant::now();
        writer.write_text(&text);
        let at = woken.recv_timeout(Duration::from_secs(10)).unwrap();
        times.push(microseconds(at - started));
        assert_eq!(game.update(), 1, "the event that woke the app is delivered");
    }
    game.check();
    let p99 = percentile(&times, 99.0);
    report.add(
        Row::new(
            "server's write to the wake-up of a sleeping game",
            format!("{:.0} µs, p99 {p99:.0} µs", median(&times)),
        )
        .goal(Goal::AtMost(2000.0), p99, " µs"),
    );
}

/// The baseline for sending: a message through a channel to a thread that sleeps in a poll and writes to a socket.
struct Baseline {
    messages: Sender<()>,
    waker: Waker,
    arrived: Receiver<Instant>,
}

impl Baseline {
    /// The same size as the frame of the client event.
    const BYTES: [u8; 70] = [0; 70];

    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.set_nodelay(true).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        let mut poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        let (messages, received) = unbounded();
        thread::spawn(move || {
            let mut events = Events::with_capacity(4);
            loop {
                poll.poll(&mut events, None).unwrap();
                for () in received.try_iter() {
                    near.write_all(&Self::BYTES).unwrap();
                }
            }
        });
        let (arrival, arrived) = unbounded();
        thread::spawn(move || {
            while far.read_exact(&mut Self::BYTES.clone()).is_ok() {
                let _ = arrival.send(Instant::now());
            }
        });
        Self {
            messages,
            waker,
            arrived,
        }
    }

    fn send(&self) -> Duration {
        let started = Instant::now();
        self.messages.send(()).unwrap();
        self.waker.wake().unwrap();
        self.arrived.recv().unwrap() - started
    }
}
