//! Statistics over many measurements.

use std::time::Duration;

/// Returns the value below which `percent` per cent of the measurements lie.
#[must_use]
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    sorted[(last as f64 * percent / 100.0).round() as usize]
}

/// Returns the median.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// Converts to microseconds.
#[must_use]
pub fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Converts to nanoseconds per item.
#[must_use]
pub fn nanoseconds_each(duration: Duration, count: u64) -> f64 {
    duration.as_secs_f64() * 1e9 / count as f64
}
