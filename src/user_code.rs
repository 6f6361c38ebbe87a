//! Code of the game that the plugin runs on the main thread, in the middle of its own work: observers, hooks, drops.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// Keeps a panic of the game's code back until the plugin's own work is done, so that a game whose error handler lives on after
/// a panic (Bevy's `FallbackErrorHandler`) has lost nothing.
#[derive(Default)]
#[must_use = "a panic is to go on in the end"]
pub(crate) struct UserCode {
    panic: Option<Box<dyn Any + Send>>,
}

impl UserCode {
    /// Runs code that may panic. Bevy itself goes on with a world in which something panicked, so the world may be seen
    /// afterwards.
    pub(crate) fn run(&mut self, code: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(code)) {
            self.panic.get_or_insert(panic);
        }
    }

    pub(crate) fn has_panicked(&self) -> bool {
        self.panic.is_some()
    }

    /// Lets the first panic go on, if there was one.
    pub(crate) fn resume(self) {
        if let Some(panic) = self.panic {
            resume_unwind(panic);
        }
    }
}

/// Drops a value of the game's. A panic is logged, and what goes on is not held up.
pub(crate) fn drop_value<T>(value: T) {
    if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
        log::error!("dropping a {} panicked", std::any::type_name::<T>());
    }
}
