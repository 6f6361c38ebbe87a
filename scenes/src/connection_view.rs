//! The connection state as a scene shows it, independent of the plugin.

use std::time::Duration;

use bevy::{platform::time::Instant, prelude::*};

use crate::text::{milliseconds, seconds_left};

/// The connection state, with the texts that the user needs.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub enum ConnectionView {
    /// Disconnected, and not trying to connect.
    #[default]
    Offline,
    /// A connection attempt is under way.
    Connecting {
        /// The number of the attempt, counted from 1.
        attempt: u32,
    },
    /// Connected.
    Connected {
        /// The round trip of the last heartbeat, once known.
        round_trip: Option<Duration>,
    },
    /// The connection was lost or could not be established; the client retries.
    Waiting {
        /// When the next attempt starts.
        retry_at: Instant,
        /// The error, in one line.
        reason: String,
    },
    /// The client has given up.
    Failed {
        /// The error, in one line.
        reason: String,
        /// What the user can do about it.
        advice: String,
    },
}

impl ConnectionView {
    /// Returns a short label for the state at the time `now`.
    #[must_use]
    pub fn label(&self, now: Instant) -> String {
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

    /// Returns the formatted round trip of the heartbeat, once known.
    #[must_use]
    pub fn round_trip(&self) -> Option<String> {
        match self {
            Self::Connected { round_trip } => round_trip.map(milliseconds),
            _ => None,
        }
    }

    /// Returns the whole seconds until the next attempt, or 0 if none is planned.
    #[must_use]
    pub fn seconds_left(&self, now: Instant) -> u64 {
        match self {
            Self::Waiting { retry_at, .. } => seconds_left(retry_at.saturating_duration_since(now)),
            _ => 0,
        }
    }

    /// Whether the client is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }

    /// Whether the client has given up.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countdown_rounds_up_and_never_shows_zero_seconds() {
        let now = Instant::now();
        let waiting = |left| ConnectionView::Waiting {
            retry_at: now + left,
            reason: "closed".to_owned(),
        };
        assert_eq!(
            waiting(Duration::from_millis(3_200)).label(now),
            "retrying in 4 s"
        );
        assert_eq!(
            waiting(Duration::from_millis(1)).label(now),
            "retrying in 1 s"
        );
        assert_eq!(waiting(Duration::ZERO).label(now), "retrying");
    }

    #[test]
    fn first_attempt_is_shown_without_a_number() {
        let now = Instant::now();
        assert_eq!(
            ConnectionView::Connecting { attempt: 1 }.label(now),
            "connecting"
        );
        assert_eq!(
            ConnectionView::Connecting { attempt: 3 }.label(now),
            "connecting, attempt 3"
        );
    }
}
