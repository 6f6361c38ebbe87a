//! The scripted WebSocket server.

mod connection;
mod expectation;
mod pending;
mod received;

use std::any::Any;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use native_tls::TlsAcceptor;

use crate::authority::TestCertificate;
use crate::listener::SocketListener;
use crate::server_socket::ServerSocket;
use crate::watched::Watched;

pub use connection::{ScriptedConnection, standard_reply};
pub use pending::PendingConnection;
pub use received::{ClientFrame, CloseSeen, Received};

/// A WebSocket server that sends exactly the frames of a test and misbehaves on command.
///
/// Without a command from the test, it only accepts TCP connections. [`accept`](Self::accept) answers the upgrade of the next one;
/// [`accept_tcp`](Self::accept_tcp) returns it before the upgrade, so that a test can misbehave at that point too.
///
/// ```
/// use std::time::Duration;
/// use pusher_test_support::ScriptedServer;
///
/// const SOON: Duration = Duration::from_secs(5);
///
/// let server = ScriptedServer::start();
/// # let (address, url) = (server.address(), server.url("/app/key?protocol=7"));
/// # let client = std::thread::spawn(move || {
/// #     let stream = std::net::TcpStream::connect(address).unwrap();
/// #     let (mut client, _) = tungstenite::client(url, stream).unwrap();
/// #     client.read().unwrap();
/// #     client.send(r#"{"event":"pusher:subscribe","data":{"channel":"room"}}"#.into()).unwrap();
/// #     while client.read().is_ok() {}
/// # });
/// let connection = server.accept(SOON);
/// connection.establish("1.1", 120);
/// let subscribe = connection.expect_event("pusher:subscribe", SOON);
/// assert_eq!(subscribe["data"]["channel"], "room");
/// connection.close(4200, "reconnect");
/// # drop(connection);
/// # client.join().unwrap();
/// ```
pub struct ScriptedServer {
    acceptor: Option<TlsAcceptor>,
    listener: SocketListener,
    state: Arc<Watched<State>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<ServerSocket>>,
    /// Panics of handler threads, which fail the test when the server is dropped.
    failures: Vec<String>,
    is_over: bool,
}

/// How a [`ScriptedServer`] listens.
pub struct ScriptedServerBuilder {
    host: IpAddr,
    acceptor: Option<TlsAcceptor>,
    receive_buffer: Option<usize>,
    is_accepting: bool,
}

impl ScriptedServer {
    /// Listens on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Like [`start`](Self::start), with TLS.
    pub fn start_tls(certificate: &TestCertificate) -> Self {
        Self::builder().tls(certificate).start()
    }

    /// Returns options for another address or another way to listen.
    pub fn builder() -> ScriptedServerBuilder {
        ScriptedServerBuilder {
            host: Ipv4Addr::LOCALHOST.into(),
            acceptor: None,
            receive_buffer: None,
            is_accepting: true,
        }
    }

    /// Returns the `ws` or `wss` URL of a path on this server.
    pub fn url(&self, path_and_query: &str) -> String {
        let scheme = self.acceptor.as_ref().map_or("ws", |_| "wss");
        format!("{scheme}://{}{path_and_query}", self.address())
    }

    /// Accepts the next connection and its upgrade.
    #[track_caller]
    pub fn accept(&self, within: Duration) -> ScriptedConnection {
        let deadline = Instant::now() + within;
        let pending = self.accept_tcp(within);
        pending.upgrade(deadline.saturating_duration_since(Instant::now()))
    }

    /// Accepts the next TCP connection. Nothing has been read from it or written to it.
    #[track_caller]
    pub fn accept_tcp(&self, within: Duration) -> PendingConnection {
        let socket = next_socket(&self.state, Some(Instant::now() + within)).unwrap_or_else(|| {
            panic!(
                "no further connection within {within:?} ({} so far)",
                self.connections_so_far()
            )
        });
        PendingConnection::new(socket, self.acceptor.clone())
    }

    /// Waits for this time, and fails if a connection arrives.
    #[track_caller]
    pub fn expect_no_connection(&self, during: Duration) {
        let socket = next_socket(&self.state, Some(Instant::now() + during));
        assert!(
            socket.is_none(),
            "expected no connection for {during:?}, but one arrived"
        );
    }

    /// Handles each further connection on its own thread; `number` counts all connections from 0.
    ///
    /// A panic in the handler fails the test when the server is dropped. The connection is closed when the handler returns; to keep it
    /// open, call [`ServerSocket::hold`] last.
    pub fn handle_each(&self, handler: impl Fn(PendingConnection, usize) + Send + Sync + 'static) {
        let (state, handler) = (self.state.clone(), Arc::new(handler));
        let acceptor = self.acceptor.clone();
        thread::spawn(move || {
            for number in 0.. {
                let Some(socket) = next_socket(&state, None) else {
                    return;
                };
                let (state, handler) = (state.clone(), handler.clone());
                let pending = PendingConnection::new(socket.clone(), acceptor.clone());
                thread::spawn(move || {
                    let handled = catch_unwind(AssertUnwindSafe(|| handler(pending, number)));
                    if let Err(panic) = handled {
                        state.update(|state| {
                            if !state.is_over {
                                state.failures.push(panic_message(&*panic));
                            }
                        });
                    }
                    socket.close();
                });
            }
        });
    }
}

impl Deref for ScriptedServer {
    type Target = SocketListener;

    fn deref(&self) -> &SocketListener {
        &self.listener
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        // First, so that handlers that fail because the test has ended are not reported.
        self.state.update(|state| state.is_over = true);
        self.listener.close();
        let failures = self
            .state
            .update(|state| std::mem::take(&mut state.failures));
        if !failures.is_empty() && !thread::panicking() {
            panic!("a connection's handler failed: {}", failures.join("; "));
        }
    }
}

impl ScriptedServerBuilder {
    /// Listens on another loopback address, such as `::1`.
    #[must_use]
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Serves TLS with this certificate.
    #[must_use]
    pub fn tls(mut self, certificate: &TestCertificate) -> Self {
        self.acceptor = Some(certificate.acceptor());
        self
    }

    /// Sets the size of the sockets' receive buffers in bytes, for tests of back-pressure.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Listens but never accepts: TCP connects, and the server sends nothing.
    #[must_use]
    pub fn never_accepts(mut self) -> Self {
        self.is_accepting = false;
        self
    }

    /// Starts the server.
    pub fn start(self) -> ScriptedServer {
        let state = Arc::<Watched<State>>::default();
        let arriving = state.clone();
        let on_accept = self.is_accepting.then_some(move |socket| {
            arriving.update(|state| state.waiting.push_back(socket));
        });
        ScriptedServer {
            acceptor: self.acceptor,
            listener: SocketListener::start(self.host, self.receive_buffer, on_accept),
            state,
        }
    }
}

/// Waits for the next connection that no earlier call has returned; `None` at the deadline or when the server stops.
fn next_socket(state: &Watched<State>, deadline: Option<Instant>) -> Option<Arc<ServerSocket>> {
    let next = state.wait(deadline, |state| match state.is_over {
        true => Some(None),
        false => state.waiting.pop_front().map(Some),
    });
    next.flatten()
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
        .to_owned()
}
