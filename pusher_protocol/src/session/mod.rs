//! A whole Pusher client as a state machine without I/O.

mod command;
mod error;
mod input;
mod notice;
mod output;

pub use command::{ClientEvent, Command, SendId};
pub use error::{
    ConnectionError, DialPhase, PusherError, SendError, SignInError, SubscriptionError,
};
pub use input::{DialId, Hint, Input, Now, RequestId};
pub use notice::{
    ConnectionState, EventTarget, Membership, Notice, ReceivedEvent, SendOutcome, SignInState,
    SubscriptionStatus,
};
pub use output::Output;

use std::{collections::VecDeque, time::Duration};

use crate::config::{Limits, ReconnectPolicy, Timing};

/// What a session is told before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// How long to wait for what.
    pub timing: Timing,
    /// How to dial again.
    pub reconnect: ReconnectPolicy,
    /// Bounds.
    pub limits: Limits,
    /// Whether every client event that was sent is answered too, not only those that were not.
    pub answer_sent: bool,
    /// Seed of the random delays.
    pub seed: u64,
}

/// A Pusher client that does no I/O.
#[derive(Debug)]
pub struct Session {
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session that is not connected.
    #[must_use]
    pub fn new(_config: SessionConfig) -> Self {
        Self {
            outputs: VecDeque::new(),
        }
    }

    /// Changes timings, policy and limits; the connection stays.
    pub fn configure(&mut self, _config: SessionConfig) {}

    /// Takes in what happened.
    pub fn handle_input(&mut self, _input: Input, _now: Now) {}

    /// Takes in a text frame of the socket `dial`. An event for the game is handed back at once, borrowed from the
    /// frame; all else comes from [`Session::poll_output`].
    pub fn handle_frame<'a>(
        &mut self,
        _dial: DialId,
        _frame: &'a str,
        _now: Now,
    ) -> Option<ReceivedEvent<'a>> {
        None
    }

    /// The next thing to do. To be drained after each input and each frame.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to say [`Input::TimePassed`], on the monotonic clock.
    pub fn wake_at(&mut self) -> Option<Duration> {
        None
    }
}
