//! Bytes to and from a host: a TCP socket, with or without TLS on it. The libraries above (TLS, WebSocket, HTTP) see `WouldBlock` only
//! from a read of a live socket: they handle neither a timeout as `WouldBlock` nor a blocked write well.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token};

use super::cancel::CancelToken;

/// How much memory the write buffer keeps after a burst, in bytes.
const KEPT_CAPACITY: usize = 64 << 10;

/// A TCP socket in one of two modes.
///
/// While *dialling*, it blocks, with one deadline for everything. A timeout of the socket itself would start again with each byte, so that
/// a peer that sends a byte now and then would never time out. It would also show as `WouldBlock`, at which tungstenite's TLS handshake
/// panics (tungstenite#450). Here it shows as `TimedOut`.
///
/// When *live*, it never blocks, and a write always succeeds: what the socket does not accept waits in a buffer. TLS libraries must not see
/// `WouldBlock` in a write, since OpenSSL and Apple's then keep the record in ways of their own.
pub(super) struct TcpSocket {
    mode: Mode,
    /// A second handle to the same socket, which the token shuts down when it is cancelled.
    _handle: Arc<TcpStream>,
    /// Kept so that a cancelled parent of this token still reaches the socket.
    _token: Arc<CancelToken>,
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
    /// Bytes that the socket has not accepted yet.
    unsent: VecDeque<u8>,
    /// Why writing failed. The next read that finds no data returns it, so that what the server sent before is read first.
    write_error: Option<io::Error>,
    registered: Option<Interest>,
}

impl TcpSocket {
    /// Takes over a blocking socket, with a deadline for all that is done before [`go_live`](Self::go_live).
    pub(super) fn new(
        stream: TcpStream,
        deadline: Instant,
        token: &Arc<CancelToken>,
    ) -> io::Result<Self> {
        let handle = Arc::new(stream.try_clone()?);
        token.attach(&handle);
        Ok(Self {
            mode: Mode::Dialling {
                stream,
                deadline,
                by_line: false,
            },
            _handle: handle,
            _token: token.clone(),
        })
    }

    /// Sets another deadline, as long as it is not live.
    pub(super) fn set_deadline(&mut self, new: Instant) {
        if let Mode::Dialling { deadline, .. } = &mut self.mode {
            *deadline = new;
        }
    }

    /// Reads whole lines from now on until [`go_live`](Self::go_live), for the response to the upgrade.
    pub(super) fn expect_lines(&mut self) {
        if let Mode::Dialling { by_line, .. } = &mut self.mode {
            *by_line = true;
        }
    }

    pub(super) fn expects_lines(&self) -> bool {
        matches!(self.mode, Mode::Dialling { by_line: true, .. })
    }

    /// Whether the peer has neither sent anything nor closed the connection, so that HTTP can reuse it.
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

    /// Switches to live mode.
    pub(super) fn go_live(&mut self) -> io::Result<()> {
        if let Mode::Dialling { stream, .. } = std::mem::replace(&mut self.mode, Mode::Broken) {
            stream.set_read_timeout(None)?;
            stream.set_write_timeout(None)?;
            stream.set_nonblocking(true)?;
            self.mode = Mode::Live(Live {
                stream: mio::net::TcpStream::from_std(stream),
                unsent: VecDeque::new(),
                write_error: None,
                registered: None,
            });
        }
        Ok(())
    }

    /// Returns how many bytes the socket has not accepted yet.
    pub(super) fn unsent_bytes(&self) -> usize {
        match &self.mode {
            Mode::Live(live) => live.unsent.len(),
            Mode::Dialling { .. } | Mode::Broken => 0,
        }
    }

    /// Writes what is in the buffer. A failure is returned by the next read that finds no data.
    pub(super) fn flush_unsent(&mut self) {
        if let Mode::Live(live) = &mut self.mode {
            live.flush_unsent();
        }
    }

    /// Registers with the poll: for readability, and for writability while the buffer is not empty. Cheap if nothing has changed.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let Mode::Live(live) = &mut self.mode else {
            return Err(ErrorKind::NotConnected.into());
        };
        let interest = if live.unsent.is_empty() {
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

    /// Call this before dropping it: a token that is being cancelled may hold the socket, and so its registration, a little longer.
    pub(super) fn deregister(&mut self, registry: &Registry) {
        if let Mode::Live(live) = &mut self.mode
            && live.registered.take().is_some()
        {
            let _ = registry.deregister(&mut live.stream);
        }
    }

    /// Shuts the writing side down.
    pub(super) fn finish_writing(&mut self) {
        if let Mode::Live(live) = &mut self.mode {
            let _ = live.stream.shutdown(Shutdown::Write);
        }
    }
}

