//! Close handshakes that finish in the background, while a new dial may already run.

use std::{
    io::{ErrorKind, Read},
    time::Instant,
};

use mio::{Registry, Token};

use super::connection::{Incoming, WebSocketConnection};
use crate::transport::TransportGuard;

/// How many frames or chunks are read in one turn, so that a flood does not starve the open connection.
const READS_PER_TURN: usize = 64;

/// All connections that are being closed.
#[derive(Default)]
pub(super) struct ClosingConnections(Vec<ClosingConnection>);

/// A connection that the session no longer uses.
pub(super) struct ClosingConnection {
    io: ClosingIo,
    /// When it is dropped, whatever the server does.
    deadline: Instant,
    progress: Progress,
}

enum ClosingIo {
    WebSocket(ClosingSocket),
    Transport(TransportGuard),
}

struct ClosingSocket {
    socket: Box<WebSocketConnection>,
    token: Token,
    stage: Stage,
}

/// How far the close handshake of a WebSocket is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The client's close frame is sent; the server's is awaited.
    AwaitingAnswer,
    /// Both close frames are there; the client's is being sent.
    Sending,
    /// The client has shut its side down and waits for the server to do the same. If it closed the socket now, and the server still sent
    /// something, the system would reset the connection, and the server might not receive the close frame.
    AwaitingEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    /// There is more to read.
    Busy,
    Done,
}

impl ClosingConnections {
    pub(super) fn add(&mut self, connection: impl IntoIterator<Item = ClosingConnection>) {
        self.0.extend(connection);
    }

    /// Advances each as far as possible without blocking, and drops those that are done or late.
    pub(super) fn advance(&mut self, registry: &Registry) {
        let now = Instant::now();
        for mut closing in std::mem::take(&mut self.0) {
            if now < closing.deadline && closing.advance(registry) != Progress::Done {
                self.0.push(closing);
            } else if let ClosingIo::WebSocket(closing) = closing.io {
                closing.socket.abandon(registry);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one can be advanced at once.
    pub(super) fn is_busy(&self) -> bool {
        let is_busy = |closing: &ClosingConnection| closing.progress == Progress::Busy;
        self.0.iter().any(is_busy)
    }

    /// The earliest deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|closing| closing.deadline).min()
    }
}

impl ClosingConnection {
    /// A WebSocket in this stage.
    pub(super) fn web_socket(
        socket: Box<WebSocketConnection>,
        token: Token,
        deadline: Instant,
        stage: Stage,
    ) -> Self {
        Self {
            io: ClosingIo::WebSocket(ClosingSocket {
                socket,
                token,
                stage,
            }),
            deadline,
            progress: Progress::Busy,
        }
    }

    /// A transport that was asked to close.
    pub(super) fn transport(transport: TransportGuard, deadline: Instant) -> Self {
        Self {
            io: ClosingIo::Transport(transport),
            deadline,
            progress: Progress::Waiting,
        }
    }

    fn advance(&mut self, registry: &Registry) -> Progress {
        self.progress = match &mut self.io {
            ClosingIo::WebSocket(closing) => closing.advance(registry),
            ClosingIo::Transport(transport) => match transport.is_closed() {
                true => Progress::Done,
                false => Progress::Waiting,
            },
        };
        self.progress
    }
}

impl ClosingSocket {
    fn advance(&mut self, registry: &Registry) -> Progress {
        let progress = self.step();
        if progress == Progress::Waiting && self.socket.register(registry, self.token).is_err() {
            return Progress::Done;
        }
        progress
    }

    fn step(&mut self) -> Progress {
        self.socket.flush_unsent();
        if self.stage == Stage::AwaitingAnswer {
            match self.await_answer() {
                Progress::Done => self.stage = Stage::Sending,
                other => return other,
            }
        }
        if self.stage == Stage::Sending && self.socket.unsent_bytes() == 0 {
            self.socket.stream().finish_writing();
            self.stage = Stage::AwaitingEnd;
        }
        self.discard()
    }

    fn await_answer(&mut self) -> Progress {
        for _ in 0..READS_PER_TURN {
            match self.socket.read() {
                Incoming::Nothing => return Progress::Waiting,
                Incoming::Ended(..) => return Progress::Done,
                Incoming::Text(_) | Incoming::Binary | Incoming::Control => {}
            }
        }
        Progress::Busy
    }

    fn discard(&mut self) -> Progress {
        let mut buffer = [0; 4096];
        for _ in 0..READS_PER_TURN {
            match self.socket.stream().read(&mut buffer) {
                Ok(0) => return Progress::Done,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Waiting,
                Err(_) => return Progress::Done,
            }
        }
        Progress::Busy
    }
}
