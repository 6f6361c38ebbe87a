//! The server's side of a TCP connection, with or without TLS, and how the connection ended. Independent of HTTP and WebSocket.

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

/// How a connection ended, from the server's point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client closed its side with a FIN.
    ByClient,
    /// The client reset the connection, or closed it with unread bytes.
    Reset,
    /// The test closed the connection.
    ByServer,
}

/// The server's side of a connection.
///
/// A thread moves all incoming bytes into an inbox, so that the end of the connection is noticed even while the test reads nothing.
pub struct ServerSocket {
    tcp: Mutex<Option<Arc<TcpStream>>>,
    inbox: Arc<Watched<Inbox>>,
    /// Held during a write, with or without TLS, so that the writes of two threads are not interleaved.
    tls: Mutex<Option<TlsStream<BelowTls>>>,
}

#[derive(Debug, Default)]
struct Inbox {
    bytes: VecDeque<u8>,
    is_paused: bool,
    ended: Option<Ended>,
    /// The deadline of blocking reads of `BelowTls`. Only set during a TLS handshake; other reads do not block.
    blocking_until: Option<Instant>,
}

impl ServerSocket {
    /// Sends raw bytes: over TLS once its handshake is complete, otherwise directly over TCP.
    pub fn send_raw(&self, bytes: impl AsRef<[u8]>) {
        // If the client has disconnected, the test's next expectation fails.
        let _ = self.write(bytes.as_ref());
    }

    /// Sends one byte per interval, from another thread, until all bytes are sent or the connection ends.
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

    /// Resets the connection.
    pub fn reset(&self) {
        if let Some(tcp) = self.tcp() {
            SockRef::from(&*tcp)
                .set_linger(Some(Duration::ZERO))
                .expect("SO_LINGER can be set");
        }
        // The system sends the reset when the last handle is closed; shutting down the write half would send a FIN first.
        self.end(Shutdown::Read);
    }

    /// Returns how the connection ended, or `None` while it is open.
    pub fn ended(&self) -> Option<Ended> {
        self.inbox.read(|inbox| inbox.ended)
    }

    /// Waits until the client ends the connection, with or without a close frame.
    #[track_caller]
    pub fn expect_end(&self, within: Duration) -> Ended {
        self.wait_for_end(Some(Instant::now() + within))
            .unwrap_or_else(|| panic!("the client did not end the connection within {within:?}"))
    }

    /// Waits without a deadline until the connection ends. For handlers.
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

    /// Does the TLS handshake. Later reads and writes use TLS.
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

    /// Waits for bytes. Returns `Ok(0)` at the end of the connection, and `TimedOut` at the deadline.
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

    /// Writes all bytes in one call, which creates one record of up to 16 KiB over TLS.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut tls = self.tls.lock();
        match tls.as_mut() {
            Some(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            None => (&*self.tcp().ok_or(io::ErrorKind::NotConnected)?).write_all(bytes),
        }
    }

    /// Pauses or resumes reading. A disconnect of the client is not noticed while reading is paused.
    pub(crate) fn pause_reading(&self, is_paused: bool) {
        self.inbox.update(|inbox| inbox.is_paused = is_paused);
    }

    pub(crate) fn wait_for_end(&self, deadline: Option<Instant>) -> Option<Ended> {
        self.inbox.wait(deadline, |inbox| inbox.ended)
    }

    /// Sends the TLS close_notify and a FIN after the written bytes, and continues reading.
    pub(crate) fn finish_writing(&self) {
        if let Some(stream) = self.tls.lock().as_mut() {
            let _ = stream.shutdown();
        }
        if let Some(tcp) = self.tcp() {
            // Fails if the client has disconnected already.
            let _ = tcp.shutdown(Shutdown::Write);
        }
    }

    fn end(&self, how: Shutdown) {
        self.inbox.update(|inbox| {
            inbox.ended.get_or_insert(Ended::ByServer);
            inbox.is_paused = false;
        });
        // A separate statement, so that the lock is released before the socket shuts down.
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

/// Closes the socket on drop.
pub(crate) struct OwnedSocket(pub(crate) Arc<ServerSocket>);

impl Drop for OwnedSocket {
    fn drop(&mut self) {
        // After a panic in a handler, the server closes the socket once it has recorded the panic, so that the test does not
        // see the end first.
        if !thread::panicking() {
            self.0.close();
        }
    }
}

/// Implements `Read` for a socket. Each read waits until the deadline, if there is one.
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
        // If the client has disconnected, its earlier bytes still have to be read.
        self.socket.send_raw(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The transport below TLS.
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
        // Peeks first, so that all bytes stay in the socket if reading is paused while this thread waits.
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
