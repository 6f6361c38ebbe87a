//! Takes the picture that `--screenshot` asks for, once there is something to see, and ends the scene.

use std::path::PathBuf;
use std::time::Duration;

use bevy::prelude::*;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured, save_to_disk};

use crate::pace::Pace;

/// What is moving or loading has come to rest by then.
const SETTLE: Duration = Duration::from_millis(1000);
/// A picture is taken then, whatever it shows: a scene that never gets anywhere is worth seeing, too.
const AT_LATEST: Duration = Duration::from_secs(30);

/// Set by the scene when it has something to show.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorthAPicture(pub bool);

/// Takes the picture.
#[derive(Clone, Debug)]
pub(crate) struct PicturePlugin {
    /// Where to save it.
    pub(crate) file: Option<PathBuf>,
}

#[derive(Resource)]
struct Picture {
    file: PathBuf,
    ready_since: Option<Duration>,
    is_taken: bool,
}

impl Plugin for PicturePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<WorthAPicture>();
        if let Some(file) = &self.file {
            app.insert_resource(Picture {
                file: file.clone(),
                ready_since: None,
                is_taken: false,
            })
            .add_systems(Update, take);
        }
    }
}

fn take(
    mut commands: Commands,
    time: Res<Time<Real>>,
    worth: Res<WorthAPicture>,
    mut pace: ResMut<Pace>,
    mut picture: ResMut<Picture>,
) {
    if picture.is_taken {
        // The picture comes back from the graphics card while frames go on.
        pace.moving();
        return;
    }
    pace.counting();
    if worth.0 {
        let since = *picture.ready_since.get_or_insert(time.elapsed());
        if time.elapsed().saturating_sub(since) < SETTLE {
            return;
        }
    } else {
        picture.ready_since = None;
        if time.elapsed() < AT_LATEST {
            return;
        }
    }
    picture.is_taken = true;
    pace.moving();
    let file = picture.file.clone();
    // An older picture of that name must not pass for this one.
    let _ = std::fs::remove_file(&file);
    let mut save = save_to_disk(file.clone());
    commands.spawn(Screenshot::primary_window()).observe(
        move |captured: On<ScreenshotCaptured>, mut exit: MessageWriter<AppExit>| {
            save(captured);
            // Saving reports a failure in the log only.
            exit.write(if file.exists() {
                AppExit::Success
            } else {
                error!("no picture could be saved at {}", file.display());
                AppExit::error()
            });
        },
    );
}
