//! Threads for what may block: HTTP, and the game's own code.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long a worker without work stays for more, so that a reconnect finds it and a quiet game has no thread too many.
const PATIENCE: Duration = Duration::from_secs(10);

/// A queue of jobs with workers that are started when they are needed. A job that is given up while it runs no longer
/// counts: another worker takes its place.
pub(super) struct Workers<Id> {
    name: &'static str,
    /// How many threads there may be in all, with those that hang in a job nobody waits for any more.
    most: usize,
    shared: Arc<Shared<Id>>,
}

struct Shared<Id> {
    /// How many jobs run at a time.
    at_once: usize,
    patience: Duration,
    state: Mutex<State<Id>>,
    news: Condvar,
}

struct State<Id> {
    queue: VecDeque<Job<Id>>,
    /// What runs, and whether it was given up.
    running: Vec<(Id, bool)>,
    idle: usize,
    is_over: bool,
}

struct Job<Id> {
    id: Id,
    work: Box<dyn FnOnce() + Send>,
}

impl<Id: Copy + PartialEq + Send + 'static> Workers<Id> {
    /// Threads of this name: for so many jobs at a time, and with those that were given up and hang, so many in all.
    pub(super) fn new(name: &'static str, at_once: usize, most: usize) -> Self {
        Self::with_patience(name, at_once, most, PATIENCE)
    }

    fn with_patience(name: &'static str, at_once: usize, most: usize, patience: Duration) -> Self {
        let shared = Shared {
            at_once,
            patience,
            state: Mutex::new(State {
                queue: VecDeque::new(),
                running: Vec::new(),
                idle: 0,
                is_over: false,
            }),
            news: Condvar::new(),
        };
        Self {
            name,
            most,
            shared: Arc::new(shared),
        }
    }

    /// Has a job done. Fails if there is no thread for it and none can be started.
    pub(super) fn submit(&self, id: Id, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.queue.push_back(Job {
            id,
            work: Box::new(work),
        });
        self.staff(&mut state)
            .inspect_err(|_| state.queue.retain(|job| job.id != id))
    }

    /// Gives a job up: it is not begun, or if it runs, no longer waited for.
    pub(super) fn cancel(&self, id: Id) {
        let mut state = self.shared.lock();
        state.queue.retain(|job| job.id != id);
        for (running, is_given_up) in &mut state.running {
            *is_given_up |= *running == id;
        }
        if let Err(error) = self.staff(&mut state) {
            log::debug!("no further worker: {error}");
        }
    }

    /// Wakes or starts a worker if one is needed and allowed.
    fn staff(&self, state: &mut State<Id>) -> io::Result<()> {
        if state.queue.is_empty() {
            return Ok(());
        }
        if state.idle > 0 {
            self.shared.news.notify_one();
        }
        let free = self.shared.at_once.saturating_sub(state.at_work());
        let missing = state.queue.len().min(free).saturating_sub(state.idle);
        for _ in 0..missing {
            if state.threads() >= self.most {
                break;
            }
            let shared = self.shared.clone();
            // It counts as idle from here, so that nobody starts another in its stead.
            state.idle += 1;
            let started = thread::Builder::new()
                .name(self.name.into())
                .spawn(move || shared.work());
            if let Err(error) = started {
                state.idle -= 1;
                return if state.threads() == 0 {
                    Err(error)
                } else {
                    Ok(())
                };
            }
        }
        Ok(())
    }
}

impl<Id> Drop for Workers<Id> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_over = true;
        state.queue.clear();
        self.shared.news.notify_all();
    }
}

impl<Id> State<Id> {
    /// How many run something that is waited for.
    fn at_work(&self) -> usize {
        let given_up = self.running.iter().filter(|(_, given_up)| *given_up);
        self.running.len() - given_up.count()
    }

    fn threads(&self) -> usize {
        self.running.len() + self.idle
    }
}

