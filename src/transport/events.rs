//! What a transport reports to the client, and the queue that carries it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use pusher_protocol::session::ConnectionError;

use crate::sync::lock;

/// Reports to the client what happens on one connection, from any thread, in order.
///
/// Call [`opened`](Self::opened) first, and [`closed`](Self::closed) or [`lost`](Self::lost) last; calls after that are ignored. If it is
/// dropped before, the connection counts as lost.
pub struct TransportEvents {
    wake: Box<dyn Fn() + Send + Sync>,
    queue: Arc<EventQueue>,
    has_ended: AtomicBool,
}

/// One report.
#[derive(Debug, PartialEq)]
pub(crate) enum TransportEvent {
    Opened,
    Text(String),
    /// The connection ended, or could not be opened.
    Ended(ConnectionError),
}

/// The reports that the client has not taken yet.
#[derive(Default)]
pub(super) struct EventQueue {
    events: Mutex<VecDeque<TransportEvent>>,
    /// Bytes of text in the queue.
    waiting: AtomicUsize,
    /// Whether the client has dropped the connection.
    pub(super) is_abandoned: AtomicBool,
}

impl TransportEvents {
    /// Returns the transport's half and the queue. `wake` is called after each report.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> (Self, Arc<EventQueue>) {
        let queue = Arc::new(EventQueue::default());
        let events = Self {
            wake: Box::new(wake),
            queue: queue.clone(),
            has_ended: AtomicBool::new(false),
        };
        (events, queue)
    }

    /// Reports that the connection is open: messages may be sent in both directions. Report no message before.
    pub fn opened(&self) {
        self.report(TransportEvent::Opened);
    }

    /// Reports that a text message was received.
    pub fn receive(&self, text: impl Into<String>) {
        self.report(TransportEvent::Text(text.into()));
    }

    /// Reports that the other side closed the connection, with a WebSocket close code if it sent one. Codes of the Pusher protocol (4000
    /// and up) decide whether the client reconnects. May also be called before [`opened`](Self::opened): the code then
    /// decides in the same way.
    pub fn closed(&self, code: Option<u16>, reason: impl Into<String>) {
        let reason = reason.into();
        self.end(ConnectionError::Closed { code, reason });
    }

    /// Reports that the connection broke, or could not be opened. The reason is shown to the game and logged.
    pub fn lost(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.end(ConnectionError::Lost { reason });
    }

    /// Returns how many bytes of messages the client has not taken yet. It takes them at once unless it is overloaded; a transport that can
    /// apply backpressure to its server should do so then.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.queue.waiting.load(Ordering::Acquire)
    }

    /// Whether the client has abandoned the connection, so that reports are ignored.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.queue.is_abandoned.load(Ordering::Acquire)
    }

    fn end(&self, error: ConnectionError) {
        if !self.has_ended.swap(true, Ordering::AcqRel) {
            self.queue.push(TransportEvent::Ended(error));
            (self.wake)();
        }
    }

    fn report(&self, event: TransportEvent) {
        if self.has_ended.load(Ordering::Acquire) || self.is_given_up() {
            return;
        }
        self.queue.push(event);
        (self.wake)();
    }
}

impl EventQueue {
    fn push(&self, event: TransportEvent) {
        if let TransportEvent::Text(text) = &event {
            self.waiting.fetch_add(text.len(), Ordering::AcqRel);
        }
        lock(&self.events).push_back(event);
    }

    pub(super) fn pop(&self) -> Option<TransportEvent> {
        let event = lock(&self.events).pop_front()?;
        if let TransportEvent::Text(text) = &event {
            self.waiting.fetch_sub(text.len(), Ordering::AcqRel);
        }
        Some(event)
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.events).is_empty()
    }
}

impl Drop for TransportEvents {
    fn drop(&mut self) {
        self.lost("the transport dropped the connection");
    }
}

impl fmt::Debug for TransportEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportEvents").finish_non_exhaustive()
    }
}
