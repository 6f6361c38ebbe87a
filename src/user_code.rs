//! Handling of panics in user code that runs in the middle of the plugin's own work on the main thread: observers, component hooks, `Drop`.
//! User code on the network thread is handled where it is called.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use bevy_ecs::prelude::*;

/// Catches panics of user code, so that the plugin can finish its own work before it resumes the first of them.
///
/// Bevy passes a panic of a system to the app's `FallbackErrorHandler`, which may log it and keep the app running. Such an app must
/// not lose events.
#[derive(Default)]
#[must_use = "call `resume`, or the panic is lost"]
pub(crate) struct UserCode {
    panic: Option<Box<dyn Any + Send>>,
}

impl UserCode {
    /// Runs code that may panic. `AssertUnwindSafe` is right for code that uses a `World`: Bevy itself continues to use the world
    /// after a panic.
    ///
    /// Returns whether it did not panic.
    pub(crate) fn run(&mut self, code: impl FnOnce()) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(code));
        outcome
            .map_err(|panic| self.panic.get_or_insert(panic))
            .is_ok()
    }

    pub(crate) fn has_panicked(&self) -> bool {
        self.panic.is_some()
    }

    /// Resumes the first panic, if there was one.
    pub(crate) fn resume(self) {
        if let Some(panic) = self.panic {
            resume_unwind(panic);
        }
    }
}

/// Entities whose components may be inconsistent, because user code panicked in the middle of a change. Each is rechecked once.
#[derive(Resource, Default)]
pub(crate) struct Rechecks(Vec<Entity>);

impl Rechecks {
    pub(crate) fn add(&mut self, entity: Entity) {
        self.0.push(entity);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(world: &mut World) -> Vec<Entity> {
        let rechecks = world.get_resource_mut::<Self>();
        rechecks.map_or_else(Vec::new, |mut rechecks| std::mem::take(&mut rechecks.0))
    }
}

/// Ends a change of an entity's components. If user code panicked in it, records the entity for a recheck and resumes the panic.
pub(crate) fn finish(world: &mut World, entity: Entity, mut user_code: UserCode) {
    // Bevy drops commands that are queued behind one that panics.
    user_code.run(|| world.flush());
    if user_code.has_panicked()
        && let Some(mut rechecks) = world.get_resource_mut::<Rechecks>()
    {
        rechecks.add(entity);
    }
    user_code.resume();
}

/// Drops a value of a user's type. A panic is logged and otherwise ignored.
pub(crate) fn drop_value<T>(value: T) {
    if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
        log::error!("dropping a {} panicked", std::any::type_name::<T>());
    }
}
