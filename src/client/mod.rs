//! One client: its driver, what goes out to it, what comes back.

mod drive;
mod line;
#[cfg(test)]
mod tests;

pub(crate) use drive::{Drive, StartDriver, start_driver};
pub(crate) use line::Line;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bevy_ecs::{change_detection::Tick, prelude::*};
use bevy_platform::time::Instant;
use pusher_protocol::{
    ChannelName,
    session::{
        Command, ConnectionError, ConnectionState, Notice, PusherError, SendError, SendOutcome,
        SignInState, SubscriptionStatus,
    },
};

use crate::{
    config::PusherConfig,
    handover::{EventTypes, HandoverSink, Mailbox},
};

/// A driver that ended by itself, or could not be started, is followed by another after this time at the earliest: a game
/// may ask for one in every frame.
const STARTS_APART: Duration = Duration::from_secs(1);

/// So many drivers may be started in [`STARTS_SPAN`], each of which connects: a game may take its configuration away and bring
/// it back all the time.
const STARTS: usize = 5;

/// The span in which [`STARTS`] are counted.
const STARTS_SPAN: Duration = Duration::from_secs(5);

/// Owns the driver, and follows the configuration.
#[derive(Resource)]
pub(crate) struct Client {
    start: StartDriver,
    line: Arc<Line>,
    mailbox: Arc<Mailbox>,
    running: Option<Running>,
    /// Without a driver: that there was one which ended by itself, or was to be one.
    ended: Option<Ended>,
    /// When the last ones were started.
    starts: VecDeque<Instant>,
    /// When the configuration that was last followed was inserted.
    followed: Option<Tick>,
    #[cfg(not(target_arch = "wasm32"))]
    ending: Vec<std::thread::JoinHandle<()>>,
}

struct Running {
    config: PusherConfig,
    started: Instant,
}

struct Ended {
    at: Instant,
    /// What ran last, if anything ever did.
    was: Option<Running>,
}

impl Client {
    pub(crate) fn new(start: StartDriver) -> Self {
        Self {
            start,
            line: Arc::default(),
            mailbox: Arc::default(),
            running: None,
            ended: None,
            starts: VecDeque::new(),
            followed: None,
            #[cfg(not(target_arch = "wasm32"))]
            ending: Vec::new(),
        }
    }

    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(crate) fn config(&self) -> Option<&PusherConfig> {
        self.last().map(|running| &running.config)
    }

