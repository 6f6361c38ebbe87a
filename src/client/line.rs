//! The way from the game to the driver.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use pusher_protocol::session::{Command, ConnectionError, Hint, SendId};

use super::Drive;

/// The way out to the driver, shared with whoever has something to say to it.
#[derive(Default)]
pub(crate) struct Line {
    end: Mutex<End>,
    is_connection_wanted: AtomicBool,
    sent: AtomicU64,
}

/// What is at the other end of a line.
#[derive(Default)]
struct End {
    driver: Option<Box<dyn Drive>>,
    /// Without a driver, or with a dead one: what was asked for meanwhile is done once another starts.
    intent: Intent,
}

/// What the game asked for while there was no driver.
#[derive(Clone, Copy, Debug, Default)]
struct Intent {
    connect: Option<bool>,
    sign_in: bool,
}

impl End {
    fn pass(&mut self, command: Command) -> bool {
        if let Some(driver) = self.alive() {
            driver.command(command);
            return true;
        }
        match command {
            Command::Connect => self.intent.connect = Some(true),
            Command::Disconnect => self.intent.connect = Some(false),
            Command::SignIn => self.intent.sign_in = true,
            Command::SignOut => self.intent.sign_in = false,
            Command::Subscribe { .. }
            | Command::Unsubscribe(_)
            | Command::Retry(_)
            | Command::Send(_)
            | Command::Redial => {}
        }
        false
    }

    fn alive(&self) -> Option<&dyn Drive> {
        let driver = self.driver.as_deref()?;
        driver.death().is_none().then_some(driver)
    }
}

impl Line {
    /// Passes a command on. Returns whether there is anybody to do it.
    pub(crate) fn command(&self, command: Command) -> bool {
        let mut end = self.end();
        match command {
            Command::Connect => self.want_connection(true),
            Command::Disconnect => self.want_connection(false),
            _ => {}
        }
        end.pass(command)
    }

    /// Does without the connection for a time, which the game still wants.
    #[cfg(feature = "lifecycle")]
    pub(crate) fn suspend(&self) {
        self.end().pass(Command::Disconnect);
    }

    /// That time is over.
    #[cfg(feature = "lifecycle")]
    pub(crate) fn resume(&self) {
        self.end().pass(Command::Connect);
    }

    /// Whether the game wants a connection, as far as it has said, and not whether it is had.
    pub(crate) fn is_connection_wanted(&self) -> bool {
        self.is_connection_wanted.load(Ordering::Acquire)
    }

    pub(crate) fn hint(&self, hint: Hint) {
        self.with_driver(|driver| driver.hint(hint));
    }

    pub(crate) fn next_send_id(&self) -> SendId {
        SendId(self.sent.fetch_add(1, Ordering::Relaxed))
    }

    /// Calls this with the driver, if there is one and it lives.
    pub(super) fn with_driver(&self, call: impl FnOnce(&dyn Drive)) {
        if let Some(driver) = self.end().alive() {
            call(driver);
        }
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn want_connection(&self, is_wanted: bool) {
        self.is_connection_wanted
            .store(is_wanted, Ordering::Release);
    }

    /// Whether it takes a new driver to connect, as the game wants.
    pub(super) fn lacks_driver(&self) -> bool {
        let end = self.end();
        end.driver.is_none() && end.intent.connect == Some(true)
    }

    /// A driver is there: it is told what was asked for meanwhile, and to connect unless the game said otherwise.
    pub(super) fn attach(&self, driver: Box<dyn Drive>, connect: bool) {
        let mut end = self.end();
        let intent = std::mem::take(&mut end.intent);
        let connect = intent.connect.unwrap_or(connect);
        self.want_connection(connect);
        if intent.sign_in {
            driver.command(Command::SignIn);
        }
        if connect {
            driver.command(Command::Connect);
        }
        end.driver = Some(driver);
    }

    /// Takes the driver, and with it what was wanted of it.
    pub(super) fn detach(&self) -> Option<Box<dyn Drive>> {
        let driver = self.end().driver.take()?;
        self.want_connection(false);
        Some(driver)
    }

    pub(super) fn has_died(&self) -> bool {
        let end = self.end();
        end.driver.is_some() && end.alive().is_none()
    }

    /// Takes a driver that ended by itself, with the reason.
    pub(super) fn take_dead(&self) -> Option<(Box<dyn Drive>, ConnectionError)> {
        let mut end = self.end();
        let error = end.driver.as_ref()?.death()?;
        Some((end.driver.take()?, error))
    }

    /// It could not be started: not again by itself.
    pub(super) fn give_up_connecting(&self) {
        self.end().intent.connect = None;
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}
