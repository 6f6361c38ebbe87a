//! The open connection: a WebSocket of the driver, or the configured transport. Nothing in here blocks.

use std::{
    io::{self, ErrorKind},
    time::Instant,
};

use mio::{Registry, Token};
use pusher_protocol::session::{ConnectionError, DialId};
use tungstenite::{
    Error, Message, Utf8Bytes, WebSocket,
    error::ProtocolError,
    protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
};

use super::{
    closing::{ClosingConnection, Stage},
    stream::MaybeTlsStream,
};
use crate::transport::{TransportEvent, TransportGuard};

/// An open connection.
pub(super) struct Connection {
    pub(super) dial: DialId,
    io: ConnectionIo,
}

enum ConnectionIo {
    WebSocket {
        socket: Box<WebSocketConnection>,
        token: Token,
        /// Whether to try a read. The poll is edge-triggered: it reports once, and again only after a read has found nothing.
        is_readable: bool,
    },
    Transport(TransportGuard),
}

/// The result of a read.
pub(super) enum Incoming {
    Text(Utf8Bytes),
    Binary,
    /// A ping or a pong, which tungstenite handles.
    Control,
    /// There is nothing more to read for now.
    Nothing,
    /// The connection has ended.
    Ended(Ending, ConnectionError),
}

/// How a connection has ended, and so what is still to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server sent a close frame: answer it.
    CloseFrame,
    /// The server violated the WebSocket protocol: send a close frame with this code.
    Violation(u16),
    /// The connection is broken.
    Broken,
}

impl Connection {
    /// A connection over a WebSocket that the poll reports under this token.
    pub(super) fn web_socket(dial: DialId, socket: Box<WebSocketConnection>, token: Token) -> Self {
        let io = ConnectionIo::WebSocket {
            socket,
            token,
            // The poll does not report what was read together with the upgrade or with the last TLS record.
            is_readable: true,
        };
        Self { dial, io }
    }

    /// A connection over a transport, which has opened it.
    pub(super) fn transport(dial: DialId, transport: TransportGuard) -> Self {
        let io = ConnectionIo::Transport(transport);
        Self { dial, io }
    }

    /// Handles an event of the poll.
    pub(super) fn on_poll(&mut self, event: Token) {
        if let ConnectionIo::WebSocket { socket, token, .. } = &mut self.io
            && *token == event
        {
            socket.flush_unsent();
            self.set_readable();
        }
    }

    /// Makes the next read try, whether or not the poll has reported anything.
    pub(super) fn set_readable(&mut self) {
        if let ConnectionIo::WebSocket { is_readable, .. } = &mut self.io {
            *is_readable = true;
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        match &self.io {
            ConnectionIo::WebSocket { is_readable, .. } => *is_readable,
            ConnectionIo::Transport(transport) => transport.is_ready(),
        }
    }

    /// Changes the largest inbound message, in bytes.
    pub(super) fn set_limit(&mut self, inbound_message_bytes: usize) {
        match &mut self.io {
            ConnectionIo::WebSocket { socket, .. } => socket.set_limit(inbound_message_bytes),
            ConnectionIo::Transport(transport) => transport.set_limit(inbound_message_bytes),
        }
    }

    /// Reads the next frame, if there is one.
    pub(super) fn read(&mut self) -> Incoming {
        match &mut self.io {
            ConnectionIo::WebSocket {
                socket,
                is_readable,
                ..
            } => {
                let incoming = socket.read();
                if matches!(incoming, Incoming::Nothing) {
                    *is_readable = false;
                }
                incoming
            }
            ConnectionIo::Transport(transport) => match transport.next() {
                None => Incoming::Nothing,
                Some(TransportEvent::Opened) => Incoming::Control,
                Some(TransportEvent::Text(text)) => Incoming::Text(text.into()),
                Some(TransportEvent::Ended(error)) => Incoming::Ended(Ending::Broken, error),
            },
        }
    }

    /// Queues a frame. It is sent with the next [`flush`](Self::flush) at the latest.
    pub(super) fn write(&mut self, text: String) {
        match &mut self.io {
            ConnectionIo::WebSocket { socket, .. } => socket.write(text),
            ConnectionIo::Transport(transport) => transport.send(text),
        }
    }

    /// Returns how many bytes were written and not sent yet.
    pub(super) fn unsent_bytes(&mut self) -> usize {
        match &mut self.io {
            ConnectionIo::WebSocket { socket, .. } => socket.unsent_bytes(),
            ConnectionIo::Transport(transport) => transport.waiting_bytes(),
        }
    }

    /// Sends what is queued, and keeps the registration with the poll up to date.
    pub(super) fn flush(&mut self, registry: &Registry) -> io::Result<()> {
        match &mut self.io {
            ConnectionIo::WebSocket { socket, token, .. } => {
                socket.flush();
                socket.register(registry, *token)
            }
            ConnectionIo::Transport(_) => Ok(()),
        }
    }

    /// Starts the close handshake.
    pub(super) fn close(
        self,
        deadline: Instant,
        code: u16,
        reason: &'static str,
    ) -> ClosingConnection {
        match self.io {
            ConnectionIo::WebSocket {
                mut socket, token, ..
            } => {
                socket.close(code, reason);
                ClosingConnection::web_socket(socket, token, deadline, Stage::AwaitingAnswer)
            }
            ConnectionIo::Transport(mut transport) => {
                transport.close(code, reason);
                ClosingConnection::transport(transport, deadline)
            }
        }
    }

    /// Finishes a connection that the other side has ended. Returns what is left to do in the background, if anything.
    pub(super) fn finish(
        self,
        deadline: Instant,
        ending: Ending,
        registry: &Registry,
    ) -> Option<ClosingConnection> {
        // A transport has ended by itself, or its guard has closed it.
        let ConnectionIo::WebSocket {
            mut socket, token, ..
        } = self.io
        else {
            return None;
        };
        match ending {
            Ending::CloseFrame => socket.flush(),
            Ending::Violation(code) => socket.close(code, ""),
            Ending::Broken => {
                socket.abandon(registry);
                return None;
            }
        }
        let stage = Stage::Sending;
        Some(ClosingConnection::web_socket(
            socket, token, deadline, stage,
        ))
    }

    /// Drops it without a close handshake.
    pub(super) fn abandon(self, registry: &Registry) {
        if let ConnectionIo::WebSocket { socket, .. } = self.io {
            socket.abandon(registry);
        }
    }
}

/// An open WebSocket on a live stream. After a flush, what the system has not accepted waits in the stream's buffer and nowhere else.
pub(super) struct WebSocketConnection {
    web_socket: WebSocket<MaybeTlsStream>,
    /// Bytes that were written since the last flush.
    unflushed: usize,
    must_flush: bool,
}

impl WebSocketConnection {
    /// Takes over a WebSocket from the dial.
    pub(super) fn go_live(mut web_socket: WebSocket<MaybeTlsStream>) -> io::Result<Self> {
        web_socket.get_mut().tcp().go_live()?;
        Ok(Self {
            web_socket,
            unflushed: 0,
            must_flush: false,
        })
    }

