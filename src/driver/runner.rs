//! Runs a session for a driver: passes inputs and frames to it, executes its outputs with the driver's [`SessionIo`], and passes events and
//! notices to the [`Sink`].

use std::collections::VecDeque;

#[cfg(not(target_arch = "wasm32"))]
use pusher_protocol::session::{Command, Notice, SendError, SendOutcome};
use pusher_protocol::{
    Session,
    session::{ConnectionError, DialId, Input, Now, Output, RequestId, SendId},
};

use super::{AuthQuery, Sink};
use crate::{config::PusherConfig, transport::DialRequest};

/// The protocol's own frames, such as a subscription, may exceed the limit on unsent bytes up to this factor. Beyond it, the connection
/// counts as lost.
const LOST_BACKLOG: usize = 8;

/// A session, its configuration and its sink.
pub(crate) struct SessionRunner {
    pub(crate) session: Session,
    pub(crate) config: PusherConfig,
    /// The seed of the session's random delays.
    seed: u64,
    pub(crate) sink: Box<dyn Sink>,
    /// Whether the sink has something that was not flushed.
    is_unflushed: bool,
    /// Inputs for the session that wait until its outputs are executed.
    queued_inputs: VecDeque<Input>,
    /// The client event that is being written. If writing it panics, it is still answered.
    writing: Option<SendId>,
}

impl SessionRunner {
    pub(crate) fn new(config: PusherConfig, seed: u64, sink: Box<dyn Sink>) -> Self {
        Self {
            session: Session::new(config.session(seed)),
            config,
            seed,
            sink,
            is_unflushed: false,
            queued_inputs: VecDeque::new(),
            writing: None,
        }
    }

    /// Changes the configuration. The connection stays open.
    pub(crate) fn configure(&mut self, config: PusherConfig) {
        self.session.configure(config.session(self.seed));
        self.config = config;
    }

    /// Queues an input until the session's outputs are executed.
    pub(crate) fn queue(&mut self, input: Input) {
        self.queued_inputs.push_back(input);
    }

    /// Handles a frame. Call [`SessionIo::drain_outputs`] afterwards.
    pub(crate) fn frame(&mut self, dial: DialId, text: &str, now: Now) {
        self.sink.received(text.len());
        self.is_unflushed = true;
        if let Some(event) = self.session.handle_frame(dial, text, now) {
            self.sink.event(&event);
        }
    }

    /// Makes everything since the last call visible to the game.
    pub(crate) fn flush(&mut self) {
        if std::mem::take(&mut self.is_unflushed) {
            self.sink.flush();
        }
    }

    /// Returns the next output that needs the driver. Notices before it go to the sink.
    fn next_output(&mut self) -> Option<Output> {
        while let Some(output) = self.session.poll_output() {
            let Output::Notice(notice) = output else {
                return Some(output);
            };
            self.sink.notice(notice);
            self.is_unflushed = true;
        }
        None
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl SessionRunner {
    /// Rejects all client events that the session holds, because the driver stops without a close.
    pub(crate) fn reject_sends(&mut self, now: Now) {
        if let Some(id) = self.writing.take() {
            self.reject(id);
        }
        for input in std::mem::take(&mut self.queued_inputs) {
            if matches!(input, Input::Written { .. }) {
                self.session.handle_input(input, now);
            }
        }
        self.session
            .handle_input(Input::Command(Command::Disconnect), now);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send {
                    answer: Some(id), ..
                } => self.reject(id),
                Output::Notice(answer @ Notice::SendAnswered { .. }) => self.sink.notice(answer),
                _ => {}
            }
        }
    }

    /// Rejects one client event.
    pub(crate) fn reject(&mut self, id: SendId) {
        let outcome = SendOutcome::Rejected(SendError::NotConnected);
        self.sink.notice(Notice::SendAnswered { id, outcome });
    }
}

/// What a session needs of its driver. The provided methods run the session.
pub(crate) trait SessionIo {
    fn runner(&mut self) -> &mut SessionRunner;
    fn now(&self) -> Now;

    /// Starts a dial.
    fn dial(&mut self, id: DialId, request: DialRequest) -> Result<(), ConnectionError>;
    /// Cancels a dial.
    fn cancel_dial(&mut self, dial: DialId);
    /// Returns how many bytes the open connection has not sent yet, or `None` without a connection.
    fn unsent_bytes(&mut self) -> Option<usize>;
    /// Writes a frame to the open connection. Returns whether the connection accepted it.
    fn write(&mut self, text: String) -> bool;
    /// Starts the close handshake of the open connection.
    fn close(&mut self, code: u16, reason: &'static str);
    /// Drops the open connection without a close handshake.
    fn abandon(&mut self);
    /// Drops the open connection, and [queues](SessionRunner::queue) that it was lost.
    fn lose(&mut self, error: ConnectionError);
    /// Asks the game's backend.
    fn authorize(&mut self, query: AuthQuery);
    /// The answer to this query is no longer needed. A driver need not do anything: the session ignores the answer.
    fn cancel_query(&mut self, _id: RequestId) {}

    /// Handles an input.
    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.runner().session.handle_input(input, now);
        self.drain_outputs();
    }

    /// Executes the session's outputs, and those that follow from the queued inputs.
    fn drain_outputs(&mut self) {
        loop {
            while let Some(output) = self.runner().next_output() {
                self.execute(output);
            }
            let Some(input) = self.runner().queued_inputs.pop_front() else {
                return;
            };
            let now = self.now();
            self.runner().session.handle_input(input, now);
        }
    }

    /// Executes one output.
    fn execute(&mut self, output: Output) {
        match output {
            Output::Dial {
                dial,
                deadline,
                attempt,
            } => {
                let left = deadline.saturating_sub(self.now().monotonic);
                let config = &self.runner().config;
                let target = config.endpoint.target(&config.key);
                let dialled = target
                    .map_err(ConnectionError::from)
                    .map(|target| DialRequest::new(target, attempt, left))
                    .and_then(|request| self.dial(dial, request));
                if let Err(error) = dialled {
                    self.runner().queue(Input::DialFailed(dial, error));
                }
            }
            Output::CancelDial(dial) => self.cancel_dial(dial),
            Output::Send { text, answer } => self.send(text.into(), answer),
            Output::Close { code, reason } => self.close(code, reason),
            Output::Abandon => self.abandon(),
            Output::Authorize {
                request,
                channel,
                socket_id,
            } => self.authorize(AuthQuery::channel(request, &channel, socket_id)),
            Output::Authenticate { request, socket_id } => {
                self.authorize(AuthQuery::user(request, socket_id));
            }
            Output::CancelRequest(request) => self.cancel_query(request),
            // Unreachable: `next_output` passes notices to the sink.
            Output::Notice(_) => {}
        }
    }

    /// Sends a frame within the limits on unsent bytes. With an `answer` it is a client event, which may be rejected.
    fn send(&mut self, text: String, answer: Option<SendId>) {
        let limit = self.runner().config.limits.outbound_bytes;
        let mut accepted = false;
        self.runner().writing = answer;
        if let Some(unsent) = self.unsent_bytes() {
            let unsent = unsent + text.len();
            if answer.is_none() && unsent > limit.saturating_mul(LOST_BACKLOG) {
                let reason = "the server does not read".into();
                self.lose(ConnectionError::Lost { reason });
            } else if answer.is_none() || unsent <= limit {
                accepted = self.write(text);
            }
        }
        let runner = self.runner();
        if let Some(id) = runner.writing.take() {
            runner.queue(Input::Written { id, accepted });
        }
    }
}
