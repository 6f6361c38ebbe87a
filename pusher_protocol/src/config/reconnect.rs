//! [`ReconnectPolicy`]: when to reconnect after a lost or failed connection.

use std::time::Duration;

use crate::config::backoff::Backoff;

/// When to reconnect: after a random delay that grows with each failure. The delay is at most `min_delay · (1 + factorⁿ)` and
/// at most `max_delay`, where n is the number of earlier failures since the last healthy connection: 0 for the first delay. The
/// defaults wait 1 to 2 s, then 1 to 3.5 s, and after many failures 1 to 30 s.
///
/// Once per outage, a reconnect after a close code from 4200 to 4299 or after a missing pong does not follow these delays: it
/// waits for a random time of less than 1 s.
///
/// The delay is random from the first attempt on, so that the clients of a restarted server do not reconnect at the same
/// moment. Of 10,000 clients that lose their server together, the defaults reconnect at most 1,040 within any 100 ms at the
/// first attempt, 470 at the second, 190 at the third, and fewer after that; each requests up to eight channel authorizations
/// at once. For more clients, or a slower backend, raise `min_delay` in proportion.
///
/// Construct it with `..ReconnectPolicy::default()`: later versions may add fields.
///
/// ```
/// # use std::time::Duration;
/// # use pusher_protocol::config::ReconnectPolicy;
/// // At most one second at first, at most ten later, and at most 20 attempts.
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
    /// The shortest delay. Default 1 s. It does not apply to the reconnect after a close code from 4200 to 4299 or a missing
    /// pong, described above.
    pub min_delay: Duration,
    /// The factor by which the delay grows with each failure; 1 keeps it constant. Default 2.5: with 2, the second attempt
    /// would still bring more than a twentieth of all clients within 100 ms.
    pub factor: f64,
    /// The longest delay. Default 30 s.
    pub max_delay: Duration,
    /// The random share of the delay above `min_delay`, from 0 (none) to 1 (all). Default 1: with a fixed delay all clients
    /// would reconnect at the same moment.
    pub jitter: f64,
    /// Gives up after this many attempts without a healthy connection
    /// ([`Timing::healthy_after`](crate::config::Timing::healthy_after)); `None` retries forever. Default `None`: players close
    /// their laptop or drive through a tunnel, and come back.
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
    /// Returns the delay after `failures` earlier failures in a row.
    pub(crate) fn delay(&self, failures: u32, random: &mut fastrand::Rng) -> Duration {
        let backoff = Backoff {
            min: self.min_delay,
            factor: self.factor,
            max: self.max_delay,
            jitter: self.jitter,
        };
        backoff.delay(failures, random)
    }

    /// Returns the delay before an immediate reconnect (close codes 4200 to 4299): random, up to one second, so that the
    /// clients of a restarted server do not reconnect at the same moment.
    pub(crate) fn immediate_delay(random: &mut fastrand::Rng) -> Duration {
        Duration::from_secs(1).mul_f64(random.f64())
    }
}
