//! Cancellation of blocking work from another thread.

use std::{
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, Weak},
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::sync::lock;

/// Cancels blocking work: shuts sockets down and wakes waiting threads. It cannot be undone; whatever is attached later is cancelled at
/// once.
#[derive(Default)]
pub(super) struct CancelToken(Mutex<State>);

enum State {
    Active(Vec<Weak<dyn Cancel>>),
    Cancelled,
}

/// Something that can be cancelled from another thread.
pub(super) trait Cancel: Send + Sync {
    fn cancel(&self);
}

/// Why a blocking operation has no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stopped<E> {
    Failed(E),
    TimedOut,
    Cancelled,
}

/// Sends the answer that a [`Waiter`] waits for.
pub(super) struct Answerer<T>(Sender<Option<T>>);

/// Waits for the answer of another thread.
pub(super) struct Waiter<T>(Receiver<Option<T>>);

impl Default for State {
    fn default() -> Self {
        Self::Active(Vec::new())
    }
}

impl CancelToken {
    /// Creates a token that is also cancelled when this one is.
    pub(super) fn child(&self) -> Arc<Self> {
        let child = Arc::new(Self::default());
        self.attach(&child);
        child
    }

    /// Cancels `part` together with this token, if it still exists then.
    pub(super) fn attach<T: Cancel + 'static>(&self, part: &Arc<T>) {
        let is_cancelled = match &mut *lock(&self.0) {
            State::Active(parts) => {
                // Connections come and go; the list must not grow with them.
                parts.retain(|part| part.strong_count() > 0);
                let part: Weak<T> = Arc::downgrade(part);
                parts.push(part);
                false
            }
            State::Cancelled => true,
        };
        if is_cancelled {
            part.cancel();
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        matches!(*lock(&self.0), State::Cancelled)
    }
}

impl Cancel for CancelToken {
    fn cancel(&self) {
        let state = std::mem::replace(&mut *lock(&self.0), State::Cancelled);
        if let State::Active(parts) = state {
            for part in parts.iter().filter_map(Weak::upgrade) {
                part.cancel();
            }
        }
    }
}

/// Creates both ends of a wait that the token cancels.
pub(super) fn wait<T: Send + 'static>(token: &CancelToken) -> (Arc<Answerer<T>>, Waiter<T>) {
    // Room for the answer and for the cancellation, so that neither blocks.
    let (sender, receiver) = bounded(2);
    let answerer = Arc::new(Answerer(sender));
    token.attach(&answerer);
    (answerer, Waiter(receiver))
}

impl<T> Answerer<T> {
    /// Answers. Only the first answer counts.
    pub(super) fn answer(&self, answer: T) {
        let _ = self.0.try_send(Some(answer));
    }
}

impl<T: Send> Cancel for Answerer<T> {
    fn cancel(&self) {
        let _ = self.0.try_send(None);
    }
}

impl<T, E> Waiter<Result<T, E>> {
    /// Waits for the answer.
    pub(super) fn until(self, deadline: Instant) -> Result<T, Stopped<E>> {
        match self.0.recv_deadline(deadline) {
            Ok(Some(answer)) => answer.map_err(Stopped::Failed),
            Ok(None) => Err(Stopped::Cancelled),
            Err(_) => Err(Stopped::TimedOut),
        }
    }
}

impl Cancel for TcpStream {
    fn cancel(&self) {
        // Fails if the socket is closed already.
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Cancel for mio::Waker {
    fn cancel(&self) {
        let _ = self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Cancel for Counted {
        fn cancel(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_token_cancels_what_is_attached_to_it_and_its_children_once() {
        let root = CancelToken::default();
        let child = root.child();
        let (part, late) = (Arc::new(Counted::default()), Arc::new(Counted::default()));
        child.attach(&part);
        assert!(!child.is_cancelled());
        root.cancel();
        root.cancel();
        assert!(child.is_cancelled());
        assert_eq!(part.0.load(Ordering::SeqCst), 1);
        child.attach(&late);
        assert_eq!(late.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn dropped_parts_are_removed_from_the_token() {
        let root = CancelToken::default();
        for _ in 0..1000 {
            root.attach(&Arc::new(Counted::default()));
        }
        let State::Active(parts) = &*lock(&root.0) else {
            panic!("not cancelled")
        };
        assert!(parts.len() <= 1);
    }
}
