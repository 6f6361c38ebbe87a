use std::collections::HashMap;

use crate::protocol::ChannelName;

/// How many subscriptions of each channel were sent on this connection and not answered so far: the answer to one that took
/// too long, or whose channel was given up since, must not pass for the answer to a later one.
#[derive(Debug, Default)]
pub(super) struct Unanswered(HashMap<ChannelName, u32>);

impl Unanswered {
    pub(super) fn add(&mut self, name: &ChannelName) {
        let count = self.0.entry(name.clone()).or_default();
        *count = count.saturating_add(1);
    }

    /// An answer came. Returns whether one was awaited.
    pub(super) fn take(&mut self, name: &str) -> bool {
        let Some(count) = self.0.get_mut(name) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.0.remove(name);
        }
        true
    }

    pub(super) fn awaits(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
