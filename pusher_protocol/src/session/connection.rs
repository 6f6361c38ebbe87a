//! The connection: its states, how it is lost, and the delay before the next dial. Requests of user code are in `connecting`.

use std::time::Duration;

use crate::{
    config::{ReconnectPolicy, Timing},
    protocol::{ClientFrame, CloseAction, FrameError, redact, redacted_excerpt},
    session::{
        ConnectionError, ConnectionState, DialId, DialPhase, Notice, Output, PusherError,
        ReconnectContext, ReconnectDecision, Session,
        context::Context,
        heartbeat::{Heartbeat, HeartbeatAction},
    },
};

/// WebSocket close code of a normal closure (RFC 6455, section 7.4.1).
pub(super) const CLOSE_NORMAL: u16 = 1000;

/// HTTP status of a proxy that requires credentials, or rejects those it got (RFC 9110, section 15.5.8).
const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

/// The state of the connection.
#[derive(Debug)]
pub(super) enum Connection {
    /// No connection was requested.
    Idle,
    /// The driver dials. `opened` is set once the WebSocket is open; then the session waits for the protocol's first message.
    Dialing {
        dial: DialId,
        deadline: Duration,
        opened: bool,
    },
    /// Established.
    Connected {
        dial: DialId,
        since: Duration,
        heartbeat: Heartbeat,
    },
    /// Lost or never established; the next dial is scheduled.
    Waiting {
        retry_at: Duration,
        loss: Loss,
        /// Requests of user code do not shorten the wait.
        locked: bool,
    },
    /// Given up; only a request of user code leads to another dial.
    Failed { loss: Loss },
}

impl Connection {
    /// Returns the last failure while it keeps the session disconnected.
    pub(super) fn loss(&self) -> Option<&Loss> {
        match self {
            Self::Waiting { loss, .. } | Self::Failed { loss } => Some(loss),
            Self::Idle | Self::Dialing { .. } | Self::Connected { .. } => None,
        }
    }
}

/// A lost connection, or a failed attempt to establish one.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) attempt: u32,
    pub(super) error: ConnectionError,
    pub(super) since: Duration,
}

/// Counts attempts and failures since the last healthy connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Outage {
    /// Dials.
    pub(super) attempts: u32,
    /// Dials that failed, and connections that did not last for `healthy_after`.
    pub(super) failures: u32,
    /// Whether the single immediate reconnect was used. A server that keeps closing with a 42xx code gets backoff after it.
    pub(super) used_immediate: bool,
    /// Requests of user code in reaction to a failure.
    pub(super) reactions: u32,
}

impl Session {
    /// Closes the socket or cancels the dial.
    pub(super) fn close_connection(&mut self, reason: &'static str) {
        match self.connection {
            Connection::Dialing {
                dial,
                opened: false,
                ..
            } => self.context.output(Output::CancelDial(dial)),
            Connection::Dialing { opened: true, .. } | Connection::Connected { .. } => {
                self.context.output(Output::Close {
                    code: CLOSE_NORMAL,
                    reason,
                });
            }
            Connection::Idle | Connection::Waiting { .. } | Connection::Failed { .. } => {}
        }
        self.on_disconnected();
    }

    /// Resets everything that depends on the connection.
    fn on_disconnected(&mut self) {
        self.user.on_disconnected(&mut self.context);
        self.channels.on_disconnected(&mut self.context);
    }

    pub(super) fn on_opened(&mut self, dial: DialId) {
        if let Connection::Dialing {
            dial: current,
            opened,
            ..
        } = &mut self.connection
            && *current == dial
        {
            *opened = true;
        }
    }

    /// Whether frames and closings of this socket still count. The driver may pass some after the session gave up the socket.
    pub(super) fn is_current(&self, dial: DialId) -> bool {
        match self.connection {
            Connection::Dialing {
                dial: current,
                opened: true,
                ..
            }
            | Connection::Connected { dial: current, .. } => current == dial,
            _ => false,
        }
    }