impl<Id: Copy + PartialEq> Shared<Id> {
    /// A worker's life.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            // More hands than needed come about when a job that was given up ends after all.
            if state.is_over || state.at_work() + state.idle > self.at_once {
                state.idle -= 1;
                return;
            }
            let Some(Job { id, work }) = state.queue.pop_front() else {
                let (after, wait) = self
                    .news
                    .wait_timeout(state, self.patience)
                    .unwrap_or_else(PoisonError::into_inner);
                state = after;
                if wait.timed_out() && state.queue.is_empty() {
                    state.idle -= 1;
                    return;
                }
                continue;
            };
            state.idle -= 1;
            state.running.push((id, false));
            drop(state);
            // The job itself sees to it that a panic becomes an answer.
            let _ = catch_unwind(AssertUnwindSafe(work));
            state = self.lock();
            state.running.retain(|(running, _)| *running != id);
            state.idle += 1;
        }
    }
}

impl<Id> Shared<Id> {
    fn lock(&self) -> MutexGuard<'_, State<Id>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crossbeam_channel::unbounded;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    const WORKERS: usize = 3;

    fn workers(patience: Duration) -> Workers<usize> {
        Workers::with_patience("test", WORKERS, 2 * WORKERS, patience)
    }

    fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + SOON;
        while !is_so() {
            assert!(Instant::now() < deadline, "waited for: {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn all_that_is_asked_at_once_is_worked_on_at_once_and_the_rest_in_turn() {
        let workers = workers(SOON);
        let (begin, begun) = unbounded();
        let (release, released) = unbounded::<()>();
        for id in 0..WORKERS + 6 {
            let (begin, released) = (begin.clone(), released.clone());
            let work = move || {
                begin.send(id).unwrap();
                let _ = released.recv();
            };
            workers.submit(id, work).unwrap();
        }
        let first: Vec<usize> = (0..WORKERS)
            .map(|_| begun.recv_timeout(SOON).unwrap())
            .collect();
        assert_eq!(first.iter().max(), Some(&(WORKERS - 1)));
        assert!(begun.recv_timeout(Duration::from_millis(50)).is_err());
        drop(release);
        for _ in 0..6 {
            begun.recv_timeout(SOON).unwrap();
        }
        wait_until("all to be idle", || workers.shared.lock().idle == WORKERS);
        drop(released);
    }

    #[test]
    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    fn a_job_that_hangs_is_replaced_once_it_is_given_up_and_a_panic_costs_nothing() {
        let workers = workers(SOON);
        let (release, released) = unbounded::<()>();
        for id in 0..WORKERS {
            let released = released.clone();
            let hang = move || {
                let _ = released.recv();
                panic!("a job that hung and then panics");
            };
            workers.submit(id, hang).unwrap();
        }
        let (done, ended) = unbounded();
        let answer = done.clone();
        workers
            .submit(100, move || answer.send(100).unwrap())
            .unwrap();
        assert!(ended.recv_timeout(Duration::from_millis(50)).is_err());
        workers.cancel(2);
        assert_eq!(ended.recv_timeout(SOON), Ok(100));
        drop(release);
        wait_until("the surplus to leave", || {
            let state = workers.shared.lock();
            state.running.is_empty() && state.idle == WORKERS
        });
        workers
            .submit(101, move || done.send(101).unwrap())
            .unwrap();
        assert_eq!(ended.recv_timeout(SOON), Ok(101));
    }

    #[test]
    fn workers_without_work_leave_and_come_back_when_there_is_some() {
        let workers = workers(Duration::from_millis(20));
        for id in 0..2 {
            let (done, ended) = unbounded();
            workers.submit(id, move || done.send(()).unwrap()).unwrap();
            ended.recv_timeout(SOON).unwrap();
            wait_until("the worker to leave", || {
                workers.shared.lock().threads() == 0
            });
        }
    }

    #[test]
    fn a_job_that_was_given_up_in_the_queue_never_begins_and_the_end_ends_the_threads() {
        let workers = workers(SOON);
        let (release, released) = unbounded::<()>();
        for id in 0..WORKERS {
            let released = released.clone();
            let hang = move || {
                let _ = released.recv();
            };
            workers.submit(id, hang).unwrap();
        }
        let (done, ended) = unbounded();
        workers.submit(100, move || done.send(()).unwrap()).unwrap();
        workers.cancel(100);
        assert!(
            ended
                .recv_timeout(SOON)
                .is_err_and(|error| error.is_disconnected())
        );
        let shared = workers.shared.clone();
        drop(workers);
        drop(release);
        wait_until("the threads to end", || Arc::strong_count(&shared) == 1);
    }
}
