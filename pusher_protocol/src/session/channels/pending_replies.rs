use std::{collections::HashMap, time::Duration};

use crate::protocol::ChannelName;

/// How many subscriptions of each channel were sent on this connection and not answered so far: the answer to one that took
/// too long, or whose channel was given up since, must not pass for the answer to a later one.
///
/// Some servers refuse in silence. So once a subscription was granted and the time of the last one is over, nothing more is
/// awaited. Answers come in order: after one that came late, the next has its time from then on.
#[derive(Debug, Default)]
pub(super) struct PendingReplies(HashMap<ChannelName, Count>);

#[derive(Debug, Default)]
struct Count {
    count: u32,
    /// When the time of the last one is over.
    deadline: Duration,
    /// Whether one was granted since that was sent.
    granted: bool,
}

impl Count {
    fn is_over(&self, now: Duration) -> bool {
        self.granted && now >= self.deadline
    }
}

impl PendingReplies {
    pub(super) fn add(&mut self, name: &ChannelName, deadline: Duration) {
        let entry = self.0.entry(name.clone()).or_default();
        *entry = Count {
            count: entry.count.saturating_add(1),
            deadline,
            granted: false,
        };
    }

    /// An answer came. Returns whether one was awaited.
    pub(super) fn take(&mut self, name: &str, now: Duration) -> bool {
        let Some(entry) = self.0.get_mut(name) else {
            return false;
        };
        let is_over = entry.is_over(now);
        entry.count -= 1;
        if is_over || entry.count == 0 {
            self.0.remove(name);
        }
        !is_over
    }

    /// The answer that was taken grants a subscription. The next one is awaited until then at least.
    pub(super) fn granted(&mut self, name: &str, deadline: Duration) {
        if let Some(entry) = self.0.get_mut(name) {
            entry.granted = true;
            entry.deadline = entry.deadline.max(deadline);
        }
    }

    pub(super) fn awaits(&self, name: &str, now: Duration) -> bool {
        self.0.get(name).is_some_and(|entry| !entry.is_over(now))
    }

    pub(super) fn is_empty(&self, now: Duration) -> bool {
        self.0.values().all(|entry| entry.is_over(now))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
