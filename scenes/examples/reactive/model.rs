//! What the app costs: its frames, and what woke it.

use std::time::Duration;

use bevy::prelude::*;

/// The person wants to tell all others something.
#[derive(Message, Clone, Copy, Debug)]
pub(crate) struct Publish;

/// What has been drawn so far.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// Frames.
    pub(crate) frames: u64,
    /// Events from the network.
    pub(crate) events: u64,
    /// Since the first frame.
    pub(crate) time: Duration,
    /// Between two frames, at most.
    pub(crate) longest_sleep: Duration,
}

impl Cost {
    /// How many frames a game that never sleeps would have drawn, at 60 a second.
    pub(crate) fn frames_without_sleep(&self) -> u64 {
        (self.time.as_secs_f64() * 60.0).round() as u64
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Cost>()
        .add_message::<Publish>()
        .add_systems(First, count_frame);
}

fn count_frame(time: Res<Time<Real>>, mut cost: ResMut<Cost>) {
    cost.frames += 1;
    cost.longest_sleep = cost.longest_sleep.max(time.delta());
    cost.time = time.elapsed();
}
