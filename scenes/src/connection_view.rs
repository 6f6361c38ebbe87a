//! What a scene shows of the connection, whoever feeds it.

use std::time::Duration;

use bevy::{platform::time::Instant, prelude::*};

use crate::words::{milliseconds, seconds_left};

/// The state of the connection as a person needs it.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub enum ConnectionView {
    /// Not connected, and not trying to be.
    #[default]
    Offline,
    /// On the way; `attempt` counts from 1.
    Connecting {
        /// Which attempt this is.
        attempt: u32,
    },
    /// Connected.
    Connected {
        /// How long the last heartbeat took to come back, once known.
        round_trip: Option<Duration>,
    },
    /// Lost; another attempt will be made.
    Waiting {
        /// When.
        retry_at: Instant,
        /// What went wrong, in one line.
        reason: String,
    },
    /// Given up.
    Failed {
        /// What went wrong, in one line.
        reason: String,
        /// What the person can do about it.
        advice: String,
    },
}

impl ConnectionView {
    /// The state in a few words, at the moment `now`.
    #[must_use]
    pub fn words(&self, now: Instant) -> String {
        match self {
            Self::Offline => "offline".to_owned(),
            Self::Connecting { attempt: 0 | 1 } => "connecting".to_owned(),
            Self::Connecting { attempt } => format!("connecting, attempt {attempt}"),
            Self::Connected { .. } => "connected".to_owned(),
            Self::Waiting { .. } => match self.seconds_left(now) {
                0 => "retrying".to_owned(),
                seconds => format!("retrying in {seconds} s"),
            },
            Self::Failed { reason, .. } => format!("failed: {reason}"),
        }
    }

    /// The heartbeat's round trip in words, once known.
    #[must_use]
    pub fn round_trip(&self) -> Option<String> {
        match self {
            Self::Connected { round_trip } => round_trip.map(milliseconds),
            _ => None,
        }
    }

    /// Whole seconds until the next attempt; 0 when none is planned.
    #[must_use]
    pub fn seconds_left(&self, now: Instant) -> u64 {
        match self {
            Self::Waiting { retry_at, .. } => seconds_left(retry_at.saturating_duration_since(now)),
            _ => 0,
        }
    }

    /// Whether the link is up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }

    /// Whether it has given up.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_rounds_up_and_never_says_zero_seconds() {
        let now = Instant::now();
        let waiting = |left| ConnectionView::Waiting {
            retry_at: now + left,
            reason: "closed".to_owned(),
        };
        assert_eq!(
            waiting(Duration::from_millis(3_200)).words(now),
            "retrying in 4 s"
        );
        assert_eq!(
            waiting(Duration::from_millis(1)).words(now),
            "retrying in 1 s"
        );
        assert_eq!(waiting(Duration::ZERO).words(now), "retrying");
    }

    #[test]
    fn the_first_attempt_is_not_counted_aloud() {
        let now = Instant::now();
        assert_eq!(
            ConnectionView::Connecting { attempt: 1 }.words(now),
            "connecting"
        );
        assert_eq!(
            ConnectionView::Connecting { attempt: 3 }.words(now),
            "connecting, attempt 3"
        );
    }
}
