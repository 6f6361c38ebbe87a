//! A whole Pusher client as a state machine without I/O.
//!
//! Whoever drives a [`Session`] tells it what happened ([`Input`], frames) and what time it is ([`Now`]), then drains
//! [`Session::poll_output`] and does what the [`Output`]s say, in their order, and says [`Input::TimePassed`] when
//! [`Session::wake_at`] is reached.
//!
//! ```
//! use std::time::Duration;
//! use pusher_protocol::session::{Command, Input, Now, Output, Session, SessionConfig};
//!
//! let mut session = Session::new(SessionConfig::default());
//! session.handle_input(Input::Command(Command::Connect), Now::at(Duration::ZERO));
//! let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
//! assert!(matches!(outputs.last(), Some(Output::Dial { .. })));
//! ```

mod channels;
mod command;
mod connecting;
mod connection;
mod context;
mod error;
mod frames;
mod handshake;
mod heartbeat;
mod input;
mod notice;
mod output;
mod reconnect_hook;
mod sending;
mod sliding_window;
mod throttle;
mod user;

pub use channels::AUTHORIZATIONS_AT_ONCE;
pub use command::{ClientEvent, Command, SendId, SendMode};
pub use error::{
    ConnectionError, DialPhase, PusherError, SendError, SignInError, SubscriptionError,
};
pub use input::{DialId, Hint, Input, Now, RequestId};
pub use notice::{
    ConnectionState, EventTarget, Membership, Notice, ReceivedEvent, SendOutcome, SignInState,
    SubscriptionStatus,
};
pub use output::{FrameText, Output};
pub use reconnect_hook::{ReconnectContext, ReconnectDecision, ReconnectHook};
pub use sending::check_client_event;
pub use throttle::Throttle;

use std::time::Duration;

use crate::{
    config::{Limits, ReconnectPolicy, RetryPolicy, Timing},
    protocol::ServerFrame,
};
use channels::Channels;
use connecting::RESTART_WINDOW;
use connection::{Connection, Outage};
use context::Context;
use sending::Outbox;
use sliding_window::SlidingWindow;
use user::User;

/// The wall clock running ahead of the monotonic one by this much shows that the machine slept.
const SLEEP_THRESHOLD: Duration = Duration::from_secs(5);

/// What a session is told before it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionConfig {
    /// How long to wait for what.
    pub timing: Timing,
    /// How to dial again.
    pub reconnect: ReconnectPolicy,
    /// May decide otherwise than the policy.
    pub reconnect_hook: Option<ReconnectHook>,
    /// How to repeat a question to the game's backend.
    pub auth_retry: RetryPolicy,
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
    context: Context,
    connection: Connection,
    dialled_at: Option<Duration>,
    restarts: SlidingWindow,
    /// When the game last asked for a connection, or for another one.
    requested_at: Option<Duration>,
    /// How things were when it last disconnected.
    before_disconnect: Option<(Connection, Outage)>,
    outage: Outage,
    channels: Channels,
    user: User,
    outbox: Outbox,
    last_seen: Option<Now>,
}

