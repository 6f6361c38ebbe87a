//! How the cost depends on the number of channels.

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy_pusher::prelude::*;
use pusher_benches::{
    clocks::{Thread, thread_time},
    firehose::{Connection, Firehose},
    frames::{Frames, LobbyMessage},
    game::{Game, ReceiveMode, config},
    statistics::{median, microseconds, nanoseconds_each},
};

use crate::{
    main_thread::{burst, without_receive_limits},
    report::{Goal, Report, Row},
};

const EVENTS: u64 = 10_000;
const ROUNDS: u64 = 15;

/// The cost should not grow with the number of channels. The tolerance is for CPU cache misses, which the larger memory causes.
const FLAT: f64 = 1.5;

/// An app that is subscribed to a number of channels, including the lobby.
struct SubscribedGame {
    game: Game,
    connection: Connection,
    network: Option<Thread>,
    /// The time from the connection to the last subscription.
    subscribing: Duration,
}

/// Times in nanoseconds, one per round.
#[derive(Default)]
struct Times {
    network: Vec<f64>,
    main: Vec<f64>,
    frame: Vec<f64>,
}

impl Times {
    fn add(&mut self, (network, main): (f64, f64), frame: f64) {
        self.network.push(network);
        self.main.push(main);
        self.frame.push(frame);
    }
}

impl SubscribedGame {
    fn new(firehose: &Firehose, channels: usize) -> Self {
        let config = without_receive_limits(config("127.0.0.1", firehose.port()));
        let mut game = Game::with_config(config, ReceiveMode::Typed);
        let names = (1..channels).map(|number| PusherChannel::new(room(number)));
        game.app.world_mut().spawn_batch(names.collect::<Vec<_>>());
        let mut accepted = None;
        game.update_until("the connection", |_| {
            accepted = firehose.try_accept();
            accepted.is_some()
        });
        let started = Instant::now();
        game.update_until_subscribed();
        let subscribing = started.elapsed();
        let connection = accepted.unwrap();
        connection.wait_until_read();
        Self {
            game,
            connection,
            network: Thread::network(),
            subscribing,
        }
    }

    fn network_time(&self) -> Duration {
        self.network.as_ref().map_or(Duration::ZERO, Thread::time)
    }

    /// Returns the time per event in nanoseconds, on the network thread and on the main thread.
    fn event(&mut self, frames: &Frames) -> (f64, f64) {
        let before = self.network_time();
        let main = burst(&mut self.game, &self.connection, frames);
        let network = self.network_time() - before;
        let each = |time| nanoseconds_each(time, frames.count());
        (each(network), each(main))
    }

    /// Returns the time of a frame without events, in nanoseconds.
    fn frame(&mut self) -> f64 {
        const FRAMES: u64 = 200;
        let before = thread_time();
        for _ in 0..FRAMES {
            self.game.update();
        }
        nanoseconds_each(thread_time() - before, FRAMES)
    }
}

pub(crate) fn measure(report: &mut Report) {
    let firehose = Firehose::start();
    subscribing(&firehose, report);
    holding(&firehose, report);
    alternating(&firehose, report);
    trickling(&firehose, report);
}

fn subscribing(firehose: &Firehose, report: &mut Report) {
    let [few, many] = [1_000, 10_000].map(|channels| {
        let times: Vec<f64> = (0..5)
            .map(|_| {
                microseconds(SubscribedGame::new(firehose, channels).subscribing) / channels as f64
            })
            .collect();
        report.add(Row::new(
            format!("subscribing {channels} channels on connect"),
            format!("{:.1} µs each", median(&times)),
        ));
        times
    });
    report.add(Row::new("a channel among 10,000", "").against(
        "among 1,000",
        &many,
        &few,
        Goal::AtMost(FLAT),
    ));
}

fn holding(firehose: &Firehose, report: &mut Report) {
    let frames = Frames::lobby(EVENTS);
    let mut one = SubscribedGame::new(firehose, 1);
    let mut many = SubscribedGame::new(firehose, 10_000);
    let [mut few, mut lots] = [Times::default(), Times::default()];
    for _ in 0..ROUNDS {
        few.add(one.event(&frames), one.frame());
        lots.add(many.event(&frames), many.frame());
    }
    for (title, own, other) in [
        ("an event, network thread", &lots.network, &few.network),
        ("an event, main thread", &lots.main, &few.main),
        ("a frame without events", &lots.frame, &few.frame),
    ] {
        report.add(
            Row::new(
                format!("10,000 channels: {title}"),
                format!("{:.0} ns", median(own)),
            )
            .against("with one", own, other, Goal::AtMost(FLAT)),
        );
    }
}

/// Events of a hundred channels in turn, so that consecutive events never have the same channel.
fn alternating(firehose: &Firehose, report: &mut Report) {
    let in_turn = Frames::of((0..EVENTS).map(|seq| {
        let channel = format!("room-{:05}", seq % 99 + 1);
        LobbyMessage::new(seq).on(&channel)
    }));
    let of_one = Frames::of((0..EVENTS).map(|seq| LobbyMessage::new(seq).on("room-00001")));
    let mut subscribed = SubscribedGame::new(firehose, 100);
    let [mut one, mut all] = [Times::default(), Times::default()];
    for _ in 0..ROUNDS {
        one.add(subscribed.event(&of_one), 0.0);
        all.add(subscribed.event(&in_turn), 0.0);
    }
    for (title, own, other) in [
        ("network thread", &all.network, &one.network),
        ("main thread", &all.main, &one.main),
    ] {
        report.add(
            Row::new(
                format!("events of 100 channels in turn, {title}"),
                format!("{:.0} ns each", median(own)),
            )
            .beside("of one channel", own, other),
        );
    }
}

/// A hundred events per second on each of a hundred channels, in an app with 60 frames per second.
fn trickling(firehose: &Firehose, report: &mut Report) {
    const SECONDS: u64 = 5;
    const FRAME: Duration = Duration::from_nanos(16_666_667);
    const TICKS: u64 = 100 * SECONDS;

    let mut subscribed = SubscribedGame::new(firehose, 101);
    let (network, writer) = (subscribed.network_time(), subscribed.connection.writer());
    let started = Instant::now();
    let server = thread::spawn(move || {
        for tick in 0..TICKS {
            for channel in 1..=100 {
                writer.write_text(&LobbyMessage::new(tick).on(&room(channel)));
            }
            let next = started + Duration::from_millis(10) * (tick as u32 + 1);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    });
    let goal = subscribed.game.received().read + TICKS * 100;
    let mut main = Duration::ZERO;
    let mut next = started;
    while subscribed.game.received().read < goal {
        let before = thread_time();
        subscribed.game.update();
        main += thread_time() - before;
        next += FRAME;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    server.join().unwrap();
    subscribed.connection.wait_until_read();
    let elapsed = started.elapsed().as_secs_f64();
    let share = |time: Duration| time.as_secs_f64() / elapsed * 100.0;
    report.add(Row::new(
        "100 channels × 100 events/s at 60 frames/s",
        format!(
            "{:.1} % of a processor on the network thread, {:.1} % on the main thread",
            share(subscribed.network_time() - network),
            share(main)
        ),
    ));
}

fn room(number: usize) -> String {
    format!("room-{number:05}")
}
