use std::time::Duration;

use crate::session::context::Context;

/// So often in a row the game may ask for the same thing without a wait: once, and once more when it has mended what was
/// wrong, such as a token that had run out.
const AT_ONCE: u32 = 2;

/// After so long without a question what was asked before counts no more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// How often in a row the game has asked for the same thing in vain: so that code which tries again whenever it is refused
/// does not hammer the game's backend and the server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repeats {
    count: u32,
    /// When it was asked last, or will be.
    last: Duration,
}

impl Repeats {
    /// The game asks. Returns until when that has to wait, `None` if it need not.
    pub(super) fn ask(&mut self, context: &mut Context) -> Option<Duration> {
        let now = context.now;
        if self.last > now {
            // It was given up before its turn came.
            return Some(self.last);
        }
        if self.are_forgotten(now) {
            *self = Self::default();
        }
        let earliest = match self.count.checked_sub(AT_ONCE) {
            None => now,
            Some(over) => {
                let policy = &context.config.auth_retry;
                self.last + policy.backoff(over, &mut context.random)
            }
        };
        self.count = self.count.saturating_add(1);
        self.last = earliest.max(now);
        (earliest > now).then_some(earliest)
    }

    /// Whether the next question need not wait.
    pub(super) fn are_few(&self, now: Duration) -> bool {
        self.count < AT_ONCE || self.are_forgotten(now)
    }

    /// Whether there is nothing worth remembering.
    pub(super) fn are_forgotten(&self, now: Duration) -> bool {
        self.count == 0 || now >= self.last + FORGOTTEN_AFTER
    }
}
