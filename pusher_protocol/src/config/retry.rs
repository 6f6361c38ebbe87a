use std::time::Duration;

use crate::config::backoff::Backoff;

/// How a question to the game's backend (an authorization, a sign-in) is repeated that failed for a passing reason: no answer
/// in time, not reached, too many requests (429), an error of the server's own (5xx). A refusal such as 401 or 403 is not
/// repeated: asking again unchanged would meet it again.
///
/// The delay after n failures is at most `min_delay · (1 + factorⁿ)`, and at most `max_delay`. It is random, so that a backend
/// that comes back is not met by all its players at once: of 10,000 players who ask at the same time for the first time, at
/// most 470 ask again within the same 100 ms.
///
/// Write it with `..RetryPolicy::default()`: later versions may have more of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// How often one question is asked, the first time included; 1 never repeats it. 3.
    pub max_attempts: u32,
    /// The shortest delay. 1 s.
    pub min_delay: Duration,
    /// How much the delay grows with each failure. 2.5, as of [`ReconnectPolicy`](crate::config::ReconnectPolicy).
    pub factor: f64,
    /// The longest delay. 10 s.
    pub max_delay: Duration,
    /// How much of what a delay has beyond `min_delay` is left to chance: all of it with 1, nothing with 0. 1.
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
    /// Asks once, and leaves the rest to the game.
    #[must_use]
    pub fn never() -> Self {
        Self {
            max_attempts: 1,
            ..Self::default()
        }
    }

    /// The delay after `failures` failures of the same question, `None` if it is not asked again.
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
