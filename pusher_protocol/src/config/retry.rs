//! [`RetryPolicy`]: when to retry a request to the game's backend.

use std::time::Duration;

use crate::config::backoff::Backoff;

/// When to retry a request to the game's backend (a channel authorization or a user authentication) after a transient failure:
/// a timeout, no connection, too many requests (429) or a server error (5xx). A refusal such as 401 or 403 is not retried,
/// because the same request would be refused again.
///
/// The delay after n failures of a request is at most `min_delay · (1 + factorⁿ)` and at most `max_delay`; n is 1 for the
/// first delay. The defaults wait 1 to 3.5 s, then 1 to 7.25 s. The delay is random, so that a recovering backend does not get
/// all requests at once: of 10,000 clients whose first request fails at the same moment, at most 470 retry within any 100 ms.
///
/// Construct it with `..RetryPolicy::default()`: later versions may add fields.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts per request, including the first; 1 disables retries. Default 3.
    pub max_attempts: u32,
    /// The shortest delay. Default 1 s.
    pub min_delay: Duration,
    /// The factor by which the delay grows with each failure. Default 2.5, as in
    /// [`ReconnectPolicy`](crate::config::ReconnectPolicy).
    pub factor: f64,
    /// The longest delay. Default 10 s.
    pub max_delay: Duration,
    /// The random share of the delay above `min_delay`, from 0 (none) to 1 (all). Default 1.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            min_delay: Duration::from_secs(1),
            factor: 2.5,
            max_delay: Duration::from_secs(10),
            jitter: 1.0,
        }
    }
}

impl RetryPolicy {
    /// Creates a policy without retries: each request is sent once.
    #[must_use]
    pub fn never() -> Self {
        Self {
            max_attempts: 1,
            ..Self::default()
        }
    }

    /// Returns the delay after `failures` failures of the same request, or `None` if it is not retried.
    pub(crate) fn delay(&self, failures: u32, random: &mut fastrand::Rng) -> Option<Duration> {
        let backoff = Backoff {
            min: self.min_delay,
            factor: self.factor,
            max: self.max_delay,
            jitter: self.jitter,
        };
        (failures < self.max_attempts).then(|| backoff.delay(failures, random))
    }
}
