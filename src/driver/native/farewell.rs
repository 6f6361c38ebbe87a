//! Close handshakes that finish in the background, while a new dial may already run.

use std::{
    io::{ErrorKind, Read},
    time::Instant,
};

use mio::{Registry, Token};

use super::socket::{Ending, Incoming, Socket};

/// How many frames or pieces are read in one turn, so that a flood does not starve the rest.
const READS_PER_TURN: usize = 64;

/// A socket that the session is done with.
pub(super) struct Farewell {
    socket: Socket,
    token: Token,
    /// When it is dropped, whatever the server does.
    pub(super) deadline: Instant,
    pub(super) progress: Progress,
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
pub(super) enum Progress {
    Waiting,
    /// There is more to read.
    Busy,
    Done,
}

impl Farewell {
    /// Of a socket that this side closes.
    pub(super) fn begin(
        mut socket: Socket,
        token: Token,
        deadline: Instant,
        code: u16,
        reason: &'static str,
    ) -> Self {
        socket.close(code, reason);
        Self {
            socket,
            token,
            deadline,
            progress: Progress::Busy,
            stage: Stage::AwaitingAnswer,
        }
    }

    /// Of a socket that the server ended. `None` if there is nobody left to say goodbye to.
    pub(super) fn answer(
        mut socket: Socket,
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
        Some(Self {
            socket,
            token,
            deadline,
            progress: Progress::Busy,
            stage: Stage::Sending,
        })
    }

    /// Goes on as far as the socket allows.
    pub(super) fn advance(&mut self, registry: &Registry) -> Progress {
        self.progress = self.step();
        if self.progress == Progress::Waiting && self.socket.register(registry, self.token).is_err()
        {
            self.progress = Progress::Done;
        }
        self.progress
    }

    pub(super) fn end(self, registry: &Registry) {
        self.socket.abandon(registry);
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
