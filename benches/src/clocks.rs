//! CPU time and wake-ups of single threads, which do not depend on the load by other programs.

use std::{fs, path::PathBuf, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// Returns the CPU time of the calling thread.
#[must_use]
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

/// Another thread of this process, read from `/proc` on Linux.
pub struct Thread(PathBuf);

impl Thread {
    /// Returns the thread with this name, or `None` if there is none or the system has no `/proc`. Of several, returns the
    /// newest.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/proc/self/task")
            .ok()?
            .flatten()
            .map(|task| task.path())
            .filter(|path| {
                fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
            })
            .filter_map(|path| Some((path.file_name()?.to_str()?.parse().ok()?, path)))
            .collect();
        found.sort();
        found.pop().map(|(_, path)| Self(path))
    }

    /// Returns the network thread of `bevy_pusher`.
    #[must_use]
    pub fn network() -> Option<Self> {
        Self::named("pusher")
    }

    /// Returns the CPU time of the thread. For a running thread the value is a few milliseconds old.
    #[must_use]
    pub fn time(&self) -> Duration {
        let schedule = fs::read_to_string(self.0.join("schedstat")).unwrap_or_default();
        let nanoseconds = schedule.split(' ').next().unwrap_or_default();
        Duration::from_nanos(nanoseconds.parse().unwrap_or_default())
    }

    /// Returns how often the thread went to sleep, which is how often it woke up.
    #[must_use]
    pub fn wake_ups(&self) -> u64 {
        let status = fs::read_to_string(self.0.join("status")).unwrap_or_default();
        status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or_default()
    }
}