impl Live {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match retry_interrupted(|| self.stream.read(buffer)) {
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
        if self.unsent.is_empty() {
            while let Some(written) = self.try_write(rest) {
                rest = rest.get(written..).unwrap_or_default();
            }
        }
        if self.write_error.is_none() {
            self.unsent.extend(rest);
        }
    }

    fn flush_unsent(&mut self) {
        let mut unsent = std::mem::take(&mut self.unsent);
        while let Some(written) = self.try_write(unsent.as_slices().0) {
            drop(unsent.drain(..written));
        }
        if self.write_error.is_some() {
            unsent.clear();
        }
        if unsent.is_empty() && unsent.capacity() > KEPT_CAPACITY {
            unsent = VecDeque::new();
        }
        self.unsent = unsent;
    }

    /// Returns how many bytes the socket accepted; `None` for none.
    fn try_write(&mut self, bytes: &[u8]) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        match retry_interrupted(|| self.stream.write(bytes)) {
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

impl Read for TcpSocket {
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

impl Write for TcpSocket {
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
        self.flush_unsent();
        Ok(())
    }
}

/// The stream that HTTP and the WebSocket use.
pub(super) enum MaybeTlsStream {
    Plain(TcpSocket),
    #[cfg(feature = "native-tls")]
    Tls(Box<native_tls::TlsStream<TcpSocket>>),
}

impl MaybeTlsStream {
    pub(super) fn tcp(&mut self) -> &mut TcpSocket {
        match self {
            Self::Plain(tcp) => tcp,
            #[cfg(feature = "native-tls")]
            Self::Tls(stream) => stream.get_mut(),
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Shuts the writing side down, with a `close_notify` if there is TLS.
    pub(super) fn finish_writing(&mut self) {
        #[cfg(feature = "native-tls")]
        if let Self::Tls(stream) = self {
            let _ = stream.shutdown();
        }
        self.tcp().finish_writing();
    }

    /// Reads at least a line, unless the buffer is full or the stream ends: tungstenite takes a response in more than 64 tiny reads for an
    /// attack, and a network may deliver it like that.
    fn read_line(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
            let count = self.read_some(rest)?;
            length += count;
            let received = buffer.get(..length).unwrap_or_default();
            if count == 0 || received.contains(&b'\n') {
                break;
            }
        }
        Ok(length)
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            #[cfg(feature = "native-tls")]
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Read for MaybeTlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.tcp().expects_lines() {
            self.read_line(buffer)
        } else {
            self.read_some(buffer)
        }
    }
}

impl Write for MaybeTlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            #[cfg(feature = "native-tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            #[cfg(feature = "native-tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Runs a blocking operation until the deadline.
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
        match not_connected_as_aborted(step()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A timeout: Unix calls it WouldBlock. Sockets may also wake a little early.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            other => return other,
        }
    }
}

fn retry_interrupted(mut step: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match not_connected_as_aborted(step()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// On some systems, a socket that this process has shut down is `NotConnected`, which the openssl crate takes for `WouldBlock`.
fn not_connected_as_aborted(result: io::Result<usize>) -> io::Result<usize> {
    result.map_err(|error| match error.kind() {
        ErrorKind::NotConnected => ErrorKind::ConnectionAborted.into(),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use mio::{Events, Poll};

    use super::{
        super::{
            cancel::Cancel,
            tests::{SOON, assert_quick, run_soon},
        },
        *,
    };

    const TOKEN: Token = Token(7);

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn dialling(stream: TcpStream, left: Duration) -> TcpSocket {
        TcpSocket::new(stream, Instant::now() + left, &Arc::default()).unwrap()
    }

    fn live(stream: TcpStream) -> TcpSocket {
        let mut tcp = dialling(stream, SOON);
        tcp.go_live().unwrap();
        tcp
    }

    #[test]
    fn slow_drip_does_not_extend_the_deadline() {
        let (near, mut far) = pair();
        let mut tcp = dialling(near, Duration::from_millis(300));
        thread::spawn(move || {
            while far.write_all(&[1]).is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let begun = Instant::now();
        let error = tcp.read_exact(&mut [0; 1000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let elapsed = begun.elapsed();
        assert!((300..600).contains(&elapsed.as_millis()), "{elapsed:?}");
    }

    #[test]
    fn silent_peer_times_out_even_if_it_does_not_read() {
        let (near, _far) = pair();
        let mut tcp = dialling(near, Duration::from_millis(200));
        let error = tcp.write_all(&vec![0; 64 << 20]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(tcp.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn cancel_ends_a_blocking_read_at_once() {
        let (near, _far) = pair();
        let token = Arc::new(CancelToken::default());
        let mut tcp = TcpSocket::new(near, Instant::now() + SOON, &token).unwrap();
        let canceller = token.clone();
        run_soon(move || canceller.cancel());
        let begun = Instant::now();
        assert!(!matches!(tcp.read(&mut [0]), Ok(1)));
        assert_quick(begun);
    }

    #[test]
    fn idle_socket_is_distinguished_from_a_readable_one() {
        let (near, mut far) = pair();
        let mut tcp = dialling(near, SOON);
        assert!(tcp.is_idle());
        far.write_all(&[1]).unwrap();
        tcp.read_exact(&mut [0]).unwrap();
        assert!(tcp.is_idle());
        far.write_all(&[1]).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(!tcp.is_idle());
        tcp.read_exact(&mut [0]).unwrap();
        drop(far);
        thread::sleep(Duration::from_millis(50));
        assert!(!tcp.is_idle());
    }

    #[test]
    fn live_writing_never_blocks_and_all_of_it_arrives_in_order() {
        let (near, mut far) = pair();
        let mut tcp = live(near);
        let mut poll = Poll::new().unwrap();
        let sent: Vec<u8> = (0..32_u32 << 20).map(|n| (n % 251) as u8).collect();
        for chunk in sent.chunks(100_000) {
            tcp.write_all(chunk).unwrap();
        }
        assert!(tcp.unsent_bytes() > 0);
        let reader = thread::spawn(move || {
            let mut received = Vec::new();
            far.read_to_end(&mut received).unwrap();
            received
        });
        let mut events = Events::with_capacity(4);
        let deadline = Instant::now() + Duration::from_secs(20);
        while tcp.unsent_bytes() > 0 {
            assert!(Instant::now() < deadline, "bytes are unsent");
            tcp.register(poll.registry(), TOKEN).unwrap();
            poll.poll(&mut events, Some(Duration::from_secs(1)))
                .unwrap();
            tcp.flush_unsent();
        }
        tcp.register(poll.registry(), TOKEN).unwrap();
        // Nothing is unsent, so the poll does not report that the socket is writable.
        poll.poll(&mut events, Some(Duration::from_millis(100)))
            .unwrap();
        assert!(events.is_empty());
        tcp.finish_writing();
        assert!(reader.join().unwrap() == sent);
        tcp.deregister(poll.registry());
    }

    #[test]
    fn failed_write_clears_the_send_buffer() {
        let (near, far) = pair();
        let mut tcp = live(near);
        for _ in 0..320 {
            tcp.write_all(&[0; 100_000]).unwrap();
        }
        assert!(tcp.unsent_bytes() > 0);
        // The peer has unread bytes, so the system resets the connection.
        drop(far);
        let deadline = Instant::now() + SOON;
        while tcp.unsent_bytes() > 0 {
            assert!(Instant::now() < deadline, "bytes are unsent");
            thread::sleep(Duration::from_millis(5));
            tcp.flush_unsent();
        }
        let read = tcp.read(&mut [0]).map_err(|error| error.kind());
        assert!(!matches!(read, Ok(1) | Err(ErrorKind::WouldBlock)));
    }

    #[test]
    fn data_received_before_a_failed_write_is_read_first() {
        let (near, mut far) = pair();
        let mut tcp = live(near);
        far.write_all(b"last data").unwrap();
        far.shutdown(Shutdown::Both).unwrap();
        drop(far);
        thread::sleep(Duration::from_millis(50));
        for _ in 0..10 {
            tcp.write_all(&[0; 1000]).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(tcp.unsent_bytes(), 0);
        let mut last = [0; 9];
        match tcp.read_exact(&mut last) {
            Ok(()) => assert_eq!(&last, b"last data"),
            // Some systems drop unread data at a reset.
            Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}
