//! One client: its driver, what goes out to it, what comes back.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bevy_ecs::{change_detection::Tick, prelude::*};
use bevy_platform::time::Instant;
use pusher_protocol::{
    ChannelName,
    session::{
        Command, ConnectionError, ConnectionState, Hint, Notice, PusherError, SendId, SignInState,
        SubscriptionStatus,
    },
};

use crate::{
    config::PusherConfig,
    driver::Driver,
    handover::{EventTypes, HandoverSink, Mailbox},
};

/// What a client needs of a driver; the tests have one of their own.
pub(crate) trait Drive: Send {
    fn started(&self) -> Instant;
    /// Whether it still does what it is told.
    fn is_alive(&self) -> bool {
        true
    }
    fn command(&self, command: Command);
    fn hint(&self, hint: Hint);
    fn configure(&self, config: &PusherConfig);
    fn close(&mut self, within: Duration);
}

impl Drive for Driver {
    fn started(&self) -> Instant {
        self.started()
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn is_alive(&self) -> bool {
        self.is_alive()
    }

    fn command(&self, command: Command) {
        self.command(command);
    }

    fn hint(&self, hint: Hint) {
        self.hint(hint);
    }

    fn configure(&self, config: &PusherConfig) {
        self.configure(config);
    }

    fn close(&mut self, within: Duration) {
        self.close(within);
    }
}

/// Starts a driver.
pub(crate) type StartDriver =
    Arc<dyn Fn(&PusherConfig, HandoverSink) -> std::io::Result<Box<dyn Drive>> + Send + Sync>;

/// Starts the driver of this platform, or that of a game under test.
pub(crate) fn start_driver(
    config: &PusherConfig,
    sink: HandoverSink,
) -> std::io::Result<Box<dyn Drive>> {
    #[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
    if let Some(clock) = &config.clock {
        return Ok(Box::new(crate::testing::InlineDriver::start(
            config, clock, sink,
        )));
    }
    Ok(Box::new(Driver::start(config, sink)?))
}

/// The way out to the driver, shared with whoever has something to say to it.
#[derive(Default)]
pub(crate) struct Line {
    end: Mutex<End>,
    sent: AtomicU64,
}

/// What is at the other end of a line.
enum End {
    Driver(Box<dyn Drive>),
    /// Nothing yet: what was asked for is done once a driver starts.
    Nothing(Intent),
}

/// What the game asked for while there was no driver.
#[derive(Clone, Copy, Debug, Default)]
struct Intent {
    connect: Option<bool>,
    sign_in: bool,
}

impl Default for End {
    fn default() -> Self {
        Self::Nothing(Intent::default())
    }
}

impl Line {
    /// Passes a command on. Returns whether there is anybody to do it.
    pub(crate) fn command(&self, command: Command) -> bool {
        let dead = self.detach_if(|driver| !driver.is_alive());
        if dead.is_some() {
            log::warn!("the client had ended; connecting starts another");
        }
        drop(dead);
        match &mut *self.end() {
            End::Driver(driver) => {
                driver.command(command);
                true
            }
            End::Nothing(intent) => {
                match command {
                    Command::Connect => intent.connect = Some(true),
                    Command::Disconnect => intent.connect = Some(false),
                    Command::SignIn => intent.sign_in = true,
                    Command::SignOut => intent.sign_in = false,
                    Command::Subscribe { .. }
                    | Command::Unsubscribe(_)
                    | Command::Retry(_)
                    | Command::Send(_)
                    | Command::Redial => {}
                }
                false
            }
        }
    }

    pub(crate) fn hint(&self, hint: Hint) {
        if let End::Driver(driver) = &*self.end() {
            driver.hint(hint);
        }
    }

