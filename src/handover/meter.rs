use std::sync::{Mutex, PoisonError};

use bevy_platform::time::Instant;

/// Counts what arrives, for the diagnostics.
#[derive(Default)]
pub(crate) struct Meter(Mutex<Reading>);

/// What a meter shows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reading {
    pub(crate) events: u64,
    /// Of the frames' text.
    pub(crate) bytes: u64,
    pub(crate) last_frame: Option<Instant>,
}

impl Meter {
    pub(super) fn count(&self, events: u64, bytes: u64) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.events += events;
        reading.bytes += bytes;
        reading.last_frame = Some(Instant::now());
    }

    #[cfg(feature = "diagnostics")]
    pub(crate) fn read(&self) -> Reading {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
