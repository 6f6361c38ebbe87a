//! Short-lived threads for work that may block: HTTP and user code. Their number is limited.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Starts threads of one kind, up to a limit. User code may block for ever, and each such call costs a thread until it returns.
pub(super) struct Threads {
    name: &'static str,
    limit: usize,
    running: Arc<AtomicUsize>,
}

/// Counts a running thread until it is dropped.
struct Running(Arc<AtomicUsize>);

impl Threads {
    pub(super) fn new(name: &'static str, limit: usize) -> Self {
        Self {
            name,
            limit,
            running: Arc::default(),
        }
    }

    /// Runs `work` on a thread of its own. Fails if the limit is reached, or if the system starts no thread.
    pub(super) fn spawn(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let before = self.running.fetch_add(1, Ordering::AcqRel);
        let running = Running(self.running.clone());
        if before >= self.limit {
            let reason = format!("{before} earlier calls have not returned");
            return Err(io::Error::other(reason));
        }
        thread::Builder::new()
            .name(self.name.into())
            .spawn(move || {
                // Dropped by a panic, too.
                let _running = running;
                work();
            })?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crossbeam_channel::unbounded;

    use super::{super::tests::SOON, *};

    #[test]
    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    fn calls_that_hang_count_against_the_limit_until_they_return() {
        let threads = Threads::new("test", 3);
        let (release, released) = unbounded::<()>();
        for _ in 0..3 {
            let released = released.clone();
            let hang = move || {
                let _ = released.recv();
                panic!("work that hung and then panics");
            };
            threads.spawn(hang).unwrap();
        }
        let error = threads.spawn(|| {}).unwrap_err();
        assert!(error.to_string().contains("3 earlier calls"), "{error}");
        drop(release);
        let deadline = Instant::now() + SOON;
        while threads.running.load(Ordering::Acquire) > 0 {
            assert!(Instant::now() < deadline, "a thread is still counted");
            thread::sleep(Duration::from_millis(2));
        }
        let (done, ended) = unbounded();
        threads.spawn(move || done.send(()).unwrap()).unwrap();
        assert_eq!(ended.recv_timeout(SOON), Ok(()));
    }
}
