//! One accepted TCP connection: its bytes, its TLS if any, and how it ended.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use native_tls::{HandshakeError, TlsAcceptor, TlsStream};
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
    /// The test had the server end it.
    ByServer,
}

/// The server's end of a connection. A thread of its own moves all that arrives into an inbox, so that the end of
/// a connection is noticed in every phase, a mute one too.
pub(crate) struct Wire {
    tcp: Mutex<Option<Arc<TcpStream>>>,
    inbox: Arc<Watched<Inbox>>,
    /// Also what keeps one write whole: whoever writes holds it.
    tls: Mutex<Option<TlsStream<Raw>>>,
}

#[derive(Debug, Default)]
struct Inbox {
    bytes: VecDeque<u8>,
    paused: bool,
    ended: Option<Ended>,
    /// While set, `Raw` waits for bytes until then: TLS handshakes block, all other reads of it do not.
    blocking_until: Option<Instant>,
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).expect("TCP_NODELAY can be set");
        tcp.set_write_timeout(Some(WRITE_TIMEOUT))
            .expect("a write time-out can be set");
        let tcp = Arc::new(tcp);
        let inbox = Arc::new(Watched::new(Inbox::default()));
        let (pumped, into) = (tcp.clone(), inbox.clone());
        thread::spawn(move || pump(&pumped, &into));
        Self {
            tcp: Mutex::new(Some(tcp)),
            inbox,
            tls: Mutex::new(None),
        }
    }

    /// Makes the TLS handshake; whatever is read and written afterwards goes through it.
    pub(crate) fn secure(&self, acceptor: &TlsAcceptor, deadline: Instant) -> Result<(), String> {
        let raw = Raw {
            tcp: self.tcp().ok_or("the connection has ended")?,
            inbox: self.inbox.clone(),
        };
        self.inbox
            .update(|inbox| inbox.blocking_until = Some(deadline));
        let stream = acceptor.accept(raw).map_err(|error| match error {
            HandshakeError::Failure(error) => error.to_string(),
            HandshakeError::WouldBlock(_) => "it stopped half-way".into(),
        });
        self.inbox.update(|inbox| inbox.blocking_until = None);
        *self.lock_tls() = Some(stream?);
        Ok(())
    }

    pub(crate) fn is_secured(&self) -> bool {
        self.lock_tls().is_some()
    }

    /// Waits for bytes. `Ok(0)` is the end of the connection, `TimedOut` the deadline.
    pub(crate) fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        loop {
            {
                let mut tls = self.lock_tls();
                let result = match tls.as_mut() {
                    Some(stream) => stream.read(buffer),
                    None => self.inbox.update(|inbox| inbox.take(buffer)),
                };
                match result {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    other => return other,
                }
            }
            self.inbox
                .wait(deadline, |inbox| inbox.has_news().then_some(()))
                .ok_or(io::ErrorKind::TimedOut)?;
        }
    }

    /// Writes all of it in one call, which under TLS makes one record of up to 16 KiB.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut tls = self.lock_tls();
        match tls.as_mut() {
            Some(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            None => self.write_below_tls(bytes),
        }
    }

    /// Writes bytes straight onto the socket.
    pub(crate) fn write_below_tls(&self, bytes: &[u8]) -> io::Result<()> {
        let tcp = self.tcp().ok_or(io::ErrorKind::NotConnected)?;
        (&*tcp).write_all(bytes)
    }

    /// While paused, nothing is taken from the socket; the client's end is not noticed either.
    pub(crate) fn pause_reading(&self, paused: bool) {
        self.inbox.update(|inbox| inbox.paused = paused);
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        self.inbox.read(|inbox| inbox.ended)
    }

    pub(crate) fn wait_for_end(&self, deadline: Instant) -> Option<Ended> {
        self.inbox.wait(Some(deadline), |inbox| inbox.ended)
    }

    pub(crate) fn wait_for_end_for_ever(&self) {
        self.inbox.wait(None, |inbox| inbox.ended);
    }

    /// Sends TLS's farewell and a FIN after what was written, and reads on.
    pub(crate) fn finish_writing(&self) {
        if let Some(stream) = self.lock_tls().as_mut() {
            let _ = stream.shutdown();
        }
        if let Some(tcp) = self.tcp() {
            // The client may be gone already.
            let _ = tcp.shutdown(Shutdown::Write);
        }
    }

    pub(crate) fn close(&self) {
        self.end(Shutdown::Both);
    }

    /// Ends the connection with a TCP reset.
    pub(crate) fn reset(&self) {
        if let Some(tcp) = self.tcp() {
            SockRef::from(&*tcp)
                .set_linger(Some(Duration::ZERO))
                .expect("SO_LINGER can be set");
        }
        // The reset leaves with the last handle; a shutdown of the writing half would send a FIN before it.
        self.end(Shutdown::Read);
    }

    fn end(&self, how: Shutdown) {
        self.inbox.update(|inbox| {
            inbox.ended.get_or_insert(Ended::ByServer);
            inbox.paused = false;
        });
        let tcp = self.lock_tcp().take();
        if let Some(tcp) = tcp {
            let _ = tcp.shutdown(how);
        }
        *self.lock_tls() = None;
    }

    fn tcp(&self) -> Option<Arc<TcpStream>> {
        self.lock_tcp().clone()
    }

    fn lock_tcp(&self) -> std::sync::MutexGuard<'_, Option<Arc<TcpStream>>> {
        self.tcp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_tls(&self) -> std::sync::MutexGuard<'_, Option<TlsStream<Raw>>> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    fn has_news(&self) -> bool {
        !self.bytes.is_empty() || self.ended.is_some()
    }

    fn take(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() && self.ended.is_none() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.read(buffer)
    }
}

/// Ends the connection when the test lets go of it.
pub(crate) struct OwnedWire(pub(crate) Arc<Wire>);

impl Drop for OwnedWire {
    fn drop(&mut self) {
        // After a failed expectation the server closes it, once the failure is noted: what the test does when it
        // sees the end must not come first.
        if !thread::panicking() {
            self.0.close();
        }
    }
}

/// What TLS reads from and writes to.
struct Raw {
    tcp: Arc<TcpStream>,
    inbox: Arc<Watched<Inbox>>,
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.inbox.read(|inbox| inbox.blocking_until) {
            self.inbox
                .wait(Some(deadline), |inbox| inbox.has_news().then_some(()))
                .ok_or(io::ErrorKind::TimedOut)?;
        }
        self.inbox.update(|inbox| inbox.take(buffer))
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.tcp).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pump(mut tcp: &TcpStream, inbox: &Watched<Inbox>) {
    let mut buffer = vec![0; 64 * 1024];
    let ended = loop {
        inbox.wait(None, |inbox| (!inbox.paused).then_some(()));
        // Peeking first lets a pause that comes while this thread waits leave everything in the socket.
        match tcp.peek(&mut [0]) {
            Ok(_) if inbox.read(|inbox| inbox.paused) => continue,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break Ended::Reset,
        }
        match tcp.read(&mut buffer) {
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
