//! An app with the plugin, without a window, whose system reads the events.

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy_app::prelude::*;
use bevy_ecs::{
    prelude::*,
    schedule::{Schedules, SingleThreadedExecutor},
};
use bevy_pusher::{PusherWaker, config::Endpoint, prelude::*};

use crate::{
    clocks::thread_time,
    firehose::{Connection, Firehose},
    frames::{CHANNEL, EVENT, LobbyMessage},
};

/// Longer than any operation takes, even on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How the app receives events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveMode {
    /// Undecoded: by a system that reads messages, and by an observer.
    RawObserved,
    /// Decoded: by a system that reads messages, and by an observer.
    TypedObserved,
    /// Decoded: by a system that reads messages.
    Typed,
    /// Decoded: by a system that reads messages. The undecoded messages are written as well, but not read.
    TypedBesideRaw,
}

impl ReceiveMode {
    fn is_observed(self) -> bool {
        matches!(self, Self::RawObserved | Self::TypedObserved)
    }
}

/// An app whose frames are run explicitly.
pub struct Game {
    /// The Bevy app.
    pub app: App,
    /// Called after a frame in which nothing was read.
    pause: fn(),
}

/// Counts of the events that the app has received.
#[derive(Resource, Default)]
pub struct Received {
    /// The number of events that the system has read.
    pub read: u64,
    /// The number of events that the observer has seen.
    pub observed: u64,
    /// The number of events that could not be decoded.
    pub failed: u64,
    /// The number of events that were dropped.
    pub lost: u64,
    /// The number of events that arrived out of order.
    pub out_of_order: u64,
    /// After this many events the index starts from 0 again.
    pub period: u64,
    expected: u64,
}

impl Received {
    fn expect(&mut self, seq: u64) {
        self.read += 1;
        self.out_of_order += u64::from(seq != self.expected);
        self.expected = seq + 1;
        if self.expected == self.period {
            self.expected = 0;
        }
    }
}

impl Game {
    /// Creates an app that connects to this port on localhost and subscribes to [`CHANNEL`].
    #[must_use]
    pub fn new(port: u16, mode: ReceiveMode) -> Self {
        Self::with_config(config("127.0.0.1", port), mode)
    }

    /// Like [`Self::new`], with another configuration.
    #[must_use]
    pub fn with_config(config: PusherConfig, mode: ReceiveMode) -> Self {
        let mut app = App::new();
        let config = config.with_raw_for_typed(mode == ReceiveMode::TypedBesideRaw);
        app.add_plugins(PusherPlugin::new(config))
            .init_resource::<Received>()
            .add_systems(Update, record_losses);
        let mut lobby = app.world_mut().spawn(PusherChannel::new(CHANNEL));
        if mode == ReceiveMode::RawObserved {
            lobby.observe(observe_raw);
            app.add_systems(Update, read_raw);
        } else {
            if mode.is_observed() {
                lobby.observe(observe_typed);
            }
            app.add_pusher_event::<LobbyMessage>(EVENT)
                .add_systems(Update, read_typed);
        }
        run_on_one_thread(&mut app);
        Self {
            app,
            pause: thread::yield_now,
        }
    }

    /// Makes [`Self::run`] sleep after a frame in which nothing was read, until the plugin wakes it.
    pub fn sleep_between_events(&mut self) {
        let sleeper = thread::current();
        let waker = PusherWaker::new(move || sleeper.unpark());
        self.app.insert_resource(waker);
        self.pause = || thread::park_timeout(TIMEOUT);
    }

    /// Creates a connected app, and returns it with the server's side of the connection.
    #[must_use]
    pub fn connected(
        firehose: &Firehose,
        config: PusherConfig,
        mode: ReceiveMode,
    ) -> (Self, Connection) {
        let mut game = Self::with_config(config, mode);
        let connection = game.wait_for_connection(firehose);
        (game, connection)
    }

    /// Runs frames until the app is connected and subscribed. Returns the server's side of the connection.
    pub fn wait_for_connection(&mut self, firehose: &Firehose) -> Connection {
        let mut accepted = None;
        self.update_until("the connection", |_| {
            accepted = firehose.try_accept();
            accepted.is_some()
        });
        self.update_until_subscribed();
        accepted.unwrap()
    }

    /// Runs a frame. Returns how many events were read in it.
    pub fn update(&mut self) -> u64 {
        let before = self.received().read;
        self.app.update();
        self.received().read - before
    }

