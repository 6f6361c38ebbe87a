//! What a client needs of a driver, and which one it gets.

use std::{sync::Arc, time::Duration};

use bevy_platform::time::Instant;
use pusher_protocol::session::{Command, ConnectionError, Hint, SendId};

use crate::{config::PusherConfig, driver::Driver, handover::HandoverSink};

/// What a client needs of a driver; the tests have one of their own.
pub(crate) trait Drive: Send {
    fn started(&self) -> Instant;
    /// Why it has ended by itself, if it has: then it does nothing any more.
    fn death(&self) -> Option<ConnectionError> {
        None
    }
    /// The client events that it was told to send and, ended by itself, has not come to. Each is told once.
    fn unsent(&self) -> Vec<SendId> {
        Vec::new()
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
    fn death(&self) -> Option<ConnectionError> {
        self.death()
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn unsent(&self) -> Vec<SendId> {
        self.unsent()
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
