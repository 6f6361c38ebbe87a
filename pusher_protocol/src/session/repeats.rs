use std::time::Duration;

use crate::session::context::Context;

/// After five times in a row, for somebody who goes in and out or has mended what was refused, the game may ask for the same
/// thing once in this time.
const APART: Duration = Duration::from_secs(3);

/// How much more of that time it may be by chance, so that clients that began in step do not stay in step.
const CHANCE: f64 = 0.2;

/// What may be in the bucket when another question is asked, so that five fit in whatever chance says.
const ROOM: Duration = Duration::from_millis(14_400);

/// How often the game has asked for the same thing of late: so that code which asks again whenever it is refused, or leaves
/// and comes back in every frame, hammers neither the game's backend nor the server. A bucket that leaks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repeats {
    /// When what was asked so far will count no more.
    empty_at: Duration,
}

impl Repeats {
    /// It was asked.
    pub(super) fn count(&mut self, context: &mut Context) {
        let apart = APART.mul_f64(1.0 + CHANCE * context.random.f64());
        let full_at = context.now + ROOM + APART.mul_f64(1.0 + CHANCE);
        self.empty_at = (self.empty_at.max(context.now) + apart).min(full_at);
    }

    /// Until when the next question has to wait, `None` if it need not.
    pub(super) fn wait_until(&self, now: Duration) -> Option<Duration> {
        let free_at = self.empty_at.saturating_sub(ROOM);
        (free_at > now).then_some(free_at)
    }

    /// Whether there is nothing worth remembering.
    pub(super) fn are_forgotten(&self, now: Duration) -> bool {
        now >= self.empty_at
    }
}
