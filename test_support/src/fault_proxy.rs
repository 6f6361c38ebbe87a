//! A bad network: a TCP proxy between a client and a server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::listener::Listener;
use crate::watched::Watched;

/// How many chunks may be in transit in one direction. Further ones block the sender, as on a real network.
const UNDER_WAY: usize = 256;

/// A TCP proxy that injects network faults. It does not inspect the bytes, so it forwards TLS and HTTP alike.
///
/// Without a [`Fault`] it forwards everything at once, in both directions. A fault applies to all connections, including open ones,
/// until the next one is set.
///
/// ```
/// use std::time::Duration;
/// use pusher_test_support::{Fault, FaultProxy, ScriptedServer};
///
/// let server = ScriptedServer::start();
/// let proxy = FaultProxy::start(server.address());
/// // Each direction has a delay of 50 ms, and the client receives pieces of three bytes.
/// proxy.set_to_server(Fault::delay(Duration::from_millis(50)));
/// proxy.set_to_client(Fault::delay(Duration::from_millis(50)).in_pieces(3, Duration::ZERO));
/// // The route is lost: both sides keep the connection, and no bytes arrive.
/// proxy.set(Fault::hold());
/// ```
pub struct FaultProxy {
    listener: Listener,
    shared: Arc<Shared>,
}

/// A fault of one direction.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    delay: Duration,
    piece: Option<(usize, Duration)>,
    holds: bool,
    ends_after: Option<(u64, End)>,
}

/// How the proxy ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Reset,
    Cut,
}

/// The receiver of a direction; also the index of its [`Fault`].
#[derive(Debug, Clone, Copy)]
enum Direction {
    ToServer,
    ToClient,
}

#[derive(Default)]
struct Shared {
    faults: Watched<[Fault; 2]>,
    connections: Watched<Vec<Weak<Connection>>>,
}

/// The two sockets of one proxied connection.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    is_over: AtomicBool,
}

impl Fault {
    /// No fault.
    pub fn none() -> Self {
        Self::default()
    }

    /// Delays all bytes by this time, as over a long distance.
    pub fn delay(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }

    /// Holds back all bytes and the end of connections until another fault is set, and then delivers them, as TCP does by
    /// retransmission. Simulates a lost route.
    pub fn hold() -> Self {
        Self {
            holds: true,
            ..Self::default()
        }
    }

    /// Resets the connection after this many bytes.
    pub fn reset_after(bytes: u64) -> Self {
        Self {
            ends_after: Some((bytes, End::Reset)),
            ..Self::default()
        }
    }

    /// Closes the connection after this many bytes, even in the middle of a message.
    pub fn cut_after(bytes: u64) -> Self {
        Self {
            ends_after: Some((bytes, End::Cut)),
            ..Self::default()
        }
    }

    /// Also delivers at most this many bytes at a time, with a pause after each piece, which limits the throughput.
    #[must_use]
    pub fn in_pieces(mut self, bytes: usize, pause: Duration) -> Self {
        self.piece = Some((bytes.max(1), pause));
        self
    }

    /// Returns how many of `bytes` may pass after `passed` earlier ones; `None` where the connection ends.
    fn allows(&self, bytes: usize, passed: u64) -> Option<usize> {
        let piece = self.piece.map_or(bytes, |(piece, _)| piece.min(bytes));
        match self.ends_after {
            Some((end, _)) if passed >= end => None,
            Some((end, _)) => Some(piece.min(usize::try_from(end - passed).unwrap_or(piece))),
            None => Some(piece),
        }
    }
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 and forwards connections to this address.
    pub fn start(target: SocketAddr) -> Self {
        let shared = Arc::<Shared>::default();
        let proxying = shared.clone();
        let proxy = move |client| proxying.proxy(client, target);
        Self {
            listener: Listener::start(Ipv4Addr::LOCALHOST.into(), None, Some(Arc::new(proxy))),
            shared,
        }
    }

    /// Sets the fault of both directions.
    pub fn set(&self, fault: Fault) {
        self.shared
            .faults
            .update(|faults| *faults = [fault.clone(), fault]);
    }

    /// Sets the fault of the direction from the client to the server.
    pub fn set_to_server(&self, fault: Fault) {
        self.set_one(Direction::ToServer, fault);
    }

    /// Sets the fault of the direction from the server to the client.
    pub fn set_to_client(&self, fault: Fault) {
        self.set_one(Direction::ToClient, fault);
    }

    /// Resets all connections, on both sides.
    pub fn reset(&self) {
        self.for_each(Connection::reset);
    }

    /// Closes all connections, on both sides.
    pub fn cut(&self) {
        self.for_each(Connection::cut);
    }

