use std::time::Duration;

use crate::{config::Timing, session::throttle::Throttle};

/// Longest wait for a pong when there is a reason to doubt the link: a player who comes back wants to know soon.
const CHECK_PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// A link that is doubted in every frame is pinged once a second.
const CHECK_PINGS: Throttle = Throttle::new(1, Duration::from_secs(1));

/// Watches one connection for signs of life. Whatever the server sends is one; what is sent to it is none.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// The server's own, which counts if it is shorter than the configured one.
    activity_timeout: Option<Duration>,
    last_received: Duration,
    ping: Option<Ping>,
    pings: Throttle,
    /// When the server is to be asked because the link is doubted.
    check_at: Option<Duration>,
}

/// A ping without an answer so far.
#[derive(Debug)]
struct Ping {
    sent_at: Duration,
    timeout: Duration,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeartbeatAction {
    None,
    /// Silence for too long: a ping is to be sent.
    Ping,
    /// No answer to it.
    TimedOut {
        after: Duration,
    },
}

impl Heartbeat {
    pub(super) fn new(activity_timeout: Option<Duration>, now: Duration) -> Self {
        Self {
            activity_timeout,
            last_received: now,
            ping: None,
            pings: CHECK_PINGS,
            check_at: None,
        }
    }

    /// Something came. Returns how long the answer to a ping took, if one was awaited.
    pub(super) fn on_received(&mut self, now: Duration) -> Option<Duration> {
        self.last_received = now;
        self.ping
            .take()
            .map(|ping| now.saturating_sub(ping.sent_at))
    }

    /// What is due now; `Ask` counts as done.
    pub(super) fn check(&mut self, now: Duration, timing: &Timing) -> HeartbeatAction {
        let pong_timeout = timing.pong_timeout;
        match &self.ping {
            Some(ping) if now >= ping.sent_at + ping.timeout => HeartbeatAction::TimedOut {
                after: ping.timeout,
            },
            Some(_) => HeartbeatAction::None,
            None if self.check_at.is_some_and(|at| now >= at) => self.check_now(now, pong_timeout),
            None if now >= self.idle_at(timing) => self.ping(now, pong_timeout),
            None => HeartbeatAction::None,
        }
    }

    /// There is a reason to doubt the link: asks at once, or if it was asked a moment ago, a little later.
    pub(super) fn check_now(&mut self, now: Duration, pong_timeout: Duration) -> HeartbeatAction {
        if self.ping.is_some() {
            return HeartbeatAction::None;
        }
        if let Some(ready_at) = self.pings.ready_at(now) {
            self.check_at = Some(ready_at);
            return HeartbeatAction::None;
        }
        self.ping(now, pong_timeout.min(CHECK_PONG_TIMEOUT))
    }

    /// The same once what waits to be read has been: it may be as old as the doubt, and is no answer.
    pub(super) fn check_later(&mut self, now: Duration) {
        self.check_at = Some(now);
        // The machine may have slept since, which this clock does not tell.
        self.pings = CHECK_PINGS;
    }

    fn ping(&mut self, now: Duration, timeout: Duration) -> HeartbeatAction {
        self.check_at = None;
        self.pings.take(now);
        self.ping = Some(Ping {
            sent_at: now,
            timeout,
        });
        HeartbeatAction::Ping
    }

    /// When the server has been silent for too long.
    fn idle_at(&self, timing: &Timing) -> Duration {
        let configured = timing.activity_timeout;
        let timeout = self
            .activity_timeout
            .map_or(configured, |server| server.min(configured));
        self.last_received + timeout
    }

    pub(super) fn wake_at(&self, timing: &Timing) -> Duration {
        match &self.ping {
            Some(ping) => ping.sent_at + ping.timeout,
            None => {
                let idle_at = self.idle_at(timing);
                self.check_at.map_or(idle_at, |at| at.min(idle_at))
            }
        }
    }
}
