//! Drivers do the I/O of a session: sockets, timers, requests to the game's backend. `native` and `web` are for their platforms; the
//! feature `testing` brings a third. All of them implement [`Driver`] towards the client, and [`SessionIo`] towards the session.

mod authorizing;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod runner;
#[cfg(target_arch = "wasm32")]
mod web;

pub(crate) use authorizing::{AuthQuery, AuthTask};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::start;
pub(crate) use runner::{SessionIo, SessionRunner};
#[cfg(target_arch = "wasm32")]
pub(crate) use web::start;

use std::{io, sync::Arc, time::Duration};

use bevy_platform::time::Instant;
use pusher_protocol::session::{ConnectionError, Input, Notice, ReceivedEvent, SendId};

use crate::config::PusherConfig;

/// A running session. Dropping it closes the connection.
pub(crate) trait Driver: Send {
    /// The moment from which the session counts its time.
    fn started(&self) -> Instant;

    /// Whether the session's time is real time. A test may have a clock of its own.
    fn is_real_time(&self) -> bool {
        true
    }

    /// Why the driver has stopped, if it stopped without [`close`](Self::close). It ignores all inputs from then on.
    fn exit_error(&self) -> Option<ConnectionError> {
        None
    }

    /// Takes the client events that a stopped driver was asked to send and did not answer.
    fn take_unsent(&self) -> Vec<SendId> {
        Vec::new()
    }

    /// Passes a command or a hint to the session. Never blocks.
    fn input(&self, input: Input);

    /// Changes the configuration, which applies from the next dial and request on. Send
    /// [`Command::Redial`](pusher_protocol::session::Command::Redial) after it if that cannot wait.
    fn configure(&self, config: &PusherConfig);

    /// Closes the connection and ends the driver. Waits this long for the close handshake, at most.
    fn close(&mut self, within: Duration);
}

/// Starts a driver. It connects when it receives [`Command::Connect`](pusher_protocol::session::Command::Connect).
pub(crate) type StartDriver =
    Arc<dyn Fn(&PusherConfig, Box<dyn Sink>) -> io::Result<Box<dyn Driver>> + Send + Sync>;

/// Receives what the session delivers, in order, on the driver's thread.
pub(crate) trait Sink: Send {
    /// A frame of this size was received. The calls for its contents follow.
    fn received(&mut self, bytes: usize);
    /// An event.
    fn event(&mut self, event: &ReceivedEvent<'_>);
    /// Everything but events.
    fn notice(&mut self, notice: Notice);
    /// The end of a batch: makes it visible to the game, and wakes the game if it sleeps.
    fn flush(&mut self);
}

/// How much earlier than the session an operation of the driver times out, at most. So the driver's error, which names the phase, comes
/// first.
const HEAD_START: Duration = Duration::from_millis(100);

/// Returns the time that an operation of the driver may take if the session waits for it this long.
fn less_head_start(allowed: Duration) -> Duration {
    allowed - HEAD_START.min(allowed / 10)
}
