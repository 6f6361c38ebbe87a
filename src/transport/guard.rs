//! The client's half of a connection over a [`Transport`]. It catches panics of the transport, enforces the message limit and turns
//! what the transport reports into errors of the session.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use pusher_protocol::session::ConnectionError;

use super::{
    DialRequest, Transport, TransportConnection, TransportEvents,
    events::{EventQueue, TransportEvent},
};

/// WebSocket close code for a message that is too large (RFC 6455, section 7.4.1).
const MESSAGE_TOO_BIG: u16 = 1009;

/// A connection over a transport, open or being opened. Dropping it abandons the connection.
pub(crate) struct TransportGuard {
    connection: Option<Box<dyn TransportConnection>>,
    events: Arc<EventQueue>,
    /// The largest inbound message, in bytes.
    limit: usize,
    is_open: bool,
    /// A failure found on this side. It is reported after the events that were queued before it.
    failure: Option<ConnectionError>,
}

impl TransportGuard {
    /// Starts a dial. `wake` is called, from any thread, when [`next`](Self::next) has something to return.
    pub(crate) fn dial(
        transport: &dyn Transport,
        request: DialRequest,
        limit: usize,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, ConnectionError> {
        let (sender, events) = TransportEvents::new(wake);
        let dialled = catch_unwind(AssertUnwindSafe(|| transport.dial(request, sender)));
        let reason = match dialled {
            Ok(Ok(connection)) => {
                return Ok(Self {
                    connection: Some(connection),
                    events,
                    limit,
                    is_open: false,
                    failure: None,
                });
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".into(),
        };
        Err(ConnectionError::Transport { reason })
    }

    /// Changes the largest inbound message, in bytes.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether [`next`](Self::next) has something to return.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn is_ready(&self) -> bool {
        !self.events.is_empty() || self.failure.is_some()
    }

    /// Returns the next event. [`TransportEvent::Opened`] comes first and once; nothing follows [`TransportEvent::Ended`].
    pub(crate) fn next(&mut self) -> Option<TransportEvent> {
        loop {
            let Some(event) = self.events.pop() else {
                return self.failure.take().map(TransportEvent::Ended);
            };
            match event {
                TransportEvent::Opened if self.is_open => continue,
                TransportEvent::Opened => self.is_open = true,
                TransportEvent::Text(text) => return Some(self.check(text)),
                TransportEvent::Ended(ConnectionError::Lost { reason }) if !self.is_open => {
                    let error = ConnectionError::Transport { reason };
                    return Some(TransportEvent::Ended(error));
                }
                TransportEvent::Ended(_) => {}
            }
            return Some(event);
        }
    }

    fn check(&mut self, text: String) -> TransportEvent {
        if !self.is_open {
            let reason = "a message came before the connection was open".into();
            return TransportEvent::Ended(ConnectionError::Transport { reason });
        }
        if text.len() > self.limit {
            let reason = format!(
                "a message has {} bytes; at most {} are allowed",
                text.len(),
                self.limit
            );
            self.close(MESSAGE_TOO_BIG, "");
            return TransportEvent::Ended(ConnectionError::Unreadable { reason });
        }
        TransportEvent::Text(text)
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, text: String) {
        self.call((), |connection| connection.send(text));
    }

    /// Returns how many bytes wait to be sent.
    pub(crate) fn waiting_bytes(&mut self) -> usize {
        self.call(0, |connection| connection.waiting_bytes())
    }

    /// Starts the close. [`is_closed`](Self::is_closed) tells when the transport has finished it.
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        if let Some(connection) = self.connection.take()
            && catch_unwind(AssertUnwindSafe(|| connection.close(code, reason))).is_err()
        {
            log::error!("the transport panicked while closing");
        }
    }

    /// Discards events that came after [`close`](Self::close). Returns whether the transport has ended the connection.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn is_closed(&mut self) -> bool {
        std::iter::from_fn(|| self.events.pop())
            .any(|event| matches!(event, TransportEvent::Ended(_)))
    }

    /// Calls the transport. A panic ends the connection, not the client.
    fn call<T>(&mut self, otherwise: T, call: impl FnOnce(&mut dyn TransportConnection) -> T) -> T {
        let Some(connection) = &mut self.connection else {
            return otherwise;
        };
        catch_unwind(AssertUnwindSafe(|| call(&mut **connection))).unwrap_or_else(|_| {
            let reason = "the transport panicked".into();
            self.failure = Some(ConnectionError::Lost { reason });
            self.drop_connection();
            otherwise
        })
    }

    fn drop_connection(&mut self) {
        let connection = self.connection.take();
        if catch_unwind(AssertUnwindSafe(|| drop(connection))).is_err() {
            log::error!("the transport panicked while it was dropped");
        }
    }
}

impl Drop for TransportGuard {
    fn drop(&mut self) {
        self.events.is_abandoned.store(true, Ordering::Release);
        self.drop_connection();
    }
}
