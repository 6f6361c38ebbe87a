//! Traffic on the open connection.

use std::time::Instant;

use pusher_protocol::session::{ConnectionError, Input};

use super::{
    super::{
        link::Link,
        network::later,
        socket::{Ending, Incoming},
    },
    EventLoop,
};
use crate::driver::{SessionDriver, Sink};

/// How many frames are read before commands and timers have their turn.
const FRAMES_PER_TURN: usize = 256;

impl<S: Sink> EventLoop<S> {
    pub(super) fn read_link(&mut self) {
        let now = self.now();
        for _ in 0..FRAMES_PER_TURN {
            let Some(link) = self.link.as_mut().filter(|link| link.may_read()) else {
                return;
            };
            match link.read() {
                Incoming::Text(text) => self.driven.frame(link.dial, &text, now),
                Incoming::Binary => {
                    let input = Input::BinaryFrame(link.dial);
                    self.driven.session.handle_input(input, now);
                }
                Incoming::Control => continue,
                Incoming::Nothing => return,
                Incoming::Ended(ending, error) => self.ended(ending, error),
            }
            self.obey();
        }
    }

    /// The connection is over, from the other side or for it.
    pub(super) fn ended(&mut self, ending: Ending, error: ConnectionError) {
        let Some(link) = self.hang_up() else {
            return;
        };
        self.driven.answer(Input::Closed(link.dial, error));
        let deadline = self.end_of_farewell();
        self.farewells
            .add(link.answer(deadline, ending, self.poll.registry()));
    }

    /// Lets go of the open connection and of all that was asked on its behalf.
    pub(super) fn hang_up(&mut self) -> Option<Link> {
        self.backend.hang_up();
        self.link.take()
    }

    pub(super) fn end_of_farewell(&self) -> Instant {
        later(self.config.timing.close_timeout)
    }

    /// Writes what was handed to the connection.
    pub(super) fn flush_link(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        if let Err(error) = link.flush(self.poll.registry()) {
            let reason = error.to_string();
            self.ended(Ending::Gone, ConnectionError::Lost { reason });
            self.obey();
        }
    }
}
