//! Takes the pictures that `--screenshot` asks for, once there is something to see, and ends the scene.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use bevy::prelude::*;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured, save_to_disk};

use crate::{
    arguments::{PictureArguments, PictureOf},
    connection_view::ConnectionView,
    link::ToggleNetwork,
    window::pace::Pace,
};

/// What is moving or loading has come to rest by then.
const SETTLE: Duration = Duration::from_millis(1000);
/// A busy machine may draw next to nothing in that time: what slides has been seen at its place in the last of so many frames.
const SETTLE_FRAMES: u32 = 5;
/// Between one picture and the next.
const APART: Duration = Duration::from_secs(2);
/// A picture is taken then, whatever it shows, and the scene ends with an error.
const AT_LATEST: Duration = Duration::from_secs(60);

/// Set by the scene when it has something to show.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorthAPicture(pub bool);

/// Takes the pictures.
#[derive(Clone, Debug)]
pub(crate) struct PicturePlugin(pub(crate) PictureArguments);

#[derive(Resource)]
struct Pictures {
    of: PictureOf,
    /// Still to be taken.
    files: VecDeque<PathBuf>,
    has_cut_network: bool,
    worth_since: Option<Duration>,
    /// Drawn since then.
    frames: u32,
    /// When the next one is due, once the first is taken.
    next_at: Option<Duration>,
    /// Taken, and not yet back from the graphics card.
    in_flight: usize,
    /// Nothing came of it in time.
    is_late: bool,
}

impl Plugin for PicturePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<WorthAPicture>();
        if !self.0.screenshot.is_empty() {
            app.insert_resource(Pictures {
                of: self.0.picture_of,
                files: self.0.screenshot.clone().into(),
                has_cut_network: false,
                worth_since: None,
                frames: 0,
                next_at: None,
                in_flight: 0,
                is_late: false,
            })
            .add_systems(Update, (cut_network, take).chain());
        }
    }
}

/// Brings about the loss that a picture is to show.
fn cut_network(
    worth: Res<WorthAPicture>,
    mut pictures: ResMut<Pictures>,
    mut network: MessageWriter<ToggleNetwork>,
) {
    if pictures.of == PictureOf::Lost && worth.0 && !pictures.has_cut_network {
        pictures.has_cut_network = true;
        network.write(ToggleNetwork);
    }
}

fn take(
    mut commands: Commands,
    time: Res<Time<Real>>,
    worth: Res<WorthAPicture>,
    view: Res<ConnectionView>,
    mut pace: ResMut<Pace>,
    mut pictures: ResMut<Pictures>,
) {
    if pictures.in_flight > 0 {
        // It comes back while frames go on.
        pace.moving();
    } else if worth.0 || pictures.of != PictureOf::Lively {
        pace.counting();
    }
    let now = time.elapsed();
    if !is_due(&mut pictures, now, &view, *worth) {
        return;
    }
    let Some(file) = pictures.files.pop_front() else {
        return;
    };
    pictures.next_at = Some(now + APART);
    pictures.in_flight += 1;
    let (is_last, is_late) = (pictures.files.is_empty(), pictures.is_late);
    // An older picture of that name must not pass for this one.
    let _ = std::fs::remove_file(&file);
    let mut save = save_to_disk(file.clone());
    commands.spawn(Screenshot::primary_window()).observe(
        move |captured: On<ScreenshotCaptured>,
              mut pictures: ResMut<Pictures>,
              mut exit: MessageWriter<AppExit>| {
            pictures.in_flight = pictures.in_flight.saturating_sub(1);
            save(captured);
            // Saving reports a failure in the log only.
            if !file.exists() {
                error!("no picture could be saved at {}", file.display());
                exit.write(AppExit::error());
            } else if is_late {
                error!("{} does not show what it should", file.display());
                exit.write(AppExit::error());
            } else if is_last {
                exit.write(AppExit::Success);
            }
        },
    );
}

fn is_due(
    pictures: &mut Pictures,
    now: Duration,
    view: &ConnectionView,
    WorthAPicture(is_lively): WorthAPicture,
) -> bool {
    if let Some(next_at) = pictures.next_at {
        return next_at <= now;
    }
    let is_worth = match pictures.of {
        PictureOf::Lively => is_lively,
        PictureOf::Connecting => matches!(view, ConnectionView::Connecting { .. }),
        PictureOf::Lost => matches!(view, ConnectionView::Waiting { .. }),
        PictureOf::Failed => view.is_failed(),
        PictureOf::Empty => view.is_connected(),
    };
    if !is_worth {
        pictures.worth_since = None;
        pictures.frames = 0;
    } else {
        pictures.frames += 1;
        let since = *pictures.worth_since.get_or_insert(now);
        if now.saturating_sub(since) >= SETTLE && pictures.frames >= SETTLE_FRAMES {
            return true;
        }
    }
    pictures.is_late = now >= AT_LATEST;
    pictures.is_late
}
