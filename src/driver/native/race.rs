//! TCP to whichever of a host's addresses answers first.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker};

use super::cutoff::Cutoff;

/// How long one address is tried alone before the next joins in (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

const CUT: Token = Token(usize::MAX);

/// Why no address was reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RaceError {
    /// All were tried; what the system said of the last.
    Failed(String),
    TimedOut,
    Cut,
}

/// Connects to the first address that answers: one begins, the next joins in when it fails or is slow. So a dead
/// address costs a quarter of a second, wherever it stands in the list.
pub(super) fn race(
    addresses: &[SocketAddr],
    deadline: Instant,
    cutoff: &Cutoff,
) -> Result<TcpStream, RaceError> {
    Race::new(addresses, cutoff)
        .and_then(|race| race.run(deadline, cutoff))
        .unwrap_or_else(|error| Err(RaceError::Failed(error.to_string())))
}

/// The addresses with the families taking turns, beginning with the family that the system put first (RFC 8305,
/// section 4): a network whose IPv6 leads nowhere has many addresses of it.
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
    waiting: std::slice::Iter<'a, SocketAddr>,
    running: Vec<Runner>,
    last_error: Option<io::Error>,
    /// Kept so that a cut wakes the poll.
    _waker: Arc<Waker>,
}

struct Runner {
    token: Token,
    stream: mio::net::TcpStream,
}

impl<'a> Race<'a> {
    fn new(addresses: &'a [SocketAddr], cutoff: &Cutoff) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), CUT)?);
        cutoff.attach(&waker);
        Ok(Self {
            poll,
            waiting: addresses.iter(),
            running: Vec::new(),
            last_error: None,
            _waker: waker,
        })
    }

    fn run(
        mut self,
        deadline: Instant,
        cutoff: &Cutoff,
    ) -> io::Result<Result<TcpStream, RaceError>> {
        let mut events = Events::with_capacity(16);
        let mut next_start = Instant::now();
        loop {
            if cutoff.is_cut() {
                return Ok(Err(RaceError::Cut));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(Err(RaceError::TimedOut));
            }
            while (self.running.is_empty() || now >= next_start) && self.start_next() {
                next_start = now + STAGGER;
            }
            if self.running.is_empty() {
                let reason = self.last_error.map_or_else(
                    || "there is no address".to_owned(),
                    |error| error.to_string(),
                );
                return Ok(Err(RaceError::Failed(reason)));
            }
            let until = if self.waiting.len() == 0 {
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
            let running = self.running.len();
            for event in &events {
                if let Some(stream) = self.settle(event.token())? {
                    return Ok(Ok(stream));
                }
            }
            if self.running.len() < running {
                next_start = now;
            }
        }
    }

    /// Starts on the next address. `false` if there is none.
    fn start_next(&mut self) -> bool {
        let Some(address) = self.waiting.next() else {
            return false;
        };
        let token = Token(self.waiting.len());
        let started = mio::net::TcpStream::connect(*address).and_then(|mut stream| {
            self.poll
                .registry()
                .register(&mut stream, token, Interest::WRITABLE)?;
            Ok(stream)
        });
        match started {
            Ok(stream) => self.running.push(Runner { token, stream }),
            Err(error) => self.last_error = Some(error),
        }
        true
    }

    /// Looks after an attempt that has news; the winner is handed out.
    fn settle(&mut self, token: Token) -> io::Result<Option<TcpStream>> {
        let Some(index) = self.running.iter().position(|runner| runner.token == token) else {
            return Ok(None);
        };
        let runner = self.running.swap_remove(index);
        let state = match runner.stream.take_error() {
            Ok(Some(error)) | Err(error) => Err(error),
            Ok(None) => runner.stream.peer_addr(),
        };
        match state {
            Ok(_) => {
                let mut stream = runner.stream;
                self.poll.registry().deregister(&mut stream)?;
                let stream = TcpStream::from(stream);
                stream.set_nonblocking(false)?;
                // Nagle's algorithm would hold back small frames.
                stream.set_nodelay(true)?;
                Ok(Some(stream))
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                self.running.push(runner);
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
    use std::{net::TcpListener, thread};

    use pusher_test_support::BlackHole;

    use super::{super::cutoff::Cut, *};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    /// An address at which every connection is refused.
    fn refusing(host: &str) -> SocketAddr {
        TcpListener::bind((host, 0)).unwrap().local_addr().unwrap()
    }

    #[test]
    fn families_take_turns_and_none_is_tried_twice() {
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
    fn a_refusing_address_costs_nothing() {
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [
            refusing("::1"),
            refusing("127.0.0.1"),
            live.local_addr().unwrap(),
        ];
        let begun = Instant::now();
        let stream = race(&addresses, soon(), &Cutoff::default()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
        assert!(begun.elapsed() < STAGGER, "{:?}", begun.elapsed());
    }

    #[test]
    fn a_mute_address_costs_a_quarter_of_a_second() {
        let dead = BlackHole::start();
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [dead.address(), live.local_addr().unwrap()];
        let begun = Instant::now();
        let stream = race(&addresses, soon(), &Cutoff::default()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live.local_addr().unwrap());
        assert!(begun.elapsed() < STAGGER * 3, "{:?}", begun.elapsed());
    }

    #[test]
    fn if_all_refuse_the_system_says_why() {
        let error = race(&[refusing("127.0.0.1")], soon(), &Cutoff::default()).unwrap_err();
        assert!(
            matches!(&error, RaceError::Failed(reason) if reason.contains("refused")),
            "{error:?}"
        );
        let none = race(&[], soon(), &Cutoff::default()).unwrap_err();
        assert!(matches!(none, RaceError::Failed(_)));
    }

    #[test]
    fn a_mute_address_ends_at_the_deadline_or_by_a_cut() {
        let dead = BlackHole::start();
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(300);
        let error = race(&[dead.address()], deadline, &Cutoff::default()).unwrap_err();
        assert_eq!(error, RaceError::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(1));

        let cutoff = Arc::new(Cutoff::default());
        let cutter = cutoff.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            cutter.cut();
        });
        let begun = Instant::now();
        assert_eq!(
            race(&[dead.address()], soon(), &cutoff).unwrap_err(),
            RaceError::Cut
        );
        assert!(begun.elapsed() < Duration::from_millis(500));
    }
}
