//! What the game asks of the connection: to have one, another one, or none.

use std::time::Duration;

use crate::{
    config::Timing,
    session::{
        ConnectionError, ConnectionState, DialId, Notice, Output, Session,
        context::Context,
        link::{Link, Loss, Outage},
    },
};

/// A dial that is asked for follows the last one after this at the earliest, or after the policy's shortest delay if that is
/// less.
const DIALS_APART: Duration = Duration::from_secs(1);

/// Who asks to connect within this time of a failure is code that does so whenever there is one, and not a person: people take
/// longer to see it and to press something.
const REACTION: Duration = Duration::from_millis(250);

/// So often in [`RESTARTS_SPAN`] the game may have the connection made anew without a wait: enough for a player who goes
/// from server to server, too little for a game that does it in every frame.
const RESTARTS: u32 = 5;

/// The span in which [`RESTARTS`] are counted.
pub(super) const RESTARTS_SPAN: Duration = Duration::from_secs(5);

/// A game that goes from server to server while each fails has its dials spread so much wider than the first.
const WIDER: u32 = 3;

/// What the game asks for after a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// To connect.
    Connect,
    /// To connect to something else.
    Redial,
}

impl Session {
    pub(super) fn connect(&mut self) {
        let often = self.asks_often();
        match &self.link {
            Link::Idle => self.resume(often),
            Link::Waiting { .. } | Link::Failed { .. } => self.skip_the_wait(often, Wish::Connect),
            Link::Dialing { .. } | Link::Connected { .. } => {}
        }
    }

    /// Connects after a disconnect. One that came in the middle of a wait does not end it: code that makes the connection anew
    /// at each failure, or all the time, would.
    fn resume(&mut self, often: bool) {
        match self.left_off.take() {
            Some((
                Link::Waiting {
                    retry_at,
                    loss,
                    stands: true,
                },
                outage,
            )) if often => {
                self.outage = outage;
                if self.context.now < retry_at {
                    self.wait(retry_at, loss, true);
                } else {
                    self.dial();
                }
            }
            Some((link, outage)) if link.loss().is_some_and(|loss| self.is_reaction_to(loss)) => {
                self.link = link;
                self.outage = outage;
                self.react(Wish::Connect);
                // Told once more, for that it is disconnected was told since.
                if let Link::Waiting { retry_at, loss, .. } = &self.link {
                    self.wait(*retry_at, loss.clone(), true);
                }
            }
            _ => self.start(),
        }
    }

    /// Takes note that the game asks for a connection. Returns whether it does so all the time.
    fn asks_often(&mut self) -> bool {
        let now = self.context.now;
        let last = self.asked_at.replace(now);
        last.is_some_and(|last| now < last + DIALS_APART)
    }

    fn is_reaction_to(&self, loss: &Loss) -> bool {
        self.context.now < loss.since + REACTION
    }

    /// The game asks for a connection after a failure. That ends the wait, but it is the policy's business if the game's code
    /// asks whenever there is a failure, or all the time.
    fn skip_the_wait(&mut self, often: bool, wish: Wish) {
        match &self.link {
            Link::Waiting { stands: true, .. } if often => return,
            Link::Waiting {
                loss,
                stands: false,
                ..
            }
            | Link::Failed { loss }
                if self.is_reaction_to(loss) =>
            {
                return self.react(wish);
            }
            _ => {}
        }
        self.outage = Outage {
            immediate_spent: self.outage.immediate_spent && self.may_dial_at().is_some(),
            ..Outage::default()
        };
        self.hasten();
    }

