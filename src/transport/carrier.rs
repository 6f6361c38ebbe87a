//! The client's half of a connection that the game's code carries. Nothing that this does can take the client down.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use pusher_protocol::session::ConnectionError;

use super::{
    DialRequest, Transport, TransportConnection, TransportEvents,
    events::{Event, Shared},
};

/// WebSocket close code for a message that is too large (RFC 6455, section 7.4.1).
const TOO_LARGE: u16 = 1009;

/// A connection, or one that is being opened. Dropping it lets go of it.
pub(crate) struct Carrier {
    connection: Option<Box<dyn TransportConnection>>,
    shared: Arc<Shared>,
    /// The largest message that is taken, in bytes.
    limit: usize,
    is_open: bool,
    /// What this side found wrong. Told after what came before.
    failure: Option<ConnectionError>,
}

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Carried {
    /// It is open. Comes first, and once.
    Opened,
    Text(String),
    /// It is over, or came to nothing.
    Ended(ConnectionError),
}

impl Carrier {
    /// Has the game's transport dial. `wake` is called, from any thread, when there is something to
    /// [`next`](Self::next).
    pub(crate) fn dial(
        transport: &dyn Transport,
        request: DialRequest,
        limit: usize,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, ConnectionError> {
        let (told, shared) = TransportEvents::new(wake);
        let dialled = catch_unwind(AssertUnwindSafe(|| transport.dial(request, told)));
        let reason = match dialled {
            Ok(Ok(connection)) => {
                return Ok(Self {
                    connection: Some(connection),
                    shared,
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

    /// Changes the largest message that is taken, in bytes.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether there is something to [`next`](Self::next).
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn has_news(&self) -> bool {
        !self.shared.is_empty() || self.failure.is_some()
    }

    /// What came next. After an end there is nothing more.
    pub(crate) fn next(&mut self) -> Option<Carried> {
        loop {
            let Some(event) = self.shared.next() else {
                return self.failure.take().map(Carried::Ended);
            };
            match event {
                Event::Opened if self.is_open => {}
                Event::Opened => {
                    self.is_open = true;
                    return Some(Carried::Opened);
                }
                Event::Text(text) => return Some(self.take(text)),
                Event::Ended(ConnectionError::Lost { reason }) if !self.is_open => {
                    return Some(Carried::Ended(ConnectionError::Transport { reason }));
                }
                Event::Ended(error) => return Some(Carried::Ended(error)),
            }
        }
    }

    fn take(&mut self, text: String) -> Carried {
        if !self.is_open {
            let reason = "a message came before it had opened".into();
            return Carried::Ended(ConnectionError::Transport { reason });
        }
        if text.len() > self.limit {
            let (size, limit) = (text.len(), self.limit);
            self.close(TOO_LARGE, "");
            return Carried::Ended(ConnectionError::Unreadable {
                reason: format!("a message of {size} bytes; at most {limit} are taken"),
            });
        }
        Carried::Text(text)
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, text: String) {
        self.guarded((), |connection| connection.send(text));
    }

    /// How many bytes wait to be sent.
    pub(crate) fn waiting_bytes(&mut self) -> usize {
        self.guarded(0, |connection| connection.waiting_bytes())
    }

    /// Closes it. Then [`has_parted`](Self::has_parted) tells when all is said.
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        if let Some(connection) = self.connection.take()
            && catch_unwind(AssertUnwindSafe(|| connection.close(code, reason))).is_err()
        {
            log::error!("the transport panicked while closing");
        }
    }

    /// Whether the game's half has come to its end too.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn has_parted(&mut self) -> bool {
        while let Some(event) = self.shared.next() {
            if let Event::Ended(_) = event {
                return true;
            }
        }
        false
    }

    /// Calls the game's code. A panic in it ends the connection.
    fn guarded<T>(
        &mut self,
        otherwise: T,
        call: impl FnOnce(&mut dyn TransportConnection) -> T,
    ) -> T {
        let Some(connection) = &mut self.connection else {
            return otherwise;
        };
        catch_unwind(AssertUnwindSafe(|| call(&mut **connection))).unwrap_or_else(|_| {
            let reason = "the transport panicked".into();
            self.failure = Some(ConnectionError::Lost { reason });
            self.let_go();
            otherwise
        })
    }

    fn let_go(&mut self) {
        let connection = self.connection.take();
        if catch_unwind(AssertUnwindSafe(|| drop(connection))).is_err() {
            log::error!("the transport panicked while it was dropped");
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.shared.is_given_up.store(true, Ordering::Release);
        self.let_go();
    }
}
