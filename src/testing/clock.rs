//! [`Clock`]: the time of a test, which advances only when the test says so, and the clients that follow it.

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use bevy_platform::time::Instant;

use crate::sync::lock;

/// The smallest step. Without it, [`Clock::advance`] would never end for a client whose turn is always due.
const STEP: Duration = Duration::from_millis(1);

/// A clock that only [`advance`](Clock::advance) moves.
pub(crate) struct Clock {
    created: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    now: Duration,
    followers: Vec<Weak<dyn Follow>>,
}

/// A client that follows the clock.
pub(super) trait Follow: Send + Sync {
    /// Returns when the next turn is due.
    fn wake_at(&self) -> Option<Duration>;
    /// Handles what is due.
    fn turn(&self);
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            created: Instant::now(),
            state: Mutex::default(),
        }
    }

    /// Returns the moment from which the clock counts.
    pub(super) fn created(&self) -> Instant {
        self.created
    }

    pub(super) fn now(&self) -> Duration {
        lock(&self.state).now
    }

    pub(super) fn add<T: Follow + 'static>(&self, follower: &Arc<T>) {
        let follower: Weak<T> = Arc::downgrade(follower);
        let mut state = lock(&self.state);
        state.followers.retain(|known| known.strong_count() > 0);
        state.followers.push(follower);
    }

    /// Advances the clock. Stops on the way whenever the turn of a client is due, and runs it.
    pub(super) fn advance(&self, by: Duration) {
        let target = self.now() + by;
        let mut earliest = Duration::ZERO;
        loop {
            let followers = self.followers();
            let next = followers
                .iter()
                .filter_map(|follower| follower.wake_at())
                .min()
                .map_or(target, |due| due.max(earliest).min(target));
            self.set(next);
            for follower in followers {
                follower.turn();
            }
            if next == target {
                return;
            }
            earliest = next + STEP;
        }
    }

    fn set(&self, now: Duration) {
        let mut state = lock(&self.state);
        state.now = state.now.max(now);
    }

    fn followers(&self) -> Vec<Arc<dyn Follow>> {
        let state = lock(&self.state);
        state.followers.iter().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is due at an interval, and records the times of its turns.
    struct Ticking {
        clock: Arc<Clock>,
        every: Duration,
        called: Mutex<Vec<Duration>>,
    }

    impl Follow for Ticking {
        fn wake_at(&self) -> Option<Duration> {
            let last = self.called.lock().unwrap().last().copied();
            Some(last.unwrap_or_default() + self.every)
        }

        fn turn(&self) {
            self.called.lock().unwrap().push(self.clock.now());
        }
    }

    #[test]
    fn virtual_clock_stops_at_each_due_time() {
        let clock = Arc::new(Clock::new());
        for (every, expected) in [(30, &[30, 60, 90, 100][..]), (0, &[])] {
            let begun = clock.now();
            let ticking = Arc::new(Ticking {
                clock: clock.clone(),
                every: Duration::from_millis(every),
                called: Mutex::new(vec![begun]),
            });
            clock.add(&ticking);
            clock.advance(Duration::from_millis(100));
            assert_eq!(clock.now(), begun + Duration::from_millis(100));
            if every > 0 {
                let called = ticking.called.lock().unwrap();
                let times: Vec<u128> = called.iter().skip(1).map(Duration::as_millis).collect();
                assert_eq!(times, expected);
            }
        }
    }
}
