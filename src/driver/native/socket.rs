//! An open WebSocket.

use std::io::{self, ErrorKind};

use mio::{Registry, Token};
use pusher_protocol::session::ConnectionError;
use tungstenite::{
    Error, Message, Utf8Bytes, WebSocket,
    error::ProtocolError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{dial::limits, stream::Stream};

/// A WebSocket on a live wire: nothing here blocks, and nothing that is sent waits anywhere but in the wire.
pub(super) struct Socket {
    web_socket: WebSocket<Stream>,
    /// Bytes that were sent since the last flush.
    unflushed: usize,
    must_flush: bool,
}

/// What was read.
pub(super) enum Incoming {
    Text(Utf8Bytes),
    Binary,
    /// A ping or a pong, which the WebSocket handles by itself.
    Control,
    /// Nothing more for now.
    Nothing,
    /// The connection is over.
    Ended(Ending, ConnectionError),
}

/// What is left to do about a connection that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server said goodbye: answer it.
    Goodbye,
    /// The server broke the protocol: say so with this code.
    Violation(u16),
    /// There is nobody there any more.
    Gone,
}

impl Socket {
    /// Takes over a WebSocket from the dial.
    pub(super) fn go_live(mut web_socket: WebSocket<Stream>) -> io::Result<Self> {
        web_socket.get_mut().wire().go_live()?;
        Ok(Self {
            web_socket,
            unflushed: 0,
            must_flush: false,
        })
    }

    /// Changes the largest message that is taken from the server, in bytes.
    pub(super) fn set_limit(&mut self, inbound_message_bytes: usize) {
        self.web_socket
            .set_config(|config| *config = limits(inbound_message_bytes)(*config));
    }

    /// Reads the next frame, if one is there. To be called until there is nothing more: the poll tells of bytes on the
    /// socket, not of those that TLS or the WebSocket has read already.
    pub(super) fn read(&mut self) -> Incoming {
        match self.web_socket.read() {
            Ok(Message::Text(text)) => Incoming::Text(text),
            Ok(Message::Binary(_)) => Incoming::Binary,
            Ok(Message::Close(frame)) => {
                self.must_flush = true;
                Incoming::Ended(Ending::Goodbye, closed(frame))
            }
            Ok(_) => {
                // Answers to pings are queued, and go out only with the next flush (tungstenite#357).
                self.must_flush = true;
                Incoming::Control
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Incoming::Nothing,
            Err(error) => {
                let (ending, error) = ended(error);
                Incoming::Ended(ending, error)
            }
        }
    }

    /// Hands a frame over; it leaves with the next [`flush`](Self::flush).
    pub(super) fn write(&mut self, text: String) {
        self.unflushed += text.len();
        self.must_flush = true;
        // What fails here shows in the next read, after what the server said before.
        let _ = self.web_socket.write(Message::text(text));
    }

    /// Writes what was handed over and what the WebSocket answers by itself, as far as the system takes it.
    pub(super) fn flush(&mut self) {
        if std::mem::take(&mut self.must_flush) {
            self.unflushed = 0;
            let _ = self.web_socket.flush();
        }
    }

    /// Offers the system what it did not take before.
    pub(super) fn write_waiting(&mut self) {
        self.web_socket.get_mut().wire().write_waiting();
    }

    /// How many bytes were handed over and not taken by the system yet.
    pub(super) fn waiting(&mut self) -> usize {
        self.unflushed + self.web_socket.get_mut().wire().waiting()
    }

    /// Begins the close handshake.
    pub(super) fn close(&mut self, code: u16, reason: &'static str) {
        // Closing writes what was queued before it, too.
        self.must_flush = false;
        self.unflushed = 0;
        let _ = self.web_socket.close(Some(CloseFrame {
            code: CloseCode::from(code),
            reason: Utf8Bytes::from_static(reason),
        }));
    }

    /// The bytes under the WebSocket.
    pub(super) fn stream(&mut self) -> &mut Stream {
        self.web_socket.get_mut()
    }

    /// Registers for what is of interest now.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.web_socket.get_mut().wire().register(registry, token)
    }

    /// Ends it without ado.
    pub(super) fn abandon(mut self, registry: &Registry) {
        self.web_socket.get_mut().wire().deregister(registry);
    }
}

fn closed(frame: Option<CloseFrame>) -> ConnectionError {
    match frame {
        Some(frame) => ConnectionError::Closed {
            code: Some(frame.code.into()),
            reason: frame.reason.as_str().into(),
        },
        None => ConnectionError::Closed {
            code: None,
            reason: String::new(),
        },
    }
}

fn ended(error: Error) -> (Ending, ConnectionError) {
    let reason = error.to_string();
    let code = match error {
        Error::Capacity(_) | Error::AttackAttempt => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            let reason = "the server ended it without a word".into();
            return (Ending::Gone, ConnectionError::Lost { reason });
        }
        Error::Protocol(_) => CloseCode::Protocol,
        Error::Io(error) => {
            let reason = error.to_string();
            return (Ending::Gone, ConnectionError::Lost { reason });
        }
        _ => return (Ending::Gone, ConnectionError::Lost { reason }),
    };
    let code = code.into();
    (
        Ending::Violation(code),
        ConnectionError::Unreadable { reason },
    )
}
