//! A value that one thread changes and another waits for.

use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// A mutex that wakes all waiting threads at each change. Ignores poisoning, because otherwise the panics of other threads would hide the
/// message of the failed test that held the lock.
#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Watched<T> {
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.value.lock())
    }

    pub(crate) fn update<R>(&self, update: impl FnOnce(&mut T) -> R) -> R {
        let result = update(&mut self.value.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `ready` returns a value, or until the deadline, if there is one.
    pub(crate) fn wait<R>(
        &self,
        deadline: Option<Instant>,
        mut ready: impl FnMut(&mut T) -> Option<R>,
    ) -> Option<R> {
        let mut value = self.value.lock();
        loop {
            if let Some(result) = ready(&mut value) {
                return Some(result);
            }
            match deadline {
                None => self.changed.wait(&mut value),
                Some(deadline) if self.changed.wait_until(&mut value, deadline).timed_out() => {
                    return ready(&mut value);
                }
                Some(_) => {}
            }
        }
    }
}
