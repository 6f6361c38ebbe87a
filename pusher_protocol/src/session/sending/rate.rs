use std::{collections::VecDeque, time::Duration};

/// The span over which servers count client events.
const SPAN: Duration = Duration::from_secs(1);

/// One in so many of a second's events is kept free of what can wait, so that what cannot wait finds room.
const ONE_FREE_IN: u32 = 5;

/// Counts client events over a sliding second, as the servers do.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    sent_at: VecDeque<Duration>,
}

impl RateLimiter {
    /// From when on one more may be sent, `now` if at once; `None` if never.
    pub(super) fn free_at(&mut self, now: Duration, limit: u32) -> Option<Duration> {
        while self
            .sent_at
            .front()
            .is_some_and(|sent_at| now >= *sent_at + SPAN)
        {
            self.sent_at.pop_front();
        }
        match self.sent_at.len().checked_sub(limit as usize) {
            None => Some(now),
            Some(_) if limit == 0 => None,
            Some(over) => self.sent_at.get(over).map(|sent_at| *sent_at + SPAN),
        }
    }

    /// One was sent.
    pub(super) fn count(&mut self, now: Duration) {
        self.sent_at.push_back(now);
    }
}

/// How much of a second's events what can wait may take.
pub(super) fn patient_share(limit: u32) -> u32 {
    let free = (limit / ONE_FREE_IN).max(1);
    limit.saturating_sub(free).max(limit.min(1))
}

/// How far apart values of which only the latest counts are sent, so that they flow instead of coming in bursts.
pub(super) fn pace(limit: u32) -> Duration {
    SPAN / patient_share(limit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sliding_second_holds_no_more_than_the_limit() {
        let mut rate = RateLimiter::default();
        let at = Duration::from_millis;
        for time in [0, 100, 200] {
            assert_eq!(rate.free_at(at(time), 3), Some(at(time)));
            rate.count(at(time));
        }
        assert_eq!(rate.free_at(at(300), 3), Some(at(1000)));
        assert_eq!(rate.free_at(at(300), 2), Some(at(1100)));
        assert_eq!(rate.free_at(at(1000), 3), Some(at(1000)));
        assert_eq!(rate.free_at(at(1000), 0), None);
    }

    #[test]
    fn what_can_wait_leaves_room_for_what_cannot() {
        for (limit, share) in [
            (0, 0),
            (1, 1),
            (2, 1),
            (5, 4),
            (10, 8),
            (u32::MAX, u32::MAX - u32::MAX / 5),
        ] {
            assert_eq!(patient_share(limit), share, "{limit}");
        }
    }
}
