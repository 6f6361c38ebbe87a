//! A game that listens: an app without a window that reads the events in a system.

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

/// Longer than anything takes, on a busy machine too.
const SOON: Duration = Duration::from_secs(60);

/// How the game hears of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// Undecoded: by a system that reads messages, and by an observer.
    RawObserved,
    /// Decoded: by a system that reads messages, and by an observer.
    TypedObserved,
    /// Decoded: by a system that reads messages.
    Typed,
    /// Decoded, by a system that reads messages; the undecoded messages, which nobody reads, are written as well.
    TypedBesideRaw,
}

impl Hearing {
    fn is_observed(self) -> bool {
        matches!(self, Self::RawObserved | Self::TypedObserved)
    }
}

/// A game whose frames are run by hand.
pub struct Game {
    /// The app.
    pub app: App,
    /// After a frame in which there was nothing.
    pause: fn(),
}

/// What the game has heard so far.
#[derive(Resource, Default)]
pub struct Heard {
    /// How many events its system read.
    pub read: u64,
    /// How many events its observer saw.
    pub observed: u64,
    /// How many could not be decoded.
    pub failed: u64,
    /// How many were dropped on the way.
    pub lost: u64,
    /// How many did not come in their order.
    pub misplaced: u64,
    /// After so many events they count from 0 again.
    pub period: u64,
    expected: u64,
}

impl Heard {
    fn expect(&mut self, seq: u64) {
        self.read += 1;
        self.misplaced += u64::from(seq != self.expected);
        self.expected = seq + 1;
        if self.expected == self.period {
            self.expected = 0;
        }
    }
}

impl Game {
    /// A game that connects to this port of the own machine and listens to [`CHANNEL`].
    #[must_use]
    pub fn new(port: u16, hearing: Hearing) -> Self {
        Self::with_config(config("127.0.0.1", port), hearing)
    }

    /// The same, with another configuration.
    #[must_use]
    pub fn with_config(config: PusherConfig, hearing: Hearing) -> Self {
        let mut app = App::new();
        let config = config.with_raw_for_typed(hearing == Hearing::TypedBesideRaw);
        app.add_plugins(PusherPlugin::new(config))
            .init_resource::<Heard>()
            .add_systems(Update, note_losses);
        let mut lobby = app.world_mut().spawn(PusherChannel::new(CHANNEL));
        if hearing == Hearing::RawObserved {
            lobby.observe(observe_raw);
            app.add_systems(Update, read_raw);
        } else {
            if hearing.is_observed() {
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

    /// Has [`Self::run`] sleep after a frame in which there was nothing, until the plugin wakes it.
    pub fn sleep_between_events(&mut self) {
        let sleeper = thread::current();
        let waker = PusherWaker::new(move || sleeper.unpark());
        self.app.insert_resource(waker);
        self.pause = || thread::park_timeout(SOON);
    }

    /// A game whose connection stands, and the server's end of it.
    #[must_use]
    pub fn connected(
        firehose: &Firehose,
        config: PusherConfig,
        hearing: Hearing,
    ) -> (Self, Connection) {
        let mut game = Self::with_config(config, hearing);
        let connection = game.accepted(firehose);
        (game, connection)
    }

    /// Runs frames until its connection and its subscriptions stand. Returns the server's end.
    pub fn accepted(&mut self, firehose: &Firehose) -> Connection {
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
        let before = self.heard().read;
        self.app.update();
        self.heard().read - before
    }

    /// Runs frames until this is so.
    pub fn update_until(&mut self, what: &str, mut is_so: impl FnMut(&mut App) -> bool) {
        let begun = Instant::now();
        while !is_so(&mut self.app) {
            assert!(begun.elapsed() < SOON, "waited in vain for {what}");
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

    /// Runs frames as fast as it can, or [when woken](Self::sleep_between_events), until so many events were read.
    pub fn run(&mut self, events: u64) -> Run {
        let goal = self.heard().read + events;
        Run::count(events, || {
            if self.update() == 0 {
                (self.pause)();
            }
            events - goal.saturating_sub(self.heard().read)
        })
    }

    /// What it has heard so far.
    #[must_use]
    pub fn heard(&self) -> &Heard {
        self.app.world().resource()
    }

    /// Expects events to count from 0 again after so many.
    pub fn expect_period(&mut self, period: u64) {
        self.app.world_mut().resource_mut::<Heard>().period = period;
    }

    /// Fails if an event was lost, unreadable, or not in its place.
    pub fn check(&self) {
        let Heard {
            failed,
            lost,
            misplaced,
            ..
        } = *self.heard();
        assert!(
            failed == 0 && lost == 0 && misplaced == 0,
            "{failed} events failed to decode, {lost} were lost, {misplaced} came out of order"
        );
    }
}

/// What it took to read some events.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// When the last frame began that found nothing before the first event.
    pub begun: Instant,
    /// When the last event had been read.
    pub ended: Instant,
    /// The processor's time of the frames in which there were events.
    pub main_thread: Duration,
}

impl Run {
    /// Runs frames by `update`, which returns how many events were read so far, until it is so many.
    pub fn count(events: u64, mut update: impl FnMut() -> u64) -> Self {
        Self::try_count(events, SOON, || Ok(update())).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same, until `update` fails or no event came for as long as `patience`.
    pub fn try_count(
        events: u64,
        patience: Duration,
        mut update: impl FnMut() -> Result<u64, String>,
    ) -> Result<Self, String> {
        let mut run = Self {
            begun: Instant::now(),
            ended: Instant::now(),
            main_thread: Duration::ZERO,
        };
        let mut read = 0;
        while read < events {
            let (begun, time) = (Instant::now(), thread_time());
            if begun.saturating_duration_since(run.ended) >= patience {
                return Err(format!("no event came for {patience:?}"));
            }
            let now_read = update()?;
            if now_read > read {
                run.main_thread += thread_time() - time;
                run.ended = Instant::now();
            } else if read == 0 {
                run.begun = begun;
            }
            read = now_read;
        }
        Ok(run)
    }

    /// From the beginning to the end.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.ended
            .saturating_duration_since(self.begun)
            .as_secs_f64()
    }
}

/// The configuration for a server without TLS.
#[must_use]
pub fn config(host: &str, port: u16) -> PusherConfig {
    PusherConfig::new("k", Endpoint::custom(host, port))
}

/// So that the figures are the same whether Bevy was built with its executor for several threads or not.
pub fn run_on_one_thread(app: &mut App) {
    for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
}

fn read_typed(mut events: MessageReader<PusherEvent<LobbyMessage>>, mut heard: ResMut<Heard>) {
    for event in events.read() {
        heard.expect(event.data().seq);
    }
}

fn observe_typed(event: On<PusherEvent<LobbyMessage>>, mut heard: ResMut<Heard>) {
    std::hint::black_box(event.data());
    heard.observed += 1;
}

fn read_raw(mut events: MessageReader<PusherEvent>, mut heard: ResMut<Heard>) {
    for event in events.read() {
        std::hint::black_box(event.data().as_str());
        heard.read += 1;
    }
}

fn observe_raw(event: On<PusherEvent>, mut heard: ResMut<Heard>) {
    std::hint::black_box(event.data().as_str());
    heard.observed += 1;
}

fn note_losses(
    mut failures: MessageReader<PusherDecodeFailed>,
    mut losses: MessageReader<PusherLagged>,
    mut heard: ResMut<Heard>,
) {
    heard.failed += failures.read().count() as u64;
    heard.lost += losses.read().map(PusherLagged::total).sum::<u64>();
}
