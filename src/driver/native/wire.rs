//! The bytes' way out: a TCP socket that never shows TLS or the WebSocket what they cannot bear.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token};

use super::cutoff::Cutoff;

/// How much of the buffer's memory outlives a burst, in bytes.
const KEPT_CAPACITY: usize = 64 << 10;

/// A TCP socket under TLS, HTTP and the WebSocket, in one of two modes.
///
/// *Dialling*, it blocks, with one deadline for all that happens on it. A time-out of the socket itself would start
/// anew with each byte, so that a peer that drips is never given up, and would show as `WouldBlock`, at which
/// tungstenite's TLS handshake panics (tungstenite#450): here it is `TimedOut`, and the deadline stays.
///
/// *Live*, it never blocks, and writing always succeeds: what the socket does not take waits here. TLS libraries must
/// not see `WouldBlock` in a write, for OpenSSL and Apple's then hold on to the record in ways of their own.
pub(super) struct Wire {
    mode: Mode,
    /// A second handle to the same socket, for the cutoff to shut down.
    _handle: Arc<TcpStream>,
    /// Kept, so that the cutoff that this one hangs on still reaches it.
    _cutoff: Arc<Cutoff>,
}

enum Mode {
    Dialling {
        stream: TcpStream,
        deadline: Instant,
        by_line: bool,
    },
    Live(Live),
    /// The socket could not be made live.
    Broken,
}

struct Live {
    stream: mio::net::TcpStream,
    waiting: VecDeque<u8>,
    /// Why writing failed. Told by the next read that finds nothing, so that what the server said before it went
    /// comes first.
    write_error: Option<io::Error>,
    registered: Option<Interest>,
}

impl Wire {
    /// Takes over a blocking socket, with a deadline for all that is done before [`go_live`](Self::go_live).
    pub(super) fn new(
        stream: TcpStream,
        deadline: Instant,
        cutoff: &Arc<Cutoff>,
    ) -> io::Result<Self> {
        let handle = Arc::new(stream.try_clone()?);
        cutoff.attach(&handle);
        Ok(Self {
            mode: Mode::Dialling {
                stream,
                deadline,
                by_line: false,
            },
            _handle: handle,
            _cutoff: cutoff.clone(),
        })
    }

    /// Sets another deadline, as long as it is not live.
    pub(super) fn set_deadline(&mut self, new: Instant) {
        if let Mode::Dialling { deadline, .. } = &mut self.mode {
            *deadline = new;
        }
    }

    /// From here to [`go_live`](Self::go_live) what is read is the lines of an upgrade's answer.
    pub(super) fn expect_lines(&mut self) {
        if let Mode::Dialling { by_line, .. } = &mut self.mode {
            *by_line = true;
        }
    }

    pub(super) fn expects_lines(&self) -> bool {
        matches!(self.mode, Mode::Dialling { by_line: true, .. })
    }

    /// Whether nothing came and nobody hung up: a socket that idles as it should.
    pub(super) fn is_idle(&self) -> bool {
        let Mode::Dialling { stream, .. } = &self.mode else {
            return false;
        };
        let peeked = stream
            .set_nonblocking(true)
            .and_then(|()| stream.peek(&mut [0]));
        stream.set_nonblocking(false).is_ok()
            && peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Goes over to live mode.
    pub(super) fn go_live(&mut self) -> io::Result<()> {
        if let Mode::Dialling { stream, .. } = std::mem::replace(&mut self.mode, Mode::Broken) {
            stream.set_read_timeout(None)?;
            stream.set_write_timeout(None)?;
            stream.set_nonblocking(true)?;
            self.mode = Mode::Live(Live {
                stream: mio::net::TcpStream::from_std(stream),
                waiting: VecDeque::new(),
                write_error: None,
                registered: None,
            });
        }
        Ok(())
    }

    /// How many bytes the socket did not take yet.
    pub(super) fn waiting(&self) -> usize {
        match &self.mode {
            Mode::Live(live) => live.waiting.len(),
            Mode::Dialling { .. } | Mode::Broken => 0,
        }
    }

    /// Offers the socket what waits. A failure shows in the next read.
    pub(super) fn write_waiting(&mut self) {
        if let Mode::Live(live) = &mut self.mode {
            live.write_waiting();
        }
    }

    /// Registers for what is of interest now: readability, and writability as long as something waits to be written.
    /// Cheap if nothing changed.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let Mode::Live(live) = &mut self.mode else {
            return Err(ErrorKind::NotConnected.into());
        };
        let interest = if live.waiting.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        match live.registered {
            Some(registered) if registered == interest => return Ok(()),
            Some(_) => registry.reregister(&mut live.stream, token, interest)?,
            None => registry.register(&mut live.stream, token, interest)?,
        }
        live.registered = Some(interest);
        Ok(())
    }

    /// To be called before it is dropped: the cutoff's handle would keep the registration alive.
    pub(super) fn deregister(&mut self, registry: &Registry) {
        if let Mode::Live(live) = &mut self.mode
            && live.registered.take().is_some()
        {
            let _ = registry.deregister(&mut live.stream);
        }
    }

    /// Says that nothing more will be written.
    pub(super) fn finish_writing(&mut self) {
        if let Mode::Live(live) = &mut self.mode {
            let _ = live.stream.shutdown(Shutdown::Write);
        }
    }
}

