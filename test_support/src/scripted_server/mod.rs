//! The scripted WebSocket server.

mod connection;
mod expectation;
mod frame;
mod handshake;
mod pending;

use std::any::Any;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use native_tls::TlsAcceptor;

use crate::authority::TestCertificate;
use crate::listener::{Listener, listen};
use crate::watched::Watched;
use crate::wire::{OwnedWire, Wire};

pub use connection::{ScriptedConnection, polite};
pub use frame::{ClientFrame, CloseSeen, Received};
pub use handshake::UpgradeRequest;
pub use pending::PendingConnection;

/// A WebSocket server that sends exactly what a test says and misbehaves on command.
///
/// It does nothing by itself beyond accepting TCP connections: [`accept`](Self::accept) answers the upgrade of the
/// next one, [`accept_tcp`](Self::accept_tcp) hands it over before that, so that a test can misbehave there too.
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
    state: Arc<ServerState>,
    address: SocketAddr,
    listening: Listening,
}

enum Listening {
    Accepting(Listener),
    /// The system completes the TCP handshake, and nobody ever takes the connection.
    Deaf(#[expect(dead_code, reason = "kept open")] TcpListener),
}

struct ServerState {
    acceptor: Option<TlsAcceptor>,
    arrivals: Watched<Arrivals>,
    /// Panics of handler threads, told to the test when the server goes.
    failures: Mutex<Vec<String>>,
    over: AtomicBool,
}

#[derive(Default)]
struct Arrivals {
    waiting: VecDeque<Arc<Wire>>,
    all: Vec<Weak<Wire>>,
}

/// How a [`ScriptedServer`] listens.
pub struct ScriptedServerBuilder {
    host: IpAddr,
    certificate: Option<TestCertificate>,
    receive_buffer: Option<usize>,
    accepting: bool,
}

impl ScriptedServer {
    /// Listens on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// As [`start`](Self::start), with TLS.
    pub fn start_tls(certificate: &TestCertificate) -> Self {
        Self::builder().tls(certificate).start()
    }

    /// For the rarer wishes.
    pub fn builder() -> ScriptedServerBuilder {
        ScriptedServerBuilder {
            host: Ipv4Addr::LOCALHOST.into(),
            certificate: None,
            receive_buffer: None,
            accepting: true,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The `ws` or `wss` URL of a path on this server.
    pub fn url(&self, path_and_query: &str) -> String {
        let scheme = if self.state.acceptor.is_some() {
            "wss"
        } else {
            "ws"
        };
        format!("{scheme}://{}{path_and_query}", self.address)
    }

    /// Takes the next connection, with its upgrade answered as a server should.
    #[track_caller]
    pub fn accept(&self, within: Duration) -> ScriptedConnection {
        let deadline = Instant::now() + within;
        let pending = self.accept_tcp(within);
        pending.upgrade(deadline.saturating_duration_since(Instant::now()))
    }

    /// Takes the next TCP connection, with nothing read from it and nothing written to it.
    #[track_caller]
    pub fn accept_tcp(&self, within: Duration) -> PendingConnection {
        let wire = self
            .state
            .next_arrival(Some(Instant::now() + within))
            .unwrap_or_else(|| {
                panic!(
                    "no further connection within {within:?} ({} so far)",
                    self.connections_so_far()
                )
            });
        PendingConnection::new(OwnedWire(wire), self.state.acceptor.clone())
    }

    /// Waits that long and fails if a connection arrives.
    #[track_caller]
    pub fn expect_no_connection(&self, during: Duration) {
        let arrival = self.state.next_arrival(Some(Instant::now() + during));
        assert!(
            arrival.is_none(),
            "a connection arrived though none was expected within {during:?}"
        );
    }

    /// Has each connection from now on handled in a thread of its own; `number` counts all connections from 0.
    ///
    /// A panic in the handler fails the test when the server is dropped. What the handler returns from is closed:
    /// to leave a connection as it is, end with [`PendingConnection::hold`] or [`ScriptedConnection::hold`].
    pub fn handle_each(&self, handler: impl Fn(PendingConnection, usize) + Send + Sync + 'static) {
        let (state, handler) = (self.state.clone(), Arc::new(handler));
        thread::spawn(move || {
            for number in 0.. {
                let Some(wire) = state.next_arrival(None) else {
                    return;
                };
                let (state, handler) = (state.clone(), handler.clone());
                thread::spawn(move || {
                    let owned = OwnedWire(wire.clone());
                    let pending = PendingConnection::new(owned, state.acceptor.clone());
                    let handled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        handler(pending, number);
                    }));
                    if let Err(panic) = handled
                        && !state.over.load(Ordering::SeqCst)
                    {
                        state.lock_failures().push(panic_message(&*panic));
                    }
                    wire.close();
                });
            }
        });
    }