    /// The game's code connects as soon as there is a failure, and that of all other players with it: the first time they
    /// dial soon, but not at once all together, and from then on after the delays of the policy, or if it goes from server
    /// to server, spread a little wider.
    fn react(&mut self, wish: Wish) {
        let now = self.context.now;
        let reactions = self.outage.reactions;
        self.outage.reactions = reactions.saturating_add(1);
        let (policy_at, loss) = match &self.link {
            Link::Waiting { retry_at, loss, .. } => (*retry_at, loss.clone()),
            Link::Failed { loss } => {
                let Context { config, random, .. } = &mut self.context;
                let delay = config.reconnect.delay(self.outage.failures, random);
                self.outage.attempts = 0;
                self.outage.failures = self.outage.failures.saturating_add(1);
                (now + delay, loss.clone())
            }
            Link::Idle | Link::Dialing { .. } | Link::Connected { .. } => return,
        };
        let retry_at = if reactions == 0 || wish == Wish::Redial {
            let wider = if reactions == 0 { 1 } else { WIDER };
            let spread = self.dials_apart() * wider;
            let soon =
                self.may_dial_at().unwrap_or(now) + spread.mul_f64(self.context.random.f64());
            if reactions == 0 {
                soon.min(policy_at)
            } else {
                soon
            }
        } else {
            policy_at
        };
        match &mut self.link {
            Link::Waiting {
                retry_at: at,
                stands,
                ..
            } if *at == retry_at => *stands = true,
            _ => self.wait(retry_at, loss, true),
        }
    }

    /// Dials now, or if the last dial was just now, a little later: whoever asks in every frame would hammer the server.
    pub(super) fn hasten(&mut self) {
        let Some(retry_at) = self.may_dial_at() else {
            return self.dial();
        };
        match &self.link {
            Link::Waiting { retry_at: at, .. } if *at <= retry_at => {}
            Link::Waiting { loss, .. } | Link::Failed { loss } => {
                self.wait(retry_at, loss.clone(), false);
            }
            Link::Idle | Link::Dialing { .. } | Link::Connected { .. } => {}
        }
    }

    /// When a dial will not follow the last one too soon; `None` if that is now.
    fn may_dial_at(&self) -> Option<Duration> {
        let earliest = self.dialled_at? + self.dials_apart();
        (self.context.now < earliest).then_some(earliest)
    }

    fn dials_apart(&self) -> Duration {
        let policy = &self.context.config.reconnect;
        policy.min_delay.clamp(Timing::SHORTEST, DIALS_APART)
    }

    pub(super) fn wait(&mut self, retry_at: Duration, loss: Loss, stands: bool) {
        let Loss { attempt, error, .. } = loss.clone();
        self.link = Link::Waiting {
            retry_at,
            loss,
            stands,
        };
        self.context.notice(Notice::State(ConnectionState::Waiting {
            retry_at,
            attempt,
            error,
        }));
    }

    pub(super) fn disconnect(&mut self) {
        if matches!(self.link, Link::Idle) {
            return;
        }
        self.hang_up("disconnect");
        let outage = std::mem::take(&mut self.outage);
        self.left_off = Some((std::mem::replace(&mut self.link, Link::Idle), outage));
        self.context
            .notice(Notice::State(ConnectionState::Disconnected));
    }

    /// Dials anew, with whatever changed meanwhile. Does nothing if nobody asked for a connection.
    pub(super) fn redial(&mut self) {
        let often = self.asks_often();
        match &self.link {
            Link::Idle => {}
            Link::Waiting { .. } | Link::Failed { .. } => self.skip_the_wait(often, Wish::Redial),
            Link::Dialing { .. } | Link::Connected { .. } => {
                self.hang_up("reconnecting");
                self.outage = Outage::default();
                self.start();
            }
        }
    }

    /// Dials because the game asked for it, or if it does so all the time, a little later.
    fn start(&mut self) {
        let now = self.context.now;
        match self.restarts.free_at(now, RESTARTS) {
            Some(free_at) if free_at > now => {
                let loss = Loss {
                    attempt: 0,
                    error: ConnectionError::RestartedTooOften,
                    since: now,
                };
                self.wait(free_at, loss, true);
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
        self.outage.attempts = self.outage.attempts.saturating_add(1);
        self.dialled_at = Some(self.context.now);
        self.link = Link::Dialing {
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
