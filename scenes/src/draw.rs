//! When what one sees is changed, so that the same frame shows it.

use bevy::camera::visibility::VisibilitySystems;
use bevy::prelude::*;
use bevy::ui::UiSystems;

/// In `PostUpdate`: brings the nodes up to date with what is known.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DrawSystems;

pub(crate) struct DrawPlugin;

impl Plugin for DrawPlugin {
    fn build(&self, app: &mut App) {
        app.configure_sets(
            PostUpdate,
            DrawSystems
                .before(UiSystems::Prepare)
                // Bevy does not order it after the layout: a new node would lie below all others for a frame.
                .before(UiSystems::Stack)
                .before(VisibilitySystems::VisibilityPropagate),
        );
    }
}
