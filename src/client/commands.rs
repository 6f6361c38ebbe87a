//! Sends commands from the game to the driver.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use pusher_protocol::session::{Command, ConnectionError, Hint, Input, SendId};

use crate::{driver::Driver, sync::lock};

/// Sends commands to the current driver. Shared by the client and the resource `PusherConnection`, so that a command is sent immediately
/// and not at the end of the frame.
#[derive(Default)]
pub(crate) struct CommandSender {
    slot: Mutex<DriverSlot>,
    sent: AtomicU64,
}

/// The current driver, if there is one.
#[derive(Default)]
struct DriverSlot {
    driver: Option<Box<dyn Driver>>,
    is_connection_wanted: bool,
    /// Commands that were sent without a running driver, for the next one.
    intent: Intent,
}

#[derive(Clone, Copy, Debug, Default)]
struct Intent {
    connect: Option<bool>,
    sign_in: bool,
}

impl DriverSlot {
    fn forward(&mut self, command: Command) -> bool {
        if let Some(driver) = self.running() {
            driver.input(Input::Command(command));
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

    fn running(&self) -> Option<&dyn Driver> {
        let driver = self.driver.as_deref()?;
        driver.exit_error().is_none().then_some(driver)
    }
}

impl CommandSender {
    /// Sends a command. Returns whether there is a running driver.
    pub(crate) fn send(&self, command: Command) -> bool {
        let mut slot = lock(&self.slot);
        match command {
            Command::Connect => slot.is_connection_wanted = true,
            Command::Disconnect => slot.is_connection_wanted = false,
            _ => {}
        }
        slot.forward(command)
    }

    /// Disconnects for a while. The game still wants the connection.
    #[cfg(feature = "lifecycle")]
    pub(crate) fn suspend(&self) {
        lock(&self.slot).forward(Command::Disconnect);
    }

    /// Connects after [`suspend`](Self::suspend).
    #[cfg(feature = "lifecycle")]
    pub(crate) fn resume(&self) {
        lock(&self.slot).forward(Command::Connect);
    }

    /// Whether the game wants a connection: its last request was to connect.
    pub(crate) fn is_connection_wanted(&self) -> bool {
        lock(&self.slot).is_connection_wanted
    }

    /// Sends a hint.
    pub(crate) fn hint(&self, hint: Hint) {
        self.with_driver(|driver| driver.input(Input::Hint(hint)));
    }

    pub(crate) fn next_send_id(&self) -> SendId {
        SendId(self.sent.fetch_add(1, Ordering::Relaxed))
    }

    /// Calls `call` with the driver, if there is one and it is running.
    pub(super) fn with_driver(&self, call: impl FnOnce(&dyn Driver)) {
        if let Some(driver) = lock(&self.slot).running() {
            call(driver);
        }
    }

    /// Whether the game wants a connection and there is no driver.
    pub(super) fn needs_driver(&self) -> bool {
        let slot = lock(&self.slot);
        slot.driver.is_none() && slot.intent.connect == Some(true)
    }

    /// Inserts a new driver, and sends it the commands of the time without a driver. It connects if `connect` is set, unless the game has
    /// requested the opposite.
    pub(super) fn attach(&self, driver: Box<dyn Driver>, connect: bool) {
        let mut slot = lock(&self.slot);
        let intent = std::mem::take(&mut slot.intent);
        let connect = intent.connect.unwrap_or(connect);
        slot.is_connection_wanted = connect;
        if intent.sign_in {
            driver.input(Input::Command(Command::SignIn));
        }
        if connect {
            driver.input(Input::Command(Command::Connect));
        }
        slot.driver = Some(driver);
    }

    /// Takes the driver out. No connection is wanted any more.
    pub(super) fn detach(&self) -> Option<Box<dyn Driver>> {
        let mut slot = lock(&self.slot);
        let driver = slot.driver.take()?;
        slot.is_connection_wanted = false;
        Some(driver)
    }

    /// Whether the driver has stopped without a close.
    pub(super) fn has_exited(&self) -> bool {
        let slot = lock(&self.slot);
        slot.driver.is_some() && slot.running().is_none()
    }

    /// Takes out a driver that has stopped without a close, with the reason.
    pub(super) fn take_exited(&self) -> Option<(Box<dyn Driver>, ConnectionError)> {
        let mut slot = lock(&self.slot);
        let error = slot.driver.as_ref()?.exit_error()?;
        Some((slot.driver.take()?, error))
    }

    /// Discards the game's request to connect, because no driver could be started.
    pub(super) fn forget_connect(&self) {
        lock(&self.slot).intent.connect = None;
    }
}
