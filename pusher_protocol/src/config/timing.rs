//! [`Timing`]: timeouts and intervals.

use std::time::Duration;

/// Timeouts and intervals. All are real time: pausing a game's clock does not affect them.
///
/// Construct it with `..Timing::default()`: later versions may add fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The time from the start of a connection attempt (DNS, TCP, TLS, WebSocket upgrade) to the server's
    /// `pusher:connection_established`. Default 10 s, the `unavailableTimeout` of pusher-js.
    pub dial_timeout: Duration,
    /// The time for the game's backend to respond to a channel authorization or a user authentication. Default 10 s.
    pub authorization_timeout: Duration,
    /// The time for the server to respond to a subscription. Default 10 s. Some servers refuse without naming the channel, so a
    /// timeout is the only sign of the refusal.
    pub subscribe_timeout: Duration,
    /// The time for a queued client event to be sent. Default 60 s, twice the longest reconnect delay.
    pub queue_timeout: Duration,
    /// The silence after which the client sends `pusher:ping`. The server's `activity_timeout` replaces it if that is shorter.
    /// Default 30 s; the 120 s of pusher-js are too slow for games.
    pub activity_timeout: Duration,
    /// The time for any message to arrive after a ping. Default 10 s. After a requested check of the connection it is at most 5
    /// s.
    pub pong_timeout: Duration,
    /// How long a connection must last to reset the count of failures in a row. Default 10 s.
    pub healthy_after: Duration,
    /// The time for the server to respond to the close frame. Default 500 ms.
    pub close_timeout: Duration,
}

impl Timing {
    /// The shortest duration of a setting. Shorter values are raised to it, so that no setting makes the client spin; only
    /// [`healthy_after`](Self::healthy_after) may be zero.
    pub const SHORTEST: Duration = Duration::from_millis(10);

    /// The longest duration of a setting, one year. Longer values are lowered to it, so that no sum overflows.
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
        // Zero is allowed: then every established connection counts as healthy.
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
    fn every_time_is_clamped_to_its_range() {
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
                // No timer runs for this one.
                healthy_after: asked.min(Timing::LONGEST),
                ..same(taken)
            };
            assert_eq!(same(asked).sanitized(), expected);
        }
    }
}
