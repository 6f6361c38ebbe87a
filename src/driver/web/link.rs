//! A connection, whatever carries it: the browser's WebSocket, or the game's transport.

use pusher_protocol::session::DialId;

use super::socket::Socket;
use crate::transport::Carrier;

/// Close code of this side (RFC 6455, section 7.4.1). Pages cannot use the other ones of that section.
const CLOSE_NORMAL: u16 = 1000;

/// A connection, being opened or open. Dropping it lets go of it.
pub(super) enum Link {
    Socket(Socket),
    Transport(DialId, Carrier),
}

impl Link {
    pub(super) fn dial(&self) -> DialId {
        match self {
            Self::Socket(socket) => socket.dial,
            Self::Transport(dial, _) => *dial,
        }
    }

    /// The game's transport, if it carries this one.
    pub(super) fn carrier(&mut self) -> Option<&mut Carrier> {
        match self {
            Self::Socket(_) => None,
            Self::Transport(_, carrier) => Some(carrier),
        }
    }

    /// Changes the largest message that is taken from the server, in bytes.
    pub(super) fn set_limit(&mut self, inbound_message_bytes: usize) {
        match self {
            Self::Socket(socket) => socket.set_limit(inbound_message_bytes),
            Self::Transport(_, carrier) => carrier.set_limit(inbound_message_bytes),
        }
    }

    /// How many bytes the network has not taken yet.
    pub(super) fn waiting(&mut self) -> usize {
        match self {
            Self::Socket(socket) => socket.waiting(),
            Self::Transport(_, carrier) => carrier.waiting_bytes(),
        }
    }

    /// Sends a text. Returns whether it was taken.
    pub(super) fn send(&mut self, text: String) -> bool {
        match self {
            Self::Socket(socket) => socket.send(&text),
            Self::Transport(_, carrier) => {
                carrier.send(text);
                true
            }
        }
    }

    /// Closes it.
    pub(super) fn close(self, code: u16, reason: &str) {
        match self {
            Self::Socket(socket) => socket.close(code, reason),
            Self::Transport(_, mut carrier) => carrier.close(code, reason),
        }
    }

    /// Ends one that is over, from the other side or for it. A transport that has nothing to be told knows it already.
    pub(super) fn end(self, last_words: &str) {
        match self {
            Self::Transport(..) if last_words.is_empty() => {}
            link => link.close(CLOSE_NORMAL, last_words),
        }
    }
}
