//! Interpolates a smooth path between the few positions per second that are received.

use std::collections::VecDeque;
use std::time::Duration;

use bevy::math::Vec2;

use super::Cursor;

/// How long after it was sent a position is shown: long enough that the next one has usually arrived.
const DELAY: Duration = Duration::from_millis(250);

/// In seconds. Without events for longer than this, the cursor has rested; it must not creep to the next position during that
/// time.
const REST_SECONDS: f64 = 0.3;

/// How long before the first event after a rest the motion starts, in seconds: the interval between two events.
const SEND_INTERVAL: f64 = 0.1;

/// The number of positions to keep. At most ten a second arrive, so this covers more than `DELAY`.
const MAX_POINTS: usize = 32;

/// The path of one cursor, built from the events about it.
#[derive(Clone, Debug, Default)]
pub struct Path {
    points: VecDeque<PathPoint>,
    /// The smallest difference between arrival time and sender time so far, in seconds: the offset of the clocks plus the
    /// shortest network delay. Any delay above it is jitter, which the path compensates.
    lag: Option<f64>,
}

/// A position on the path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathPoint {
    /// The position, as a fraction of the board.
    pub position: Vec2,
    /// Whether the cursor draws from here to the next position.
    pub pen: bool,
    /// The time in seconds on the sender's clock.
    at: f64,
}

impl Path {
    /// Adds an event that arrived at the time `now` on the local clock.
    pub fn push(&mut self, cursor: &Cursor, now: Duration) {
        let at = Duration::from_millis(cursor.at).as_secs_f64();
        let lag = now.as_secs_f64() - at;
        self.lag = Some(self.lag.map_or(lag, |least| least.min(lag)));
        let point = PathPoint {
            position: cursor.position(),
            pen: cursor.pen,
            at,
        };
        match self.points.back() {
            // Arrived out of order; a newer position is known already.
            Some(last) if last.at >= at => return,
            Some(last) if at - last.at > REST_SECONDS => {
                let rest_end = PathPoint {
                    at: at - SEND_INTERVAL,
                    ..*last
                };
                self.points.push_back(rest_end);
            }
            _ => {}
        }
        self.points.push_back(point);
        while self.points.len() > MAX_POINTS {
            self.points.pop_front();
        }
    }

    /// Returns the last received position, without smoothing.
    #[must_use]
    pub fn last(&self) -> Option<PathPoint> {
        self.points.back().copied()
    }

    /// Returns the position to show at the time `now` on the local clock.
    #[must_use]
    pub fn at(&self, now: Duration) -> Option<PathPoint> {
        let at = now.as_secs_f64() - self.lag? - DELAY.as_secs_f64();
        let next = self.points.partition_point(|point| point.at <= at);
        let to = self.points.get(next);
        let from = next.checked_sub(1).and_then(|last| self.points.get(last));
        match (from, to) {
            (Some(from), Some(to)) => {
                let before = next.checked_sub(2).and_then(|index| self.points.get(index));
                let after = self.points.get(next + 1);
                Some(PathPoint {
                    position: interpolate(before, from, to, after, at),
                    pen: from.pen,
                    at,
                })
            }
            (Some(only), None) | (None, Some(only)) => Some(*only),
            (None, None) => None,
        }
    }

    /// Whether the shown cursor still moves at the time `now` on the local clock.
    #[must_use]
    pub fn is_moving(&self, now: Duration) -> bool {
        let shown = self
            .lag
            .map(|lag| now.as_secs_f64() - lag - DELAY.as_secs_f64());
        match (self.points.back(), shown) {
            (Some(last), Some(shown)) => last.at >= shown,
            _ => false,
        }
    }
}

/// Interpolates between two positions on a cubic curve that passes through all positions without a corner.
fn interpolate(
    before: Option<&PathPoint>,
    from: &PathPoint,
    to: &PathPoint,
    after: Option<&PathPoint>,
    at: f64,
) -> Vec2 {
    let span = to.at - from.at;
    let part = ((at - from.at) / span) as f32;
    // A non-uniform Catmull-Rom spline: the tangent at a point is the slope between its two neighbours.
    let tangent = |one: &PathPoint, other: &PathPoint| {
        (other.position - one.position) * (span / (other.at - one.at).max(f64::EPSILON)) as f32
    };
    let start_tangent = tangent(before.unwrap_or(from), to);
    let end_tangent = tangent(from, after.unwrap_or(to));
    let (square, cube) = (part.powi(2), part.powi(3));
    let curve = from.position * (2.0 * cube - 3.0 * square + 1.0)
        + start_tangent * (cube - 2.0 * square + part)
        + to.position * (3.0 * square - 2.0 * cube)
        + end_tangent * (cube - square);
    // At a sharp turn the curve could leave the board.
    curve.clamp(Vec2::ZERO, Vec2::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A position on a straight line, which moves a tenth of the board every 100 ms.
    fn on_the_line(step: u64) -> Cursor {
        Cursor {
            x: step as f32 / 10.0,
            y: 0.5,
            pen: true,
            at: step * 100,
        }
    }

    fn milliseconds(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    /// Returns when a position sent at `at` is shown, if the shortest network delay is `least` milliseconds.
    fn shown(at: u64, least: u64) -> Duration {
        milliseconds(at + least) + DELAY
    }

    #[test]
    fn path_passes_through_every_received_position() {
        let mut path = Path::default();
        for (step, y) in [(0, 0.1), (1, 0.9), (2, 0.3), (3, 0.8)] {
            path.push(
                &Cursor {
                    y,
                    ..on_the_line(step)
                },
                milliseconds(step * 100 + 20),
            );
        }
        for (step, y) in [(0, 0.1), (1, 0.9), (2, 0.3), (3, 0.8)] {
            let position = path.at(shown(step * 100, 20)).unwrap().position;
            let received = Vec2::new(step as f32 / 10.0, y);
            assert!(
                position.distance(received) < 1e-4,
                "{position} for {received}"
            );
        }
    }

    #[test]
    fn jitter_does_not_make_the_motion_uneven() {
        let mut path = Path::default();
        for (step, delay) in [10, 90, 30, 120, 10, 60].into_iter().enumerate() {
            let step = step as u64;
            path.push(&on_the_line(step), milliseconds(step * 100 + delay));
        }
        for at in (0..500).step_by(16) {
            let x = path.at(shown(at, 10)).unwrap().position.x;
            assert!((x - at as f32 / 1000.0).abs() < 1e-4, "{x} at {at} ms");
        }
    }

    #[test]
    fn a_cursor_that_rested_does_not_creep() {
        let mut path = Path::default();
        path.push(&on_the_line(0), milliseconds(0));
        path.push(&on_the_line(50), milliseconds(5000));
        let rest_end = path.at(shown(4800, 0)).unwrap();
        assert_eq!(rest_end.position, on_the_line(0).position());
        assert!(!path.is_moving(shown(5001, 0)));
    }

    #[test]
    fn late_positions_are_skipped() {
        let mut path = Path::default();
        path.push(&on_the_line(3), milliseconds(300));
        path.push(&on_the_line(2), milliseconds(310));
        assert_eq!(path.last().unwrap().position, on_the_line(3).position());
    }

    #[test]
    fn path_is_empty_before_the_first_position() {
        assert_eq!(Path::default().at(milliseconds(100)), None);
    }
}
