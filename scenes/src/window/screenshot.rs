//! Takes the screenshots that `--screenshot` requests, once the scene has content, and exits.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use bevy::prelude::*;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured, save_to_disk};

use crate::{
    arguments::{PictureArguments, PictureOf},
    connection::ToggleNetwork,
    connection_view::ConnectionView,
    window::redraw::RedrawNeeds,
};

/// The delay before a screenshot, so that animations and loading assets are done.
const SETTLE_TIME: Duration = Duration::from_millis(1000);
/// The minimum number of frames in that time. On a slow machine few frames are drawn, and an animation needs some of them to
/// end.
const SETTLE_FRAMES: u32 = 5;
/// The time between two screenshots.
const INTERVAL: Duration = Duration::from_secs(2);
/// After this time a screenshot is taken in any state, and the scene exits with an error.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Set by the scene when it has content to show.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScreenshotReady(pub bool);

/// Adds the systems if screenshots are requested.
#[derive(Clone, Debug)]
pub(crate) struct ScreenshotPlugin(pub(crate) PictureArguments);

#[derive(Resource)]
struct ScreenshotQueue {
    of: PictureOf,
    /// The files that are still to be written.
    files: VecDeque<PathBuf>,
    has_cut_network: bool,
    ready_since: Option<Duration>,
    /// Frames drawn since `ready_since`.
    frames: u32,
    /// When the next screenshot is due; set by the first one.
    next_at: Option<Duration>,
    /// Screenshots that the renderer has not returned yet.
    in_flight: usize,
    /// Whether the timeout has passed.
    is_late: bool,
}

impl Plugin for ScreenshotPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<ScreenshotReady>();
        if !self.0.screenshot.is_empty() {
            app.insert_resource(ScreenshotQueue {
                of: self.0.picture_of,
                files: self.0.screenshot.clone().into(),
                has_cut_network: false,
                ready_since: None,
                frames: 0,
                next_at: None,
                in_flight: 0,
                is_late: false,
            })
            .add_systems(Update, (cut_network, take_screenshot).chain());
        }
    }
}

/// Cuts the network if the screenshot is to show a lost connection.
fn cut_network(
    ready: Res<ScreenshotReady>,
    mut queue: ResMut<ScreenshotQueue>,
    mut network: MessageWriter<ToggleNetwork>,
) {
    if queue.of == PictureOf::Lost && ready.0 && !queue.has_cut_network {
        queue.has_cut_network = true;
        network.write(ToggleNetwork);
    }
}

fn take_screenshot(
    mut commands: Commands,
    time: Res<Time<Real>>,
    ready: Res<ScreenshotReady>,
    view: Res<ConnectionView>,
    mut redraw: ResMut<RedrawNeeds>,
    mut queue: ResMut<ScreenshotQueue>,
) {
    if queue.in_flight > 0 {
        // The renderer returns the image only while frames are drawn.
        redraw.request_next_frame();
    } else if ready.0 || queue.of != PictureOf::Lively {
        redraw.request_periodic();
    }
    let now = time.elapsed();
    if !is_due(&mut queue, now, &view, *ready) {
        return;
    }
    let Some(file) = queue.files.pop_front() else {
        return;
    };
    queue.next_at = Some(now + INTERVAL);
    queue.in_flight += 1;
    let (is_last, is_late) = (queue.files.is_empty(), queue.is_late);
    // Otherwise a failed save would go unnoticed if an older file exists.
    let _ = std::fs::remove_file(&file);
    let mut save = save_to_disk(file.clone());
    commands.spawn(Screenshot::primary_window()).observe(
        move |captured: On<ScreenshotCaptured>,
              mut queue: ResMut<ScreenshotQueue>,
              mut exit: MessageWriter<AppExit>| {
            queue.in_flight = queue.in_flight.saturating_sub(1);
            save(captured);
            // Bevy only logs a failure to save.
            if !file.exists() {
                error!("could not save the screenshot {}", file.display());
                exit.write(AppExit::error());
            } else if is_late {
                error!(
                    "{} does not show the requested state, which was not reached in time",
                    file.display()
                );
                exit.write(AppExit::error());
            } else if is_last {
                exit.write(AppExit::Success);
            }
        },
    );
}

fn is_due(
    queue: &mut ScreenshotQueue,
    now: Duration,
    view: &ConnectionView,
    ScreenshotReady(has_content): ScreenshotReady,
) -> bool {
    if let Some(next_at) = queue.next_at {
        return next_at <= now;
    }
    let is_ready = match queue.of {
        PictureOf::Lively => has_content,
        PictureOf::Connecting => matches!(view, ConnectionView::Connecting { .. }),
        PictureOf::Lost => matches!(view, ConnectionView::Waiting { .. }),
        PictureOf::Failed => view.is_failed(),
        PictureOf::Empty => view.is_connected(),
    };
    if !is_ready {
        queue.ready_since = None;
        queue.frames = 0;
    } else {
        queue.frames += 1;
        let since = *queue.ready_since.get_or_insert(now);
        if now.saturating_sub(since) >= SETTLE_TIME && queue.frames >= SETTLE_FRAMES {
            return true;
        }
    }
    queue.is_late = now >= TIMEOUT;
    queue.is_late
}
