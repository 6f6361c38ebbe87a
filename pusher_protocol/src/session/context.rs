//! State that all parts of the session share: time, configuration, random numbers and the output queue.

use std::{collections::VecDeque, time::Duration};

use crate::{
    protocol::{AuthError, ClientFrame},
    session::{FrameText, Notice, Output, PusherError, RequestId, SendId, SessionConfig},
};

/// Shared by all parts of the session, and passed to each of their methods.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: SessionConfig,
    /// The monotonic time of the current input.
    pub(super) now: Duration,
    pub(super) random: fastrand::Rng,
    outputs: VecDeque<Output>,
    // One counter for dials, requests and timers, so that a stale id never matches another kind.
    last_id: u64,
}

impl Context {
    pub(super) fn new(config: SessionConfig) -> Self {
        Self {
            // Seeded, so that tests and simulations are reproducible.
            random: fastrand::Rng::with_seed(config.seed),
            config,
            now: Duration::ZERO,
            outputs: VecDeque::new(),
            last_id: 0,
        }
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.output(Output::Notice(notice));
    }

    /// Reports an error that does not end the connection.
    pub(super) fn report(&mut self, error: PusherError) {
        self.notice(Notice::Error { error, attempt: 0 });
    }

    pub(super) fn send(&mut self, frame: ClientFrame<'_>) {
        self.send_with_answer(frame, None);
    }

    pub(super) fn send_with_answer(&mut self, frame: ClientFrame<'_>, answer: Option<SendId>) {
        self.output(Output::Send {
            text: FrameText::new(frame.encode()),
            answer,
        });
    }

    /// Returns the delay before a failed request to the backend is retried; `None` if it is not.
    pub(super) fn auth_retry_delay(
        &mut self,
        error: &AuthError,
        failures: u32,
    ) -> Option<Duration> {
        // A refusal would be repeated by the same request.
        if !error.is_transient() {
            return None;
        }
        self.config.auth_retry.delay(failures, &mut self.random)
    }

    /// Returns an id that no dial, request or timer had before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn next_request(&mut self) -> RequestId {
        RequestId(self.next_id())
    }
}
