//! [`SlidingWindow`]: counts what happened within the last span of time.

use std::{collections::VecDeque, time::Duration};

/// Counts within a sliding span of time, as servers do with client events. A [`Throttle`](super::throttle::Throttle) cannot
/// replace it: it refills within the span after its burst, and a counting server would reject the events sent then.
#[derive(Debug)]
pub(super) struct SlidingWindow {
    span: Duration,
    counted_at: VecDeque<Duration>,
}

impl SlidingWindow {
    pub(super) fn new(span: Duration) -> Self {
        Self {
            span,
            counted_at: VecDeque::new(),
        }
    }

    /// Returns when one more is allowed, `now` if at once; `None` if never, because `limit` is 0.
    pub(super) fn ready_at(&mut self, now: Duration, limit: u32) -> Option<Duration> {
        while self
            .counted_at
            .front()
            .is_some_and(|counted_at| now >= *counted_at + self.span)
        {
            self.counted_at.pop_front();
        }
        // The limit may have been lowered since: then several have to leave the window.
        match self.counted_at.len().checked_sub(limit as usize) {
            None => Some(now),
            Some(_) if limit == 0 => None,
            Some(over) => self
                .counted_at
                .get(over)
                .map(|counted_at| *counted_at + self.span),
        }
    }

    /// Counts one.
    pub(super) fn count(&mut self, now: Duration) {
        self.counted_at.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sliding_window_holds_no_more_than_the_limit() {
        let mut rate = SlidingWindow::new(Duration::from_secs(1));
        let at = Duration::from_millis;
        for time in [0, 100, 200] {
            assert_eq!(rate.ready_at(at(time), 3), Some(at(time)));
            rate.count(at(time));
        }
        assert_eq!(rate.ready_at(at(300), 3), Some(at(1000)));
        assert_eq!(rate.ready_at(at(300), 2), Some(at(1100)));
        assert_eq!(rate.ready_at(at(1000), 3), Some(at(1000)));
        assert_eq!(rate.ready_at(at(1000), 0), None);
    }
}
