//! Requests of user code to connect, disconnect and redial, and the limits on how often they lead to a dial.

use std::time::Duration;

use crate::{
    config::Timing,
    session::{
        ConnectionError, ConnectionState, DialId, Notice, Output, Session,
        connection::{Connection, Loss, Outage},
        context::Context,
    },
};

/// The shortest time between two dials on request; the policy's shortest delay replaces it if that is shorter.
const DIAL_SPACING: Duration = Duration::from_secs(1);

/// A request within this time of a failure is a reaction of code, not of a person: people need longer to notice the failure
/// and to press a button.
const REACTION_TIME: Duration = Duration::from_millis(250);

/// Dials on request within [`RESTART_WINDOW`] that are not delayed: enough for a player who switches between servers, too few
/// for a game that reconnects in every frame of the game.
const RESTARTS: u32 = 5;

/// The span over which [`RESTARTS`] are counted.
pub(super) const RESTART_WINDOW: Duration = Duration::from_secs(5);

/// If a game switches to another server after each failure, its dials are spread over this many times [`DIAL_SPACING`].
const REDIAL_SPREAD: u32 = 3;

/// What user code requests after a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RequestKind {
    /// To connect.
    Connect,
    /// To connect to another endpoint.
    Redial,
}

impl Session {
    pub(super) fn connect(&mut self) {
        // Recorded in every state: a request that has no effect now may be one of many.
        let is_frequent = self.is_frequent_request();
        match &self.connection {
            Connection::Idle => self.connect_from_idle(is_frequent),
            Connection::Waiting { .. } | Connection::Failed { .. } => {
                self.skip_wait(is_frequent, RequestKind::Connect)
            }
            // Repeating the command has no effect.
            Connection::Dialing { .. } | Connection::Connected { .. } => {}
        }
    }

    /// Connects after a disconnect. If the disconnect came during a wait, the wait goes on: otherwise code that reconnects at
    /// each failure, or in every frame of the game, would skip it.
    fn connect_from_idle(&mut self, is_frequent: bool) {
        match self.before_disconnect.take() {
            Some((
                Connection::Waiting {
                    retry_at,
                    loss,
                    locked: true,
                },
                outage,
            )) if is_frequent => {
                self.outage = outage;
                if self.context.now < retry_at {
                    // The wait goes on where it was before the disconnect.
                    self.schedule_dial(retry_at, loss, true);
                } else {
                    self.dial();
                }
            }
            Some((connection, outage))
                if connection
                    .loss()
                    .is_some_and(|loss| self.is_reaction_to(loss)) =>
            {
                self.connection = connection;
                self.outage = outage;
                self.on_reaction(RequestKind::Connect);
                // Reports the wait again, because `Disconnected` was reported since.
                if let Connection::Waiting { retry_at, loss, .. } = &self.connection {
                    self.schedule_dial(*retry_at, loss.clone(), true);
                }
            }
            _ => self.dial_throttled(),
        }
    }

    /// Records a request for a connection. Returns whether the last one was less than [`DIAL_SPACING`] ago.
    fn is_frequent_request(&mut self) -> bool {
        let now = self.context.now;
        // Also for a request that is ignored: only a pause ends the series.
        let last = self.requested_at.replace(now);
        last.is_some_and(|last| now < last + DIAL_SPACING)
    }

    fn is_reaction_to(&self, loss: &Loss) -> bool {
        self.context.now < loss.since + REACTION_TIME
    }

    /// Handles a request for a connection after a failure. It skips the wait, unless the request is a reaction to the failure
    /// or comes too often; then the policy decides.
    fn skip_wait(&mut self, is_frequent: bool, kind: RequestKind) {
        match &self.connection {
            Connection::Waiting { locked: true, .. } if is_frequent => return,
            Connection::Waiting {
                loss,
                locked: false,
                ..
            }
            | Connection::Failed { loss }
                if self.is_reaction_to(loss) =>
            {
                return self.on_reaction(kind);
            }
            _ => {}
        }
        self.outage = Outage {
            // User code that requests a connection after each 42xx close must not get an immediate reconnect each time.
            used_immediate: self.outage.used_immediate && self.earliest_dial().is_some(),
            ..Outage::default()
        };
        self.dial_soon();
    }

