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

/// WebSocket close code of a client that has nothing more to say (RFC 6455, section 7.4.1).
pub(super) const CLOSE_NORMAL: u16 = 1000;

/// HTTP status of a proxy that wants credentials, or other ones (RFC 9110, section 15.5.8).
const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

/// How far the connection is.
#[derive(Debug)]
pub(super) enum Connection {
    /// Nobody asked for a connection.
    Idle,
    /// The driver dials; `opened` once the WebSocket stands and the protocol's first message is awaited.
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
    /// Lost or not reached.
    Waiting {
        retry_at: Duration,
        loss: Loss,
        /// Asking to connect does not shorten it.
        locked: bool,
    },
    /// Given up.
    Failed { loss: Loss },
}

impl Connection {
    /// Why there is none, after a failure.
    pub(super) fn loss(&self) -> Option<&Loss> {
        match self {
            Self::Waiting { loss, .. } | Self::Failed { loss } => Some(loss),
            Self::Idle | Self::Dialing { .. } | Self::Connected { .. } => None,
        }
    }
}

/// Why there is no connection.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) attempt: u32,
    pub(super) error: ConnectionError,
    pub(super) since: Duration,
}

/// How the attempts of the present outage went.
#[derive(Clone, Debug, Default)]
pub(super) struct Outage {
    /// Dials since the last healthy connection.
    pub(super) attempts: u32,
    /// Failures since then: dials that failed, connections that did not last.
    pub(super) failures: u32,
    /// Whether the one immediate reconnect of this outage was used.
    pub(super) used_immediate: bool,
    /// How often the game has connected in reaction to a failure.
    pub(super) reactions: u32,
}

impl Session {
    /// Ends whatever socket or dial there is, in good order.
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

    /// The connection is gone: what depended on it starts anew with the next.
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

    /// Whether frames and endings of this socket still count.
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
            // A gateway or a proxy may repeat the headers that it was sent.
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

    /// The connection was lost, or not had.
    pub(super) fn on_connection_lost(&mut self, error: ConnectionError, action: CloseAction) {
        if let Connection::Connected { since, .. } = self.connection
            && self.context.now >= since + self.context.config.timing.healthy_after
        {
            self.outage = Outage::default();
        }
        self.on_disconnected();
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

    /// How long to wait before the next dial, as policy and protocol have it; `None` to give up.
    fn policy_delay(&mut self, action: CloseAction) -> Option<Duration> {
        let Context { config, random, .. } = &mut self.context;
        let policy = &config.reconnect;
        let is_exhausted = policy
            .max_attempts
            .is_some_and(|max| self.outage.attempts >= max);
        if action == CloseAction::Fail || is_exhausted {
            None
        } else if action == CloseAction::Immediately && !self.outage.used_immediate {
            self.outage.used_immediate = true;
            Some(ReconnectPolicy::immediate_delay(random))
        } else {
            Some(policy.delay(self.outage.failures, random))
        }
    }

    /// The same, with the game's own word on it.
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

    /// Something came on the socket.
    pub(super) fn on_received(&mut self) {
        if let Connection::Connected { heartbeat, .. } = &mut self.connection
            && let Some(round_trip) = heartbeat.on_received(self.context.now)
        {
            self.context.notice(Notice::RoundTrip(round_trip));
        }
    }

    /// There is a reason to look after the link: asks the server, or dials instead of waiting longer.
    pub(super) fn check_connection(&mut self) {
        match &mut self.connection {
            Connection::Connected { heartbeat, .. } => {
                let pong_timeout = self.context.config.timing.pong_timeout;
                if heartbeat.check_now(self.context.now, pong_timeout) == HeartbeatAction::Ping {
                    self.context.send(ClientFrame::Ping);
                }
            }
            Connection::Waiting { .. } => self.dial_soon(),
            Connection::Idle | Connection::Dialing { .. } | Connection::Failed { .. } => {}
        }
    }

    /// The same, but the server is asked only once the frames that wait are through: they came while the machine slept.
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
                match heartbeat.check(now, &self.context.config.timing) {
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

    /// A binary frame: the protocol has none, but the link is alive.
    pub(super) fn handle_binary(&mut self, dial: DialId) {
        if !self.is_current(dial) {
            return;
        }
        self.on_received();
        if matches!(self.connection, Connection::Dialing { .. }) {
            self.reject_server("a binary message");
        } else {
            self.context
                .report(PusherError::Frame(FrameError::binary()));
        }
    }
}
