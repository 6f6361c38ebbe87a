//! The open connection, whatever carries it: the driver's own socket, or the game's transport.

use std::{io, time::Instant};

use mio::{Registry, Token};
use pusher_protocol::session::DialId;

use super::{
    farewell::Farewell,
    socket::{Ending, Incoming, Socket},
};
use crate::transport::{Carried, Carrier};

/// An open connection. Nothing here blocks.
pub(super) struct Link {
    pub(super) dial: DialId,
    by: By,
}

enum By {
    Socket {
        socket: Box<Socket>,
        token: Token,
        /// Whether there may be something to read: the poll tells once, and not again before nothing was left.
        may_read: bool,
    },
    Transport(Carrier),
}

impl Link {
    /// By a socket, whose events the poll tells under this token.
    pub(super) fn by_socket(dial: DialId, socket: Box<Socket>, token: Token) -> Self {
        let by = By::Socket {
            socket,
            token,
            // What came with the upgrade or with the last record of TLS is in no poll.
            may_read: true,
        };
        Self { dial, by }
    }

    /// By the game's transport, which has opened it.
    pub(super) fn by_transport(dial: DialId, carrier: Carrier) -> Self {
        let by = By::Transport(carrier);
        Self { dial, by }
    }

    /// The poll has news of this token.
    pub(super) fn notice(&mut self, news: Token) {
        if let By::Socket {
            socket,
            token,
            may_read,
        } = &mut self.by
            && *token == news
        {
            socket.write_waiting();
            *may_read = true;
        }
    }

    /// Has the next read look whether or not the poll told of anything.
    pub(super) fn look_again(&mut self) {
        if let By::Socket { may_read, .. } = &mut self.by {
            *may_read = true;
        }
    }

    /// Whether there may be something to read.
    pub(super) fn may_read(&self) -> bool {
        match &self.by {
            By::Socket { may_read, .. } => *may_read,
            By::Transport(carrier) => carrier.has_news(),
        }
    }

    /// Changes the largest message that is taken from the server, in bytes.
    pub(super) fn set_limit(&mut self, inbound_message_bytes: usize) {
        match &mut self.by {
            By::Socket { socket, .. } => socket.set_limit(inbound_message_bytes),
            By::Transport(carrier) => carrier.set_limit(inbound_message_bytes),
        }
    }

    /// Reads the next frame, if one is there.
    pub(super) fn read(&mut self) -> Incoming {
        match &mut self.by {
            By::Socket {
                socket, may_read, ..
            } => {
                let incoming = socket.read();
                *may_read &= !matches!(incoming, Incoming::Nothing);
                incoming
            }
            By::Transport(carrier) => match carrier.next() {
                None => Incoming::Nothing,
                Some(Carried::Opened) => Incoming::Control,
                Some(Carried::Text(text)) => Incoming::Text(text.into()),
                Some(Carried::Ended(error)) => Incoming::Ended(Ending::Gone, error),
            },
        }
    }

    /// Hands a frame over; it leaves at the latest with the next [`flush`](Self::flush).
    pub(super) fn write(&mut self, text: String) {
        match &mut self.by {
            By::Socket { socket, .. } => socket.write(text),
            By::Transport(carrier) => carrier.send(text),
        }
    }

    /// How many bytes were handed over and are not on their way yet.
    pub(super) fn waiting(&mut self) -> usize {
        match &mut self.by {
            By::Socket { socket, .. } => socket.waiting(),
            By::Transport(carrier) => carrier.waiting_bytes(),
        }
    }

    /// Writes what was handed over, and keeps the registration with the poll up to date.
    pub(super) fn flush(&mut self, registry: &Registry) -> io::Result<()> {
        match &mut self.by {
            By::Socket { socket, token, .. } => {
                socket.flush();
                socket.register(registry, *token)
            }
            By::Transport(_) => Ok(()),
        }
    }

    /// Closes it in good order.
    pub(super) fn close(self, deadline: Instant, code: u16, reason: &'static str) -> Farewell {
        match self.by {
            By::Socket { socket, token, .. } => {
                Farewell::begin(socket, token, deadline, code, reason)
            }
            By::Transport(carrier) => Farewell::of_transport(carrier, deadline, code, reason),
        }
    }

    /// The other side ended it. `None` if there is nobody left to say goodbye to.
    pub(super) fn answer(
        self,
        deadline: Instant,
        ending: Ending,
        registry: &Registry,
    ) -> Option<Farewell> {
        match self.by {
            By::Socket { socket, token, .. } => {
                Farewell::answer(socket, token, deadline, ending, registry)
            }
            By::Transport(_) => None,
        }
    }

    /// Drops it without ado.
    pub(super) fn abandon(self, registry: &Registry) {
        if let By::Socket { socket, .. } = self.by {
            socket.abandon(registry);
        }
    }
}
