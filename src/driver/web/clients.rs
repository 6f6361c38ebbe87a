//! The clients of this thread. They hold JavaScript objects, which cannot leave their thread. The game's world must be able to, so it only
//! holds the number of a client.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use bevy_platform::collections::HashMap;

use super::client::WebClient;

/// Identifies a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientId(u64);

impl ClientId {
    pub(super) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

thread_local! {
    static CLIENTS: RefCell<HashMap<ClientId, Rc<RefCell<WebClient>>>> = RefCell::default();
}

/// Adds a client.
pub(super) fn add(id: ClientId, client: WebClient) {
    let client = Rc::new(RefCell::new(client));
    // At the very end of a thread this fails, and the client is dropped, which closes it.
    let _ = CLIENTS.try_with(|clients| clients.borrow_mut().insert(id, client));
}

/// Makes a client handle its messages.
pub(super) fn run(id: ClientId) {
    let client = CLIENTS.try_with(|clients| clients.borrow().get(&id).cloned());
    let Ok(Some(client)) = client else {
        return;
    };
    // If it is running already, it checks for messages before it returns.
    let is_over = match client.try_borrow_mut() {
        Ok(mut client) => {
            client.handle_messages();
            client.is_over()
        }
        Err(_) => return,
    };
    if is_over {
        let ended = CLIENTS.try_with(|clients| clients.borrow_mut().remove(&id));
        drop(ended);
    }
}
