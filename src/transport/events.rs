use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use pusher_protocol::session::ConnectionError;

/// What a [`Transport`](super::Transport) tells the client about one connection, from any thread, in order.
///
/// It begins with [`opened`](Self::opened) and ends with [`closed`](Self::closed) or [`lost`](Self::lost); what comes after
/// an end counts for nothing. Dropped without an end, the connection counts as lost.
pub struct TransportEvents {
    wake: Box<dyn Fn() + Send + Sync>,
    shared: Arc<Shared>,
    has_ended: AtomicBool,
}

/// One thing told.
pub(super) enum Event {
    Opened,
    Text(String),
    Ended(ConnectionError),
}

/// What both halves know.
#[derive(Default)]
pub(super) struct Shared {
    events: Mutex<VecDeque<Event>>,
    /// Bytes of text that the client did not take yet.
    waiting: AtomicUsize,
    /// Whether the client let go of the connection.
    pub(super) is_given_up: AtomicBool,
}

impl TransportEvents {
    /// The handle, and what it shares with the client's end. `wake` is called after each event.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> (Self, Arc<Shared>) {
        let shared = Arc::new(Shared::default());
        let events = Self {
            wake: Box::new(wake),
            shared: shared.clone(),
            has_ended: AtomicBool::new(false),
        };
        (events, shared)
    }

    /// The connection is open: frames may go both ways. Before that, none may come.
    pub fn opened(&self) {
        self.tell(Event::Opened);
    }

    /// A text message came.
    pub fn receive(&self, text: impl Into<String>) {
        self.tell(Event::Text(text.into()));
    }

    /// The other side closed the connection, with a WebSocket close code if it gave one. Codes of the Pusher protocol, 4000
    /// and up, say whether to connect again; told instead of [`opened`](Self::opened), they do so too.
    pub fn closed(&self, code: Option<u16>, reason: impl Into<String>) {
        let reason = reason.into();
        self.end(ConnectionError::Closed { code, reason });
    }

    /// The connection broke, or could not be opened. The reason reaches the game and its logs.
    pub fn lost(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.end(ConnectionError::Lost { reason });
    }

    /// How many bytes of messages the client has not taken yet. It takes them at once unless it is swamped; then, a transport
    /// that can hold its server back does so.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.shared.waiting.load(Ordering::Acquire)
    }

    /// Whether the client has let go of the connection, and nothing that is told here reaches anybody.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.shared.is_given_up.load(Ordering::Acquire)
    }

    fn end(&self, error: ConnectionError) {
        if !self.has_ended.swap(true, Ordering::AcqRel) {
            self.shared.events().push_back(Event::Ended(error));
            (self.wake)();
        }
    }

    fn tell(&self, event: Event) {
        if self.has_ended.load(Ordering::Acquire) || self.is_given_up() {
            return;
        }
        if let Event::Text(text) = &event {
            self.shared.waiting.fetch_add(text.len(), Ordering::AcqRel);
        }
        self.shared.events().push_back(event);
        (self.wake)();
    }
}

impl Shared {
    pub(super) fn next(&self) -> Option<Event> {
        let event = self.events().pop_front()?;
        if let Event::Text(text) = &event {
            self.waiting.fetch_sub(text.len(), Ordering::AcqRel);
        }
        Some(event)
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn is_empty(&self) -> bool {
        self.events().is_empty()
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TransportEvents {
    fn drop(&mut self) {
        self.lost("the transport let go of it");
    }
}

impl fmt::Debug for TransportEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportEvents").finish_non_exhaustive()
    }
}
