//! How cost grows with the number of channels.

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy_pusher::prelude::*;
use pusher_benches::{
    clocks::{Thread, thread_time},
    firehose::{Connection, Firehose},
    frames::{Frames, LobbyMessage},
    game::{Game, Hearing, config},
    statistics::{median, microseconds, nanoseconds_each},
};

use crate::{
    main_thread::{burst, unhurried},
    report::{Goal, Report, Row},
};

const EVENTS: u64 = 10_000;
const ROUNDS: u64 = 15;

/// What costs should stay flat; memory that no cache holds any more shows all the same.
const FLAT: f64 = 1.5;

/// A game that holds so many channels, the lobby included.
struct Held {
    game: Game,
    connection: Connection,
    network: Option<Thread>,
    /// From the connection to the last subscription.
    subscribing: Duration,
}

/// Nanoseconds, round by round.
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

impl Held {
    fn new(firehose: &Firehose, channels: usize) -> Self {
        let config = unhurried(config("127.0.0.1", firehose.port()));
        let mut game = Game::with_config(config, Hearing::Typed);
        let names = (1..channels).map(|number| PusherChannel::new(room(number)));
        game.app.world_mut().spawn_batch(names.collect::<Vec<_>>());
        let mut accepted = None;
        game.update_until("the connection", |_| {
            accepted = firehose.try_accept();
            accepted.is_some()
        });
        let begun = Instant::now();
        game.update_until_subscribed();
        let subscribing = begun.elapsed();
        let connection = accepted.unwrap();
        connection.settle();
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

    /// Nanoseconds for each event, on the network thread and on the main thread.
    fn event(&mut self, frames: &Frames) -> (f64, f64) {
        let before = self.network_time();
        let main = burst(&mut self.game, &self.connection, frames);
        let network = self.network_time() - before;
        let each = |time| nanoseconds_each(time, frames.count());
        (each(network), each(main))
    }

    /// Nanoseconds for a frame in which nothing happens.
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
            .map(|_| microseconds(Held::new(firehose, channels).subscribing) / channels as f64)
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
    let mut one = Held::new(firehose, 1);
    let mut many = Held::new(firehose, 10_000);
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

/// Events of a hundred channels in turn, so that no event is of the same channel as the one before.
fn alternating(firehose: &Firehose, report: &mut Report) {
    let in_turn = Frames::of((0..EVENTS).map(|seq| {
        let channel = format!("room-{:05}", seq % 99 + 1);
        LobbyMessage::new(seq).on(&channel)
    }));
    let of_one = Frames::of((0..EVENTS).map(|seq| LobbyMessage::new(seq).on("room-00001")));
    let mut held = Held::new(firehose, 100);
    let [mut one, mut all] = [Times::default(), Times::default()];
    for _ in 0..ROUNDS {
        one.add(held.event(&of_one), 0.0);
        all.add(held.event(&in_turn), 0.0);
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

/// A hundred events a second on each of a hundred channels, in a game of 60 frames a second.
fn trickling(firehose: &Firehose, report: &mut Report) {
    const SECONDS: u64 = 5;
    const FRAME: Duration = Duration::from_nanos(16_666_667);
    const TICKS: u64 = 100 * SECONDS;

    let mut held = Held::new(firehose, 101);
    let (network, writer) = (held.network_time(), held.connection.writer());
    let begun = Instant::now();
    let server = thread::spawn(move || {
        for tick in 0..TICKS {
            for channel in 1..=100 {
                writer.write_text(&LobbyMessage::new(tick).on(&room(channel)));
            }
            let next = begun + Duration::from_millis(10) * (tick as u32 + 1);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    });
    let goal = held.game.heard().read + TICKS * 100;
    let mut main = Duration::ZERO;
    let mut next = begun;
    while held.game.heard().read < goal {
        let before = thread_time();
        held.game.update();
        main += thread_time() - before;
        next += FRAME;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    server.join().unwrap();
    held.connection.settle();
    let elapsed = begun.elapsed().as_secs_f64();
    let share = |time: Duration| time.as_secs_f64() / elapsed * 100.0;
    report.add(Row::new(
        "100 channels × 100 events/s at 60 frames/s",
        format!(
            "{:.1} % of a processor on the network thread, {:.1} % on the main thread",
            share(held.network_time() - network),
            share(main)
        ),
    ));
}

fn room(number: usize) -> String {
    format!("room-{number:05}")
}
