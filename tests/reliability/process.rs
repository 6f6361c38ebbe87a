//! A game in a process of its own: this test program again, with one test alone, told by its environment that it is the
//! game. So what is counted of the process is the plugin's.

use std::{
    env, fs,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

const PART: &str = "PUSHER_TEST_PART";
const PORTS: &str = "PUSHER_TEST_PORTS";

/// What this process has to do, and the ports to do it at, if a test started it.
pub(crate) fn part() -> Option<(String, Vec<u16>)> {
    let part = env::var(PART).ok()?;
    let ports = env::var(PORTS).unwrap();
    let ports = ports.split(',').map(|port| port.parse().unwrap());
    Some((part, ports.collect()))
}

/// A process that a test started. It is ended with the test.
pub(crate) struct Process(Child);

/// Starts a part of the test with this path.
pub(crate) fn start(test: &str, part: &str, ports: &[u16]) -> Process {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(PART, part)
        .env(PORTS, ports.join(","))
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Process(child)
}

/// Has a test run alone in a process of its own. Returns whether that is done, for this is the process that started it.
pub(crate) fn ran_alone(test: &str, within: Duration) -> bool {
    let starts = part().is_none();
    if starts {
        assert!(start(test, "alone", &[0]).expect_end(within).success());
    }
    starts
}

impl Process {
    /// Waits for its end. What it printed as an error is the test's to show.
    pub(crate) fn expect_end(mut self, within: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(
                begun.elapsed() < within,
                "the process lives after {within:?}"
            );
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holdings {
    pub(crate) threads: usize,
    /// Open files, sockets among them.
    pub(crate) files: usize,
    /// Memory in use.
    pub(crate) kib: usize,
}

impl Holdings {
    /// What this process holds now. Only Linux tells.
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let memory = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = memory.unwrap().split_whitespace().nth(1).unwrap();
        Self {
            threads: fs::read_dir("/proc/self/task").unwrap().count(),
            files: fs::read_dir("/proc/self/fd").unwrap().count(),
            kib: kib.parse().unwrap(),
        }
    }

    /// Waits until there are no more threads and files than these.
    pub(crate) fn expect_no_more_than(self, what: &str, base: Self) -> Self {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            if now.threads <= base.threads && now.files <= base.files {
                return now;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(2),
                "{what}: {now:?} after {base:?}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// How long this thread has had a processor, whoever else wanted one. Only Linux tells.
pub(crate) fn processor_time() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = times.split_whitespace().next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}