    /// Runs frames until the condition is true.
    pub fn update_until(&mut self, what: &str, mut condition: impl FnMut(&mut App) -> bool) {
        let started = Instant::now();
        while !condition(&mut self.app) {
            assert!(started.elapsed() < TIMEOUT, "timed out waiting for {what}");
            self.app.update();
            thread::yield_now();
        }
    }

    /// Runs frames until all channels are subscribed.
    pub fn update_until_subscribed(&mut self) {
        let mut waiting = self
            .app
            .world_mut()
            .query_filtered::<(), (With<PusherChannel>, Without<PusherSubscribed>)>();
        self.update_until("the subscriptions", |app| {
            waiting.iter(app.world()).next().is_none()
        });
    }

    /// Runs frames until this many events have been read: without pause, or [when woken](Self::sleep_between_events).
    pub fn run(&mut self, events: u64) -> Run {
        let goal = self.received().read + events;
        Run::count(events, || {
            if self.update() == 0 {
                (self.pause)();
            }
            events - goal.saturating_sub(self.received().read)
        })
    }

    /// Returns what the app has received so far.
    #[must_use]
    pub fn received(&self) -> &Received {
        self.app.world().resource()
    }

    /// Expects the index to start from 0 again after this many events.
    pub fn expect_period(&mut self, period: u64) {
        self.app.world_mut().resource_mut::<Received>().period = period;
    }

    /// Panics if an event was lost, could not be decoded, or arrived out of order.
    pub fn check(&self) {
        let Received {
            failed,
            lost,
            out_of_order,
            ..
        } = *self.received();
        assert!(
            failed == 0 && lost == 0 && out_of_order == 0,
            "{failed} events failed to decode, {lost} were lost, {out_of_order} arrived out of order"
        );
    }
}

/// The measurement of a number of events.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// When the last frame started that found nothing before the first event.
    pub started: Instant,
    /// When the last event had been read.
    pub ended: Instant,
    /// The CPU time of the frames that read events.
    pub main_thread: Duration,
}

impl Run {
    /// Runs frames by `update`, which returns how many events have been read so far, until it returns this many.
    pub fn count(events: u64, mut update: impl FnMut() -> u64) -> Self {
        Self::try_count(events, TIMEOUT, || Ok(update())).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Like [`Self::count`], but returns an error if `update` fails or no event arrives for `timeout`.
    pub fn try_count(
        events: u64,
        timeout: Duration,
        mut update: impl FnMut() -> Result<u64, String>,
    ) -> Result<Self, String> {
        let mut run = Self {
            started: Instant::now(),
            ended: Instant::now(),
            main_thread: Duration::ZERO,
        };
        let mut read = 0;
        while read < events {
            let (started, time) = (Instant::now(), thread_time());
            if started.saturating_duration_since(run.ended) >= timeout {
                return Err(format!("no event arrived for {timeout:?}"));
            }
            let now_read = update()?;
            if now_read > read {
                run.main_thread += thread_time() - time;
                run.ended = Instant::now();
            } else if read == 0 {
                run.started = started;
            }
            read = now_read;
        }
        Ok(run)
    }

    /// Returns the time between the start and the end.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.ended
            .saturating_duration_since(self.started)
            .as_secs_f64()
    }
}

/// Returns the configuration for a server without TLS.
#[must_use]
pub fn config(host: &str, port: u16) -> PusherConfig {
    PusherConfig::new("k", Endpoint::custom(host, port))
}

/// Uses the single-threaded executor, so that the figures do not depend on whether Bevy is built with `multi_threaded`.
pub fn run_on_one_thread(app: &mut App) {
    for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
}

fn read_typed(
    mut events: MessageReader<PusherEvent<LobbyMessage>>,
    mut received: ResMut<Received>,
) {
    for event in events.read() {
        received.expect(event.data().seq);
    }
}

fn observe_typed(event: On<PusherEvent<LobbyMessage>>, mut received: ResMut<Received>) {
    std::hint::black_box(event.data());
    received.observed += 1;
}

fn read_raw(mut events: MessageReader<PusherEvent>, mut received: ResMut<Received>) {
    for event in events.read() {
        std::hint::black_box(event.data().as_str());
        received.read += 1;
    }
}

fn observe_raw(event: On<PusherEvent>, mut received: ResMut<Received>) {
    std::hint::black_box(event.data().as_str());
    received.observed += 1;
}

fn record_losses(
    mut failures: MessageReader<PusherDecodeFailed>,
    mut losses: MessageReader<PusherLagged>,
    mut received: ResMut<Received>,
) {
    received.failed += failures.read().count() as u64;
    received.lost += losses.read().map(PusherLagged::total).sum::<u64>();
}
