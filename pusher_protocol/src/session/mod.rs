//! A complete Pusher client as a state machine without I/O.
//!
//! A driver passes a [`Session`] what happened ([`Input`], text frames) and the current time ([`Now`]). After each it drains
//! [`Session::poll_output`] and executes the [`Output`]s in order. When [`Session::wake_at`] is reached, it passes
//! [`Input::TimePassed`].
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

/// If the wall clock runs ahead of the monotonic clock by this much, the machine slept. Smaller jumps may be clock
/// adjustments.
const SLEEP_THRESHOLD: Duration = Duration::from_secs(5);

/// The configuration of a [`Session`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionConfig {
    /// Timeouts and intervals.
    pub timing: Timing,
    /// When to reconnect.
    pub reconnect: ReconnectPolicy,
    /// A callback that can override the reconnect policy.
    pub reconnect_hook: Option<ReconnectHook>,
    /// When to retry requests to the game's backend.
    pub auth_retry: RetryPolicy,
    /// Limits on queues, sizes and rates.
    pub limits: Limits,
    /// Whether to report [`SendOutcome::Sent`] for client events too, not only failures.
    pub answer_sent: bool,
    /// Seed of the random delays. Give each client a different one, or their delays do not spread.
    pub seed: u64,
}

/// A Pusher client that does no I/O.
#[derive(Debug)]
pub struct Session {
    context: Context,
    connection: Connection,
    dialled_at: Option<Duration>,
    restarts: SlidingWindow,
    /// When user code last requested a connection, or another one.
    requested_at: Option<Duration>,
    /// The connection's state at the last disconnect, so that a disconnect followed by a connect does not skip a wait.
    before_disconnect: Option<(Connection, Outage)>,
    outage: Outage,
    channels: Channels,
    user: User,
    outbox: Outbox,
    last_seen: Option<Now>,
}

impl Session {
    /// Creates a session that is not connected.
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

    /// Replaces the configuration and keeps the connection. A wait that is under way ends as it was planned; the activity
    /// timeout applies at once.
    pub fn configure(&mut self, config: SessionConfig) {
        self.context.config = sanitized(config);
        self.outbox.reschedule(self.context.now);
    }

    /// Handles an input. Drain [`poll_output`](Self::poll_output) afterwards.
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
                    self.on_identity_changed();
                }
            }
            Input::TimePassed => {
                // Checks the connection before its timers: a connection that was also silent for too long must not get more
                // time because of the sleep.
                if slept {
                    self.check_connection();
                }
                self.time_passed();
            }
            Input::Hint(Hint::NetworkChanged | Hint::Resumed) => self.check_connection(),
        }
        // After the input: a command such as `Connect` may have replaced the connection.
        if slept {
            self.check_connection();
        }
        self.flush();
    }

    /// Handles a text frame of the socket that `dial` opened. Returns an event for user code directly, borrowed from the
    /// frame. All other results come from [`poll_output`](Self::poll_output), which must be drained before the next frame.
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
        // For a stale frame too: it has updated the clocks, so the next input does not show the sleep any more.
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
        // An event for user code changes no state, so the common case skips this.
        if event.is_none() {
            self.flush();
        }
        event
    }

    /// Starts and sends everything that has become possible. It runs after each change of state, so no transition has to know
    /// what was waiting for it.
    fn flush(&mut self) {
        // Authorizations before client events: an event may wait for its subscription, never the other way round.
        self.channels.start_queued(&mut self.context);
        self.flush_sends();
    }

    /// Returns the next thing to do. The driver drains this after each input and each frame.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.context.pop()
    }

    /// Returns when to pass [`Input::TimePassed`], on the monotonic clock; `None` if no timer is running.
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
        // The connection first: if it is lost, the timers of channels and user are void.
        self.connection_time_passed();
        self.channels.time_passed(&mut self.context);
        let socket_id = self.channels.socket_id();
        if self.user.time_passed(&mut self.context, socket_id) {
            self.on_identity_changed();
        }
    }

    /// The sign-in succeeded or failed, which decides about channels that waited for it.
    fn on_identity_changed(&mut self) {
        self.channels
            .on_identity(&mut self.context, &self.user.identity());
    }

    /// Updates the time. Returns whether the machine slept since the last call.
    fn tick(&mut self, now: Now) -> bool {
        // Only differences count: the clocks may start at any moment.
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