    /// Handles a request that reacts to a failure. All clients run the same code and react at the same moment, so the first
    /// dial is soon but at a random time. Later dials follow the policy's delays, or after a redial a random delay of up to
    /// [`REDIAL_SPREAD`] times the spacing.
    fn on_reaction(&mut self, kind: RequestKind) {
        let now = self.context.now;
        let reactions = self.outage.reactions;
        self.outage.reactions = reactions.saturating_add(1);
        let (policy_at, loss) = match &self.connection {
            Connection::Waiting { retry_at, loss, .. } => (*retry_at, loss.clone()),
            Connection::Failed { loss } => {
                let Context { config, random, .. } = &mut self.context;
                // Failed: no delay was drawn, so this request starts a new series of attempts.
                let delay = config.reconnect.delay(self.outage.failures, random);
                self.outage.attempts = 0;
                self.outage.failures = self.outage.failures.saturating_add(1);
                (now + delay, loss.clone())
            }
            Connection::Idle | Connection::Dialing { .. } | Connection::Connected { .. } => return,
        };
        let retry_at = if reactions == 0 || kind == RequestKind::Redial {
            let factor = if reactions == 0 { 1 } else { REDIAL_SPREAD };
            let spread = self.dial_spacing() * factor;
            let soon =
                self.earliest_dial().unwrap_or(now) + spread.mul_f64(self.context.random.f64());
            if reactions == 0 {
                // Never later than without the request.
                soon.min(policy_at)
            } else {
                soon
            }
        } else {
            policy_at
        };
        // If the time stays the same, there is nothing new to report.
        match &mut self.connection {
            Connection::Waiting {
                retry_at: at,
                locked,
                ..
            } if *at == retry_at => *locked = true,
            _ => self.schedule_dial(retry_at, loss, true),
        }
    }

    /// Dials now, or as soon as [`DIAL_SPACING`] allows, since the request may come in every frame of the game.
    pub(super) fn dial_soon(&mut self) {
        let Some(retry_at) = self.earliest_dial() else {
            return self.dial();
        };
        match &self.connection {
            // Never later than the wait under way.
            Connection::Waiting { retry_at: at, .. } if *at <= retry_at => {}
            Connection::Waiting { loss, .. } | Connection::Failed { loss } => {
                self.schedule_dial(retry_at, loss.clone(), false);
            }
            Connection::Idle | Connection::Dialing { .. } | Connection::Connected { .. } => {}
        }
    }

    /// Returns when the spacing allows the next dial; `None` if it does now.
    fn earliest_dial(&self) -> Option<Duration> {
        let earliest = self.dialled_at? + self.dial_spacing();
        (self.context.now < earliest).then_some(earliest)
    }

    fn dial_spacing(&self) -> Duration {
        let policy = &self.context.config.reconnect;
        // Read at each dial, so that a changed policy applies at once. This is why it is not a `Throttle`.
        policy.min_delay.clamp(Timing::SHORTEST, DIAL_SPACING)
    }

    pub(super) fn schedule_dial(&mut self, retry_at: Duration, loss: Loss, locked: bool) {
        let Loss { attempt, error, .. } = loss.clone();
        self.connection = Connection::Waiting {
            retry_at,
            loss,
            locked,
        };
        self.context.notice(Notice::State(ConnectionState::Waiting {
            retry_at,
            attempt,
            error,
        }));
    }

    pub(super) fn disconnect(&mut self) {
        if matches!(self.connection, Connection::Idle) {
            return;
        }
        self.close_connection("disconnect");
        let outage = std::mem::take(&mut self.outage);
        self.before_disconnect = Some((
            std::mem::replace(&mut self.connection, Connection::Idle),
            outage,
        ));
        self.context
            .notice(Notice::State(ConnectionState::Disconnected));
    }

    /// Reconnects with the current configuration. Does nothing without a connection and without an attempt.
    pub(super) fn redial(&mut self) {
        let is_frequent = self.is_frequent_request();
        match &self.connection {
            Connection::Idle => {}
            Connection::Waiting { .. } | Connection::Failed { .. } => {
                self.skip_wait(is_frequent, RequestKind::Redial)
            }
            Connection::Dialing { .. } | Connection::Connected { .. } => {
                // A deliberate reconnect is not an outage: the count of attempts starts again.
                self.close_connection("reconnecting");
                self.outage = Outage::default();
                self.dial_throttled();
            }
        }
    }

    /// Dials on request, or later if there were [`RESTARTS`] within [`RESTART_WINDOW`].
    fn dial_throttled(&mut self) {
        let now = self.context.now;
        // A window and not a `Throttle`: documented as five within five seconds.
        match self.restarts.ready_at(now, RESTARTS) {
            Some(ready_at) if ready_at > now => {
                let loss = Loss {
                    // No attempt has failed.
                    attempt: 0,
                    error: ConnectionError::RestartedTooOften,
                    since: now,
                };
                self.schedule_dial(ready_at, loss, true);
            }
            _ => {
                self.restarts.count(now);
                self.dial();
            }
        }
    }

    pub(super) fn dial(&mut self) {
        let dial = DialId(self.context.next_id());
        let deadline = self.context.now + self.context.config.timing.dial_timeout;
        // Counted when it starts, so that `max_attempts` includes the first dial.
        self.outage.attempts = self.outage.attempts.saturating_add(1);
        self.dialled_at = Some(self.context.now);
        self.connection = Connection::Dialing {
            dial,
            deadline,
            opened: false,
        };
        self.context
            .notice(Notice::State(ConnectionState::Connecting {
                attempt: self.outage.attempts,
            }));
        self.context.output(Output::Dial {
            dial,
            deadline,
            attempt: self.outage.attempts,
        });
    }
}
