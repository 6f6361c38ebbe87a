use std::time::Duration;

use crate::config::backoff::Backoff;

/// How a lost connection is dialled again: after a random delay that grows, at most `min_delay · (1 + factorⁿ)` and at most
/// `max_delay`, where n counts the failures since the last healthy connection.
///
/// The delay is random from the first attempt on, so that a server that restarts does not meet all its players at once. Of
/// 10,000 players whose server is gone, the defaults bring back at most 1,040 within 100 ms at the first attempt, 470 at the
/// second, 190 at the third, and ever fewer; each asks the game's backend at once for up to eight of its channels. A game
/// that is larger, or whose backend can do less, spreads its players in proportion by a longer `min_delay`.
///
/// Write it with `..ReconnectPolicy::default()`: later versions may have more of it.
///
/// ```
/// # use std::time::Duration;
/// # use pusher_protocol::config::ReconnectPolicy;
/// // Within a second at first, within ten at last, and not for ever.
/// let eager = ReconnectPolicy {
///     min_delay: Duration::from_millis(500),
///     factor: 1.5,
///     max_delay: Duration::from_secs(10),
///     max_attempts: Some(20),
///     ..ReconnectPolicy::default()
/// };
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ReconnectPolicy {
    /// The shortest delay. 1 s.
    pub min_delay: Duration,
    /// How much the delay grows with each failure; not at all with 1. 2.5: a second attempt within twice the time of the first
    /// would still bring more than a twentieth of all players at once.
    pub factor: f64,
    /// The longest delay. 30 s.
    pub max_delay: Duration,
    /// How much of what a delay has beyond `min_delay` is left to chance: all of it with 1, nothing with 0. 1: a fixed delay
    /// brings all players back at the same moment.
    pub jitter: f64,
    /// After how many attempts in a row to give up; `None` tries for ever, which is the default: players leave their
    /// machine in a tunnel or asleep, and come back.
    pub max_attempts: Option<u32>,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_secs(1),
            factor: 2.5,
            max_delay: Duration::from_secs(30),
            jitter: 1.0,
            max_attempts: None,
        }
    }
}

impl ReconnectPolicy {
    /// The delay after `failures` earlier failures in a row.
    pub(crate) fn delay(&self, failures: u32, random: &mut fastrand::Rng) -> Duration {
        let backoff = Backoff {
            min: self.min_delay,
            factor: self.factor,
            max: self.max_delay,
            jitter: self.jitter,
        };
        backoff.delay(failures, random)
    }

    /// The delay when the server asks for an immediate reconnect (codes 4200 to 4299): up to a second, so that a
    /// restarting server is not met by all at once.
    pub(crate) fn immediate_delay(random: &mut fastrand::Rng) -> Duration {
        Duration::from_secs(1).mul_f64(random.f64())
    }
}
