use std::time::Duration;

/// Longest wait for a pong when there is a reason to doubt the link: a player who comes back wants to know soon.
const DOUBTFUL_PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// A link that is doubted in every frame is asked about no more often than this.
const DOUBTS_APART: Duration = Duration::from_secs(1);

/// Watches one connection for signs of life. Whatever the server sends is one; what is sent to it is none.
#[derive(Debug)]
pub(super) struct Heartbeat {
    activity_timeout: Duration,
    last_heard: Duration,
    ping: Option<Ping>,
    last_asked: Option<Duration>,
    /// Since when the link is doubted, while the server was not asked so far.
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
    pub(super) fn new(activity_timeout: Duration, now: Duration) -> Self {
        Self {
            activity_timeout,
            last_heard: now,
            ping: None,
            last_asked: None,
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
    pub(super) fn check(&mut self, now: Duration, pong_timeout: Duration) -> Pulse {
        match &self.ping {
            Some(ping) if now >= ping.sent_at + ping.timeout => Pulse::Dead {
                after: ping.timeout,
            },
            Some(_) => Pulse::Fine,
            None if self.doubted_at.is_some() => self.doubt(now, pong_timeout),
            None if now >= self.last_heard + self.activity_timeout => self.ask(now, pong_timeout),
            None => Pulse::Fine,
        }
    }

    /// There is a reason to doubt the link: asks at once, unless it is being asked or was a moment ago.
    pub(super) fn doubt(&mut self, now: Duration, pong_timeout: Duration) -> Pulse {
        let was_asked = |asked: Duration| now < asked + DOUBTS_APART;
        if self.ping.is_some() || self.last_asked.is_some_and(was_asked) {
            self.doubted_at = None;
            return Pulse::Fine;
        }
        self.ask(now, pong_timeout.min(DOUBTFUL_PONG_TIMEOUT))
    }

    /// The same once what waits to be read has been: it may be as old as the doubt, and is no answer.
    pub(super) fn doubt_later(&mut self, now: Duration) {
        self.doubted_at = Some(now);
        // The machine may have slept since, which this clock does not tell.
        self.last_asked = None;
    }

    fn ask(&mut self, now: Duration, timeout: Duration) -> Pulse {
        self.doubted_at = None;
        self.last_asked = Some(now);
        self.ping = Some(Ping {
            sent_at: now,
            timeout,
        });
        Pulse::Ask
    }

    pub(super) fn wake_at(&self) -> Duration {
        match &self.ping {
            Some(ping) => ping.sent_at + ping.timeout,
            None => self
                .doubted_at
                .unwrap_or(self.last_heard + self.activity_timeout),
        }
    }
}
