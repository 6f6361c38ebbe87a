//! [`ServerEvents`]: the stream of server events for logs and tests.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::core::ServerEvent;

/// The most events that are queued for a reader; later ones are dropped, so that a reader that stopped cannot fill the memory.
const EVENTS_WAITING: usize = 65_536;

/// A stream of the actions of clients and publishers since the call of [`DevServer::events`](super::DevServer::events).
///
/// As an iterator it blocks until the next event and ends with the server. Read it or drop it: at most 65,536 events are queued,
/// later ones are dropped.
#[derive(Debug)]
pub struct ServerEvents {
    // The lock makes the type `Sync`, so that it can be a Bevy resource.
    receiver: Mutex<Receiver<ServerEvent>>,
}

impl ServerEvents {
    pub(crate) fn channel() -> (SyncSender<ServerEvent>, Self) {
        let (sender, receiver) = sync_channel(EVENTS_WAITING);
        let receiver = Mutex::new(receiver);
        (sender, Self { receiver })
    }

    /// Returns the next event if one is queued.
    pub fn try_next(&self) -> Option<ServerEvent> {
        self.lock().try_recv().ok()
    }

    /// Waits up to `timeout` for the next event.
    pub fn next_within(&self, timeout: Duration) -> Option<ServerEvent> {
        self.lock().recv_timeout(timeout).ok()
    }

    /// Waits up to `timeout` for the first event that matches. Earlier events are discarded.
    pub fn wait_for(
        &self,
        timeout: Duration,
        mut matches: impl FnMut(&ServerEvent) -> bool,
    ) -> Option<ServerEvent> {
        let deadline = Instant::now() + timeout;
        let receiver = self.lock();
        loop {
            let remaining = deadline.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(remaining) {
                Ok(event) if matches(&event) => return Some(event),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Receiver<ServerEvent>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Iterator for ServerEvents {
    type Item = ServerEvent;

    fn next(&mut self) -> Option<ServerEvent> {
        self.receiver
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .recv()
            .ok()
    }
}
