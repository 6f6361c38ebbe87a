//! The driver for the browser. There is one thread, nothing may block, and frames of the game stop in a hidden tab: so all
//! is done in the browser's own callbacks, from the socket, from timers, and from what the page is told.
//!
//! | file | what it is |
//! |---|---|
//! | `engine` | the session, the open connection, what is due |
//! | `mailbox` | what reaches the engine: from the game, from callbacks |
//! | `registry` | where the engines are: objects of JavaScript cannot leave their thread, so the game holds a number |
//! | `link`, `socket` | a connection, by the browser's WebSocket or by the game's transport |
//! | `timer` | the browser's timer |
//! | `page` | what the page is told: hidden and shown, left, offline and online |
//! | `backend`, `fetch` | authorization and sign-in: HTTP or the game's own code |
//! | `script` | the little that is needed of JavaScript everywhere |

mod backend;
mod engine;
mod fetch;
mod link;
mod mailbox;
mod page;
mod registry;
mod script;
mod socket;
mod timer;

use std::{io, time::Duration};

use bevy_platform::time::Instant;
use pusher_protocol::session::{Command, Hint};

use crate::{config::PusherConfig, driver::Sink};
use engine::Engine;
use mailbox::{Mailbox, Message};

/// A running client.
pub(crate) struct Driver {
    started: Instant,
    mailbox: Mailbox,
}

impl Driver {
    /// Starts it. It does not connect by itself.
    pub(crate) fn start(config: &PusherConfig, sink: impl Sink) -> io::Result<Self> {
        let started = Instant::now();
        let (mailbox, inbox) = Mailbox::new();
        let engine = Engine::new(
            config.clone(),
            Box::new(sink),
            started,
            mailbox.clone(),
            inbox,
        );
        registry::add(mailbox.id(), engine);
        Ok(Self { started, mailbox })
    }

    /// The moment from which the session counts its time.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Carries a command out.
    pub(crate) fn command(&self, command: Command) {
        self.mailbox.post(Message::Command(command));
    }

    /// Passes a hint on.
    pub(crate) fn hint(&self, hint: Hint) {
        self.mailbox.post(Message::Hint(hint));
    }

    /// Goes over to another configuration, from the next dial and request on. If that cannot wait, dial anew:
    /// [`Command::Redial`].
    pub(crate) fn configure(&self, config: &PusherConfig) {
        self.mailbox
            .post(Message::Configure(Box::new(config.clone())));
    }

    /// Ends the client at once. The browser finishes the close handshake by itself.
    pub(crate) fn close(&mut self, _within: Duration) {
        self.mailbox.post(Message::Close);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.mailbox.post(Message::Close);
    }
}