    /// The moment from which the session counts its time.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.last().map(|running| running.started)
    }

    fn last(&self) -> Option<&Running> {
        let ended = self.ended.as_ref();
        let running = self.running.as_ref();
        running.or_else(|| ended?.was.as_ref())
    }

    pub(crate) fn command(&self, command: Command) {
        self.line.command(command);
    }

    /// Whether a configuration was followed, with success or without, and not given up since.
    pub(crate) fn has_followed(&self) -> bool {
        self.followed.is_some()
    }

    /// Whether there is something to do about a configuration that was inserted at that time.
    pub(crate) fn is_behind(&self, inserted: Tick) -> bool {
        let is_another = self.followed != Some(inserted);
        if self.is_running() {
            return is_another;
        }
        (is_another || self.line.lacks_driver()) && self.may_start()
    }

    fn may_start(&self) -> bool {
        let has_just_ended = |ended: &Ended| ended.at.elapsed() < STARTS_APART;
        let is_lately = |started: &&Instant| started.elapsed() < STARTS_SPAN;
        !self.ended.as_ref().is_some_and(has_just_ended)
            && self.starts.iter().filter(is_lately).count() < STARTS
    }

    /// Takes note that a configuration was inserted. Returns whether it changes nothing.
    pub(crate) fn knows(&mut self, config: &PusherConfig, inserted: Tick) -> bool {
        self.followed = Some(inserted);
        let running = self.running.as_ref();
        running.is_some_and(|running| running.config.is_same(config))
    }

    /// Starts with this configuration, or goes over to it. Returns whether it is a new start.
    pub(crate) fn follow(&mut self, config: &PusherConfig, types: &EventTypes) -> bool {
        types.set_raw_for_typed(config.raw_for_typed);
        self.mailbox.set_limits(config.limits());
        if let Some(running) = &mut self.running {
            let needs_redial = running.config.needs_redial(config);
            running.config = config.clone();
            self.line.with_driver(|driver| {
                driver.configure(config);
                if needs_redial {
                    driver.command(Command::Redial);
                }
            });
            return false;
        }
        let mut connect = config.autoconnect;
        if let Some(ended) = &mut self.ended {
            if let Some(was) = &mut ended.was {
                let is_other = was.config.needs_redial(config);
                was.config = config.clone();
                if !is_other && !self.line.lacks_driver() {
                    return false;
                }
                connect = self.line.is_connection_wanted();
                // Whatever that one still has to say of itself is no news.
                self.mailbox = self.mailbox.hand_on();
            }
            ended.at = Instant::now();
        }
        self.starts.truncate(STARTS - 1);
        self.starts.push_front(Instant::now());
        let sink = HandoverSink::new(self.mailbox.clone(), types.clone());
        match (self.start)(config, sink) {
            Ok(driver) => {
                self.ended = None;
                self.running = Some(Running {
                    config: config.clone(),
                    started: driver.started(),
                });
                self.line.attach(driver, connect);
                true
            }
            Err(error) => {
                let error = ConnectionError::Unsupported(format!(
                    "the client could not be started: {error}"
                ));
                self.line.give_up_connecting();
                self.ended.get_or_insert_with(|| Ended {
                    at: Instant::now(),
                    was: None,
                });
                self.mailbox.post([
                    Notice::Error {
                        error: PusherError::Connection(error.clone()),
                        attempt: 0,
                    },
                    Notice::State(ConnectionState::Failed { error }),
                ]);
                false
            }
        }
    }

    /// Whether the driver has ended by itself, and nobody was told.
    pub(crate) fn has_died(&self) -> bool {
        self.line.has_died()
    }

    /// The driver has ended by itself: tells what is no longer so, and wakes the game for it.
    pub(crate) fn bury<'a>(&mut self, told: impl Iterator<Item = &'a ChannelName>) {
        let Some((driver, error)) = self.line.take_dead() else {
            return;
        };
        let unsent = driver.unsent().into_iter().map(|id| Notice::SendAnswered {
            id,
            outcome: SendOutcome::Rejected(SendError::NotConnected),
        });
        let end = end_of_session(ConnectionState::Failed { error }, told);
        self.mailbox.post(end.chain(unsent));
        let was = self.running.take();
        let at = Instant::now();
        if let Some(running) = &was {
            // What it drops is the game's too, and may take its time.
            self.end_aside(driver, running.config.timing.close_timeout);
        }
        self.ended = Some(Ended { at, was });
    }

    /// The configuration is gone: ends the driver, out of the frame's way. What came before is still delivered, then that
    /// nothing is subscribed any more.
    pub(crate) fn stop<'a>(&mut self, told: impl Iterator<Item = &'a ChannelName>) {
        self.followed = None;
        self.ended = None;
        self.mailbox = self.mailbox.hand_on();
        self.mailbox
            .post(end_of_session(ConnectionState::Disconnected, told));
        let driver = self.line.detach();
        if let (Some(driver), Some(running)) = (driver, self.running.take()) {
            self.end_aside(driver, running.config.timing.close_timeout);
        }
    }

    /// The app ends: ends the driver, within a bounded time.
    pub(crate) fn close(&mut self) {
        let within = self
            .running
            .take()
            .map(|running| running.config.timing.close_timeout);
        if let (Some(mut driver), Some(within)) = (self.line.detach(), within) {
            driver.close(within);
        }
        #[cfg(not(target_arch = "wasm32"))]
        for ending in self.ending.drain(..) {
            let _ = ending.join();
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn end_aside(&mut self, mut driver: Box<dyn Drive>, within: Duration) {
        self.ending.retain(|ending| !ending.is_finished());
        let aside = std::thread::Builder::new()
            .name("pusher-end".into())
            .spawn(move || driver.close(within));
        // Without a thread the driver was dropped, which ends it too.
        self.ending.extend(aside);
    }

    #[cfg(target_arch = "wasm32")]
    fn end_aside(&mut self, mut driver: Box<dyn Drive>, within: Duration) {
        driver.close(within);
    }
}

/// How things are once a session is gone that was told of these channels.
fn end_of_session<'a>(
    state: ConnectionState,
    told: impl Iterator<Item = &'a ChannelName>,
) -> impl Iterator<Item = Notice> {
    let lost = told.map(|channel| Notice::Subscription {
        channel: channel.clone(),
        status: SubscriptionStatus::Pending,
        gap: None,
    });
    // The state last, as a session tells it.
    [Notice::SignIn(SignInState::SignedOut)]
        .into_iter()
        .chain(lost)
        .chain([Notice::State(state)])
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}