impl Live {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match retried(|| self.stream.read(buffer)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Err(self.write_error.take().unwrap_or(error))
            }
            other => other,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.write_error.is_some() {
            return;
        }
        let mut rest = bytes;
        if self.waiting.is_empty() {
            while let Some(written) = self.offer(rest) {
                rest = rest.get(written..).unwrap_or_default();
            }
        }
        if self.write_error.is_none() {
            self.waiting.extend(rest);
        }
    }

    fn write_waiting(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        while let Some(written) = self.offer(waiting.as_slices().0) {
            drop(waiting.drain(..written));
        }
        if self.write_error.is_some() {
            waiting.clear();
        }
        if waiting.is_empty() && waiting.capacity() > KEPT_CAPACITY {
            waiting = VecDeque::new();
        }
        self.waiting = waiting;
    }

    /// How much of it the socket took; `None` if nothing.
    fn offer(&mut self, bytes: &[u8]) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        match retried(|| self.stream.write(bytes)) {
            Ok(0) => None,
            Ok(written) => Some(written),
            Err(error) => {
                if error.kind() != ErrorKind::WouldBlock {
                    self.write_error = Some(error);
                }
                None
            }
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.mode {
            Mode::Dialling {
                stream, deadline, ..
            } => blocking(
                *deadline,
                |left| stream.set_read_timeout(Some(left)),
                || (&*stream).read(buffer),
            ),
            Mode::Live(live) => live.read(buffer),
            Mode::Broken => Err(ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.mode {
            Mode::Dialling {
                stream, deadline, ..
            } => blocking(
                *deadline,
                |left| stream.set_write_timeout(Some(left)),
                || (&*stream).write(bytes),
            ),
            Mode::Live(live) => {
                live.write(bytes);
                Ok(bytes.len())
            }
            Mode::Broken => Err(ErrorKind::ConnectionAborted.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_waiting();
        Ok(())
    }
}

/// One blocking step that ends at the deadline.
fn blocking(
    deadline: Instant,
    set_timeout: impl Fn(Duration) -> io::Result<()>,
    mut step: impl FnMut() -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        set_timeout(left)?;
        match named(step()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // One time-out, two names: Unix calls it WouldBlock. Sockets may also wake a little early.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            other => return other,
        }
    }
}

fn retried(mut step: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match named(step()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// A socket that was shut down from here is `NotConnected` on some systems, which the openssl crate takes for
/// `WouldBlock`.
fn named(result: io::Result<usize>) -> io::Result<usize> {
    result.map_err(|error| match error.kind() {
        ErrorKind::NotConnected => ErrorKind::ConnectionAborted.into(),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use mio::{Events, Poll};

    use super::{super::cutoff::Cut, *};

    const TOKEN: Token = Token(7);

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn dialling(stream: TcpStream, left: Duration) -> Wire {
        Wire::new(stream, Instant::now() + left, &Arc::default()).unwrap()
    }

    fn live(stream: TcpStream) -> Wire {
        let mut wire = dialling(stream, Duration::from_secs(5));
        wire.go_live().unwrap();
        wire
    }

    #[test]
    fn a_peer_that_drips_does_not_outlast_the_deadline() {
        let (near, mut far) = pair();
        let mut wire = dialling(near, Duration::from_millis(300));
        thread::spawn(move || {
            while far.write_all(&[1]).is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let begun = Instant::now();
        let error = wire.read_exact(&mut [0; 1000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let elapsed = begun.elapsed();
        assert!((300..600).contains(&elapsed.as_millis()), "{elapsed:?}");
    }

    #[test]
    fn a_mute_peer_times_out_also_when_it_does_not_read() {
        let (near, _far) = pair();
        let mut wire = dialling(near, Duration::from_millis(200));
        let error = wire.write_all(&vec![0; 64 << 20]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(wire.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_cut_ends_a_blocking_read_at_once() {
        let (near, _far) = pair();
        let cutoff = Arc::new(Cutoff::default());
        let mut wire = Wire::new(near, Instant::now() + Duration::from_secs(5), &cutoff).unwrap();
        let cutter = cutoff.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            cutter.cut();
        });
        let begun = Instant::now();
        assert!(!matches!(wire.read(&mut [0]), Ok(1)));
        assert!(begun.elapsed() < Duration::from_millis(500));
    }

    #[test]
    fn an_idle_socket_is_told_from_one_with_news() {
        let (near, mut far) = pair();
        let mut wire = dialling(near, Duration::from_secs(5));
        assert!(wire.is_idle());
        far.write_all(&[1]).unwrap();
        wire.read_exact(&mut [0]).unwrap();
        assert!(wire.is_idle());
        far.write_all(&[1]).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(!wire.is_idle());
        wire.read_exact(&mut [0]).unwrap();
        drop(far);
        thread::sleep(Duration::from_millis(50));
        assert!(!wire.is_idle());
    }

    #[test]
    fn live_writing_never_blocks_and_all_of_it_arrives_in_order() {
        let (near, mut far) = pair();
        let mut wire = live(near);
        let mut poll = Poll::new().unwrap();
        let sent: Vec<u8> = (0..32_u32 << 20).map(|n| (n % 251) as u8).collect();
        for chunk in sent.chunks(100_000) {
            wire.write_all(chunk).unwrap();
        }
        assert!(wire.waiting() > 0);
        let reader = thread::spawn(move || {
            let mut received = Vec::new();
            far.read_to_end(&mut received).unwrap();
            received
        });
        let mut events = Events::with_capacity(4);
        let deadline = Instant::now() + Duration::from_secs(20);
        while wire.waiting() > 0 {
            assert!(Instant::now() < deadline, "{} bytes wait", wire.waiting());
            wire.register(poll.registry(), TOKEN).unwrap();
            poll.poll(&mut events, Some(Duration::from_secs(1)))
                .unwrap();
            wire.write_waiting();
        }
        wire.register(poll.registry(), TOKEN).unwrap();
        // Nothing waits, so the socket's writability wakes nobody.
        poll.poll(&mut events, Some(Duration::from_millis(100)))
            .unwrap();
        assert!(events.is_empty());
        wire.finish_writing();
        assert!(reader.join().unwrap() == sent);
        wire.deregister(poll.registry());
    }

    #[test]
    fn nothing_waits_any_more_once_writing_has_failed() {
        let (near, far) = pair();
        let mut wire = live(near);
        for _ in 0..320 {
            wire.write_all(&[0; 100_000]).unwrap();
        }
        assert!(wire.waiting() > 0);
        // What the peer has not read makes the system reset the connection.
        drop(far);
        let deadline = Instant::now() + Duration::from_secs(5);
        while wire.waiting() > 0 {
            assert!(Instant::now() < deadline, "{} bytes wait", wire.waiting());
            thread::sleep(Duration::from_millis(5));
            wire.write_waiting();
        }
        let read = wire.read(&mut [0]).map_err(|error| error.kind());
        assert!(!matches!(read, Ok(1) | Err(ErrorKind::WouldBlock)));
    }

    #[test]
    fn what_came_before_a_failed_write_is_read_before_the_failure() {
        let (near, mut far) = pair();
        let mut wire = live(near);
        far.write_all(b"last words").unwrap();
        far.shutdown(Shutdown::Both).unwrap();
        drop(far);
        thread::sleep(Duration::from_millis(50));
        for _ in 0..10 {
            wire.write_all(&[0; 1000]).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(wire.waiting(), 0);
        let mut words = [0; 10];
        match wire.read_exact(&mut words) {
            Ok(()) => assert_eq!(&words, b"last words"),
            // Some systems throw away what was unread when the reset comes.
            Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}
