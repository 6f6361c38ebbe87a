//! Pings on an idle connection, and the detection of a dead one.

use std::time::Duration;

use crate::{config::Timing, session::throttle::Throttle};

/// The longest wait for a pong after a check: a player who returns to the game wants to know soon.
const CHECK_PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// Pings that check the connection, which user code may request in every frame of the game.
const CHECK_PINGS: Throttle = Throttle::new(1, Duration::from_secs(1));

/// Detects a dead connection. Everything received proves that it is alive; what is sent does not.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// The server's value, which applies if it is shorter than the configured one.
    activity_timeout: Option<Duration>,
    last_received: Duration,
    ping: Option<Ping>,
    pings: Throttle,
    /// When to send a ping because a check was requested.
    check_at: Option<Duration>,
}

/// A ping whose pong is pending.
#[derive(Debug)]
struct Ping {
    sent_at: Duration,
    timeout: Duration,
}

/// What the caller has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeartbeatAction {
    None,
    /// Send a ping: the server was silent for too long, or a check was requested.
    Ping,
    /// Drop the connection: no message arrived within this time of the ping.
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

    /// Records that a message arrived. Returns the round-trip time if a ping was pending.
    pub(super) fn on_received(&mut self, now: Duration) -> Option<Duration> {
        // Any message answers the ping: a busy server may queue the pong behind events.
        self.last_received = now;
        self.ping
            .take()
            .map(|ping| now.saturating_sub(ping.sent_at))
    }

    /// Returns what is due now. A returned `Ping` counts as sent.
    pub(super) fn time_passed(&mut self, now: Duration, timing: &Timing) -> HeartbeatAction {
        let pong_timeout = timing.pong_timeout;
        match &self.ping {
            Some(ping) if now >= ping.sent_at + ping.timeout => HeartbeatAction::TimedOut {
                after: ping.timeout,
            },
            Some(_) => HeartbeatAction::None,
            // A requested check first: its timeout is shorter.
            None if self.check_at.is_some_and(|at| now >= at) => self.check_now(now, pong_timeout),
            None if now >= self.idle_at(timing) => self.ping(now, pong_timeout),
            None => HeartbeatAction::None,
        }
    }

    /// Checks the connection with a ping, or schedules it if the last ping was less than a second ago.
    pub(super) fn check_now(&mut self, now: Duration, pong_timeout: Duration) -> HeartbeatAction {
        // A second ping would only postpone the detection of a dead connection.
        if self.ping.is_some() {
            return HeartbeatAction::None;
        }
        if let Some(ready_at) = self.pings.ready_at(now) {
            self.check_at = Some(ready_at);
            return HeartbeatAction::None;
        }
        self.ping(now, pong_timeout.min(CHECK_PONG_TIMEOUT))
    }

    /// Schedules a ping for the next timer, so that the driver passes waiting frames first: they may be older than the reason
    /// for the check.
    pub(super) fn check_later(&mut self, now: Duration) {
        self.check_at = Some(now);
        // If the machine slept, the monotonic clock may not show how long ago the last ping was.
        self.pings = CHECK_PINGS;
    }

    fn ping(&mut self, now: Duration, timeout: Duration) -> HeartbeatAction {
        // Any ping serves the requested check too.
        self.check_at = None;
        self.pings.take(now);
        self.ping = Some(Ping {
            sent_at: now,
            timeout,
        });
        HeartbeatAction::Ping
    }

    /// Returns when the server has been silent for too long.
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
