//! The timers of all channels in one heap.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use crate::protocol::ChannelName;

/// A heap of timers. A cancelled timer stays in the heap until it is due, and is skipped then.
#[derive(Debug, Default)]
pub(super) struct Timers {
    // `Reverse` makes it a min-heap; the id orders timers that are due at the same time.
    heap: BinaryHeap<Reverse<(Duration, u64, ChannelName)>>,
}

impl Timers {
    pub(super) fn set(&mut self, due: Duration, id: u64, channel: ChannelName) {
        self.heap.push(Reverse((due, id, channel)));
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }

    pub(super) fn pop_due(&mut self, now: Duration) -> Option<(u64, ChannelName)> {
        if self.heap.peek()?.0.0 > now {
            return None;
        }
        self.heap
            .pop()
            .map(|Reverse((_, id, channel))| (id, channel))
    }

    /// Returns when the next timer that was not cancelled is due.
    pub(super) fn next(&mut self, counts: impl Fn(u64, &ChannelName) -> bool) -> Option<Duration> {
        while let Some(Reverse((due, id, channel))) = self.heap.peek() {
            if counts(*id, channel) {
                return Some(*due);
            }
            // Cancelled: dropping it here keeps the driver from waking up for nothing.
            self.heap.pop();
        }
        None
    }
}
