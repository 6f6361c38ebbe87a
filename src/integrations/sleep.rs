//! Detects that the machine was suspended, and then checks the connection immediately.

use std::time::{Duration, SystemTime};

use bevy_ecs::prelude::*;
use bevy_platform::time::Instant;
use pusher_protocol::session::Hint;

use crate::client::Client;

/// If the wall clock advances by more than this beyond the monotonic clock between two frames, the machine was suspended. Setting the wall
/// clock forward has the same effect, which only costs one ping.
const SLEPT: Duration = Duration::from_secs(5);

/// Sends a hint to the session after a suspend. The session's own timers may not notice it, because on some systems the monotonic clock
/// stops during a suspend.
pub(crate) fn detect_sleep(
    client: Option<Res<Client>>,
    mut last: Local<Option<(Instant, SystemTime)>>,
) {
    let now = (Instant::now(), SystemTime::now());
    let slept = last.is_some_and(|last| slept_between(last, now));
    *last = Some(now);
    if let (true, Some(client)) = (slept, client) {
        client.commands().hint(Hint::Resumed);
    }
}

fn slept_between(last: (Instant, SystemTime), now: (Instant, SystemTime)) -> bool {
    let monotonic = now.0.saturating_duration_since(last.0);
    let wall = now.1.duration_since(last.1).unwrap_or_default();
    wall > monotonic.saturating_add(SLEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wall_clock_ahead_of_monotonic_time_means_sleep() {
        let last = (Instant::now(), SystemTime::now());
        let after = |monotonic: u64, wall: u64| {
            let seconds = Duration::from_secs;
            (last.0 + seconds(monotonic), last.1 + seconds(wall))
        };
        assert!(!slept_between(last, after(1, 1)));
        assert!(!slept_between(last, after(60, 61)), "a long frame");
        assert!(slept_between(last, after(1, 7)));
        assert!(slept_between(last, after(0, 3600)));
        let set_back = (last.0, last.1 - Duration::from_secs(100));
        assert!(!slept_between(last, set_back));
    }
}
