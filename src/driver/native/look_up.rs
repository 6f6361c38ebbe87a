//! Host names to addresses, with a deadline.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, ToSocketAddrs},
    panic::catch_unwind,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Instant,
};

use super::cutoff::{Cutoff, NoAnswer, Waiter};

/// The system's resolver.
///
/// A look-up cannot be cancelled and may take a minute, so each runs on a detached thread, at most one for a host:
/// whoever asks for the same host meanwhile waits for the same answer. These threads are the only thing of a client
/// that may outlive it.
pub(super) static SYSTEM: LookUps = LookUps::new(ask_system);

/// Look-ups under way.
pub(super) struct LookUps {
    find: fn(&str) -> io::Result<Vec<IpAddr>>,
    under_way: Mutex<BTreeMap<String, Waiters>>,
}

/// Why there are no addresses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LookUpError {
    /// The system's own words.
    Failed(String),
    TimedOut,
    Cut,
}

/// The addresses, or the system's own words.
type Found = Result<Vec<IpAddr>, String>;

type Waiters = Vec<Weak<Waiter<Found>>>;

impl LookUps {
    pub(super) const fn new(find: fn(&str) -> io::Result<Vec<IpAddr>>) -> Self {
        Self {
            find,
            under_way: Mutex::new(BTreeMap::new()),
        }
    }

    /// The addresses of a host, in the system's order. The deadline bounds the wait, not the look-up.
    pub(super) fn look_up(
        &'static self,
        host: &str,
        deadline: Instant,
        cutoff: &Cutoff,
    ) -> Result<Vec<IpAddr>, LookUpError> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let (waiter, answer) = Waiter::attach(cutoff);
        self.wait_with_others(host, &waiter)
            .map_err(|error| LookUpError::Failed(error.to_string()))?;
        match answer.until(deadline) {
            Ok(found) => found.map_err(LookUpError::Failed),
            Err(NoAnswer::TimedOut) => Err(LookUpError::TimedOut),
            Err(NoAnswer::Cut) => Err(LookUpError::Cut),
        }
    }

    fn wait_with_others(&'static self, host: &str, waiter: &Arc<Waiter<Found>>) -> io::Result<()> {
        let waiter = Arc::downgrade(waiter);
        let mut under_way = self.lock();
        if let Some(waiters) = under_way.get_mut(host) {
            waiters.retain(|waiter| waiter.strong_count() > 0);
            waiters.push(waiter);
            return Ok(());
        }
        let owned = host.to_owned();
        thread::Builder::new()
            .name("pusher-look-up".into())
            .spawn(move || self.run(&owned))?;
        under_way.insert(host.to_owned(), vec![waiter]);
        Ok(())
    }

    fn run(&self, host: &str) {
        let found = catch_unwind(|| (self.find)(host))
            .unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")))
            .map_err(|error| error.to_string())
            .and_then(|addresses| {
                if addresses.is_empty() {
                    Err("it has none".into())
                } else {
                    Ok(addresses)
                }
            });
        let waiters = self.lock().remove(host).unwrap_or_default();
        for waiter in waiters.iter().filter_map(Weak::upgrade) {
            waiter.answer(found.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Waiters>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask_system(host: &str) -> io::Result<Vec<IpAddr>> {
    let addresses = (host, 0).to_socket_addrs()?;
    Ok(addresses.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::{super::cutoff::Cut, *};

    fn within(duration: Duration) -> Instant {
        Instant::now() + duration
    }

    #[test]
    fn an_address_is_its_own_answer_and_a_name_is_looked_up() {
        let cutoff = Cutoff::default();
        let soon = within(Duration::from_secs(5));
        let v6 = SYSTEM.look_up("::1", soon, &cutoff).unwrap();
        assert_eq!(v6, ["::1".parse::<IpAddr>().unwrap()]);
        let localhost = SYSTEM.look_up("localhost", soon, &cutoff).unwrap();
        assert!(localhost.iter().all(IpAddr::is_loopback), "{localhost:?}");
    }

    #[test]
    fn many_who_ask_for_a_slow_host_share_one_look_up() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static SLOW: LookUps = LookUps::new(|_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(300));
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        });
        let cutoff = Cutoff::default();
        let early = SLOW.look_up("slow", within(Duration::from_millis(20)), &cutoff);
        assert_eq!(early, Err(LookUpError::TimedOut));
        let patient = SLOW.look_up("slow", within(Duration::from_secs(5)), &cutoff);
        assert_eq!(patient, Ok(vec![IpAddr::from([127, 0, 0, 1])]));
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        assert!(SLOW.lock().is_empty());
    }

    #[test]
    fn a_cut_ends_the_wait_and_not_the_look_up() {
        static HUNG: LookUps = LookUps::new(|_| {
            thread::sleep(Duration::from_millis(500));
            Ok(Vec::new())
        });
        let cutoff = Arc::new(Cutoff::default());
        let cutter = cutoff.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            cutter.cut();
        });
        let begun = Instant::now();
        let answer = HUNG.look_up("hung", within(Duration::from_secs(5)), &cutoff);
        assert_eq!(answer, Err(LookUpError::Cut));
        assert!(begun.elapsed() < Duration::from_millis(400));
    }

    #[test]
    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    fn a_resolver_that_fails_or_panics_is_a_failure_each_time() {
        static BROKEN: LookUps = LookUps::new(|host| match host {
            "panics" => panic!("told to"),
            "empty" => Ok(Vec::new()),
            _ => Err(io::Error::other("no such host")),
        });
        let cutoff = Cutoff::default();
        for host in ["panics", "empty", "unknown", "panics"] {
            let answer = BROKEN.look_up(host, within(Duration::from_secs(5)), &cutoff);
            assert!(
                matches!(answer, Err(LookUpError::Failed(_))),
                "{host}: {answer:?}"
            );
        }
    }
}
