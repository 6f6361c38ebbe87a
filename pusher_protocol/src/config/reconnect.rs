use std::time::Duration;

use crate::config::Timing;

/// How a lost connection is dialled again: after `min_delay + uniform(0, min_delay · 2ⁿ)`, at most `max_delay`, where
/// n counts the failures since the last healthy connection.
///
/// The delay is random from the first attempt on, so that a server that restarts does not meet all its players at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconnectPolicy {
    /// The shortest delay. 1 s.
    pub min_delay: Duration,
    /// The longest delay. 30 s.
    pub max_delay: Duration,
    /// After how many attempts in a row to give up; `None` tries for ever, which is the default: players leave their
    /// machine in a tunnel or asleep, and come back.
    pub max_attempts: Option<u32>,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
            max_attempts: None,
        }
    }
}

impl ReconnectPolicy {
    /// The delay after `failures` earlier failures in a row.
    pub(crate) fn delay(&self, failures: u32, random: &mut fastrand::Rng) -> Duration {
        let min = self.min_delay.clamp(Timing::SHORTEST, Timing::LONGEST);
        let room = self.max_delay.min(Timing::LONGEST).saturating_sub(min);
        let spread = min
            .saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX))
            .min(room);
        min + spread.mul_f64(random.f64())
    }

    /// The delay when the server asks for an immediate reconnect (codes 4200 to 4299): up to a second, so that a
    /// restarting server is not met by all at once.
    pub(crate) fn immediate_delay(random: &mut fastrand::Rng) -> Duration {
        Duration::from_secs(1).mul_f64(random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_are_spread_and_never_exceed_the_longest() {
        let policy = ReconnectPolicy::default();
        let mut random = fastrand::Rng::with_seed(1);
        for failures in [0, 1, 2, 3, 4, 5, 31, 32, u32::MAX] {
            let delays: Vec<Duration> = (0..1000)
                .map(|_| policy.delay(failures, &mut random))
                .collect();
            let longest = *delays.iter().max().unwrap();
            let bound =
                Duration::from_secs(1 + 1_u64.checked_shl(failures).unwrap_or(u64::MAX).min(29));
            assert!(
                delays.iter().all(|delay| *delay >= policy.min_delay),
                "{failures}"
            );
            assert!(longest <= bound, "{failures}: {longest:?}");
            assert!(longest >= bound.mul_f64(0.9), "{failures}: {longest:?}");
        }
    }

    #[test]
    fn a_longest_delay_below_the_shortest_means_the_shortest() {
        let policy = ReconnectPolicy {
            min_delay: Duration::from_secs(5),
            max_delay: Duration::from_secs(1),
            max_attempts: None,
        };
        assert_eq!(
            policy.delay(9, &mut fastrand::Rng::with_seed(1)),
            Duration::from_secs(5)
        );
    }
}
