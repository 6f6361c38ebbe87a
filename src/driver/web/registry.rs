//! Where the engines are. They hold objects of JavaScript, which cannot leave their thread; what the game's world holds of
//! them must be able to, and so is but a number.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use bevy_platform::collections::HashMap;

use super::engine::Engine;

/// Names an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct EngineId(u64);

impl EngineId {
    pub(super) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

thread_local! {
    static ENGINES: RefCell<HashMap<EngineId, Rc<RefCell<Engine>>>> = RefCell::default();
}

/// Gives an engine its place.
pub(super) fn add(id: EngineId, engine: Engine) {
    let engine = Rc::new(RefCell::new(engine));
    // Without a place, at the very end of a thread, it is dropped, which ends it.
    let _ = ENGINES.try_with(|engines| engines.borrow_mut().insert(id, engine));
}

/// Has an engine take what is in its mailbox.
pub(super) fn run(id: EngineId) {
    let engine = ENGINES.try_with(|engines| engines.borrow().get(&id).cloned());
    let Ok(Some(engine)) = engine else {
        return;
    };
    // If it is at work already, it looks into its mailbox before it rests.
    let is_over = match engine.try_borrow_mut() {
        Ok(mut engine) => {
            engine.take_messages();
            engine.is_over()
        }
        Err(_) => return,
    };
    if is_over {
        let ended = ENGINES.try_with(|engines| engines.borrow_mut().remove(&id));
        drop(ended);
    }
}
