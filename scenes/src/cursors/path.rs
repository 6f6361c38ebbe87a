//! Makes a smooth path of a few positions a second.

use std::collections::VecDeque;
use std::time::Duration;

use bevy::math::Vec2;

use super::Cursor;

/// Positions are shown so much later than they were sent: long enough that the next one is there when it is needed.
const DELAY: Duration = Duration::from_millis(250);

/// After a longer silence the cursor has rested and did not creep from one position to the other.
const REST: f64 = 0.3;

/// How long before the end of a rest the cursor set out, in seconds: the time between two events.
const STEP: f64 = 0.1;

/// So many positions are enough to look back.
const KEPT: usize = 32;

/// The way of one cursor, from the events that tell of it.
#[derive(Clone, Debug, Default)]
pub struct Path {
    points: VecDeque<PathPoint>,
    /// The least that an event's arrival was behind its sender's clock, in seconds: that is the clocks' difference and the
    /// shortest way through the network. Whatever takes longer is jitter, and evened out.
    lag: Option<f64>,
}

/// A position on the path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathPoint {
    /// Where.
    pub position: Vec2,
    /// Whether the cursor draws from here to the next one.
    pub pen: bool,
    /// When, in seconds on the sender's clock.
    at: f64,
}

impl Path {
    /// Takes an event that came at this moment of one's own clock.
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
            // Late news; there are newer ones.
            Some(last) if last.at >= at => return,
            Some(last) if at - last.at > REST => {
                let rested = PathPoint {
                    at: at - STEP,
                    ..*last
                };
                self.points.push_back(rested);
            }
            _ => {}
        }
        self.points.push_back(point);
        while self.points.len() > KEPT {
            self.points.pop_front();
        }
    }

    /// The last position that was told, without any smoothing.
    #[must_use]
    pub fn last(&self) -> Option<PathPoint> {
        self.points.back().copied()
    }

    /// Where the cursor is to be seen at this moment of one's own clock, and whether it draws.
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
                    position: between(before, from, to, after, at),
                    pen: from.pen,
                    at,
                })
            }
            (Some(only), None) | (None, Some(only)) => Some(*only),
            (None, None) => None,
        }
    }

    /// Whether the cursor still has a way to go at this moment of one's own clock.
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

/// A position between two, on a cubic curve that goes through all of them without a corner.
fn between(
    before: Option<&PathPoint>,
    from: &PathPoint,
    to: &PathPoint,
    after: Option<&PathPoint>,
    at: f64,
) -> Vec2 {
    let span = to.at - from.at;
    let part = ((at - from.at) / span) as f32;
    // A Catmull-Rom curve for points that do not come evenly: the way to go at a point is that from its one neighbour to the
    // other, in the time that it takes.
    let tangent = |one: &PathPoint, other: &PathPoint| {
        (other.position - one.position) * (span / (other.at - one.at).max(f64::EPSILON)) as f32
    };
    let set_out = tangent(before.unwrap_or(from), to);
    let arrive = tangent(from, after.unwrap_or(to));
    let (square, cube) = (part.powi(2), part.powi(3));
    let curve = from.position * (2.0 * cube - 3.0 * square + 1.0)
        + set_out * (cube - 2.0 * square + part)
        + to.position * (3.0 * square - 2.0 * cube)
        + arrive * (cube - square);
    // At a sharp turn the curve would swing out of the board.
    curve.clamp(Vec2::ZERO, Vec2::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a straight line, a tenth of the board every 100 ms.
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

    /// When a position that was sent at this moment is to be seen, if the network takes `least` milliseconds.
    fn shown(at: u64, least: u64) -> Duration {
        milliseconds(at + least) + DELAY
    }

    #[test]
    fn a_path_leads_through_every_position_that_was_told() {
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
            let told = Vec2::new(step as f32 / 10.0, y);
            assert!(position.distance(told) < 1e-4, "{position} for {told}");
        }
    }

    #[test]
    fn uneven_arrival_makes_no_uneven_motion() {
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
        let rested = path.at(shown(4800, 0)).unwrap();
        assert_eq!(rested.position, on_the_line(0).position());
        assert!(!path.is_moving(shown(5001, 0)));
    }

    #[test]
    fn news_that_come_late_are_passed_over() {
        let mut path = Path::default();
        path.push(&on_the_line(3), milliseconds(300));
        path.push(&on_the_line(2), milliseconds(310));
        assert_eq!(path.last().unwrap().position, on_the_line(3).position());
    }

    #[test]
    fn nobody_is_seen_before_the_first_news() {
        assert_eq!(Path::default().at(milliseconds(100)), None);
    }
}
