//! Happy Eyeballs (RFC 8305): connects to the first of a host's addresses that answers.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker};

use super::cancel::{CancelToken, Stopped};

/// How long one address is tried alone before the next joins in (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

const CANCEL: Token = Token(usize::MAX);

/// Connects to the first address that answers. The next address is tried when the current one fails or is slow, so a dead address costs a
/// quarter of a second, wherever it is in the list. Fails with the system's error of the last address.
pub(super) fn connect(
    addresses: &[SocketAddr],
    deadline: Instant,
    token: &CancelToken,
) -> Result<TcpStream, Stopped<String>> {
    Race::new(addresses, token)
        .and_then(|race| race.run(deadline, token))
        .unwrap_or_else(|error| Err(Stopped::Failed(error.to_string())))
}

/// Returns the addresses with the families in turns, starting with the family that the system put first (RFC 8305, section 4): if IPv6 does
/// not work, it often has many addresses.
pub(super) fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let (same, other): (Vec<_>, Vec<_>) = addresses
        .iter()
        .partition(|address| address.is_ipv4() == first.is_ipv4());
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut mixed = Vec::with_capacity(addresses.len());
    loop {
        let turn = [same.next(), other.next()];
        if turn == [None, None] {
            return mixed;
        }
        for address in turn.into_iter().flatten() {
            if !mixed.contains(address) {
                mixed.push(*address);
            }
        }
    }
}

struct Race<'a> {
    poll: Poll,
    untried: std::slice::Iter<'a, SocketAddr>,
    attempts: Vec<Attempt>,
    last_error: Option<io::Error>,
    /// Keeps the attachment to the token, which wakes the poll.
    _waker: Arc<Waker>,
}

struct Attempt {
    token: Token,
    stream: mio::net::TcpStream,
}

impl<'a> Race<'a> {
    fn new(addresses: &'a [SocketAddr], token: &CancelToken) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), CANCEL)?);
        token.attach(&waker);
        Ok(Self {
            poll,
            untried: addresses.iter(),
            attempts: Vec::new(),
            last_error: None,
            _waker: waker,
        })
    }

    fn run(
        mut self,
        deadline: Instant,
        token: &CancelToken,
    ) -> io::Result<Result<TcpStream, Stopped<String>>> {
        let mut events = Events::with_capacity(16);
        let mut next_start = Instant::now();
        loop {
            if token.is_cancelled() {
                return Ok(Err(Stopped::Cancelled));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(Err(Stopped::TimedOut));
            }
            while (self.attempts.is_empty() || now >= next_start) && self.start_next() {
                next_start = now + STAGGER;
            }
            if self.attempts.is_empty() {
                let reason = self.last_error.map_or_else(
                    || "the host has no addresses".to_owned(),
                    |error| error.to_string(),
                );
                return Ok(Err(Stopped::Failed(reason)));
            }
            let until = if self.untried.len() == 0 {
                deadline
            } else {
                deadline.min(next_start)
            };
            match self
                .poll
                .poll(&mut events, Some(until.saturating_duration_since(now)))
            {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let before = self.attempts.len();
            for event in &events {
                if let Some(stream) = self.settle(event.token())? {
                    return Ok(Ok(stream));
                }
            }
            if self.attempts.len() < before {
                next_start = now;
            }
        }
    }

    /// Tries the next address. Returns whether there was one.
    fn start_next(&mut self) -> bool {
        let Some(address) = self.untried.next() else {
            return false;
        };
        let token = Token(self.untried.len());
        let started = mio::net::TcpStream::connect(*address).and_then(|mut stream| {
            self.poll
                .registry()
                .register(&mut stream, token, Interest::WRITABLE)?;
            Ok(stream)
        });
        match started {
            Ok(stream) => self.attempts.push(Attempt { token, stream }),
            Err(error) => self.last_error = Some(error),
        }
        true
    }

    /// Checks an attempt that the poll reported. Returns the stream if it is connected.
    fn settle(&mut self, token: Token) -> io::Result<Option<TcpStream>> {
        let Some(index) = self
            .attempts
            .iter()
            .position(|attempt| attempt.token == token)
        else {
            return Ok(None);
        };
        let attempt = self.attempts.swap_remove(index);
        let state = match attempt.stream.take_error() {
            Ok(Some(error)) | Err(error) => Err(error),
            Ok(None) => attempt.stream.peer_addr(),
        };
        match state {
            Ok(_) => {
                let mut stream = attempt.stream;
                self.poll.registry().deregister(&mut stream)?;
                let stream = TcpStream::from(stream);
                stream.set_nonblocking(false)?;
                // Nagle's algorithm would hold back small frames.
                stream.set_nodelay(true)?;
                Ok(Some(stream))
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                self.attempts.push(attempt);
                Ok(None)
            }
            Err(error) => {
                self.last_error = Some(error);
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use pusher_test_support::BlackHole;

    use super::{
        super::{
            cancel::Cancel,
            tests::{SOON, assert_quick, run_soon},
        },
        *,
    };

    fn soon() -> Instant {
        Instant::now() + SOON
    }

    /// An address at which every connection is refused.
    fn refusing(host: &str) -> SocketAddr {
        TcpListener::bind((host, 0)).unwrap().local_addr().unwrap()
    }

    #[test]
    fn address_families_alternate_without_duplicates() {
        let v6 = |n: u16| IpAddr::from([0, 0, 0, 0, 0, 0, 0, n]);
        let v4 = |n: u8| IpAddr::from([127, 0, 0, n]);
        assert_eq!(
            interleaved(&[v6(1), v6(2), v6(3), v6(2), v4(1), v4(2)]),
            [v6(1), v4(1), v6(2), v4(2), v6(3)]
        );
        assert_eq!(interleaved(&[v4(1), v6(1)]), [v4(1), v6(1)]);
        assert!(interleaved(&[]).is_empty());
    }

    #[test]
    fn refused_address_delays_nothing_and_silent_one_by_250_ms() {
        let black_hole = BlackHole::start();
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let live = live.local_addr().unwrap();
        for (addresses, most) in [
            (vec![refusing("::1"), refusing("127.0.0.1"), live], STAGGER),
            (vec![black_hole.address(), live], STAGGER * 3),
        ] {
            let begun = Instant::now();
            let stream = connect(&addresses, soon(), &CancelToken::default()).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), live);
            assert!(stream.nodelay().unwrap());
            assert!(begun.elapsed() < most, "{:?}", begun.elapsed());
        }
    }

    #[test]
    fn all_refused_reports_the_system_error() {
        let error = connect(&[refusing("127.0.0.1")], soon(), &CancelToken::default()).unwrap_err();
        assert!(
            matches!(&error, Stopped::Failed(reason) if reason.contains("refused")),
            "{error:?}"
        );
        let none = connect(&[], soon(), &CancelToken::default()).unwrap_err();
        assert!(matches!(none, Stopped::Failed(_)));
    }

    #[test]
    fn silent_address_ends_at_the_deadline_or_on_cancel() {
        let dead = BlackHole::start();
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(300);
        let error = connect(&[dead.address()], deadline, &CancelToken::default()).unwrap_err();
        assert_eq!(error, Stopped::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(1));

        let token = Arc::new(CancelToken::default());
        let canceller = token.clone();
        run_soon(move || canceller.cancel());
        let begun = Instant::now();
        let error = connect(&[dead.address()], soon(), &token).unwrap_err();
        assert_eq!(error, Stopped::Cancelled);
        assert_quick(begun);
    }
}
