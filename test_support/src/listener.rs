//! Listening sockets on loopback that can stop and listen again on the same port.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};

use crate::server_socket::ServerSocket;
use crate::watched::Watched;

/// The backlog: how many connections the system completes before they are accepted.
const BACKLOG: i32 = 128;

type OnAccept = Arc<dyn Fn(TcpStream) + Send + Sync>;

/// A listening socket on a free port of a loopback address. Every peer that listens dereferences to one.
pub struct Listener {
    address: SocketAddr,
    receive_buffer: Option<usize>,
    /// `None` if connections are never accepted; the system completes their TCP handshake anyway.
    on_accept: Option<OnAccept>,
    accepted: Arc<Watched<usize>>,
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    socket: Arc<TcpListener>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns how many TCP connections have been accepted so far.
    pub fn connections_so_far(&self) -> usize {
        self.accepted.read(|accepted| *accepted)
    }

    /// Waits until at least this many connections have been accepted in total.
    #[track_caller]
    pub fn expect_connections_so_far(&self, count: usize, within: Duration) {
        let enough = |accepted: &mut usize| (*accepted >= count).then_some(());
        let waited = self.accepted.wait(Some(Instant::now() + within), enough);
        let so_far = self.connections_so_far();
        assert!(
            waited.is_some(),
            "{so_far} connections were accepted within {within:?}, expected {count}"
        );
    }

    /// Refuses connections from now on. Accepted connections stay open.
    pub fn stop_listening(&self) {
        let listening = self.listening.lock().take();
        if let Some(Listening {
            socket,
            is_stopped,
            thread,
        }) = listening
        {
            is_stopped.store(true, Ordering::SeqCst);
            drop(socket);
            if let Some(thread) = thread {
                // `accept` has no timeout, so a connection wakes it.
                let _ = TcpStream::connect(self.address);
                thread.join().expect("the accepting thread does not panic");
            }
        }
    }

    /// Listens on the same port again.
    pub fn listen_again(&self) {
        self.stop_listening();
        self.run(listen(self.address, self.receive_buffer, BACKLOG));
    }

    pub(crate) fn start(
        host: IpAddr,
        receive_buffer: Option<usize>,
        on_accept: Option<OnAccept>,
    ) -> Self {
        let socket = listen(SocketAddr::new(host, 0), receive_buffer, BACKLOG);
        let listener = Self {
            address: socket.local_addr().expect("a listener has an address"),
            receive_buffer,
            on_accept,
            accepted: Arc::default(),
            listening: Mutex::default(),
        };
        listener.run(socket);
        listener
    }

    fn run(&self, socket: TcpListener) {
        let (socket, is_stopped) = (Arc::new(socket), Arc::new(AtomicBool::new(false)));
        let thread = self.on_accept.clone().map(|on_accept| {
            let (socket, is_stopped) = (socket.clone(), is_stopped.clone());
            let accepted = self.accepted.clone();
            thread::spawn(move || {
                while let Ok((stream, _)) = socket.accept() {
                    if is_stopped.load(Ordering::SeqCst) {
                        break;
                    }
                    // Under one lock, so that the count and the connection become visible together.
                    accepted.update(|accepted| {
                        *accepted += 1;
                        on_accept(stream);
                    });
                }
            })
        });
        *self.listening.lock() = Some(Listening {
            socket,
            is_stopped,
            thread,
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop_listening();
    }
}

/// A [`Listener`] that tracks its open connections and closes them when it is dropped.
pub struct SocketListener {
    listener: Listener,
    sockets: Arc<Mutex<Vec<Weak<ServerSocket>>>>,
}

impl SocketListener {
    /// Returns the number of open connections.
    pub fn open_connections(&self) -> usize {
        let sockets = self.open_sockets();
        let open = sockets.iter().filter(|socket| socket.ended().is_none());
        open.count()
    }

    /// Waits until exactly this many connections are open.
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

    pub(crate) fn start(
        host: IpAddr,
        receive_buffer: Option<usize>,
        on_accept: Option<impl Fn(Arc<ServerSocket>) + Send + Sync + 'static>,
    ) -> Self {
        let sockets = Arc::new(Mutex::new(Vec::new()));
        let added = sockets.clone();
        let on_accept = on_accept.map(|on_accept| -> OnAccept {
            Arc::new(move |stream| {
                let socket = Arc::new(ServerSocket::new(stream));
                added.lock().push(Arc::downgrade(&socket));
                on_accept(socket);
            })
        });
        Self {
            listener: Listener::start(host, receive_buffer, on_accept),
            sockets,
        }
    }

    /// Stops listening and closes all connections.
    pub(crate) fn close(&self) {
        self.stop_listening();
        for socket in self.open_sockets() {
            socket.close();
        }
    }

    fn open_sockets(&self) -> Vec<Arc<ServerSocket>> {
        let sockets = self.sockets.lock();
        sockets.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Deref for SocketListener {
    type Target = Listener;

    fn deref(&self) -> &Listener {
        &self.listener
    }
}

impl Drop for SocketListener {
    fn drop(&mut self) {
        self.close();
    }
}

/// Listens with a backlog of this size.
pub(crate) fn listen(
    address: SocketAddr,
    receive_buffer: Option<usize>,
    backlog: i32,
) -> TcpListener {
    assert!(address.ip().is_loopback(), "tests stay on loopback");
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)
        .expect("a socket can be created");
    // Required to bind a port again that was in use a moment ago. On Windows the option has another meaning.
    #[cfg(unix)]
    socket
        .set_reuse_address(true)
        .expect("SO_REUSEADDR can be set");
    if let Some(bytes) = receive_buffer {
        // Accepted sockets inherit it. After the connection is accepted, it would no longer limit the receive window.
        socket
            .set_recv_buffer_size(bytes)
            .expect("SO_RCVBUF can be set");
    }
    socket
        .bind(&address.into())
        .unwrap_or_else(|error| panic!("cannot bind {address}: {error}"));
    socket.listen(backlog).expect("the socket can listen");
    socket.into()
}
