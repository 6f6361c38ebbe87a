//! The bad network: a TCP proxy between a client and a server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::listener::Listener;
use crate::watched::Watched;

/// Reads that may be on their way in one direction; then the sender has to wait, as with a real network.
const UNDER_WAY: usize = 256;

/// A TCP proxy that does to a connection what networks do. It looks at no byte, so it takes TLS and HTTP alike.
///
/// Without a [`Fault`] it passes everything on at once, in both directions. A fault holds for all connections, also for
/// those that stand, until the next one is set.
///
/// ```
/// use std::time::Duration;
/// use pusher_test_support::{Fault, FaultProxy, ScriptedServer};
///
/// let server = ScriptedServer::start();
/// let proxy = FaultProxy::start(server.address());
/// // Everything takes 50 ms, and what the server says comes in pieces of three bytes.
/// proxy.set_to_server(Fault::delay(Duration::from_millis(50)));
/// proxy.set_to_client(Fault::delay(Duration::from_millis(50)).in_pieces(3, Duration::ZERO));
/// // The route vanishes: both sides still hold the connection, and nothing comes through.
/// proxy.set(Fault::hold());
/// ```
pub struct FaultProxy {
    listener: Listener,
    shared: Arc<Shared>,
}

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    delay: Duration,
    piece: Option<(usize, Duration)>,
    holds: bool,
    ends_after: Option<(u64, End)>,
}

/// How a connection ends on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Reset,
    Cut,
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    ToServer,
    ToClient,
}

struct Shared {
    target: SocketAddr,
    faults: Watched<Faults>,
    links: Watched<Vec<Weak<Link>>>,
}

#[derive(Default)]
struct Faults {
    to_server: Fault,
    to_client: Fault,
}

/// The two sockets of one proxied connection.
struct Link {
    client: TcpStream,
    server: TcpStream,
    is_over: AtomicBool,
}

impl Fault {
    /// Nothing out of the ordinary.
    pub fn none() -> Self {
        Self::default()
    }

    /// All bytes come later by so much, as over a long way.
    pub fn delay(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }

    /// Nothing comes through, neither bytes nor the end of a connection, until another fault is set; then all of it
    /// comes, for TCP repeats what was lost. So does a route that vanishes.
    pub fn hold() -> Self {
        Self {
            holds: true,
            ..Self::default()
        }
    }

    /// The connection is reset after so many of its bytes.
    pub fn reset_after(bytes: u64) -> Self {
        Self {
            ends_after: Some((bytes, End::Reset)),
            ..Self::default()
        }
    }

    /// The connection is closed after so many of its bytes, wherever that is within a message.
    pub fn cut_after(bytes: u64) -> Self {
        Self {
            ends_after: Some((bytes, End::Cut)),
            ..Self::default()
        }
    }

