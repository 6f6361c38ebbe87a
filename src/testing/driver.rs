//! The driver of a client under test: no thread, no socket, a clock of its own.

use std::{sync::Arc, time::Duration};

use bevy_platform::time::Instant;
use pusher_protocol::session::{Command, Hint};

use super::{
    Clock,
    engine::{Engine, Message},
};
use crate::{client::Drive, config::PusherConfig, driver::Sink};

/// A running client.
pub(crate) struct InlineDriver {
    started: Instant,
    engine: Arc<Engine>,
}

impl InlineDriver {
    pub(crate) fn start(config: &PusherConfig, clock: &Arc<Clock>, sink: impl Sink) -> Self {
        let engine = Engine::new(config.clone(), clock.clone(), Box::new(sink));
        clock.add(&engine);
        Self {
            started: clock.created(),
            engine,
        }
    }
}

impl Drive for InlineDriver {
    fn started(&self) -> Instant {
        self.started
    }

    fn command(&self, command: Command) {
        self.engine.post(Message::Command(command));
    }

    fn hint(&self, hint: Hint) {
        self.engine.post(Message::Hint(hint));
    }

    fn configure(&self, config: &PusherConfig) {
        self.engine
            .post(Message::Configure(Box::new(config.clone())));
    }

    fn close(&mut self, _within: Duration) {
        self.command(Command::Disconnect);
    }
}

impl Drop for InlineDriver {
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}