    pub(crate) fn next_send_id(&self) -> SendId {
        SendId(self.sent.fetch_add(1, Ordering::Relaxed))
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wants_connection(&self) -> bool {
        matches!(
            &*self.end(),
            End::Nothing(Intent {
                connect: Some(true),
                ..
            })
        )
    }

    /// A driver is there: it is told what was asked for meanwhile.
    fn attach(&self, driver: Box<dyn Drive>, autoconnect: bool) {
        let mut end = self.end();
        if let End::Nothing(intent) = &*end {
            if intent.sign_in {
                driver.command(Command::SignIn);
            }
            if intent.connect.unwrap_or(autoconnect) {
                driver.command(Command::Connect);
            }
        }
        *end = End::Driver(driver);
    }

    fn detach(&self) -> Option<Box<dyn Drive>> {
        self.detach_if(|_| true)
    }

    fn detach_if(&self, condition: impl FnOnce(&dyn Drive) -> bool) -> Option<Box<dyn Drive>> {
        let mut end = self.end();
        match &*end {
            End::Driver(driver) if condition(&**driver) => match std::mem::take(&mut *end) {
                End::Driver(driver) => Some(driver),
                End::Nothing(_) => None,
            },
            _ => None,
        }
    }

    /// It could not be started: not again by itself.
    fn give_up_connecting(&self) {
        if let End::Nothing(intent) = &mut *self.end() {
            intent.connect = None;
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

/// Owns the driver, and follows the configuration.
#[derive(Resource)]
pub(crate) struct Client {
    start: StartDriver,
    line: Arc<Line>,
    mailbox: Arc<Mailbox>,
    running: Option<Running>,
    /// When the configuration that was last followed was inserted.
    followed: Option<Tick>,
    #[cfg(not(target_arch = "wasm32"))]
    ending: Vec<std::thread::JoinHandle<()>>,
}

struct Running {
    config: PusherConfig,
    started: Instant,
}

impl Client {
    pub(crate) fn new(start: StartDriver) -> Self {
        Self {
            start,
            line: Arc::default(),
            mailbox: Arc::default(),
            running: None,
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
        self.running.as_ref().map(|running| &running.config)
    }

    /// The moment from which the session counts its time.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.running.as_ref().map(|running| running.started)
    }

    pub(crate) fn command(&self, command: Command) {
        self.line.command(command);
    }

    /// Whether there is something to do about a configuration that was inserted at that time.
    pub(crate) fn is_behind(&self, inserted: Tick) -> bool {
        self.followed != Some(inserted) || self.line.wants_connection()
    }

    /// Whether what was started has ended by itself, and is wanted again.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_running() && self.line.wants_connection()
    }

    /// Starts with this configuration, or goes over to it. Returns whether it is a new start.
    pub(crate) fn follow(
        &mut self,
        config: &PusherConfig,
        inserted: Tick,
        types: &EventTypes,
    ) -> bool {
        self.followed = Some(inserted);
        types.set_raw_for_typed(config.raw_for_typed);
        self.mailbox.set_limits(config.limits());
        if let Some(running) = &mut self.running {
            let needs_redial = running.config.needs_redial(config);
            running.config = config.clone();
            if let End::Driver(driver) = &*self.line.end() {
                driver.configure(config);
                if needs_redial {
                    driver.command(Command::Redial);
                }
            }
            return false;
        }
        let sink = HandoverSink::new(self.mailbox.clone(), types.clone());
        match (self.start)(config, sink) {
            Ok(driver) => {
                self.running = Some(Running {
                    config: config.clone(),
                    started: driver.started(),
                });
                self.line.attach(driver, config.autoconnect);
                true
            }
            Err(error) => {
                let error = ConnectionError::Unsupported(format!(
                    "the client could not be started: {error}"
                ));
                self.line.give_up_connecting();
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

    /// The configuration is gone: ends the driver, out of the frame's way. What came before is still delivered, then that
    /// nothing is subscribed any more.
    pub(crate) fn stop<'a>(&mut self, told: impl Iterator<Item = &'a ChannelName>) {
        self.followed = None;
        let Some(running) = self.running.take() else {
            return;
        };
        self.mailbox = self.mailbox.hand_on();
        let lost = told.map(|channel| Notice::Subscription {
            channel: channel.clone(),
            status: SubscriptionStatus::Pending,
            gap: None,
        });
        self.mailbox.post(
            [
                Notice::State(ConnectionState::Disconnected),
                Notice::SignIn(SignInState::SignedOut),
            ]
            .into_iter()
            .chain(lost),
        );
        if let Some(driver) = self.line.detach() {
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

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::config::Endpoint;

    /// A driver that only notes what it is told, until it dies.
    struct Noting {
        told: Arc<Mutex<Vec<Command>>>,
        is_alive: Arc<AtomicBool>,
    }

    impl Drive for Noting {
        fn started(&self) -> Instant {
            Instant::now()
        }

        fn is_alive(&self) -> bool {
            self.is_alive.load(Ordering::Relaxed)
        }

        fn command(&self, command: Command) {
            self.told.lock().unwrap().push(command);
        }

        fn hint(&self, _hint: Hint) {}

        fn configure(&self, _config: &PusherConfig) {}

        fn close(&mut self, _within: Duration) {}
    }

    #[test]
    fn a_driver_that_died_takes_no_commands_and_connecting_starts_another() {
        let told = Arc::<Mutex<Vec<Command>>>::default();
        let is_alive = Arc::new(AtomicBool::new(true));
        let start: StartDriver = {
            let (told, is_alive) = (told.clone(), is_alive.clone());
            Arc::new(move |_, _| {
                is_alive.store(true, Ordering::Relaxed);
                let (told, is_alive) = (told.clone(), is_alive.clone());
                Ok(Box::new(Noting { told, is_alive }))
            })
        };
        let mut client = Client::new(start);
        let config = PusherConfig::new("key", Endpoint::cluster("eu")).with_autoconnect(false);
        let (inserted, types) = (Tick::new(1), EventTypes::default());
        assert!(client.follow(&config, inserted, &types));
        assert!(client.line().command(Command::Disconnect));
        assert!(!client.is_behind(inserted));

        is_alive.store(false, Ordering::Relaxed);
        assert!(!client.line().command(Command::SignIn));
        assert!(!client.is_behind(inserted), "nobody asked to connect");
        assert!(!client.line().command(Command::Connect));
        assert!(client.is_behind(inserted) && client.is_dead());

        client.stop(std::iter::empty());
        told.lock().unwrap().clear();
        assert!(client.follow(&config, inserted, &types));
        let told = format!("{:?}", told.lock().unwrap());
        assert_eq!(told, "[SignIn, Connect]", "what was asked for meanwhile");
    }
}
