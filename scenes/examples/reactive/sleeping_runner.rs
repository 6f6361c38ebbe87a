//! A runner for an app without a window: it sleeps until the plugin's waker wakes it.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::PusherWaker;
use pusher_scenes::chat_entry::ChatEntry;

use crate::{model::FrameStats, network::receive_headlines};

/// The longest sleep, the same as that of a focused window with Bevy's settings for desktop apps.
const MAX_SLEEP: Duration = Duration::from_secs(5);

/// Installs the runner and the waker. The runner also wakes up in time for the end of `run_for`.
pub(crate) fn plugin(run_for: Option<Duration>) -> impl Fn(&mut App) {
    move |app| {
        let (wake, woken) = sync_channel(1);
        app.insert_resource(PusherWaker::new(move || {
            // If the channel is full, the runner is about to wake up anyway.
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
                let _ = woken.recv_timeout(left.unwrap_or(MAX_SLEEP).min(MAX_SLEEP));
            }
        });
        app.add_systems(Update, print_stats.after(receive_headlines));
    }
}

fn print_stats(
    stats: Res<FrameStats>,
    mut known: Local<u64>,
    mut entries: MessageWriter<ChatEntry>,
) {
    if stats.events != *known {
        *known = stats.events;
        let text = format!(
            "frame {} after {:.1} s, which would be number {} at 60 a second",
            stats.frames,
            stats.time.as_secs_f32(),
            stats.frames_without_sleep()
        );
        entries.write(ChatEntry::event(text));
    }
}
