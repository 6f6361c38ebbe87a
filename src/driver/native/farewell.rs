//! Close handshakes that finish in the background, while a new dial may already run.

use std::{
    io::{ErrorKind, Read},
    time::Instant,
};

use mio::{Registry, Token};

use super::socket::{Ending, Incoming, Socket};
use crate::transport::Carrier;

/// How many frames or pieces are read in one turn, so that a flood does not starve the rest.
const READS_PER_TURN: usize = 64;

/// All that are under way.
#[derive(Default)]
pub(super) struct Farewells(Vec<Farewell>);

/// A connection that the session is done with.
pub(super) struct Farewell {
    by: By,
    /// When it is dropped, whatever the server does.
    deadline: Instant,
    progress: Progress,
}

enum By {
    Socket(Parting),
    Transport(Carrier),
}

/// A socket in its last exchange.
struct Parting {
    socket: Box<Socket>,
    token: Token,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// This side's close frame is out; the server's is awaited.
    AwaitingAnswer,
    /// All is said; waits for this side's bytes to be gone.
    Sending,
    /// This side has hung up; the server's hanging up is awaited, lest what it still sends makes the system reset the
    /// connection under the close frame.
    AwaitingEnd,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    /// There is more to read.
    Busy,
    Done,
}

impl Farewells {
    pub(super) fn add(&mut self, farewell: impl IntoIterator<Item = Farewell>) {
        self.0.extend(farewell);
    }

    /// Goes on with each as far as it allows, and drops those that are done or late.
    pub(super) fn advance(&mut self, registry: &Registry) {
        let now = Instant::now();
        for mut farewell in std::mem::take(&mut self.0) {
            if now < farewell.deadline && farewell.advance(registry) != Progress::Done {
                self.0.push(farewell);
            } else {
                farewell.end(registry);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one has more to do at once.
    pub(super) fn is_busy(&self) -> bool {
        self.0
            .iter()
            .any(|farewell| farewell.progress == Progress::Busy)
    }

    /// When the first of them is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|farewell| farewell.deadline).min()
    }
}

impl Farewell {
    /// Of a socket that this side closes.
    pub(super) fn begin(
        mut socket: Box<Socket>,
        token: Token,
        deadline: Instant,
        code: u16,
        reason: &'static str,
    ) -> Self {
        socket.close(code, reason);
        Self::of_socket(socket, token, deadline, Stage::AwaitingAnswer)
    }

    /// Of a socket that the server ended. `None` if there is nobody left to say goodbye to.
    pub(super) fn answer(
        mut socket: Box<Socket>,
        token: Token,
        deadline: Instant,
        ending: Ending,
        registry: &Registry,
    ) -> Option<Self> {
        match ending {
            Ending::Goodbye => socket.flush(),
            Ending::Violation(code) => socket.close(code, ""),
            Ending::Gone => {
                socket.abandon(registry);
                return None;
            }
        }
        Some(Self::of_socket(socket, token, deadline, Stage::Sending))
    }

    /// Of the game's transport.
    pub(super) fn of_transport(
        mut carrier: Carrier,
        deadline: Instant,
        code: u16,
        reason: &str,
    ) -> Self {
        carrier.close(code, reason);
        Self {
            by: By::Transport(carrier),
            deadline,
            progress: Progress::Waiting,
        }
    }

    fn of_socket(socket: Box<Socket>, token: Token, deadline: Instant, stage: Stage) -> Self {
        Self {
            by: By::Socket(Parting {
                socket,
                token,
                stage,
            }),
            deadline,
            progress: Progress::Busy,
        }
    }

    fn advance(&mut self, registry: &Registry) -> Progress {
        self.progress = match &mut self.by {
            By::Socket(parting) => parting.advance(registry),
            By::Transport(carrier) => carrier.progress(),
        };
        self.progress
    }

    fn end(self, registry: &Registry) {
        if let By::Socket(parting) = self.by {
            parting.socket.abandon(registry);
        }
    }
}

impl Carrier {
    fn progress(&mut self) -> Progress {
        if self.has_parted() {
            Progress::Done
        } else {
            Progress::Waiting
        }
    }
}

impl Parting {
    fn advance(&mut self, registry: &Registry) -> Progress {
        let progress = self.step();
        if progress == Progress::Waiting && self.socket.register(registry, self.token).is_err() {
            return Progress::Done;
        }
        progress
    }

    fn step(&mut self) -> Progress {
        self.socket.write_waiting();
        if self.stage == Stage::AwaitingAnswer {
            match self.await_answer() {
                Progress::Done => self.stage = Stage::Sending,
                other => return other,
            }
        }
        if self.stage == Stage::Sending && self.socket.waiting() == 0 {
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
