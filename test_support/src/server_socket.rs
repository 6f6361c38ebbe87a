//! The server's end of one TCP connection: its bytes, its TLS if any, and how it ended. Knows neither HTTP nor WebSocket.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use native_tls::{HandshakeError, TlsAcceptor, TlsStream};
use parking_lot::Mutex;
use socket2::SockRef;

use crate::watched::Watched;

/// How long a write may wait for a client that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// How a connection ended, as the server saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client closed its side in an orderly way (a FIN).
    ByClient,
    /// The client reset the connection, or closed it with bytes unread.
    Reset,
    /// The server ended it, because the test asked for it.
    ByServer,
}

/// The server's end of a connection.
///
/// A thread moves all bytes that arrive into an inbox, so that the end of the connection is noticed also while the test reads nothing.
pub struct ServerSocket {
    tcp: Mutex<Option<Arc<TcpStream>>>,
    inbox: Arc<Watched<Inbox>>,
    /// Held during a write, with and without TLS, so that writes of two threads do not mix.
    tls: Mutex<Option<TlsStream<BelowTls>>>,
}

#[derive(Debug, Default)]
struct Inbox {
    bytes: VecDeque<u8>,
    is_paused: bool,
    ended: Option<Ended>,
    /// While set, `BelowTls` waits for bytes until then: TLS handshakes block, all other reads of it do not.
    blocking_until: Option<Instant>,
}

impl ServerSocket {
    /// Sends bytes as they are: through TLS once its handshake is done, else straight onto the socket.
    pub fn send_raw(&self, bytes: impl AsRef<[u8]>) {
        // If the client is gone, the test's next expectation fails.
        let _ = self.write(bytes.as_ref());
    }

    /// Sends one byte per interval, from another thread, until there are no more bytes or the connection ends.
    pub fn drip(
        self: &Arc<Self>,
        bytes: impl IntoIterator<Item = u8> + Send + 'static,
        interval: Duration,
    ) {
        let socket = Arc::downgrade(self);
        thread::spawn(move || {
            for byte in bytes {
                let open = socket.upgrade().filter(|socket| socket.ended().is_none());
                if open.is_none_or(|socket| socket.write(&[byte]).is_err()) {
                    return;
                }
                thread::sleep(interval);
            }
        });
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.end(Shutdown::Both);
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(&self) {
        if let Some(tcp) = self.tcp() {
            SockRef::from(&*tcp)
                .set_linger(Some(Duration::ZERO))
                .expect("SO_LINGER can be set");
        }
        // The reset leaves when the last handle closes; a shutdown of the writing half would send a FIN before it.
        self.end(Shutdown::Read);
    }

    /// How the connection ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.inbox.read(|inbox| inbox.ended)
    }

    /// Waits for the client to end the connection, with or without a close frame.
    #[track_caller]
    pub fn expect_end(&self, within: Duration) -> Ended {
        self.wait_for_end(Some(Instant::now() + within))
            .unwrap_or_else(|| panic!("the client did not end the connection within {within:?}"))
    }

    /// Waits until the connection ends, however long it takes: for handlers.
    pub fn hold(&self) {
        self.wait_for_end(None);
    }