    pub(super) fn on_dial_failed(&mut self, dial: DialId, mut error: ConnectionError) {
        if matches!(self.connection, Connection::Dialing { dial: current, opened: false, .. } if current == dial)
        {
            // These cannot succeed with the same configuration. All other failures are of the network or the server.
            let action = match error {
                ConnectionError::InvalidEndpoint(_)
                | ConnectionError::InvalidHeader { .. }
                | ConnectionError::Unsupported(_)
                | ConnectionError::Proxy {
                    status: Some(PROXY_AUTHENTICATION_REQUIRED),
                    ..
                } => CloseAction::Fail,
                _ => CloseAction::of(error.code()),
            };
            // Gateways and proxies may quote the request headers, which may contain credentials.
            match &mut error {
                ConnectionError::Upgrade { reason, .. } => *reason = redacted_excerpt(reason),
                ConnectionError::Proxy { reason, .. } => *reason = redact(reason),
                _ => {}
            }
            self.on_connection_lost(error, action);
        }
    }

    pub(super) fn on_closed(&mut self, dial: DialId, mut error: ConnectionError) {
        if self.is_current(dial) {
            let action = CloseAction::of(error.code());
            match &mut error {
                // Before the handshake, a close without a code often means a wrong app key.
                ConnectionError::Lost { reason }
                    if matches!(self.connection, Connection::Dialing { .. }) =>
                {
                    let reason = std::mem::take(reason);
                    error = ConnectionError::NotEstablished { reason };
                }
                ConnectionError::Closed { reason, .. } => *reason = redact(reason),
                _ => {}
            }
            self.on_connection_lost(error, action);
        }
    }

    /// Handles a lost connection or a failed attempt: reports it, then waits or gives up.
    pub(super) fn on_connection_lost(&mut self, error: ConnectionError, action: CloseAction) {
        // A server that accepts connections and drops them at once must not reset the backoff.
        if let Connection::Connected { since, .. } = self.connection
            && self.context.now >= since + self.context.config.timing.healthy_after
        {
            self.outage = Outage::default();
        }
        self.on_disconnected();
        // Reported before the new state, so that user code knows the reason when the state changes.
        let attempt = self.outage.failures.saturating_add(1);
        self.context.notice(Notice::Error {
            error: error.clone().into(),
            attempt,
        });
        let policy_delay = self.policy_delay(action);
        let loss = Loss {
            attempt,
            error,
            since: self.context.now,
        };
        let Some(delay) = self.reconnect_delay(&loss.error, attempt, policy_delay) else {
            let error = loss.error.clone();
            self.connection = Connection::Failed { loss };
            // A fatal error is shown as it is; `GaveUp` means that another attempt could have succeeded.
            let error = if action == CloseAction::Fail {
                error
            } else {
                ConnectionError::GaveUp {
                    attempts: self.outage.attempts,
                    last: Box::new(error),
                }
            };
            self.context
                .notice(Notice::State(ConnectionState::Failed { error }));
            return;
        };
        self.outage.failures = attempt;
        self.schedule_dial(self.context.now + delay, loss, false);
    }

    /// Returns the delay before the next dial, as the policy and the close code decide; `None` to give up.
    fn policy_delay(&mut self, action: CloseAction) -> Option<Duration> {
        let Context { config, random, .. } = &mut self.context;
        let policy = &config.reconnect;
        let is_exhausted = policy
            .max_attempts
            .is_some_and(|max| self.outage.attempts >= max);
        // The hook may override both, so they only decide what the policy would do.
        if action == CloseAction::Fail || is_exhausted {
            None
        } else if action == CloseAction::Immediately && !self.outage.used_immediate {
            // Once per outage: a server in trouble may send 42xx to everyone again and again.
            self.outage.used_immediate = true;
            Some(ReconnectPolicy::immediate_delay(random))
        } else {
            Some(policy.delay(self.outage.failures, random))
        }
    }

    /// Returns the delay before the next dial, after the reconnect hook had the chance to override the policy's.
    fn reconnect_delay(
        &mut self,
        error: &ConnectionError,
        attempt: u32,
        policy_delay: Option<Duration>,
    ) -> Option<Duration> {
        let Some(hook) = &self.context.config.reconnect_hook else {
            return policy_delay;
        };
        let decision = hook.decide(&ReconnectContext {
            error,
            attempt,
            delay: policy_delay,
        });
        match decision {
            Some(ReconnectDecision::Policy) => policy_delay,
            Some(ReconnectDecision::After(delay)) => {
                // A hook that returns zero must not make the session spin.
                Some(delay.clamp(Timing::SHORTEST, Timing::LONGEST))
            }
            Some(ReconnectDecision::GiveUp) => None,
            None => {
                let error = PusherError::ReconnectHookPanicked;
                self.context.notice(Notice::Error { error, attempt });
                policy_delay
            }
        }
    }

