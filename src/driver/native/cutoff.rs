//! One switch that ends, at once and from any thread, whatever was attached to it.

use std::{
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Ends blocking work: sockets are shut down, waits are woken. Final: what is attached later ends at once.
#[derive(Default)]
pub(super) struct Cutoff(Mutex<State>);

enum State {
    Open(Vec<Weak<dyn Cut>>),
    Cut,
}

/// Something that can be ended from outside.
pub(super) trait Cut: Send + Sync {
    fn cut(&self);
}

/// Where the answer goes that a thread waits for. Nobody does any more once it is dropped.
pub(super) struct Waiter<T>(Sender<Option<T>>);

/// The answer that is waited for.
pub(super) struct Awaited<T>(Receiver<Option<T>>);

/// Why none came.
pub(super) enum NoAnswer {
    TimedOut,
    Cut,
}

impl Default for State {
    fn default() -> Self {
        Self::Open(Vec::new())
    }
}

impl Cutoff {
    /// A switch of its own that is also thrown when this one is.
    pub(super) fn child(&self) -> Arc<Self> {
        let child = Arc::new(Self::default());
        self.attach(&child);
        child
    }

    /// Has `part` ended with the rest, for as long as it lives.
    pub(super) fn attach<T: Cut + 'static>(&self, part: &Arc<T>) {
        let is_cut = match &mut *self.lock() {
            State::Open(parts) => {
                parts.retain(|part| part.strong_count() > 0);
                let part: Weak<T> = Arc::downgrade(part);
                parts.push(part);
                false
            }
            State::Cut => true,
        };
        if is_cut {
            part.cut();
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        matches!(*self.lock(), State::Cut)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cut for Cutoff {
    fn cut(&self) {
        let state = std::mem::replace(&mut *self.lock(), State::Cut);
        if let State::Open(parts) = state {
            for part in parts.iter().filter_map(Weak::upgrade) {
                part.cut();
            }
        }
    }
}

impl<T: Send + 'static> Waiter<T> {
    /// A wait that ends with the rest.
    pub(super) fn attach(cutoff: &Cutoff) -> (Arc<Self>, Awaited<T>) {
        // Room for the answer and for the cut.
        let (sender, answer) = bounded(2);
        let waiter = Arc::new(Self(sender));
        cutoff.attach(&waiter);
        (waiter, Awaited(answer))
    }

    /// The first answer counts.
    pub(super) fn answer(&self, answer: T) {
        let _ = self.0.try_send(Some(answer));
    }
}

impl<T: Send> Cut for Waiter<T> {
    fn cut(&self) {
        let _ = self.0.try_send(None);
    }
}

impl<T> Awaited<T> {
    /// Waits for it.
    pub(super) fn until(self, deadline: Instant) -> Result<T, NoAnswer> {
        match self.0.recv_deadline(deadline) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(NoAnswer::Cut),
            Err(_) => Err(NoAnswer::TimedOut),
        }
    }
}

impl Cut for TcpStream {
    fn cut(&self) {
        // Fails when it is closed already.
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Cut for mio::Waker {
    fn cut(&self) {
        let _ = self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Cut for Counted {
        fn cut(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_cutoff_ends_what_is_attached_to_it_and_to_its_children_once() {
        let root = Cutoff::default();
        let child = root.child();
        let (part, late) = (Arc::new(Counted::default()), Arc::new(Counted::default()));
        child.attach(&part);
        assert!(!child.is_cut());
        root.cut();
        root.cut();
        assert!(child.is_cut());
        assert_eq!(part.0.load(Ordering::SeqCst), 1);
        child.attach(&late);
        assert_eq!(late.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let root = Cutoff::default();
        for _ in 0..1000 {
            root.attach(&Arc::new(Counted::default()));
        }
        let State::Open(parts) = &*root.lock() else {
            panic!("nobody cut it")
        };
        assert!(parts.len() <= 1);
    }
}
