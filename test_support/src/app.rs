//! Drives a Bevy app from a test.

use std::thread;
use std::time::{Duration, Instant};

use bevy_app::App;
use bevy_ecs::world::World;

/// Updates the app repeatedly until `condition` holds, and fails the test if it does not hold within that time.
///
/// `what` completes the sentence "the app was updated for 2 s and N frames without …".
pub fn update_until(
    app: &mut App,
    what: &str,
    within: Duration,
    mut condition: impl FnMut(&mut World) -> bool,
) {
    let started = Instant::now();
    let mut frames = 0_u64;
    loop {
        app.update();
        frames += 1;
        if condition(app.world_mut()) {
            return;
        }
        assert!(
            started.elapsed() < within,
            "the app was updated for {within:?} and {frames} frames without {what}"
        );
        // Sleeps in each frame, because a busy loop would use the core that the network thread needs.
        thread::sleep(Duration::from_millis(1));
    }
}
