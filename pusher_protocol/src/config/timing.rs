use std::time::Duration;

/// How long to wait for what. All in real time: pausing a game's clock changes nothing here.
///
/// Write it with `..Timing::default()`: later versions may have more of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the start of an attempt to connect (look-up, TCP, TLS, WebSocket upgrade) to the server's
    /// `pusher:connection_established`. 10 s: pusher-js shows trouble after as long.
    pub dial_timeout: Duration,
    /// For the game's backend to answer an authorization or a sign-in. 10 s.
    pub authorization_timeout: Duration,
    /// For the server to answer a subscription. 10 s: some servers refuse without naming the channel, so silence is all
    /// there is.
    pub subscribe_timeout: Duration,
    /// For a client event in the queue to be sent. 60 s: twice the longest delay before a reconnect.
    pub queue_timeout: Duration,
    /// Silence after which the link is checked with a `pusher:ping`; the server's own `activity_timeout` counts if it is
    /// shorter. 30 s: pusher-js' 120 s are too slow for games.
    pub activity_timeout: Duration,
    /// For anything at all to come after that ping. 10 s.
    pub pong_timeout: Duration,
    /// How long a connection must have stood for the next loss to count as the first. 10 s.
    pub healthy_after: Duration,
    /// For the server to answer the close frame at the end. 500 ms.
    pub close_timeout: Duration,
}

impl Timing {
    /// The shortest that any of the times can be; shorter ones are taken as this, so that no setting spins.
    pub const SHORTEST: Duration = Duration::from_millis(10);

    /// The longest that any of the times can be, a year; longer ones are taken as this, so that no sum overflows.
    pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    pub(crate) fn sanitized(mut self) -> Self {
        for time in [
            &mut self.dial_timeout,
            &mut self.authorization_timeout,
            &mut self.subscribe_timeout,
            &mut self.queue_timeout,
            &mut self.activity_timeout,
            &mut self.pong_timeout,
            &mut self.close_timeout,
        ] {
            *time = (*time).clamp(Self::SHORTEST, Self::LONGEST);
        }
        self.healthy_after = self.healthy_after.min(Self::LONGEST);
        self
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            dial_timeout: Duration::from_secs(10),
            authorization_timeout: Duration::from_secs(10),
            subscribe_timeout: Duration::from_secs(10),
            queue_timeout: Duration::from_secs(60),
            activity_timeout: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(10),
            healthy_after: Duration::from_secs(10),
            close_timeout: Duration::from_millis(500),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_kept_between_the_shortest_and_the_longest() {
        for (asked, taken) in [
            (Duration::ZERO, Timing::SHORTEST),
            (Duration::MAX, Timing::LONGEST),
            (Duration::from_secs(7), Duration::from_secs(7)),
        ] {
            let same = |time| Timing {
                dial_timeout: time,
                authorization_timeout: time,
                subscribe_timeout: time,
                queue_timeout: time,
                activity_timeout: time,
                pong_timeout: time,
                healthy_after: time,
                close_timeout: time,
            };
            let expected = Timing {
                // Nothing waits for this one.
                healthy_after: asked.min(Timing::LONGEST),
                ..same(taken)
            };
            assert_eq!(same(asked).sanitized(), expected);
        }
    }
}
