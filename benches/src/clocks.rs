//! How much of a processor's time threads take, and how often they wake. What other programs take does not count.

use std::{fs, path::PathBuf, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// The processor's time that the calling thread took so far.
#[must_use]
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

/// Another thread of this process, as Linux shows it.
pub struct Thread(PathBuf);

impl Thread {
    /// The thread of this name, if the system tells of threads. The youngest, if there are several.
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

    /// The network thread of `bevy_pusher`.
    #[must_use]
    pub fn network() -> Option<Self> {
        Self::named("pusher")
    }

    /// The processor's time that it took so far. Of a running thread a few milliseconds late.
    #[must_use]
    pub fn time(&self) -> Duration {
        let schedule = fs::read_to_string(self.0.join("schedstat")).unwrap_or_default();
        let nanoseconds = schedule.split(' ').next().unwrap_or_default();
        Duration::from_nanos(nanoseconds.parse().unwrap_or_default())
    }

    /// How often it went to sleep so far, and so how often it woke.
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