impl Session {
    /// A session that is not connected.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        Self {
            context: Context::new(sanitized(config)),
            connection: Connection::Idle,
            dialled_at: None,
            restarts: SlidingWindow::new(RESTART_WINDOW),
            requested_at: None,
            before_disconnect: None,
            outage: Outage::default(),
            channels: Channels::default(),
            user: User::default(),
            outbox: Outbox::default(),
            last_seen: None,
        }
    }

    /// Changes timings, policy and limits; the connection stays. They count from the next wait on, the activity timeout at
    /// once.
    pub fn configure(&mut self, config: SessionConfig) {
        self.context.config = sanitized(config);
        self.outbox.reschedule(self.context.now);
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, input: Input, now: Now) {
        let slept = self.tick(now);
        match input {
            Input::Command(command) => self.handle_command(command),
            Input::Opened(dial) => self.on_opened(dial),
            Input::DialFailed(dial, error) => self.on_dial_failed(dial, error),
            Input::Closed(dial, error) => self.on_closed(dial, error),
            Input::BinaryFrame(dial) => self.handle_binary(dial),
            Input::Written { id, accepted } => self.on_written(id, accepted),
            Input::Authorized(request, answer) => {
                self.channels.on_authorized(
                    &mut self.context,
                    request,
                    answer,
                    &self.user.identity(),
                );
            }
            Input::Authenticated(request, answer) => {
                if self
                    .user
                    .on_authenticated(&mut self.context, request, answer)
                {
                    self.channels
                        .on_identity(&mut self.context, &self.user.identity());
                }
            }
            Input::TimePassed => {
                // First: a link that was silent for long besides is not to be given longer for that.
                if slept {
                    self.check_connection();
                }
                self.time_passed();
            }
            Input::Hint(Hint::NetworkChanged | Hint::Resumed) => self.check_connection(),
        }
        if slept {
            self.check_connection();
        }
        self.flush();
    }

    /// Takes in a text frame of the socket that `dial` opened. An event for the game is handed back at once, borrowed
    /// from the frame; all else comes from [`Session::poll_output`], and belongs before whatever the next frame brings.
    pub fn handle_frame<'a>(
        &mut self,
        dial: DialId,
        frame: &'a str,
        now: Now,
    ) -> Option<ReceivedEvent<'a>> {
        let slept = self.tick(now);
        let is_current = self.is_current(dial);
        if is_current {
            self.on_received();
        }
        if slept {
            self.check_connection_later();
        }
        if !is_current {
            return None;
        }
        let is_live = matches!(self.connection, Connection::Connected { .. });
        let event = match ServerFrame::parse(frame) {
            Ok(frame) if is_live => self.handle_live_frame(frame),
            Ok(frame) => {
                self.handle_handshake_frame(dial, &frame);
                None
            }
            Err(error) if is_live => {
                self.context.report(error.into());
                None
            }
            Err(error) => {
                self.reject_server(&error.to_string());
                None
            }
        };
        // An event for the game moves nothing here.
        if event.is_none() {
            self.flush();
        }
        event
    }

    /// What waits is held against how things are now, so that nothing can be forgotten.
    fn flush(&mut self) {
        self.channels.start_queued(&mut self.context);
        self.flush_sends();
    }

    /// The next thing to do. To be drained after each input and each frame.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.context.pop()
    }

    /// When to say [`Input::TimePassed`], on the monotonic clock; `None` if nothing is waited for.
    pub fn wake_at(&mut self) -> Option<Duration> {
        let waits = [
            self.connection_wake_at(),
            self.user.wake_at(),
            self.channels.wake_at(),
            self.outbox.wake_at(),
        ];
        waits.into_iter().flatten().min()
    }

    fn handle_command(&mut self, command: Command) {
        let context = &mut self.context;
        match command {
            Command::Connect => self.connect(),
            Command::Disconnect => self.disconnect(),
            Command::Redial => self.redial(),
            Command::Subscribe { channel, extra } => {
                self.channels.subscribe(context, channel, extra)
            }
            Command::Unsubscribe(channel) => self.channels.unsubscribe(context, &channel),
            Command::Retry(channel) => self.channels.retry(context, channel),
            Command::Send(event) => self.send(event),
            Command::SignIn => {
                self.user.sign_in(context, self.channels.socket_id());
                self.channels.resume(context);
            }
            Command::SignOut => {
                let known = self.user.sign_out(context);
                self.channels.suspend(context);
                if known {
                    self.redial();
                }
            }
        }
    }

    fn time_passed(&mut self) {
        self.connection_time_passed();
        self.channels.time_passed(&mut self.context);
        let socket_id = self.channels.socket_id();
        if self.user.time_passed(&mut self.context, socket_id) {
            self.channels
                .on_identity(&mut self.context, &self.user.identity());
        }
    }

    /// Takes note of the time. Returns whether the machine slept since the last time.
    fn tick(&mut self, now: Now) -> bool {
        self.context.now = now.monotonic;
        let slept = self.last_seen.is_some_and(|last| {
            let wall = now.wall.saturating_sub(last.wall);
            let monotonic = now.monotonic.saturating_sub(last.monotonic);
            wall.saturating_sub(monotonic) >= SLEEP_THRESHOLD
        });
        self.last_seen = Some(now);
        slept
    }
}

fn sanitized(config: SessionConfig) -> SessionConfig {
    SessionConfig {
        timing: config.timing.sanitized(),
        ..config
    }
}
