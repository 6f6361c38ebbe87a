//! Dials: over the driver's own network, or over the configured transport.

use mio::Token;
use pusher_protocol::session::{ConnectionError, DialId, Input};

use super::{
    super::{
        connection::{Connection, WebSocketConnection},
        connector::{Deadline, later},
        dial::{Dial, Dialler},
        headers::HandshakeHeaders,
    },
    EventLoop,
};
use crate::{
    driver::{SessionIo, less_head_start},
    transport::{DialRequest, TransportEvent, TransportGuard},
};

/// A dial in progress. Dropping it cancels the dial.
pub(super) enum Dialling {
    /// On a thread of its own, which sends a message with the outcome.
    WebSocket(Dial),
    Transport(DialId, TransportGuard),
}

impl Dialling {
    pub(super) fn id(&self) -> DialId {
        match self {
            Self::WebSocket(dial) => dial.id,
            Self::Transport(id, _) => *id,
        }
    }

    /// Whether [`EventLoop::advance_dial`] has something to do.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::WebSocket(_) => false,
            Self::Transport(_, transport) => transport.is_ready(),
        }
    }
}

impl EventLoop {
    pub(super) fn start_dial(
        &self,
        id: DialId,
        request: DialRequest,
    ) -> Result<Dialling, ConnectionError> {
        let config = &self.runner.config;
        let inbound_message_bytes = config.limits.inbound_message_bytes;
        let sender = self.sender.clone();
        if let Some(transport) = &config.transport {
            let wake = move || sender.wake();
            let guard = TransportGuard::dial(&**transport, request, inbound_message_bytes, wake)?;
            return Ok(Dialling::Transport(id, guard));
        }
        let deadline = Deadline {
            at: later(less_head_start(request.time_allowed())),
            allowed: config.timing.dial_timeout,
        };
        let target = request.into_target();
        let (host, port) = (target.host.clone(), target.port);
        let dialler = Dialler {
            connector: self.connector.clone(),
            target,
            headers: HandshakeHeaders::new(config, &self.header_threads),
            deadline,
            inbound_message_bytes,
        };
        Dial::start(id, dialler, sender, &self.cancel_token)
            .map(Dialling::WebSocket)
            .map_err(|error| {
                let reason = format!("no thread could be started for the dial: {error}");
                ConnectionError::Tcp { host, port, reason }
            })
    }

    /// Handles the outcome of a dial's thread.
    pub(super) fn dialled(
        &mut self,
        id: DialId,
        outcome: Result<Box<WebSocketConnection>, ConnectionError>,
    ) {
        let is_current = |dialling: &mut Dialling| matches!(dialling, Dialling::WebSocket(dial) if dial.id == id);
        let Some(Dialling::WebSocket(dial)) = self.dialling.take_if(is_current) else {
            return;
        };
        dial.finish();
        let input = match outcome {
            Ok(socket) => {
                self.last_poll_token = Token(self.last_poll_token.0 + 1);
                self.connection = Some(Connection::web_socket(id, socket, self.last_poll_token));
                Input::Opened(id)
            }
            Err(error) => Input::DialFailed(id, error),
        };
        self.feed(input);
    }

    /// Handles what the transport reports about its dial.
    pub(super) fn advance_dial(&mut self) {
        let Some(Dialling::Transport(id, transport)) = &mut self.dialling else {
            return;
        };
        let id = *id;
        let outcome = match transport.next() {
            Some(TransportEvent::Opened) => Ok(()),
            Some(TransportEvent::Ended(error)) => Err(error),
            // The guard reports no text before the connection is open.
            Some(TransportEvent::Text(_)) | None => return,
        };
        let Some(Dialling::Transport(_, transport)) = self.dialling.take() else {
            return;
        };
        let input = match outcome {
            Ok(()) => {
                self.connection = Some(Connection::transport(id, transport));
                Input::Opened(id)
            }
            Err(error) => Input::DialFailed(id, error),
        };
        self.feed(input);
    }
}
