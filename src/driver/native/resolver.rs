//! Resolves host names, with a deadline.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, ToSocketAddrs},
    panic::catch_unwind,
    sync::{Arc, Mutex, Weak},
    thread,
    time::Instant,
};

use super::cancel::{Answerer, CancelToken, Stopped, wait};
use crate::sync::lock;

/// The system's resolver.
///
/// The system's function cannot be cancelled and may take a minute. So each call runs on a detached thread, at most one per host; further
/// requests for the same host wait for the same answer. These threads are the only thing of a client that may outlive it.
pub(super) static SYSTEM: DnsResolver = DnsResolver::new(resolve_by_system);

/// Resolves host names by a blocking function.
pub(super) struct DnsResolver {
    resolve: fn(&str) -> io::Result<Vec<IpAddr>>,
    /// By host: who waits for the call in progress.
    in_progress: Mutex<BTreeMap<String, Waiting>>,
}

/// The addresses, or the system's error message.
type Resolved = Result<Vec<IpAddr>, String>;

type Waiting = Vec<Weak<Answerer<Resolved>>>;

impl DnsResolver {
    pub(super) const fn new(resolve: fn(&str) -> io::Result<Vec<IpAddr>>) -> Self {
        Self {
            resolve,
            in_progress: Mutex::new(BTreeMap::new()),
        }
    }

    /// Returns the addresses of a host, in the system's order. The deadline limits the wait, not the call of the system.
    pub(super) fn resolve(
        &'static self,
        host: &str,
        deadline: Instant,
        token: &CancelToken,
    ) -> Result<Vec<IpAddr>, Stopped<String>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let (answerer, answer) = wait(token);
        self.join(host, &answerer)
            .map_err(|error| Stopped::Failed(error.to_string()))?;
        answer.until(deadline)
    }

    /// Waits for the call in progress for this host, or starts one.
    fn join(&'static self, host: &str, answerer: &Arc<Answerer<Resolved>>) -> io::Result<()> {
        let answerer = Arc::downgrade(answerer);
        let mut in_progress = lock(&self.in_progress);
        if let Some(waiting) = in_progress.get_mut(host) {
            waiting.retain(|answerer| answerer.strong_count() > 0);
            waiting.push(answerer);
            return Ok(());
        }
        let owned = host.to_owned();
        thread::Builder::new()
            .name("pusher-dns".into())
            .spawn(move || self.run(&owned))?;
        in_progress.insert(host.to_owned(), vec![answerer]);
        Ok(())
    }

    fn run(&self, host: &str) {
        let resolved = catch_unwind(|| (self.resolve)(host))
            .unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")))
            .map_err(|error| error.to_string())
            .and_then(|addresses| match addresses.is_empty() {
                true => Err("the host has no addresses".into()),
                false => Ok(addresses),
            });
        let waiting = lock(&self.in_progress).remove(host).unwrap_or_default();
        for answerer in waiting.iter().filter_map(Weak::upgrade) {
            answerer.answer(resolved.clone());
        }
    }
}

fn resolve_by_system(host: &str) -> io::Result<Vec<IpAddr>> {
    let addresses = (host, 0).to_socket_addrs()?;
    Ok(addresses.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::{
        super::{
            cancel::Cancel,
            tests::{SOON, run_soon},
        },
        *,
    };

    fn within(duration: Duration) -> Instant {
        Instant::now() + duration
    }

    #[test]
    fn ip_address_is_not_looked_up_but_a_name_is() {
        let token = CancelToken::default();
        let soon = within(SOON);
        let v6 = SYSTEM.resolve("::1", soon, &token).unwrap();
        assert_eq!(v6, ["::1".parse::<IpAddr>().unwrap()]);
        let localhost = SYSTEM.resolve("localhost", soon, &token).unwrap();
        assert!(localhost.iter().all(IpAddr::is_loopback), "{localhost:?}");
    }

    #[test]
    fn concurrent_requests_share_one_dns_lookup() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        static SLOW: DnsResolver = DnsResolver::new(|_| {
            CALLS.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(300));
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        });
        let token = CancelToken::default();
        let early = SLOW.resolve("slow", within(Duration::from_millis(20)), &token);
        assert_eq!(early, Err(Stopped::TimedOut));
        let patient = SLOW.resolve("slow", within(SOON), &token);
        assert_eq!(patient, Ok(vec![IpAddr::from([127, 0, 0, 1])]));
        assert_eq!(CALLS.load(Ordering::SeqCst), 1);
        assert!(lock(&SLOW.in_progress).is_empty());
    }

    #[test]
    fn cancel_ends_the_wait_but_not_the_dns_lookup() {
        static HUNG: DnsResolver = DnsResolver::new(|_| {
            thread::sleep(Duration::from_millis(500));
            Ok(Vec::new())
        });
        let token = Arc::new(CancelToken::default());
        let canceller = token.clone();
        run_soon(move || canceller.cancel());
        let begun = Instant::now();
        let answer = HUNG.resolve("hung", within(SOON), &token);
        assert_eq!(answer, Err(Stopped::Cancelled));
        assert!(begun.elapsed() < Duration::from_millis(400));
    }

    #[test]
    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    fn a_resolver_that_fails_or_panics_is_a_failure_each_time() {
        static BROKEN: DnsResolver = DnsResolver::new(|host| match host {
            "panics" => panic!("the test requests a panic"),
            "empty" => Ok(Vec::new()),
            _ => Err(io::Error::other("no such host")),
        });
        let token = CancelToken::default();
        for host in ["panics", "empty", "unknown", "panics"] {
            let answer = BROKEN.resolve(host, within(SOON), &token);
            let is_failure = matches!(answer, Err(Stopped::Failed(_)));
            assert!(is_failure, "{host}: {answer:?}");
        }
    }
}