    /// Records that something arrived on the socket.
    pub(super) fn on_received(&mut self) {
        if let Connection::Connected { heartbeat, .. } = &mut self.connection
            && let Some(round_trip) = heartbeat.on_received(self.context.now)
        {
            self.context.notice(Notice::RoundTrip(round_trip));
        }
    }

    /// Checks the connection for a reason such as a network change: sends a ping, or ends the wait for the next dial.
    pub(super) fn check_connection(&mut self) {
        match &mut self.connection {
            Connection::Connected { heartbeat, .. } => {
                let pong_timeout = self.context.config.timing.pong_timeout;
                // While a ping is pending, its timeout decides.
                if heartbeat.check_now(self.context.now, pong_timeout) == HeartbeatAction::Ping {
                    self.context.send(ClientFrame::Ping);
                }
            }
            // The reason, such as a new network, may have removed the cause of the failure.
            Connection::Waiting { .. } => self.dial_soon(),
            Connection::Idle | Connection::Dialing { .. } | Connection::Failed { .. } => {}
        }
    }

    /// Checks the connection after the frames that already wait in the driver: they may have arrived before the machine slept,
    /// and do not prove that the connection is alive.
    pub(super) fn check_connection_later(&mut self) {
        if let Connection::Connected { heartbeat, .. } = &mut self.connection {
            heartbeat.check_later(self.context.now);
        } else {
            self.check_connection();
        }
    }

    pub(super) fn connection_time_passed(&mut self) {
        let now = self.context.now;
        match &mut self.connection {
            Connection::Dialing {
                dial,
                deadline,
                opened,
            } if now >= *deadline => {
                let (dial, opened) = (*dial, *opened);
                let phase = if opened {
                    DialPhase::Establishment
                } else {
                    DialPhase::Open
                };
                // An open socket is dropped without a close handshake: a server that does not answer would only delay it.
                self.context.output(if opened {
                    Output::Abandon
                } else {
                    Output::CancelDial(dial)
                });
                let after = self.context.config.timing.dial_timeout;
                self.on_connection_lost(
                    ConnectionError::TimedOut { phase, after },
                    CloseAction::BackOff,
                );
            }
            Connection::Connected { heartbeat, .. } => {
                match heartbeat.time_passed(now, &self.context.config.timing) {
                    HeartbeatAction::None => {}
                    HeartbeatAction::Ping => self.context.send(ClientFrame::Ping),
                    HeartbeatAction::TimedOut { after } => {
                        self.context.output(Output::Abandon);
                        self.on_connection_lost(
                            ConnectionError::PongTimedOut { after },
                            CloseAction::Immediately,
                        );
                    }
                }
            }
            Connection::Waiting { retry_at, .. } if now >= *retry_at => self.dial(),
            _ => {}
        }
    }

    pub(super) fn connection_wake_at(&self) -> Option<Duration> {
        match &self.connection {
            Connection::Dialing { deadline, .. } => Some(*deadline),
            Connection::Connected { heartbeat, .. } => {
                Some(heartbeat.wake_at(&self.context.config.timing))
            }
            Connection::Waiting { retry_at, .. } => Some(*retry_at),
            Connection::Idle | Connection::Failed { .. } => None,
        }
    }

    /// Handles a binary frame. The protocol has none, but it proves that the connection is alive.
    pub(super) fn handle_binary(&mut self, dial: DialId) {
        if !self.is_current(dial) {
            return;
        }
        self.on_received();
        if matches!(self.connection, Connection::Dialing { .. }) {
            // Before the handshake nothing else is known of the server, so this is no Pusher server.
            self.reject_server("a binary message");
        } else {
            self.context
                .report(PusherError::Frame(FrameError::binary()));
        }
    }
}
