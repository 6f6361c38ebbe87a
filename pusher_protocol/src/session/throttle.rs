//! [`Throttle`]: a token bucket that limits how often one thing may be done. Counts over a sliding span are in
//! `sliding_window`.

use std::time::Duration;

/// Limits how often something may be done: `burst` times at once, then once per `every`.
///
/// A token bucket that holds `burst` tokens and gets one back per `every`. It stores one point in time (the "theoretical
/// arrival time" of the generic cell rate algorithm, ITU-T I.371), so it is cheap to copy. It reads no clock: `now` is any
/// monotonic time, the same for all calls on one throttle.
///
/// ```
/// use std::time::Duration;
/// use pusher_protocol::session::Throttle;
///
/// // Five at once, then one per second.
/// let mut starts = Throttle::new(5, Duration::from_secs(1));
/// let now = Duration::from_secs(60);
/// for _ in 0..5 {
///     assert!(starts.try_take(now));
/// }
/// assert!(!starts.try_take(now));
/// assert_eq!(starts.ready_at(now), Some(now + Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    burst: u32,
    every: Duration,
    /// The share of `every` by which a token may come back later, at random.
    jitter: f64,
    /// When all tokens are back.
    full_at: Duration,
}

impl Throttle {
    /// Creates a throttle with all its tokens. A `burst` of 0 counts as 1; an `every` of zero limits nothing.
    #[must_use]
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self {
            burst,
            every,
            jitter: 0.0,
            full_at: Duration::ZERO,
        }
    }

    /// Each token taken with [`take_jittered`](Self::take_jittered) returns up to this share of `every` later.
    pub(crate) const fn with_jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Takes a token if one is left. Returns whether it did.
    pub fn try_take(&mut self, now: Duration) -> bool {
        let is_ready = self.ready_at(now).is_none();
        if is_ready {
            self.take(now);
        }
        is_ready
    }

    /// Takes a token even if none is left, for actions that cannot be delayed. It then delays the next one by a whole `every`,
    /// however often it is called.
    pub fn take(&mut self, now: Duration) {
        self.spend(now, self.every);
    }

    /// [`take`](Self::take) with jitter, so that clients that start in step drift apart.
    pub(crate) fn take_jittered(&mut self, now: Duration, random: &mut fastrand::Rng) {
        let refill = self.refill_time(random.f64());
        self.spend(now, refill);
    }

    /// Returns when the next token can be taken, or `None` if one can be taken now.
    #[must_use]
    pub fn ready_at(&self, now: Duration) -> Option<Duration> {
        let ready_at = self
            .full_at
            .saturating_sub(self.capacity(self.burst.saturating_sub(1)));
        (ready_at > now).then_some(ready_at)
    }

    /// Whether no token is missing, so that a new throttle would behave the same.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        now >= self.full_at
    }

    fn spend(&mut self, now: Duration, refill: Duration) {
        // Without this bound, unconditional takes would push the next token ever further away.
        let empty = now.saturating_add(self.capacity(self.burst.max(1)));
        self.full_at = self.full_at.max(now).saturating_add(refill).min(empty);
    }

    /// The longest time in which this many tokens come back, with full jitter. The bucket is this large, so that jitter never
    /// shrinks the burst.
    fn capacity(&self, tokens: u32) -> Duration {
        self.refill_time(1.0).saturating_mul(tokens)
    }

    fn refill_time(&self, jitter: f64) -> Duration {
        let seconds = self.every.as_secs_f64() * (1.0 + self.jitter * jitter);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// The limit on requests of user code to the backend or the server, per channel and for the sign-in. Code that requests again
/// after each refusal, or unsubscribes and subscribes in every frame of the game, must not overload either. The burst is for a
/// player who switches rooms, or who has fixed what was refused. The jitter spreads clients that started in step.
pub(super) const USER_REQUESTS: Throttle =
    Throttle::new(5, Duration::from_secs(3)).with_jitter(0.2);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_free_and_then_one_per_interval() {
        let mut throttle = Throttle::new(3, SECOND);
        let mut taken = Vec::new();
        for millis in (0..5000).step_by(10) {
            if throttle.try_take(Duration::from_millis(millis)) {
                taken.push(millis);
            }
        }
        assert_eq!(taken, [0, 10, 20, 1000, 2000, 3000, 4000]);
    }

    #[test]
    fn unconditional_takes_delay_the_next_by_one_interval_at_most() {
        let mut throttle = Throttle::new(2, SECOND);
        for _ in 0..10 {
            throttle.take(SECOND);
        }
        assert_eq!(throttle.ready_at(SECOND), Some(2 * SECOND));
        assert!(!throttle.is_full(2 * SECOND));
        assert!(throttle.is_full(3 * SECOND));
    }

    #[test]
    fn jitter_delays_tokens_but_never_shrinks_the_burst() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..100 {
            let mut throttle = Throttle::new(5, SECOND).with_jitter(0.2);
            for _ in 0..5 {
                assert_eq!(throttle.ready_at(SECOND), None);
                throttle.take_jittered(SECOND, &mut random);
            }
            let ready_at = throttle.ready_at(SECOND).unwrap();
            assert!(ready_at <= 2 * SECOND + SECOND.mul_f64(0.2), "{ready_at:?}");
        }
    }

    #[test]
    fn no_setting_overflows() {
        for every in [Duration::ZERO, Duration::MAX] {
            for burst in [0, 1, u32::MAX] {
                let mut throttle = Throttle::new(burst, every);
                assert!(throttle.try_take(SECOND), "{burst} {every:?}");
                throttle.take(Duration::MAX);
            }
        }
    }
}
