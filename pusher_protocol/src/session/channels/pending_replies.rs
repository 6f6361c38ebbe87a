//! Subscriptions that the server has not replied to yet.

use std::{collections::HashMap, time::Duration};

use crate::protocol::ChannelName;

/// Counts the subscribe requests of each channel that were sent on this connection and have no reply yet. A late reply to an
/// earlier request, which timed out or whose channel was unsubscribed since, must not count as the reply to a later one.
///
/// Some servers refuse without a reply. Therefore, once a subscription was confirmed and the timeout of the last request is
/// over, no further reply is expected. Replies come in order: after a late one, the timeout of the next starts again.
#[derive(Debug, Default)]
pub(super) struct PendingReplies(HashMap<ChannelName, Count>);

#[derive(Debug, Default)]
struct Count {
    count: u32,
    /// The timeout of the last request.
    deadline: Duration,
    /// Whether a subscription was confirmed after that request.
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
            // Earlier confirmations say nothing about this request.
            granted: false,
        };
    }

    /// Counts a reply. Returns whether one was expected.
    pub(super) fn take(&mut self, name: &str, now: Duration) -> bool {
        let Some(entry) = self.0.get_mut(name) else {
            return false;
        };
        let is_over = entry.is_over(now);
        entry.count -= 1;
        // All earlier refusals were silent; nothing more is expected.
        if is_over || entry.count == 0 {
            self.0.remove(name);
        }
        !is_over
    }

    /// The counted reply confirms a subscription. The next one is expected until `deadline` at least.
    pub(super) fn granted(&mut self, name: &str, deadline: Duration) {
        if let Some(entry) = self.0.get_mut(name) {
            entry.granted = true;
            entry.deadline = entry.deadline.max(deadline);
        }
    }

    pub(super) fn expects(&self, name: &str, now: Duration) -> bool {
        self.0.get(name).is_some_and(|entry| !entry.is_over(now))
    }

    pub(super) fn is_empty(&self, now: Duration) -> bool {
        self.0.values().all(|entry| entry.is_over(now))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
