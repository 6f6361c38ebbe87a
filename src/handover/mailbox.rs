use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pusher_protocol::{config::Limits, session::Notice};

use super::meter::Meter;
use crate::{PusherWaker, handover::Batch};

/// Where the driver's thread leaves what the frame is to take.
#[derive(Default)]
pub(crate) struct Mailbox {
    content: Mutex<Content>,
    meter: Arc<Meter>,
}

#[derive(Default)]
struct Content {
    batch: Batch,
    bounds: Bounds,
    waker: Option<PusherWaker>,
    /// Where to go instead, once nobody takes anything here any more.
    successor: Option<Arc<Mailbox>>,
}

#[derive(Clone, Copy)]
struct Bounds {
    count: usize,
    bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            count: limits.waiting_events,
            bytes: limits.waiting_bytes,
        }
    }
}

impl Mailbox {
    /// Leaves a batch, and an empty one in its place. Wakes the game if there was nothing before.
    pub(super) fn leave(&self, batch: &mut Batch) {
        let mut content = self.content();
        if let Some(successor) = content.successor.clone() {
            drop(content);
            // The end of a client that was ended is no news; that what it was to send is not sent, is.
            return successor.post(std::mem::take(batch).into_answers());
        }
        let was_empty = content.batch.is_empty();
        content.batch.append_or_swap(batch);
        content.trim();
        // Not for a heartbeat's round trip alone: a game that sleeps has no use for it.
        let wakes = was_empty && !content.batch.is_empty();
        let waker = content.waker.clone().filter(|_| wakes);
        drop(content);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Leaves notices that are not the driver's.
    pub(crate) fn post(&self, notices: impl IntoIterator<Item = Notice>) {
        let mut batch = Batch::default();
        for notice in notices {
            batch.push_notice(notice);
        }
        self.leave(&mut batch);
    }

    /// Takes all there is, for an empty batch.
    pub(crate) fn take(&self, empty: &mut Batch) {
        std::mem::swap(&mut self.content().batch, empty);
    }

    /// Gives back what could not be delivered this frame, before what came meanwhile, and asks for another frame.
    pub(crate) fn give_back(&self, rest: &mut Batch) {
        let mut content = self.content();
        rest.append(&mut content.batch);
        std::mem::swap(&mut content.batch, rest);
        content.trim();
        let waker = content.waker.clone();
        drop(content);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Closes this mailbox: what is in it, and whoever takes from it, goes over to another. Of what is left here from then
    /// on, only answers to what the game sent go there too.
    pub(crate) fn hand_on(&self) -> Arc<Self> {
        let mut content = self.content();
        let successor = Arc::new(Self {
            content: Mutex::new(Content {
                batch: std::mem::take(&mut content.batch),
                bounds: content.bounds,
                waker: content.waker.clone(),
                successor: None,
            }),
            meter: self.meter.clone(),
        });
        content.successor = Some(successor.clone());
        successor
    }

    /// Counts what arrives here.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// How many events and notices are in it.
    #[cfg(feature = "diagnostics")]
    pub(crate) fn waiting(&self) -> usize {
        self.content().batch.len()
    }

    pub(crate) fn set_limits(&self, limits: &Limits) {
        let mut content = self.content();
        content.bounds = limits.into();
        content.trim();
    }

    pub(crate) fn set_waker(&self, waker: Option<PusherWaker>) {
        self.content().waker = waker;
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn trim(&mut self) {
        self.batch.trim(self.bounds.count, self.bounds.bytes);
    }
}

impl Batch {
    fn append_or_swap(&mut self, later: &mut Self) {
        if self.is_empty() {
            // The other side's emptied buffers are used again.
            let round_trip = self.take_round_trip();
            std::mem::swap(self, later);
            if let Some(round_trip) = round_trip {
                self.keep_round_trip(round_trip);
            }
        } else {
            self.append(later);
        }
    }
}
