//! The exponential backoff behind the reconnect and the retry policy.

use std::time::Duration;

use crate::config::Timing;

/// An exponential backoff with jitter.
pub(super) struct Backoff {
    pub(super) min: Duration,
    pub(super) factor: f64,
    pub(super) max: Duration,
    pub(super) jitter: f64,
}

impl Backoff {
    /// Returns the delay after `failures` earlier failures in a row. No setting makes it overflow or go below
    /// [`Timing::SHORTEST`].
    pub(super) fn delay(&self, failures: u32, random: &mut fastrand::Rng) -> Duration {
        // User settings are clamped here, not rejected: any value gives a usable delay.
        let min = self.min.clamp(Timing::SHORTEST, Timing::LONGEST);
        let room = self
            .max
            .min(Timing::LONGEST)
            .saturating_sub(min)
            .as_secs_f64();
        let factor = if self.factor >= 1.0 { self.factor } else { 1.0 };
        let grown = min.as_secs_f64() * factor.powi(failures.try_into().unwrap_or(i32::MAX));
        // Every comparison with NaN is false, so a NaN setting falls back to the bound.
        let spread = if grown < room { grown } else { room };
        let jitter = if self.jitter >= 0.0 {
            self.jitter.min(1.0)
        } else {
            0.0
        };
        // Jitter shortens the delay, so the maximum holds.
        let drawn = spread * (1.0 - jitter * random.f64());
        min.saturating_add(Duration::try_from_secs_f64(drawn).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backoff() -> Backoff {
        Backoff {
            min: SECOND,
            factor: 2.0,
            max: 30 * SECOND,
            jitter: 1.0,
        }
    }

    #[test]
    fn delays_grow_spread_and_never_exceed_the_maximum() {
        let mut random = fastrand::Rng::with_seed(1);
        for (failures, longest) in [
            (0, 2),
            (1, 3),
            (2, 5),
            (3, 9),
            (4, 17),
            (5, 30),
            (31, 30),
            (u32::MAX, 30),
        ] {
            let delays: Vec<Duration> = (0..1000)
                .map(|_| backoff().delay(failures, &mut random))
                .collect();
            let (min, max) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
            let bound = longest * SECOND;
            assert!(
                *min >= SECOND && *min < SECOND + bound.mul_f64(0.1),
                "{failures}: {min:?}"
            );
            assert!(
                *max <= bound && *max >= bound.mul_f64(0.9),
                "{failures}: {max:?}"
            );
        }
    }

    #[test]
    fn without_jitter_the_delay_is_exact() {
        let mut random = fastrand::Rng::with_seed(1);
        let exact = |factor, failures, random: &mut fastrand::Rng| {
            let backoff = Backoff {
                factor,
                jitter: 0.0,
                ..backoff()
            };
            backoff.delay(failures, random)
        };
        for (factor, failures, seconds) in [
            (2.0, 0, 2.0),
            (2.0, 2, 5.0),
            (1.0, 9, 2.0),
            (3.0, 2, 10.0),
            (1.5, 2, 3.25),
            (10.0, 2, 30.0),
        ] {
            assert_eq!(
                exact(factor, failures, &mut random),
                Duration::from_secs_f64(seconds)
            );
        }
        let half = Backoff {
            jitter: 0.5,
            ..backoff()
        };
        for _ in 0..1000 {
            let delay = half.delay(4, &mut random);
            assert!(delay >= 9 * SECOND && delay <= 17 * SECOND, "{delay:?}");
        }
    }

    #[test]
    fn no_backoff_setting_spins_or_overflows() {
        let mut random = fastrand::Rng::with_seed(1);
        for number in [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -1.0,
            0.0,
            f64::MAX,
        ] {
            for failures in [0, 1, 100, u32::MAX] {
                for max in [Duration::ZERO, 30 * SECOND, Duration::MAX] {
                    for min in [Duration::ZERO, SECOND, Duration::MAX] {
                        let backoff = Backoff {
                            min,
                            factor: number,
                            max,
                            jitter: number,
                        };
                        let delay = backoff.delay(failures, &mut random);
                        let least = min.clamp(Timing::SHORTEST, Timing::LONGEST);
                        let most = max.clamp(least, Timing::LONGEST);
                        assert!(delay >= least && delay <= most, "{number} {delay:?}");
                    }
                }
            }
        }
    }
}