    pub(crate) fn new(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).expect("TCP_NODELAY can be set");
        tcp.set_write_timeout(Some(WRITE_TIMEOUT))
            .expect("a write timeout can be set");
        let tcp = Arc::new(tcp);
        let inbox = Arc::new(Watched::<Inbox>::default());
        let (source, target) = (tcp.clone(), inbox.clone());
        thread::spawn(move || fill(&target, &source));
        Self {
            tcp: Mutex::new(Some(tcp)),
            inbox,
            tls: Mutex::default(),
        }
    }

    /// Does the TLS handshake; later reads and writes go through TLS.
    pub(crate) fn secure(&self, acceptor: &TlsAcceptor, deadline: Instant) -> Result<(), String> {
        let below = BelowTls {
            tcp: self.tcp().ok_or("the connection has ended")?,
            inbox: self.inbox.clone(),
        };
        self.inbox
            .update(|inbox| inbox.blocking_until = Some(deadline));
        let stream = acceptor.accept(below).map_err(|error| match error {
            HandshakeError::Failure(error) => error.to_string(),
            HandshakeError::WouldBlock(_) => "the handshake was left unfinished".into(),
        });
        self.inbox.update(|inbox| inbox.blocking_until = None);
        *self.tls.lock() = Some(stream?);
        Ok(())
    }

    pub(crate) fn is_secured(&self) -> bool {
        self.tls.lock().is_some()
    }

    /// Waits for bytes. `Ok(0)` is the end of the connection, `TimedOut` the deadline.
    pub(crate) fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        loop {
            let result = match self.tls.lock().as_mut() {
                Some(stream) => stream.read(buffer),
                None => self.inbox.update(|inbox| inbox.take(buffer)),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            self.inbox
                .wait(deadline, |inbox| inbox.has_news().then_some(()))
                .ok_or(io::ErrorKind::TimedOut)?;
        }
    }

    /// Writes all bytes in one call, which under TLS makes one record of up to 16 KiB.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut tls = self.tls.lock();
        match tls.as_mut() {
            Some(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            None => (&*self.tcp().ok_or(io::ErrorKind::NotConnected)?).write_all(bytes),
        }
    }

    /// While paused, nothing is taken from the socket, so the client's end is not noticed either.
    pub(crate) fn pause_reading(&self, is_paused: bool) {
        self.inbox.update(|inbox| inbox.is_paused = is_paused);
    }

    pub(crate) fn wait_for_end(&self, deadline: Option<Instant>) -> Option<Ended> {
        self.inbox.wait(deadline, |inbox| inbox.ended)
    }

    /// Sends TLS's close_notify and a FIN after what was written, and goes on reading.
    pub(crate) fn finish_writing(&self) {
        if let Some(stream) = self.tls.lock().as_mut() {
            let _ = stream.shutdown();
        }
        if let Some(tcp) = self.tcp() {
            // Fails if the client is gone already.
            let _ = tcp.shutdown(Shutdown::Write);
        }
    }

    fn end(&self, how: Shutdown) {
        self.inbox.update(|inbox| {
            inbox.ended.get_or_insert(Ended::ByServer);
            inbox.is_paused = false;
        });
        // In a statement of its own, so that the lock is free while the socket shuts down.
        let tcp = self.tcp.lock().take();
        if let Some(tcp) = tcp {
            let _ = tcp.shutdown(how);
        }
        *self.tls.lock() = None;
    }

    fn tcp(&self) -> Option<Arc<TcpStream>> {
        self.tcp.lock().clone()
    }
}

impl Inbox {
    fn has_news(&self) -> bool {
        !self.bytes.is_empty() || self.ended.is_some()
    }

    fn take(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.has_news() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.read(buffer)
    }
}

/// Closes the socket when the test drops it.
pub(crate) struct OwnedSocket(pub(crate) Arc<ServerSocket>);

impl Drop for OwnedSocket {
    fn drop(&mut self) {
        // After a failed expectation in a handler, the server closes it once the failure is recorded: the test must not see the end
        // before.
        if !thread::panicking() {
            self.0.close();
        }
    }
}

/// A socket as a stream, for code that reads from one. Each read waits until the deadline, if there is one.
pub(crate) struct SocketStream {
    pub(crate) socket: Arc<ServerSocket>,
    pub(crate) deadline: Option<Instant>,
}

impl Read for SocketStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer, self.deadline)
    }
}

impl Write for SocketStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // If the client is gone, what it sent before still has to be read.
        self.socket.send_raw(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What TLS reads from and writes to.
struct BelowTls {
    tcp: Arc<TcpStream>,
    inbox: Arc<Watched<Inbox>>,
}

impl Read for BelowTls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.inbox.read(|inbox| inbox.blocking_until) {
            self.inbox
                .wait(Some(deadline), |inbox| inbox.has_news().then_some(()))
                .ok_or(io::ErrorKind::TimedOut)?;
        }
        self.inbox.update(|inbox| inbox.take(buffer))
    }
}

impl Write for BelowTls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.tcp).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread of a socket: moves bytes into the inbox until the connection ends.
fn fill(inbox: &Watched<Inbox>, mut tcp: &TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    let ended = loop {
        inbox.wait(None, |inbox| (!inbox.is_paused).then_some(()));
        // A peek first: a pause that begins while this thread waits for bytes leaves them all in the socket.
        let read = match tcp.peek(&mut [0]) {
            Ok(_) if inbox.read(|inbox| inbox.is_paused) => continue,
            Ok(_) => tcp.read(&mut buffer),
            Err(error) => Err(error),
        };
        match read {
            Ok(0) => break Ended::ByClient,
            Ok(length) => inbox.update(|inbox| inbox.bytes.extend(&buffer[..length])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break Ended::Reset,
        }
    };
    inbox.update(|inbox| {
        inbox.ended.get_or_insert(ended);
    });
}
