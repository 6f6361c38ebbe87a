//! One client: its driver and the configuration that the driver runs with. Starts, reconfigures and stops the driver; what the driver
//! receives does not pass through here.

mod commands;
#[cfg(test)]
mod tests;

pub(crate) use commands::CommandSender;

use std::{sync::Arc, time::Duration};

use bevy_ecs::{change_detection::Tick, prelude::*};
use bevy_platform::time::Instant;
use pusher_protocol::{
    ChannelName,
    session::{
        Command, ConnectionError, ConnectionState, Input, Notice, PusherError, SendError,
        SendOutcome, SignInState, SubscriptionStatus, Throttle,
    },
};

use crate::{
    config::PusherConfig,
    driver::{Driver, Sink, StartDriver},
    sync::Shared,
};

/// The shortest time between the end of a driver that has stopped without a close, or could not be started, and the next start. A game may
/// call `connect` in every frame.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// How often drivers may be started, since each connects. A game may remove and insert its configuration in every frame.
const STARTS: Throttle = Throttle::new(5, Duration::from_secs(1));

/// Where drivers deliver, and the client too.
pub(crate) trait Inbox: Send + Sync {
    /// Returns a sink for a new driver.
    fn open_sink(&self) -> Box<dyn Sink>;
    /// Ignores what is delivered to the sinks that are open now, except for answers to client events.
    fn close_sinks(&self);
    /// Delivers notices of the client itself.
    fn post(&self, notices: Vec<Notice>);
}

/// Owns the driver.
#[derive(Resource)]
pub(crate) struct Client {
    start: StartDriver,
    inbox: Box<dyn Inbox>,
    commands: Shared<CommandSender>,
    running: Option<Running>,
    /// Set if there is no driver because it stopped without a close, or could not be started.
    stopped: Option<Stopped>,
    starts: Throttle,
    /// The moment from which `starts` counts its time.
    created: Instant,
    /// The tick at which the last applied configuration was inserted.
    applied: Option<Tick>,
    /// Threads on which drivers are being closed.
    #[cfg(not(target_arch = "wasm32"))]
    closing: Vec<std::thread::JoinHandle<()>>,
}

struct Running {
    config: PusherConfig,
    started: Instant,
    is_real_time: bool,
}

struct Stopped {
    at: Instant,
    /// What ran last, if anything has.
    last: Option<Running>,
}

impl Client {
    pub(crate) fn new(start: StartDriver, inbox: Box<dyn Inbox>) -> Self {
        Self {
            start,
            inbox,
            commands: Shared(Arc::default()),
            running: None,
            stopped: None,
            starts: STARTS,
            created: Instant::now(),
            applied: None,
            #[cfg(not(target_arch = "wasm32"))]
            closing: Vec::new(),
        }
    }

    pub(crate) fn commands(&self) -> &Shared<CommandSender> {
        &self.commands
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The configuration of the current or the last driver.
    pub(crate) fn config(&self) -> Option<&PusherConfig> {
        self.current_or_last().map(|running| &running.config)
    }

    /// The moment from which the session of the current or the last driver counts its time.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.current_or_last().map(|running| running.started)
    }

    /// Whether the session's time is real time.
    pub(crate) fn is_real_time(&self) -> bool {
        self.current_or_last()
            .is_none_or(|running| running.is_real_time)
    }

    fn current_or_last(&self) -> Option<&Running> {
        let last = self.stopped.as_ref().map(|stopped| stopped.last.as_ref());
        self.running.as_ref().or(last.flatten())
    }

    pub(crate) fn send(&self, command: Command) {
        self.commands.send(command);
    }

    /// Whether a configuration was applied, with or without success, and not removed since.
    pub(crate) fn has_config(&self) -> bool {
        self.applied.is_some()
    }

    /// Whether [`apply`](Self::apply) may have something to do for a configuration that was inserted at this time.
    pub(crate) fn is_outdated(&self, inserted: Tick) -> bool {
        let is_other = self.applied != Some(inserted);
        if self.is_running() {
            return is_other;
        }
        (is_other || self.commands.needs_driver()) && self.may_start()
    }

    fn may_start(&self) -> bool {
        let is_delayed = |stopped: &Stopped| stopped.at.elapsed() < RESTART_DELAY;
        let is_throttled = self.starts.ready_at(self.created.elapsed()).is_some();
        !is_throttled && !self.stopped.as_ref().is_some_and(is_delayed)
    }

    /// Records that a configuration was inserted. Returns whether the driver already runs with an equal one.
    pub(crate) fn runs_with(&mut self, config: &PusherConfig, inserted: Tick) -> bool {
        self.applied = Some(inserted);
        let running = self.running.as_ref();
        running.is_some_and(|running| running.config == *config)
    }

