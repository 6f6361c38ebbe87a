//! What waits to be sent to one client: bounded in bytes, so that a client that does not read cannot fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// How long a client may take to read what was sent before its close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// The core's end.
#[derive(Debug)]
pub(crate) struct Outbox {
    sender: UnboundedSender<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
    limit: usize,
    ending: oneshot::Sender<Duration>,
}

/// The socket's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) receiver: UnboundedReceiver<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(Arc<str>),
    Close { code: u16, reason: String },
}

impl Outbox {
    /// The last part tells the socket after how much time it has to be gone.
    pub(crate) fn new(limit: usize) -> (Self, Inbox, oneshot::Receiver<Duration>) {
        let (sender, receiver) = unbounded_channel();
        let (ending, ended) = oneshot::channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let inbox = Inbox {
            receiver,
            waiting_bytes: Arc::clone(&waiting_bytes),
        };
        let outbox = Self {
            sender,
            waiting_bytes,
            limit,
            ending,
        };
        (outbox, inbox, ended)
    }

    /// Whether there was room.
    pub(crate) fn send(&self, text: Arc<str>) -> bool {
        let bytes = text.len();
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.limit {
            return false;
        }
        // A socket that is gone says so itself.
        let _ = self.sender.send(Outgoing::Text(text));
        true
    }

    /// Sends the close frame after all that waits.
    pub(crate) fn close(self, code: u16, reason: String) {
        let _ = self.sender.send(Outgoing::Close { code, reason });
        let _ = self.ending.send(CLOSE_PATIENCE);
    }

    /// Ends the socket now.
    pub(crate) fn cut(self) {
        let _ = self.ending.send(Duration::ZERO);
    }
}

impl Inbox {
    pub(crate) fn written(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
