//! The send queue of one client. Bounded in bytes, so that a client that does not read cannot fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// How long a client may take to read the frames that precede the close frame.
const FLUSH_BEFORE_CLOSE: Duration = Duration::from_secs(2);

/// The end of the queue that the core writes to.
#[derive(Debug)]
pub(crate) struct Outbox {
    sender: UnboundedSender<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
    limit: usize,
    close_after: oneshot::Sender<Duration>,
}

/// The end of the queue that the socket reads from.
#[derive(Debug)]
pub(crate) struct OutboxReader {
    pub(crate) receiver: UnboundedReceiver<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(Arc<str>),
    Close { code: u16, reason: String },
}

impl Outbox {
    /// Creates a queue. The last element of the tuple receives the time after which the socket must be closed.
    pub(crate) fn new(limit: usize) -> (Self, OutboxReader, oneshot::Receiver<Duration>) {
        let (sender, receiver) = unbounded_channel();
        let (close_after, close_after_receiver) = oneshot::channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let reader = OutboxReader {
            receiver,
            waiting_bytes: Arc::clone(&waiting_bytes),
        };
        let outbox = Self {
            sender,
            waiting_bytes,
            limit,
            close_after,
        };
        (outbox, reader, close_after_receiver)
    }

    /// Queues a frame. Returns `false` if the queue is full.
    pub(crate) fn send(&self, text: Arc<str>) -> bool {
        let bytes = text.len();
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        // The refused bytes stay counted, because the caller drops a full queue.
        if before + bytes > self.limit {
            return false;
        }
        // A send error means that the socket has ended, which the socket task reports itself.
        let _ = self.sender.send(Outgoing::Text(text));
        true
    }

    /// Queues the close frame behind all other frames.
    pub(crate) fn close(self, code: u16, reason: String) {
        let _ = self.sender.send(Outgoing::Close { code, reason });
        let _ = self.close_after.send(FLUSH_BEFORE_CLOSE);
    }

    /// Closes the socket at once, without a close frame.
    pub(crate) fn cut(self) {
        let _ = self.close_after.send(Duration::ZERO);
    }
}

impl OutboxReader {
    pub(crate) fn on_written(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
