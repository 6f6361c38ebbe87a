//! How the rate limit of client events is divided between immediate and waiting ones.

use std::time::Duration;

/// The span over which servers count client events.
pub(super) const RATE_WINDOW: Duration = Duration::from_secs(1);

/// One in this many events per second is reserved for immediate ones, so that waiting ones cannot use up the rate limit.
const RESERVE_ONE_IN: u32 = 5;

/// Returns the share of the rate limit that waiting events may use.
pub(super) fn queued_share(limit: u32) -> u32 {
    // Waiting events get at least one unless the limit is 0. With a limit of 1, nothing is reserved.
    let free = (limit / RESERVE_ONE_IN).max(1);
    limit.saturating_sub(free).max(limit.min(1))
}

/// Returns the interval between latest values, so that they are sent evenly and not in bursts.
pub(super) fn latest_interval(limit: u32) -> Duration {
    RATE_WINDOW / queued_share(limit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_events_leave_room_for_immediate_ones() {
        for (limit, share) in [
            (0, 0),
            (1, 1),
            (2, 1),
            (5, 4),
            (10, 8),
            (u32::MAX, u32::MAX - u32::MAX / 5),
        ] {
            assert_eq!(queued_share(limit), share, "{limit}");
        }
    }
}