    /// Also, no more than so many bytes come at a time, with a pause after each. Together they are a throttle.
    #[must_use]
    pub fn in_pieces(mut self, bytes: usize, pause: Duration) -> Self {
        self.piece = Some((bytes.max(1), pause));
        self
    }
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 and passes connections on to that address.
    pub fn start(target: SocketAddr) -> Self {
        let shared = Arc::new(Shared {
            target,
            faults: Watched::default(),
            links: Watched::default(),
        });
        let proxying = shared.clone();
        let listener = Listener::start(Ipv4Addr::LOCALHOST.into(), None, move |client| {
            proxying.proxy(client);
        });
        Self { listener, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The port of [`address`](Self::address).
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// Does the same to both directions.
    pub fn set(&self, fault: Fault) {
        self.shared.faults.update(|faults| {
            faults.to_server = fault.clone();
            faults.to_client = fault;
        });
    }

    /// Does it to what the client sends.
    pub fn set_to_server(&self, fault: Fault) {
        self.shared.faults.update(|faults| faults.to_server = fault);
    }

    /// Does it to what the server sends.
    pub fn set_to_client(&self, fault: Fault) {
        self.shared.faults.update(|faults| faults.to_client = fault);
    }

    /// Resets all connections, to both sides.
    pub fn reset(&self) {
        self.for_each(Link::reset);
    }

    /// Closes all connections, to both sides.
    pub fn cut(&self) {
        self.for_each(Link::cut);
    }

    /// Ends the server's side of all connections, of which the client's learns nothing as long as a fault
    /// [holds](Fault::hold) what is for it.
    pub fn lose_server(&self) {
        self.for_each(|link| {
            let _ = link.server.shutdown(Shutdown::Both);
        });
    }

    /// How many connections have been made so far.
    pub fn connections_so_far(&self) -> usize {
        self.shared.links.read(Vec::len)
    }

    /// Refuses connections from here on; those that stand stay.
    pub fn stop_listening(&self) {
        self.listener.stop();
    }

    /// Listens on the same port again.
    pub fn listen_again(&self) {
        self.listener.resume();
    }

    fn for_each(&self, act: impl Fn(&Link)) {
        let links = self.shared.links.read(Clone::clone);
        for link in links.iter().filter_map(Weak::upgrade) {
            act(&link);
        }
        self.shared.wake();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listener.stop();
        self.set(Fault::none());
        self.cut();
    }
}

impl Shared {
    /// Lets the threads see that a connection is over, also those that hold bytes.
    fn wake(&self) {
        self.faults.update(|_| {});
    }

    fn proxy(self: &Arc<Self>, client: TcpStream) {
        // In one go, so that whoever has seen the server's end of a connection can do something to it.
        let Some(link) = self.links.update(|links| {
            let link = Link::new(client, self.target).map(Arc::new);
            links.push(link.as_ref().map(Arc::downgrade).unwrap_or_default());
            link
        }) else {
            return;
        };
        for direction in [Direction::ToServer, Direction::ToClient] {
            // Two threads a direction: what is late must not keep what comes after it from being read.
            let (sender, under_way) = sync_channel(UNDER_WAY);
            let reading = link.clone();
            thread::spawn(move || reading.read_all(direction, &sender));
            let (writing, shared) = (link.clone(), self.clone());
            thread::spawn(move || writing.write_all(direction, &under_way, &shared));
        }
    }
}

impl Link {
    /// Without a server the client is reset: a host behind which nothing listens.
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

    fn ends(&self, direction: Direction) -> (&TcpStream, &TcpStream) {
        match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        }
    }

    /// Notes what comes and when. An empty read, the last one, is the end.
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
        for (came, bytes) in under_way {
            let mut rest = &*bytes;
            loop {
                let Some(fault) = self.next_fault(direction, shared) else {
                    return;
                };
                thread::sleep((came + fault.delay).saturating_duration_since(Instant::now()));
                if bytes.is_empty() {
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
                let Some(length) = fault.allows(rest.len(), passed) else {
                    self.end(fault.ends_after);
                    return shared.wake();
                };
                let (piece, later) = rest.split_at(length);
                if to.write_all(piece).is_err() {
                    // That side went while this was under way; the other learns of it by its own direction.
                    return;
                }
                passed += length as u64;
                rest = later;
                thread::sleep(fault.pause());
                if rest.is_empty() && fault.allows(1, passed).is_some() {
                    break;
                }
            }
        }
    }

    /// Waits until something may pass; `None` when the connection is over.
    fn next_fault(&self, direction: Direction, shared: &Shared) -> Option<Fault> {
        let next = shared.faults.wait(None, |faults| {
            let fault = faults.of(direction);
            let is_over = self.is_over.load(Ordering::SeqCst);
            (is_over || !fault.holds).then(|| (!is_over).then(|| fault.clone()))
        });
        next.flatten()
    }

    fn end(&self, end: Option<(u64, End)>) {
        match end {
            Some((_, End::Reset)) => self.reset(),
            _ => self.cut(),
        }
    }

    fn cut(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The reset leaves with the last handle, which the threads hold: they end by the shutdown of what they read.
    fn reset(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            linger_zero(stream);
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

impl Faults {
    fn of(&self, direction: Direction) -> &Fault {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

impl Fault {
    /// How many of so many bytes may pass now, after so many others; `None` where the connection ends.
    fn allows(&self, bytes: usize, passed: u64) -> Option<usize> {
        let piece = self.piece.map_or(bytes, |(piece, _)| piece.min(bytes));
        match self.ends_after {
            Some((end, _)) if passed >= end => None,
            Some((end, _)) => Some(piece.min(usize::try_from(end - passed).unwrap_or(piece))),
            None => Some(piece),
        }
    }

    fn pause(&self) -> Duration {
        self.piece.map_or(Duration::ZERO, |(_, pause)| pause)
    }
}

fn linger_zero(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .expect("SO_LINGER can be set");
}
