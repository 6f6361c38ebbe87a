use std::{collections::VecDeque, time::Duration};

use super::rate_shares::{RATE_WINDOW, latest_interval, queued_share};
use crate::session::{ClientEvent, SendError, SendId, sliding_window::SlidingWindow};

/// What waits to be sent, and how much was sent lately.
#[derive(Debug)]
pub(in crate::session) struct Outbox {
    rate: SlidingWindow,
    queued: VecDeque<PendingEvent>,
    /// One for each channel and event name, the one whose turn it is in front.
    latest: VecDeque<PendingEvent>,
    /// When the next of them may be sent.
    latest_after: Duration,
    /// Whose turn it is, if both could be sent.
    latest_is_next: bool,
    wake_at: Option<Duration>,
}

/// A client event that waits.
#[derive(Debug)]
pub(super) struct PendingEvent {
    pub(super) event: ClientEvent,
    pub(super) since: Duration,
    /// Whether the channel was wanted at some time since: a game may send first and subscribe in the same frame.
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
    /// Whether nothing waits, and nothing is due.
    pub(super) fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.latest.is_empty() && self.wake_at.is_none()
    }

    pub(in crate::session) fn wake_at(&self) -> Option<Duration> {
        self.wake_at
    }

    /// Has what waits looked at again at once, as when the limits changed.
    pub(in crate::session) fn reschedule(&mut self, now: Duration) {
        if !self.is_idle() {
            self.wake_at = Some(now);
        }
    }

    /// Takes one of the second's events for what cannot wait.
    pub(super) fn take_now(&mut self, now: Duration, limit: Option<u32>) -> Result<(), SendError> {
        let Some(limit) = limit else { return Ok(()) };
        if self.rate.free_at(now, limit) != Some(now) {
            return Err(SendError::RateLimited { limit });
        }
        self.rate.count(now);
        Ok(())
    }

    pub(super) fn push_queued(&mut self, pending: PendingEvent) {
        self.queued.push_back(pending);
    }

    /// Puts a value in the place of the one before it, which is handed back: it keeps its turn, lest a value that changes
    /// all the time never gets one.
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

    /// Whether an event that was put in last still waits; one that is beyond the limit of those that may is taken out.
    pub(super) fn keep(&mut self, id: SendId, limit: usize) -> Result<bool, SendError> {
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

    /// Takes out what has no prospect of being sent any more.
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

    /// Takes out the next event that may be sent now, or sets the time at which to look again. `is_open` says whether an
    /// event's channel takes events; `timeout` is how long one may be queued.
    pub(super) fn take_due(
        &mut self,
        now: Duration,
        limit: Option<u32>,
        timeout: Duration,
        is_open: impl Fn(&PendingEvent) -> bool,
    ) -> Option<ClientEvent> {
        let free_at = match limit {
            Some(limit) => self.rate.free_at(now, queued_share(limit)),
            None => Some(now),
        };
        let queued = self.queued.iter().position(&is_open);
        let latest = self.latest.iter().position(&is_open);
        let queued_at = queued.and(free_at);
        let latest_at = latest.and(free_at).map(|at| at.max(self.latest_after));
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        let pending = match (is_due(queued_at), is_due(latest_at)) {
            (true, is_latest_due) if !(is_latest_due && self.latest_is_next) => {
                self.latest_is_next = true;
                self.queued.remove(queued?)
            }
            (_, true) => {
                self.latest_is_next = false;
                self.latest_after = limit.map_or(now, |limit| now + latest_interval(limit));
                self.latest.remove(latest?)
            }
            _ => None,
        };
        match pending {
            Some(_) if limit.is_some() => self.rate.count(now),
            Some(_) => {}
            None => {
                let oldest = self.queued.front().map(|pending| pending.since + timeout);
                self.wake_at = [queued_at, latest_at, oldest].into_iter().flatten().min();
            }
        }
        Some(pending?.event)
    }
}
