//! A line of text that is shortened to the width of its parent.

use bevy::prelude::*;
use bevy::ui::UiSystems;

use crate::{
    text::{drawable, shortened},
    window::{
        redraw::RedrawNeeds,
        theme::{TextSize, text},
    },
};

/// The full text of a line. The `Text` beside it shows the part that fits into the parent node, whose width must not depend on
/// this text.
#[derive(Component, Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The full text.
    pub whole: String,
    /// The part of the parent's width that other nodes use, in logical pixels.
    pub reserved: f32,
}

/// Returns a line that fits into its parent, except for `reserved` logical pixels.
pub fn fitted(
    whole: impl Into<String>,
    reserved: f32,
    size: TextSize,
    colour: Color,
) -> impl Bundle {
    let whole = whole.into();
    // The full text, until the first layout.
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
    mut redraw: ResMut<RedrawNeeds>,
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
            // This frame's layout is done already, so the change needs another frame.
            redraw.request_next_frame();
        }
    }
}
