//! The state of one connected client.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::value::RawValue;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket_id: String,
    pub(crate) channels: BTreeSet<String>,
    pub(crate) user: Option<User>,
    pub(crate) client_events: RateWindow,
}

/// The user that a connection is signed in as.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) info: Option<Box<RawValue>>,
    pub(crate) watchlist: BTreeSet<String>,
}

/// A fixed-window rate limit: counts calls in windows of one second, the first of which begins with the first call.
#[derive(Debug, Default)]
pub(crate) struct RateWindow {
    started: Option<Duration>,
    count: u32,
}

impl RateWindow {
    /// Counts one call and returns `true` if it is within `limit` per second.
    pub(crate) fn try_acquire(&mut self, limit: u32, now: Duration) -> bool {
        let is_over = self
            .started
            .is_none_or(|started| now.saturating_sub(started) >= Duration::from_secs(1));
        if is_over {
            self.started = Some(now);
            self.count = 0;
        }
        if self.count >= limit {
            return false;
        }
        self.count += 1;
        true
    }
}
