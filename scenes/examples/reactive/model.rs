//! The frame statistics, and the user's request.

use std::time::Duration;

use bevy::prelude::*;

/// A request of the user to publish a headline.
#[derive(Message, Clone, Copy, Debug)]
pub(crate) struct Publish;

/// Statistics since the first frame.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct FrameStats {
    /// The number of frames.
    pub(crate) frames: u64,
    /// The number of events from the network.
    pub(crate) events: u64,
    /// The time since the first frame.
    pub(crate) time: Duration,
    /// The longest time between two frames.
    pub(crate) longest_sleep: Duration,
}

impl FrameStats {
    /// Returns how many frames an app that never sleeps would have drawn, at 60 per second.
    pub(crate) fn frames_without_sleep(&self) -> u64 {
        (self.time.as_secs_f64() * 60.0).round() as u64
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<FrameStats>()
        .add_message::<Publish>()
        .add_systems(First, count_frame);
}

fn count_frame(time: Res<Time<Real>>, mut stats: ResMut<FrameStats>) {
    stats.frames += 1;
    stats.longest_sleep = stats.longest_sleep.max(time.delta());
    stats.time = time.elapsed();
}
