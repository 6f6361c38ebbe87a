//! Runs a test in a child process: this test program again, with only that test and an environment variable that marks it
//! as the child. Threads, files and memory that are counted there are the plugin's.

use std::{
    env, fs,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

const SCENARIO: &str = "PUSHER_TEST_SCENARIO";
const PORTS: &str = "PUSHER_TEST_PORTS";

/// Returns the task of this process and the ports to use, if a test started it.
pub(crate) fn scenario() -> Option<(String, Vec<u16>)> {
    let scenario = env::var(SCENARIO).ok()?;
    let ports = env::var(PORTS).unwrap();
    let ports = ports.split(',').map(|port| port.parse().unwrap());
    Some((scenario, ports.collect()))
}

/// A child process, which is killed when it is dropped.
pub(crate) struct Process(Child);

/// Starts a task of the test with this path in a child process.
pub(crate) fn start(test: &str, scenario: &str, ports: &[u16]) -> Process {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(SCENARIO, scenario)
        .env(PORTS, ports.join(","))
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Process(child)
}

/// Runs a test alone in a child process. Returns `true` in the parent, once the child has passed, and `false` in the child.
pub(crate) fn ran_in_child_process(test: &str, within: Duration) -> bool {
    let starts = scenario().is_none();
    if starts {
        assert!(start(test, "alone", &[0]).expect_end(within).success());
    }
    starts
}

impl Process {
    /// Waits for the exit. The standard error of the child is inherited, so it is part of the test's output.
    pub(crate) fn expect_end(mut self, within: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(
                started.elapsed() < within,
                "the process is still running after {within:?}"
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

/// The resources that a process uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceUsage {
    pub(crate) threads: usize,
    /// Open files, including sockets.
    pub(crate) files: usize,
    /// Resident memory.
    pub(crate) kib: usize,
}

impl ResourceUsage {
    /// Measures this process. Linux only.
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

    /// Waits until the process has no more threads and files than these.
    pub(crate) fn expect_no_more_than(self, what: &str, base: Self) -> Self {
        let started = Instant::now();
        loop {
            let now = Self::now();
            if now.threads <= base.threads && now.files <= base.files {
                return now;
            }
            assert!(
                started.elapsed() < Duration::from_secs(2),
                "{what}: {now:?} after {base:?}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Returns the processor time of this thread. Linux only.
pub(crate) fn processor_time() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = times.split_whitespace().next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}
