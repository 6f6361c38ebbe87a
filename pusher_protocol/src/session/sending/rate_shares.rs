use std::time::Duration;

/// The span over which servers count client events.
pub(super) const RATE_WINDOW: Duration = Duration::from_secs(1);

/// One in so many of a second's events is kept free of what can wait, so that what cannot wait finds room.
const RESERVE_ONE_IN: u32 = 5;

/// How much of a second's events what can wait may take.
pub(super) fn queued_share(limit: u32) -> u32 {
    let free = (limit / RESERVE_ONE_IN).max(1);
    limit.saturating_sub(free).max(limit.min(1))
}

/// How far apart values of which only the latest counts are sent, so that they flow instead of coming in bursts.
pub(super) fn latest_interval(limit: u32) -> Duration {
    RATE_WINDOW / queued_share(limit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(queued_share(limit), share, "{limit}");
        }
    }
}
