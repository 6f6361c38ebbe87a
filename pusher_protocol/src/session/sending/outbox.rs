//! Client events that wait to be sent, and the choice of the next one.

use std::{collections::VecDeque, time::Duration};

use super::rate_shares::{RATE_WINDOW, latest_interval, queued_share};
use crate::session::{ClientEvent, SendError, SendId, sliding_window::SlidingWindow};

/// Client events that wait, and the count of those sent within the last second.
#[derive(Debug)]
pub(in crate::session) struct Outbox {
    rate: SlidingWindow,
    queued: VecDeque<PendingEvent>,
    /// One event per channel and name; the front one is sent next.
    latest: VecDeque<PendingEvent>,
    /// When the next of them may be sent.
    latest_after: Duration,
    /// Queued and latest events alternate, so that neither starves the other.
    latest_is_next: bool,
    wake_at: Option<Duration>,
}

/// A client event that waits.
#[derive(Debug)]
pub(super) struct PendingEvent {
    pub(super) event: ClientEvent,
    pub(super) since: Duration,
    /// Whether the channel was ever wanted since: user code may send before it subscribes, in one frame of the game.
    pub(super) was_wanted: bool,
}

impl PendingEvent {
    pub(super) fn new(event: ClientEvent, since: Duration) -> Self {
        Self {
            event,
            since,
            was_wanted: false,
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            rate: SlidingWindow::new(RATE_WINDOW),
            queued: VecDeque::new(),
            latest: VecDeque::new(),
            latest_after: Duration::ZERO,
            latest_is_next: false,
            wake_at: None,
        }
    }
}

impl Outbox {
    /// Whether no event waits and no timer is set.
    pub(super) fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.latest.is_empty() && self.wake_at.is_none()
    }

    pub(in crate::session) fn wake_at(&self) -> Option<Duration> {
        self.wake_at
    }

    /// Checks the waiting events at once, because the limits changed.
    pub(in crate::session) fn reschedule(&mut self, now: Duration) {
        if !self.is_idle() {
            self.wake_at = Some(now);
        }
    }

    /// Counts an immediate event, or fails if the rate limit is reached.
    pub(super) fn take_immediate(
        &mut self,
        now: Duration,
        limit: Option<u32>,
    ) -> Result<(), SendError> {
        let Some(limit) = limit else { return Ok(()) };
        // Immediate events may use the whole rate limit; see `rate_shares`.
        if self.rate.ready_at(now, limit) != Some(now) {
            return Err(SendError::RateLimited { limit });
        }
        self.rate.count(now);
        Ok(())
    }

    pub(super) fn push_queued(&mut self, pending: PendingEvent) {
        self.queued.push_back(pending);
    }

    /// Replaces the waiting event of the same channel and name, and returns the replaced one. The new event takes its place in
    /// the order; a value that changes constantly would otherwise never be sent.
    pub(super) fn push_latest(&mut self, pending: PendingEvent) -> Option<SendId> {
        let event = &pending.event;
        let before = self.latest.iter_mut().find(|before| {
            before.event.channel == event.channel && before.event.event == event.event
        });
        if let Some(before) = before {
            return Some(std::mem::replace(before, pending).event.id);
        }
        self.latest.push_back(pending);
        None
    }

    /// Returns whether the event that was queued last still waits. Fails and removes it if the queue is longer than `limit`.
    pub(super) fn check_limit(&mut self, id: SendId, limit: usize) -> Result<bool, SendError> {
        // A new event is at the back of its queue, if it was not sent at once.
        for pending in [&mut self.queued, &mut self.latest] {
            if pending.back().is_some_and(|last| last.event.id == id) {
                if pending.len() <= limit {
                    return Ok(true);
                }
                pending.pop_back();
                return Err(SendError::QueueFull { limit });
            }
        }
        Ok(false)
    }

    /// Removes the events that can no longer be sent.
    pub(super) fn take_unsendable(
        &mut self,
        mut check: impl FnMut(&mut PendingEvent) -> Result<(), SendError>,
    ) -> Vec<(SendId, SendError)> {
        let mut unsendable = Vec::new();
        let mut keep = |pending: &mut PendingEvent| match check(pending) {
            Ok(()) => true,
            Err(error) => {
                unsendable.push((pending.event.id, error));
                false
            }
        };
        self.queued.retain_mut(&mut keep);
        self.latest.retain_mut(&mut keep);
        unsendable
    }

    /// Takes the next event that can be sent now, or sets the timer for it. `is_open` tells whether an event's channel is
    /// subscribed; `timeout` is the longest time in the queue.
    pub(super) fn take_due(
        &mut self,
        now: Duration,
        limit: Option<u32>,
        timeout: Duration,
        is_open: impl Fn(&PendingEvent) -> bool,
    ) -> Option<ClientEvent> {
        let ready_at = match limit {
            // Waiting events share one count with immediate ones, but stop earlier.
            Some(limit) => self.rate.ready_at(now, queued_share(limit)),
            None => Some(now),
        };
        // The first event whose channel is subscribed: a channel that is not ready must not block the others.
        let queued = self.queued.iter().position(&is_open);
        let latest = self.latest.iter().position(&is_open);
        let queued_at = queued.and(ready_at);
        let latest_at = latest.and(ready_at).map(|at| at.max(self.latest_after));
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        let pending = match (is_due(queued_at), is_due(latest_at)) {
            (true, is_latest_due) if !(is_latest_due && self.latest_is_next) => {
                self.latest_is_next = true;
                self.queued.remove(queued?)
            }
            (_, true) => {
                self.latest_is_next = false;
                // The interval is that of the limit at this moment; without a limit there is none.
                self.latest_after = limit.map_or(now, |limit| now + latest_interval(limit));
                self.latest.remove(latest?)
            }
            _ => None,
        };
        match pending {
            Some(_) if limit.is_some() => self.rate.count(now),
            Some(_) => {}
            None => {
                // Nothing is due: wake up for the next event, or for the timeout of the oldest one.
                let oldest = self.queued.front().map(|pending| pending.since + timeout);
                self.wake_at = [queued_at, latest_at, oldest].into_iter().flatten().min();
            }
        }
        Some(pending?.event)
    }
}
