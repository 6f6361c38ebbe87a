//! The driver for everything but the web.
//!
//! | file | what it is |
//! |---|---|
//! | `event_loop` | the network thread: the session, the open socket, one poll |
//! | `mailbox` | what reaches that thread from others |
//! | `dial`, `network`, `look_up`, `race`, `tunnel`, `tls` | from a host's name to an open WebSocket, on a thread of its own |
//! | `link` | the open connection, by the own socket or by the game's transport |
//! | `wire`, `stream`, `socket` | the layers of an own one: TCP, TLS, WebSocket |
//! | `headers` | the game's own headers |
//! | `header_provider` | its code that provides those of the handshake |
//! | `farewell` | close handshakes that finish in the background |
//! | `backend` | authorization and sign-in: HTTP or the game's own code, on workers |
//! | `workers` | threads for what may block, a bounded number of them |
//! | `cutoff` | how all of it is ended from outside |

mod backend;
mod cutoff;
mod dial;
mod event_loop;
mod farewell;
mod header_provider;
mod headers;
mod link;
mod look_up;
mod mailbox;
mod network;
#[cfg(feature = "native-tls")]
mod pem;
mod race;
mod socket;
mod stream;
mod tls;
mod tunnel;
mod wire;
mod workers;

#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use pusher_protocol::session::{Command, ConnectionError, Hint, SendId};

use crate::{config::PusherConfig, driver::Sink};
use cutoff::{Cut, Cutoff};
use event_loop::EventLoop;
use mailbox::{Leftovers, Mailbox, Message};

/// How long dropping a driver may take.
const DROP_WITHIN: Duration = Duration::from_secs(1);

/// A running client: one thread and what it needs.
pub(crate) struct Driver {
    started: Instant,
    mailbox: Mailbox,
    leftovers: Leftovers,
    /// Why the thread has ended by itself, once it has.
    death: Arc<OnceLock<ConnectionError>>,
    cutoff: Arc<Cutoff>,
    running: Option<Running>,
}

struct Running {
    thread: JoinHandle<()>,
    /// Disconnected when the thread is about to end.
    end: Receiver<Infallible>,
}

impl Driver {
    /// Starts the thread. It does not connect by itself.
    pub(crate) fn start(config: &PusherConfig, sink: impl Sink) -> io::Result<Self> {
        let started = Instant::now();
        let cutoff = Arc::new(Cutoff::default());
        let (event_loop, mailbox) = EventLoop::new(config.clone(), sink, started, cutoff.clone())?;
        let leftovers = event_loop.leftovers();
        let death = Arc::<OnceLock<ConnectionError>>::default();
        let own_death = death.clone();
        let (ended, end) = bounded(0);
        let thread = thread::Builder::new()
            .name("pusher".into())
            .spawn(move || {
                run(event_loop, &own_death);
                drop(ended);
            })?;
        Ok(Self {
            started,
            mailbox,
            leftovers,
            death,
            cutoff,
            running: Some(Running { thread, end }),
        })
    }

    /// The moment from which the session counts its time.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Why the network thread has ended by itself, if it has: by a panic, or because the system failed it.
    pub(crate) fn death(&self) -> Option<ConnectionError> {
        self.death.get().cloned()
    }

    /// The client events that it was told to send and has not come to, once it has ended by itself. Each is told once.
    pub(crate) fn unsent(&self) -> Vec<SendId> {
        self.leftovers.sends()
    }

    /// Passes a command on. Never blocks.
    pub(crate) fn command(&self, command: Command) {
        self.mailbox.post(Message::Command(command));
    }

    /// Passes a hint on. Never blocks.
    pub(crate) fn hint(&self, hint: Hint) {
        self.mailbox.post(Message::Hint(hint));
    }

    /// Goes over to another configuration, from the next dial and request on. If that cannot wait, dial anew:
    /// [`Command::Redial`].
    pub(crate) fn configure(&self, config: &PusherConfig) {
        self.mailbox
            .post(Message::Configure(Box::new(config.clone())));
    }

    /// Ends the client: close frame, thread gone, within `within` whatever the network does. Also done on drop.
    ///
    /// Only code of the game that hangs on the network thread can keep that alive longer; its sockets are shut down even
    /// then.
    pub(crate) fn close(&mut self, within: Duration) {
        let Some(Running { thread, end }) = self.running.take() else {
            return;
        };
        self.mailbox.post(Message::Close(within));
        let ending = end.recv_timeout(within);
        self.cutoff.cut();
        if ending == Err(RecvTimeoutError::Disconnected) {
            // It caught its own panics.
            let _ = thread.join();
        } else {
            log::warn!("the network thread did not end within {within:?}: it is left to itself");
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.close(DROP_WITHIN);
    }
}

/// The network thread, to its end. A panic in it (code of the game decodes events there) ends the client, not the game.
fn run(mut event_loop: EventLoop<impl Sink>, death: &OnceLock<ConnectionError>) {
    let reason = match catch_unwind(AssertUnwindSafe(|| event_loop.run())) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => format!("the network thread failed: {error}"),
        Err(_) => "the network thread panicked".into(),
    };
    let error = ConnectionError::Lost { reason };
    // Before anybody is told, so that who hears of it finds it so.
    let error = death.get_or_init(|| error);
    log::error!("{error}");
    let told = catch_unwind(AssertUnwindSafe(|| event_loop.give_up(error)));
    if told.is_err() {
        log::error!("the game could not be told");
    }
    // What is dropped here may panic too.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(event_loop)));
}
