//! The core behind a lock, and the pump that carries out what it asks for.

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::config::{AuthPolicy, DevServerConfig};
use super::events::ServerEvents;
use super::outbox::{Inbox, Outbox};
use crate::core::{
    App, ConnectRequest, ConnectionId, DisconnectCause, Output, ServerCore, ServerEvent,
};

/// Shared by the handle, the sockets and the HTTP handlers. The lock is held for moments only, never while something is awaited.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) app: App,
    pub(crate) path: String,
    pub(crate) message_bytes: usize,
    pub(crate) unsigned_requests: bool,
    outbox_bytes: usize,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    core: ServerCore,
    auth_policy: AuthPolicy,
    outboxes: HashMap<ConnectionId, Outbox>,
    watchers: Vec<SyncSender<ServerEvent>>,
}

impl Shared {
    pub(crate) fn new(config: DevServerConfig) -> Self {
        Self {
            app: config.core.app.clone(),
            path: config.normal_path(),
            message_bytes: config.core.limits.message_bytes,
            unsigned_requests: config.unsigned_requests,
            outbox_bytes: config.outbox_bytes,
            started: Instant::now(),
            state: Mutex::new(State {
                core: ServerCore::new(config.core),
                auth_policy: config.auth,
                outboxes: HashMap::new(),
                watchers: Vec::new(),
            }),
        }
    }

    /// Lets something happen in the core and carries out what follows.
    pub(crate) fn with_core<T>(&self, happen: impl FnOnce(&mut ServerCore, Duration) -> T) -> T {
        let mut state = self.lock();
        let result = happen(&mut state.core, self.started.elapsed());
        state.pump();
        result
    }

    pub(crate) fn connect(
        &self,
        request: &ConnectRequest<'_>,
    ) -> (ConnectionId, Inbox, oneshot::Receiver<Duration>) {
        let (outbox, inbox, ending) = Outbox::new(self.outbox_bytes);
        let mut state = self.lock();
        let connection = state.core.connect(request);
        state.outboxes.insert(connection, outbox);
        state.pump();
        (connection, inbox, ending)
    }

    pub(crate) fn disconnected(&self, connection: ConnectionId) {
        let mut state = self.lock();
        state.outboxes.remove(&connection);
        state
            .core
            .connection_closed(connection, DisconnectCause::Client);
        state.pump();
    }

    /// After the network's thread has ended, and all sockets with it.
    pub(crate) fn network_is_down(&self) {
        let mut state = self.lock();
        state.outboxes.clear();
        for connection in state.core.connections() {
            state
                .core
                .connection_closed(connection, DisconnectCause::NetworkDown);
        }
        state.pump();
    }

    pub(crate) fn auth_policy(&self) -> AuthPolicy {
        self.lock().auth_policy.clone()
    }

    pub(crate) fn set_auth_policy(&self, policy: AuthPolicy) {
        self.lock().auth_policy = policy;
    }

    pub(crate) fn watch(&self) -> ServerEvents {
        let (sender, events) = ServerEvents::channel();
        self.lock().watchers.push(sender);
        events
    }

    pub(crate) fn end_watching(&self) {
        self.lock().watchers.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pump(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { connection, text } => {
                    let is_full = self
                        .outboxes
                        .get(&connection)
                        .is_some_and(|outbox| !outbox.send(text));
                    if is_full && let Some(outbox) = self.outboxes.remove(&connection) {
                        outbox.cut();
                        self.core
                            .connection_closed(connection, DisconnectCause::TooSlow);
                    }
                }
                Output::Close {
                    connection,
                    code,
                    reason,
                } => {
                    if let Some(outbox) = self.outboxes.remove(&connection) {
                        outbox.close(code, reason);
                    }
                }
                Output::Event(event) => self.watchers.retain(|watcher| {
                    let sent = watcher.try_send(event.clone());
                    !matches!(sent, Err(TrySendError::Disconnected(_)))
                }),
            }
        }
    }
}
