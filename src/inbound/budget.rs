//! [`Budget`]: how long one frame may deliver.

use std::time::Duration;

use bevy_platform::time::Instant;

/// The time that one frame has to deliver.
pub(super) struct Budget {
    /// `None` is no limit.
    deadline: Option<Instant>,
    last_look: Instant,
    delivered: u32,
    /// After how many deliveries the clock is read again.
    stretch: u32,
    since_look: u32,
    is_spent: bool,
}

impl Budget {
    /// What an event costs the frame after its delivery: its message is written, read and dropped.
    const AFTERWARDS: Duration = Duration::from_nanos(60);

    /// Reading the clock takes a quarter of the time of delivering an event, so it is not read for each.
    const LONGEST_STRETCH: u32 = 16;

    pub(super) fn new(time: Duration) -> Self {
        let now = Instant::now();
        Self {
            deadline: now.checked_add(time),
            last_look: now,
            delivered: 0,
            stretch: 1,
            since_look: 0,
            is_spent: false,
        }
    }

    /// Call this once after each delivery.
    pub(super) fn is_spent(&mut self) -> bool {
        self.delivered = self.delivered.saturating_add(1);
        self.since_look += 1;
        if self.since_look >= self.stretch {
            self.look(Instant::now());
        }
        self.is_spent
    }

    fn look(&mut self, now: Instant) {
        let took = now.saturating_duration_since(self.last_look);
        self.last_look = now;
        self.since_look = 0;
        let Some(deadline) = self.deadline else {
            return;
        };
        let left = deadline
            .saturating_duration_since(now)
            .saturating_sub(Self::AFTERWARDS.saturating_mul(self.delivered));
        self.is_spent |= left.is_zero();
        // Observers may take any time. If they are slow, the clock is read after each delivery.
        self.stretch = if took.saturating_mul(Self::LONGEST_STRETCH) > left {
            1
        } else {
            (self.stretch * 2).min(Self::LONGEST_STRETCH)
        };
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn budget_ends_for_fast_and_slow_observers() {
        let mut budget = Budget::new(Duration::from_millis(5));
        let begun = Instant::now();
        let quick = (0..).take_while(|_| !budget.is_spent()).count();
        assert!(quick > 100, "{quick}");
        assert!(begun.elapsed() <= Duration::from_secs(1));

        let mut budget = Budget::new(Duration::from_millis(50));
        let mut deliver_slowly = || {
            thread::sleep(Duration::from_millis(20));
            budget.is_spent()
        };
        assert!((0..3).any(|_| deliver_slowly()));

        let mut endless = Budget::new(Duration::MAX);
        assert!((0..1000).all(|_| !endless.is_spent()));
        assert!(Budget::new(Duration::ZERO).is_spent());
    }
}
