use std::time::Duration;

use crate::{config::Timing, session::throttle::Throttle};

/// Longest wait for a pong when there is a reason to doubt the link: a player who comes back wants to know soon.
const DOUBTFUL_PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// A link that is doubted in every frame is pinged once a second.
const DOUBT_PINGS: Throttle = Throttle::new(1, Duration::from_secs(1));

/// Watches one connection for signs of life. Whatever the server sends is one; what is sent to it is none.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// The server's own, which counts if it is shorter than the configured one.
    activity_timeout: Option<Duration>,
    last_heard: Duration,
    ping: Option<Ping>,
    pings: Throttle,
    /// When the server is to be asked because the link is doubted.
    doubted_at: Option<Duration>,
}

/// A ping without an answer so far.
#[derive(Debug)]
struct Ping {
    sent_at: Duration,
    timeout: Duration,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    Fine,
    /// Silence for too long: a ping is to be sent.
    Ask,
    /// No answer to it.
    Dead {
        after: Duration,
    },
}

impl Heartbeat {
    pub(super) fn new(activity_timeout: Option<Duration>, now: Duration) -> Self {
        Self {
            activity_timeout,
            last_heard: now,
            ping: None,
            pings: DOUBT_PINGS,
            doubted_at: None,
        }
    }

    /// Something came. Returns how long the answer to a ping took, if one was awaited.
    pub(super) fn heard(&mut self, now: Duration) -> Option<Duration> {
        self.last_heard = now;
        self.ping
            .take()
            .map(|ping| now.saturating_sub(ping.sent_at))
    }

    /// What is due now; `Ask` counts as done.
    pub(super) fn check(&mut self, now: Duration, timing: &Timing) -> Pulse {
        let pong_timeout = timing.pong_timeout;
        match &self.ping {
            Some(ping) if now >= ping.sent_at + ping.timeout => Pulse::Dead {
                after: ping.timeout,
            },
            Some(_) => Pulse::Fine,
            None if self.doubted_at.is_some_and(|at| now >= at) => self.doubt(now, pong_timeout),
            None if now >= self.silent_at(timing) => self.ask(now, pong_timeout),
            None => Pulse::Fine,
        }
    }

    /// There is a reason to doubt the link: asks at once, or if it was asked a moment ago, a little later.
    pub(super) fn doubt(&mut self, now: Duration, pong_timeout: Duration) -> Pulse {
        if self.ping.is_some() {
            return Pulse::Fine;
        }
        if let Some(ready_at) = self.pings.ready_at(now) {
            self.doubted_at = Some(ready_at);
            return Pulse::Fine;
        }
        self.ask(now, pong_timeout.min(DOUBTFUL_PONG_TIMEOUT))
    }

    /// The same once what waits to be read has been: it may be as old as the doubt, and is no answer.
    pub(super) fn doubt_later(&mut self, now: Duration) {
        self.doubted_at = Some(now);
        // The machine may have slept since, which this clock does not tell.
        self.pings = DOUBT_PINGS;
    }

    fn ask(&mut self, now: Duration, timeout: Duration) -> Pulse {
        self.doubted_at = None;
        self.pings.take(now);
        self.ping = Some(Ping {
            sent_at: now,
            timeout,
        });
        Pulse::Ask
    }

    /// When the server has been silent for too long.
    fn silent_at(&self, timing: &Timing) -> Duration {
        let configured = timing.activity_timeout;
        let timeout = self
            .activity_timeout
            .map_or(configured, |server| server.min(configured));
        self.last_heard + timeout
    }

    pub(super) fn wake_at(&self, timing: &Timing) -> Duration {
        match &self.ping {
            Some(ping) => ping.sent_at + ping.timeout,
            None => {
                let silent_at = self.silent_at(timing);
                self.doubted_at.map_or(silent_at, |at| at.min(silent_at))
            }
        }
    }
}