    /// Closes the server's side of all connections. The client does not notice while a fault [holds back](Fault::hold) the bytes to it.
    pub fn lose_server(&self) {
        self.for_each(|connection| {
            let _ = connection.server.shutdown(Shutdown::Both);
        });
    }

    fn set_one(&self, direction: Direction, fault: Fault) {
        self.shared
            .faults
            .update(|faults| faults[direction as usize] = fault);
    }

    fn for_each(&self, act: impl Fn(&Connection)) {
        let connections = self.shared.connections.read(Clone::clone);
        for connection in connections.iter().filter_map(Weak::upgrade) {
            act(&connection);
        }
        self.shared.wake();
    }
}

impl Deref for FaultProxy {
    type Target = Listener;

    fn deref(&self) -> &Listener {
        &self.listener
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop_listening();
        self.set(Fault::none());
        self.cut();
    }
}

impl Shared {
    /// Notifies the threads that a connection has ended, including those that hold back bytes.
    fn wake(&self) {
        self.faults.update(|_| {});
    }

    fn proxy(self: &Arc<Self>, client: TcpStream, target: SocketAddr) {
        // Under one lock, so that a test that has accepted the server's side of a connection can already break it.
        let connection = self.connections.update(|connections| {
            let connection = Arc::new(Connection::new(client, target)?);
            connections.push(Arc::downgrade(&connection));
            Some(connection)
        });
        let Some(connection) = connection else {
            return;
        };
        for direction in [Direction::ToServer, Direction::ToClient] {
            // Two threads per direction, so that reading continues while earlier bytes are delayed.
            let (sender, under_way) = sync_channel(UNDER_WAY);
            let reading = connection.clone();
            thread::spawn(move || reading.read_all(direction, &sender));
            let (writing, shared) = (connection.clone(), self.clone());
            thread::spawn(move || writing.write_all(direction, &under_way, &shared));
        }
    }
}

impl Connection {
    /// Connects to the server. If that fails, resets the client, as a host without a listener does.
    fn new(client: TcpStream, target: SocketAddr) -> Option<Self> {
        let Ok(server) = TcpStream::connect(target) else {
            linger_zero(&client);
            return None;
        };
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        }
        Some(Self {
            client,
            server,
            is_over: AtomicBool::new(false),
        })
    }

    /// Returns the source and the destination of a direction.
    fn ends(&self, direction: Direction) -> (&TcpStream, &TcpStream) {
        match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        }
    }

    /// Forwards each chunk with its time of arrival. The last one is empty and means the end of the stream.
    fn read_all(&self, direction: Direction, under_way: &SyncSender<(Instant, Vec<u8>)>) {
        let (mut from, _) = self.ends(direction);
        let mut buffer = vec![0; 16 << 10];
        loop {
            let length = from.read(&mut buffer).unwrap_or(0);
            let sent = under_way.send((Instant::now(), buffer[..length].to_vec()));
            if length == 0 || sent.is_err() {
                return;
            }
        }
    }

    fn write_all(
        &self,
        direction: Direction,
        under_way: &Receiver<(Instant, Vec<u8>)>,
        shared: &Shared,
    ) {
        let (_, mut to) = self.ends(direction);
        let mut passed = 0;
        for (arrived, bytes) in under_way {
            let mut rest = &*bytes;
            loop {
                let Some(fault) = self.next_fault(direction, shared) else {
                    return;
                };
                thread::sleep((arrived + fault.delay).saturating_duration_since(Instant::now()));
                if bytes.is_empty() {
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
                let Some(length) = fault.allows(rest.len(), passed) else {
                    match fault.ends_after {
                        Some((_, End::Reset)) => self.reset(),
                        _ => self.cut(),
                    }
                    return shared.wake();
                };
                let (piece, later) = rest.split_at(length);
                if to.write_all(piece).is_err() {
                    // This side has disconnected in the meantime; the thread of the other direction ends the other side.
                    return;
                }
                passed += length as u64;
                rest = later;
                thread::sleep(fault.piece.map_or(Duration::ZERO, |(_, pause)| pause));
                if rest.is_empty() && fault.allows(1, passed).is_some() {
                    break;
                }
            }
        }
    }

    /// Waits until bytes may pass; returns `None` when the connection has ended.
    fn next_fault(&self, direction: Direction, shared: &Shared) -> Option<Fault> {
        let next = shared.faults.wait(None, |faults| {
            let fault = &faults[direction as usize];
            let is_over = self.is_over.load(Ordering::SeqCst);
            (is_over || !fault.holds).then(|| (!is_over).then(|| fault.clone()))
        });
        next.flatten()
    }

    fn cut(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The system sends the reset when the last handle is closed. The threads own the handles, and end because reading is shut down.
    fn reset(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            linger_zero(stream);
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

fn linger_zero(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .expect("SO_LINGER can be set");
}
