//! A connection: a WebSocket of the browser, or the configured transport.

use pusher_protocol::session::DialId;

use super::web_socket::BrowserSocket;
use crate::transport::TransportGuard;

/// The only close code of RFC 6455, section 7.4.1, that a page may use.
const CLOSE_NORMAL: u16 = 1000;

/// A connection, open or being opened. Dropping it abandons it.
pub(super) enum Connection {
    Socket(BrowserSocket),
    Transport(DialId, TransportGuard),
}

impl Connection {
    pub(super) fn dial(&self) -> DialId {
        match self {
            Self::Socket(socket) => socket.dial,
            Self::Transport(dial, _) => *dial,
        }
    }

    /// Returns the transport, if there is one.
    pub(super) fn transport(&mut self) -> Option<&mut TransportGuard> {
        match self {
            Self::Socket(_) => None,
            Self::Transport(_, transport) => Some(transport),
        }
    }

    /// Changes the largest inbound message, in bytes.
    pub(super) fn set_limit(&mut self, inbound_message_bytes: usize) {
        match self {
            Self::Socket(socket) => socket.set_limit(inbound_message_bytes),
            Self::Transport(_, transport) => transport.set_limit(inbound_message_bytes),
        }
    }

    /// Returns how many bytes were not sent yet.
    pub(super) fn unsent_bytes(&mut self) -> usize {
        match self {
            Self::Socket(socket) => socket.unsent_bytes(),
            Self::Transport(_, transport) => transport.waiting_bytes(),
        }
    }

    /// Sends a text. Returns whether the connection accepted it.
    pub(super) fn send(&mut self, text: String) -> bool {
        match self {
            Self::Socket(socket) => socket.send(&text),
            Self::Transport(_, transport) => {
                transport.send(text);
                true
            }
        }
    }

    /// Closes it.
    pub(super) fn close(self, code: u16, reason: &str) {
        match self {
            Self::Socket(socket) => socket.close(code, reason),
            Self::Transport(_, mut transport) => transport.close(code, reason),
        }
    }

    /// Closes a connection that has ended, or whose server violated the protocol. A transport is only closed if there is a reason
    /// to pass on.
    pub(super) fn end(self, reason: &str) {
        match self {
            Self::Transport(..) if reason.is_empty() => {}
            connection => connection.close(CLOSE_NORMAL, reason),
        }
    }
}