    fn set_limit(&mut self, inbound_message_bytes: usize) {
        self.web_socket
            .set_config(|config| *config = with_limit(*config, inbound_message_bytes));
    }

    /// Reads the next frame, if there is one. Call it until it returns [`Incoming::Nothing`]: the poll reports bytes on the socket, not
    /// those that TLS or the WebSocket has already read.
    pub(super) fn read(&mut self) -> Incoming {
        match self.web_socket.read() {
            Ok(Message::Text(text)) => Incoming::Text(text),
            Ok(Message::Binary(_)) => Incoming::Binary,
            Ok(Message::Close(frame)) => {
                self.must_flush = true;
                Incoming::Ended(Ending::CloseFrame, closed(frame))
            }
            Ok(_) => {
                // The answer to a ping is sent by the next read or flush (tungstenite#357).
                self.must_flush = true;
                Incoming::Control
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Incoming::Nothing,
            Err(error) => {
                let (ending, error) = end_of(error);
                Incoming::Ended(ending, error)
            }
        }
    }

    fn write(&mut self, text: String) {
        self.unflushed += text.len();
        self.must_flush = true;
        // The next read returns a failure, after what the server sent before.
        let _ = self.web_socket.write(Message::text(text));
    }

    /// Sends what is queued, and tungstenite's own frames, as far as the system accepts them.
    fn flush(&mut self) {
        if std::mem::take(&mut self.must_flush) {
            self.unflushed = 0;
            let _ = self.web_socket.flush();
        }
    }

    /// Sends what the system did not accept before.
    pub(super) fn flush_unsent(&mut self) {
        self.web_socket.get_mut().tcp().flush_unsent();
    }

    /// Returns how many bytes were written and not accepted by the system yet.
    pub(super) fn unsent_bytes(&mut self) -> usize {
        self.unflushed + self.web_socket.get_mut().tcp().unsent_bytes()
    }

    /// Starts the close handshake.
    fn close(&mut self, code: u16, reason: &'static str) {
        // Closing also sends what was queued before.
        self.must_flush = false;
        self.unflushed = 0;
        let _ = self.web_socket.close(Some(CloseFrame {
            code: CloseCode::from(code),
            reason: Utf8Bytes::from_static(reason),
        }));
    }

    /// The stream under the WebSocket.
    pub(super) fn stream(&mut self) -> &mut MaybeTlsStream {
        self.web_socket.get_mut()
    }

    /// Registers with the poll.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.web_socket.get_mut().tcp().register(registry, token)
    }

    /// Drops it without a close handshake.
    pub(super) fn abandon(mut self, registry: &Registry) {
        self.web_socket.get_mut().tcp().deregister(registry);
    }
}

/// Sets the largest inbound message. tungstenite has a limit for messages and one for frames, and raising one leaves the other.
pub(super) fn with_limit(config: WebSocketConfig, inbound_message_bytes: usize) -> WebSocketConfig {
    config
        .max_message_size(Some(inbound_message_bytes))
        .max_frame_size(Some(inbound_message_bytes))
}

fn closed(frame: Option<CloseFrame>) -> ConnectionError {
    let reason = frame.as_ref().map(|frame| frame.reason.as_str().to_owned());
    ConnectionError::Closed {
        code: frame.map(|frame| frame.code.into()),
        reason: reason.unwrap_or_default(),
    }
}

fn end_of(error: Error) -> (Ending, ConnectionError) {
    let reason = error.to_string();
    let code = match error {
        Error::Capacity(_) | Error::AttackAttempt => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            let reason = "the connection was closed without a close frame".into();
            return (Ending::Broken, ConnectionError::Lost { reason });
        }
        Error::Protocol(_) => CloseCode::Protocol,
        Error::Io(error) => {
            let reason = error.to_string();
            return (Ending::Broken, ConnectionError::Lost { reason });
        }
        _ => return (Ending::Broken, ConnectionError::Lost { reason }),
    };
    (
        Ending::Violation(code.into()),
        ConnectionError::Unreadable { reason },
    )
}
