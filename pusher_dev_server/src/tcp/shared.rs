//! The state that the threads share: the core behind a lock, and the execution of its outputs.

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::config::{AuthPolicy, DevServerConfig};
use super::events::ServerEvents;
use super::outbox::{Outbox, OutboxReader};
use crate::core::{
    App, ConnectRequest, ConnectionId, DisconnectCause, Output, ServerCore, ServerEvent,
};

/// Shared by the handle, the sockets and the HTTP handlers. The lock is never held across an await.
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
    event_senders: Vec<SyncSender<ServerEvent>>,
}

impl Shared {
    pub(crate) fn new(config: DevServerConfig) -> Self {
        Self {
            app: config.core.app.clone(),
            path: config.normalized_path(),
            message_bytes: config.core.limits.message_bytes,
            unsigned_requests: config.unsigned_requests,
            outbox_bytes: config.outbox_bytes,
            started: Instant::now(),
            state: Mutex::new(State {
                core: ServerCore::new(config.core),
                auth_policy: config.auth,
                outboxes: HashMap::new(),
                event_senders: Vec::new(),
            }),
        }
    }

    /// Runs an action on the core and executes the outputs that follow.
    pub(crate) fn with_core<T>(&self, action: impl FnOnce(&mut ServerCore, Duration) -> T) -> T {
        let mut state = self.lock();
        let result = action(&mut state.core, self.started.elapsed());
        state.execute_outputs();
        result
    }

    pub(crate) fn connect(
        &self,
        request: &ConnectRequest<'_>,
    ) -> (ConnectionId, OutboxReader, oneshot::Receiver<Duration>) {
        let (outbox, reader, close_after) = Outbox::new(self.outbox_bytes);
        let mut state = self.lock();
        let connection = state.core.connect(request);
        state.outboxes.insert(connection, outbox);
        state.execute_outputs();
        (connection, reader, close_after)
    }

    pub(crate) fn on_disconnected(&self, connection: ConnectionId) {
        let mut state = self.lock();
        state.outboxes.remove(&connection);
        state
            .core
            .connection_closed(connection, DisconnectCause::Client);
        state.execute_outputs();
    }

    /// Handles the end of the server thread, which has closed all sockets.
    pub(crate) fn on_network_stopped(&self) {
        let mut state = self.lock();
        state.outboxes.clear();
        for connection in state.core.connections() {
            state
                .core
                .connection_closed(connection, DisconnectCause::NetworkDown);
        }
        state.execute_outputs();
    }

    pub(crate) fn auth_policy(&self) -> AuthPolicy {
        self.lock().auth_policy.clone()
    }

    pub(crate) fn set_auth_policy(&self, policy: AuthPolicy) {
        self.lock().auth_policy = policy;
    }

    pub(crate) fn subscribe_to_events(&self) -> ServerEvents {
        let (sender, events) = ServerEvents::channel();
        self.lock().event_senders.push(sender);
        events
    }

    pub(crate) fn close_event_streams(&self) {
        self.lock().event_senders.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn execute_outputs(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { connection, text } => {
                    let is_full = self
                        .outboxes
                        .get(&connection)
                        .is_some_and(|outbox| !outbox.send(text));
                    if is_full && let Some(outbox) = self.outboxes.remove(&connection) {
                        // A close frame would wait behind the full queue.
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
                // Drops an event if the stream is full, and removes a stream whose reader was dropped.
                Output::Event(event) => self.event_senders.retain(|event_sender| {
                    let sent = event_sender.try_send(event.clone());
                    !matches!(sent, Err(TrySendError::Disconnected(_)))
                }),
            }
        }
    }
}
