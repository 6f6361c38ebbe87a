//! The same without a window: a runner that sleeps until the plugin's waker wakes it.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::PusherWaker;
use pusher_scenes::entry::ChatEntry;

use crate::{model::Cost, network::hear};

/// It looks up after that time, as a window in front does with Bevy's settings for desktop apps.
const LOOK_UP: Duration = Duration::from_secs(5);

/// Sleeps, and looks up in time for the end.
pub(crate) fn plugin(run_for: Option<Duration>) -> impl Fn(&mut App) {
    move |app| {
        let (wake, woken) = sync_channel(1);
        app.insert_resource(PusherWaker::new(move || {
            // Full: it is about to wake up anyway.
            let _ = wake.try_send(());
        }));
        app.set_runner(move |mut app| {
            app.finish();
            app.cleanup();
            let started = Instant::now();
            loop {
                app.update();
                if let Some(exit) = app.should_exit() {
                    return exit;
                }
                let left = run_for.map(|whole| whole.saturating_sub(started.elapsed()));
                let _ = woken.recv_timeout(left.unwrap_or(LOOK_UP).min(LOOK_UP));
            }
        });
        app.add_systems(Update, tell_cost.after(hear));
    }
}

fn tell_cost(cost: Res<Cost>, mut known: Local<u64>, mut entries: MessageWriter<ChatEntry>) {
    if cost.events != *known {
        *known = cost.events;
        let words = format!(
            "frame {} after {:.1} s, which would be number {} at 60 a second",
            cost.frames,
            cost.time.as_secs_f32(),
            cost.frames_without_sleep()
        );
        entries.write(ChatEntry::happened(words));
    }
}