    /// How many TCP connections were made so far.
    pub fn connections_so_far(&self) -> usize {
        self.state.arrivals.read(|arrivals| arrivals.all.len())
    }

    /// How many of them have not ended yet.
    pub fn open_connections(&self) -> usize {
        self.state.arrivals.read(|arrivals| {
            let open =
                |wire: &&Weak<Wire>| wire.upgrade().is_some_and(|wire| wire.ended().is_none());
            arrivals.all.iter().filter(open).count()
        })
    }

    /// Waits until that many connections are open.
    #[track_caller]
    pub fn expect_open_connections(&self, count: usize, within: Duration) {
        let deadline = Instant::now() + within;
        while self.open_connections() != count {
            assert!(
                Instant::now() < deadline,
                "{} connections are open after {within:?}, expected {count}",
                self.open_connections()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until that many connections have been made in all.
    #[track_caller]
    pub fn expect_connections_so_far(&self, count: usize, within: Duration) {
        self.state
            .arrivals
            .wait(Some(Instant::now() + within), |arrivals| {
                (arrivals.all.len() >= count).then_some(())
            })
            .unwrap_or_else(|| {
                panic!(
                    "{} connections were made within {within:?}, expected {count}",
                    self.connections_so_far()
                )
            });
    }

    /// Refuses connections from here on; those that were made stay.
    pub fn stop_listening(&self) {
        match &self.listening {
            Listening::Accepting(listener) => listener.stop(),
            Listening::Deaf(_) => panic!("a deaf server cannot stop listening"),
        }
    }

    /// Listens on the same port again.
    pub fn listen_again(&self) {
        match &self.listening {
            Listening::Accepting(listener) => listener.resume(),
            Listening::Deaf(_) => panic!("a deaf server cannot listen again"),
        }
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        if let Listening::Accepting(listener) = &self.listening {
            listener.stop();
        }
        let all = self.state.arrivals.update(|arrivals| {
            arrivals.waiting.clear();
            std::mem::take(&mut arrivals.all)
        });
        for wire in all.iter().filter_map(Weak::upgrade) {
            wire.close();
        }
        let failures = std::mem::take(&mut *self.state.lock_failures());
        if !failures.is_empty() && !thread::panicking() {
            panic!("a connection's handler failed: {}", failures.join("; "));
        }
    }
}

impl ServerState {
    fn next_arrival(&self, deadline: Option<Instant>) -> Option<Arc<Wire>> {
        self.arrivals
            .wait(deadline, |arrivals| {
                if self.over.load(Ordering::SeqCst) {
                    return Some(None);
                }
                arrivals.waiting.pop_front().map(Some)
            })
            .flatten()
    }

    fn lock_failures(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ScriptedServerBuilder {
    /// Listens on another loopback address, such as `::1`.
    #[must_use]
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Serves TLS with that certificate.
    #[must_use]
    pub fn tls(mut self, certificate: &TestCertificate) -> Self {
        self.certificate = Some(certificate.clone());
        self
    }

    /// The size of the sockets' receive buffer in bytes, for tests of back-pressure.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Listens, and never accepts: TCP connects and nothing follows.
    #[must_use]
    pub fn deaf(mut self) -> Self {
        self.accepting = false;
        self
    }

    /// Starts it.
    pub fn start(self) -> ScriptedServer {
        let state = Arc::new(ServerState {
            acceptor: self.certificate.as_ref().map(TestCertificate::acceptor),
            arrivals: Watched::default(),
            failures: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let (address, listening) = if self.accepting {
            let accepting = state.clone();
            let listener = Listener::start(self.host, self.receive_buffer, move |stream| {
                let wire = Arc::new(Wire::new(stream));
                accepting.arrivals.update(|arrivals| {
                    arrivals.all.push(Arc::downgrade(&wire));
                    arrivals.waiting.push_back(wire);
                });
            });
            (listener.address(), Listening::Accepting(listener))
        } else {
            let listener = listen(SocketAddr::new(self.host, 0), self.receive_buffer, 128);
            let address = listener.local_addr().expect("a listener has an address");
            (address, Listening::Deaf(listener))
        };
        ScriptedServer {
            state,
            address,
            listening,
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "a panic without a message".into())
}
