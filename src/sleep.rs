//! After the machine slept: the connection is asked at once whether it still stands.

use std::time::{Duration, SystemTime};

use bevy_ecs::prelude::*;
use bevy_platform::time::Instant;
use pusher_protocol::session::Hint;

use crate::client::Client;

/// The wall clock running ahead of the monotonic one by this much between two frames shows that the machine slept. A clock
/// that was set shows the same, and costs a ping.
const SLEPT: Duration = Duration::from_secs(5);

/// Tells the session that the machine slept. Its own timers may not: on some systems their clock stands still meanwhile.
pub(crate) fn notice_sleep(
    client: Option<Res<Client>>,
    mut last: Local<Option<(Instant, SystemTime)>>,
) {
    let now = (Instant::now(), SystemTime::now());
    let slept = last.is_some_and(|last| slept_between(last, now));
    *last = Some(now);
    if let (true, Some(client)) = (slept, client) {
        client.line().hint(Hint::Resumed);
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
    fn a_wall_clock_that_ran_ahead_shows_sleep_and_nothing_else_does() {
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
