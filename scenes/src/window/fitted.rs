//! A line of text that is shortened to the room it has, and grows back when the room does.

use bevy::prelude::*;
use bevy::ui::UiSystems;

use crate::{
    window::{
        pace::Pace,
        theme::{TextSize, text},
    },
    words::{drawable, shortened},
};

/// The whole text of a line; the `Text` beside it shows as much of it as fits into the parent node, which must get its
/// width from elsewhere.
#[derive(Component, Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The whole text.
    pub whole: String,
    /// Logical pixels of the parent's width that belong to others.
    pub reserved: f32,
}

/// A line that fits into its parent, save for `reserved` logical pixels.
pub fn fitted(
    whole: impl Into<String>,
    reserved: f32,
    size: TextSize,
    colour: Color,
) -> impl Bundle {
    let whole = whole.into();
    // All of it, until the room is known.
    let text = text(drawable(&whole), size, colour);
    (Fitted { whole, reserved }, text)
}

pub(crate) struct FittedPlugin;

impl Plugin for FittedPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(PostUpdate, fit.after(UiSystems::Layout));
    }
}

fn fit(
    mut pace: ResMut<Pace>,
    mut lines: Query<(&Fitted, &ChildOf, &TextFont, &mut Text)>,
    parents: Query<&ComputedNode>,
) {
    for (line, parent, font, mut text) in &mut lines {
        let Ok(room) = parents.get(parent.parent()) else {
            continue;
        };
        let FontSize::Px(size) = font.font_size else {
            continue;
        };
        let inner = (room.content_box().width()) * room.inverse_scale_factor() - line.reserved;
        let characters = TextSize {
            font: size,
            line: size,
        }
        .characters_in(inner);
        let shown = shortened(&drawable(&line.whole), characters);
        if text.0 != shown {
            text.0 = shown;
            // The layout of this frame is done; the next one shows it.
            pace.moving();
        }
    }
}