    /// Starts a driver with this configuration, or reconfigures the running one. Returns whether it started one.
    pub(crate) fn apply(&mut self, config: &PusherConfig) -> bool {
        if let Some(running) = &mut self.running {
            let needs_redial = running.config.needs_redial(config);
            running.config = config.clone();
            self.commands.with_driver(|driver| {
                driver.configure(config);
                if needs_redial {
                    driver.input(Input::Command(Command::Redial));
                }
            });
            return false;
        }
        let mut connect = config.autoconnect;
        if let Some(stopped) = &mut self.stopped {
            if let Some(last) = &mut stopped.last {
                let is_other = last.config.needs_redial(config);
                last.config = config.clone();
                if !is_other && !self.commands.needs_driver() {
                    return false;
                }
                connect = self.commands.is_connection_wanted();
                // What the stopped driver may still deliver is outdated.
                self.inbox.close_sinks();
            }
            stopped.at = Instant::now();
        }
        self.starts.take(self.created.elapsed());
        match (self.start)(config, self.inbox.open_sink()) {
            Ok(driver) => {
                self.stopped = None;
                self.running = Some(Running {
                    config: config.clone(),
                    started: driver.started(),
                    is_real_time: driver.is_real_time(),
                });
                self.commands.attach(driver, connect);
                true
            }
            Err(error) => {
                let error =
                    ConnectionError::Unsupported(format!("the client could not start: {error}"));
                self.commands.forget_connect();
                self.stopped.get_or_insert_with(|| Stopped {
                    at: Instant::now(),
                    last: None,
                });
                self.inbox.post(vec![
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

    /// Whether the driver has stopped without a close, and [`report_driver_exit`](Self::report_driver_exit) was not called since.
    pub(crate) fn has_exited(&self) -> bool {
        self.commands.has_exited()
    }

    /// Reports that the driver has stopped without a close, and what is no longer valid, and wakes the game.
    pub(crate) fn report_driver_exit<'a>(
        &mut self,
        subscribed: impl Iterator<Item = &'a ChannelName>,
    ) {
        let Some((driver, error)) = self.commands.take_exited() else {
            return;
        };
        let mut notices = end_of_session(ConnectionState::Failed { error }, subscribed);
        let unsent = driver.take_unsent().into_iter();
        notices.extend(unsent.map(|id| Notice::SendAnswered {
            id,
            outcome: SendOutcome::Rejected(SendError::NotConnected),
        }));
        self.inbox.post(notices);
        let last = self.running.take();
        let at = Instant::now();
        if let Some(running) = &last {
            // Dropping the driver also drops user code, which may take time.
            self.close_in_background(driver, running.config.timing.close_timeout);
        }
        self.stopped = Some(Stopped { at, last });
    }

    /// Stops the driver because the configuration was removed. What was received before is still delivered, followed by the notices that
    /// nothing is subscribed any more.
    pub(crate) fn stop<'a>(&mut self, subscribed: impl Iterator<Item = &'a ChannelName>) {
        self.applied = None;
        self.stopped = None;
        self.inbox.close_sinks();
        self.inbox
            .post(end_of_session(ConnectionState::Disconnected, subscribed));
        let driver = self.commands.detach();
        if let (Some(driver), Some(running)) = (driver, self.running.take()) {
            self.close_in_background(driver, running.config.timing.close_timeout);
        }
    }

    /// Closes the driver because the app exits, within the close timeout.
    pub(crate) fn close(&mut self) {
        let within = self
            .running
            .take()
            .map(|running| running.config.timing.close_timeout);
        if let (Some(mut driver), Some(within)) = (self.commands.detach(), within) {
            driver.close(within);
        }
        #[cfg(not(target_arch = "wasm32"))]
        for closing in self.closing.drain(..) {
            let _ = closing.join();
        }
    }

    /// Closes a driver without blocking the frame.
    #[cfg(not(target_arch = "wasm32"))]
    fn close_in_background(&mut self, mut driver: Box<dyn Driver>, within: Duration) {
        self.closing.retain(|closing| !closing.is_finished());
        let thread = std::thread::Builder::new()
            .name("pusher-close".into())
            .spawn(move || driver.close(within));
        // If no thread could be started, the driver was dropped, which closes it too.
        self.closing.extend(thread);
    }

    #[cfg(target_arch = "wasm32")]
    fn close_in_background(&mut self, mut driver: Box<dyn Driver>, within: Duration) {
        driver.close(within);
    }
}

/// Returns the notices for the end of a session with these channels. The state comes last, as in the notices of a session itself.
fn end_of_session<'a>(
    state: ConnectionState,
    subscribed: impl Iterator<Item = &'a ChannelName>,
) -> Vec<Notice> {
    let mut notices = vec![Notice::SignIn(SignInState::SignedOut)];
    notices.extend(subscribed.map(|channel| Notice::Subscription {
        channel: channel.clone(),
        status: SubscriptionStatus::Pending,
        gap: None,
    }));
    notices.push(Notice::State(state));
    notices
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}
