//! The driver for every platform but the web: one network thread, and short-lived threads for what may block.
//!
//! | file | contents |
//! |---|---|
//! | `event_loop` | the network thread: the session, the open connection, one poll |
//! | `messages` | the messages from other threads to that thread |
//! | `connection` | the open connection: a WebSocket or a transport |
//! | `closing` | close handshakes that finish in the background |
//! | `dial` | one attempt to open a WebSocket |
//! | `connector` | connections to hosts, by `resolver`, `happy_eyeballs`, `proxy_tunnel` and `tls`; shared by the socket and HTTP |
//! | `stream` | TCP with or without TLS, blocking while dialling, non-blocking afterwards |
//! | `headers` | configured headers and their provider |
//! | `authorizing`, `http` | queries to the game's backend |
//! | `threads` | threads for what may block, with a limit on their number |
//! | `cancel` | cancellation of all of it from another thread |

mod authorizing;
mod cancel;
mod closing;
mod connection;
mod connector;
mod dial;
mod event_loop;
mod happy_eyeballs;
mod headers;
mod http;
mod messages;
mod proxy_tunnel;
mod resolver;
mod stream;
mod threads;
mod tls;

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
use pusher_protocol::session::{ConnectionError, Input, SendId};

use super::{Driver, Sink};
use crate::config::PusherConfig;
use cancel::{Cancel, CancelToken};
use event_loop::EventLoop;
use messages::{Message, MessageReceiver, MessageSender};

/// How long the close handshake may take when a driver is dropped.
const DROP_WITHIN: Duration = Duration::from_secs(1);

/// How long the network thread may take to end after the close handshake.
const END_WITHIN: Duration = Duration::from_millis(250);

/// Starts a driver.
pub(crate) fn start(config: &PusherConfig, sink: Box<dyn Sink>) -> io::Result<Box<dyn Driver>> {
    Ok(Box::new(NativeDriver::start(config, sink)?))
}

/// A running client: the network thread and the handles to it.
struct NativeDriver {
    started: Instant,
    sender: MessageSender,
    /// Takes the messages that a stopped thread has not handled.
    receiver: MessageReceiver,
    exit_error: Arc<OnceLock<ConnectionError>>,
    token: Arc<CancelToken>,
    running: Option<Running>,
}

struct Running {
    thread: JoinHandle<()>,
    /// Disconnected when the thread is about to end.
    end: Receiver<Infallible>,
}

impl NativeDriver {
    fn start(config: &PusherConfig, sink: Box<dyn Sink>) -> io::Result<Self> {
        let started = Instant::now();
        let token = Arc::new(CancelToken::default());
        let (event_loop, sender) = EventLoop::new(config.clone(), sink, started, token.clone())?;
        let receiver = event_loop.receiver();
        let exit_error = Arc::<OnceLock<ConnectionError>>::default();
        let exit_error_of_thread = exit_error.clone();
        let (ended, end) = bounded(0);
        let thread = thread::Builder::new()
            .name("pusher".into())
            .spawn(move || {
                run(event_loop, &exit_error_of_thread);
                drop(ended);
            })?;
        Ok(Self {
            started,
            sender,
            receiver,
            exit_error,
            token,
            running: Some(Running { thread, end }),
        })
    }
}

impl Driver for NativeDriver {
    fn started(&self) -> bevy_platform::time::Instant {
        self.started
    }

    fn exit_error(&self) -> Option<ConnectionError> {
        self.exit_error.get().cloned()
    }

    fn take_unsent(&self) -> Vec<SendId> {
        self.receiver.take_sends()
    }

    fn input(&self, input: Input) {
        self.sender.post(Message::Input(input));
    }

    fn configure(&self, config: &PusherConfig) {
        self.sender
            .post(Message::Configure(Box::new(config.clone())));
    }

    /// Only user code that blocks the network thread can keep the thread alive longer. Its sockets are shut down even then.
    fn close(&mut self, within: Duration) {
        let Some(Running { thread, end }) = self.running.take() else {
            return;
        };
        self.sender.post(Message::Close(within));
        let ending = end.recv_timeout(within.saturating_add(END_WITHIN));
        self.token.cancel();
        if ending == Err(RecvTimeoutError::Disconnected) {
            // The thread catches its own panics.
            let _ = thread.join();
        } else {
            log::warn!("the network thread has not ended: user code blocks it");
        }
    }
}

impl Drop for NativeDriver {
    fn drop(&mut self) {
        self.close(DROP_WITHIN);
    }
}

/// Runs the network thread. A panic in it ends the client, not the game.
fn run(mut event_loop: EventLoop, exit_error: &OnceLock<ConnectionError>) {
    let reason = match catch_unwind(AssertUnwindSafe(|| event_loop.run())) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => format!("the network thread failed: {error}"),
        Err(_) => "the network thread panicked".into(),
    };
    let error = ConnectionError::Lost { reason };
    // Set before anything is reported, so that a game that sees the report finds the driver stopped.
    let error = exit_error.get_or_init(|| error);
    log::error!("{error}");
    if catch_unwind(AssertUnwindSafe(|| event_loop.report_exit(error))).is_err() {
        log::error!("failed to report to the game that the network thread has stopped");
    }
    // User code may also panic when it is dropped.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(event_loop)));
}
