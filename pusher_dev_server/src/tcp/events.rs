//! The stream of what clients do, for logs and tests.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::core::ServerEvent;

/// How many events wait for somebody who does not read; later ones are then not told to him.
const EVENTS_WAITING: usize = 65_536;

/// What clients and publishers do, from the moment at which [`DevServer::events`](super::DevServer::events) was called.
///
/// As an iterator it waits for each event and ends with the server. Read it or drop it: at most 65,536 events wait, later ones are lost.
#[derive(Debug)]
pub struct ServerEvents {
    // A lock makes it `Sync`, so that it can be a resource of a game.
    receiver: Mutex<Receiver<ServerEvent>>,
}

impl ServerEvents {
    pub(crate) fn channel() -> (SyncSender<ServerEvent>, Self) {
        let (sender, receiver) = sync_channel(EVENTS_WAITING);
        let receiver = Mutex::new(receiver);
        (sender, Self { receiver })
    }

    /// The next event if it is here already.
    pub fn try_next(&self) -> Option<ServerEvent> {
        self.lock().try_recv().ok()
    }

    /// The next event, if it comes within this time.
    pub fn next_within(&self, timeout: Duration) -> Option<ServerEvent> {
        self.lock().recv_timeout(timeout).ok()
    }

    /// The first event that fits, if it comes within this time. Those before it are passed over and gone.
    pub fn wait_for(
        &self,
        timeout: Duration,
        mut fits: impl FnMut(&ServerEvent) -> bool,
    ) -> Option<ServerEvent> {
        let deadline = Instant::now() + timeout;
        let receiver = self.lock();
        loop {
            let remaining = deadline.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(remaining) {
                Ok(event) if fits(&event) => return Some(event),
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
