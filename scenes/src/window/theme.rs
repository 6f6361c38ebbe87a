//! The sizes and text styles of all windows. The colours are in [`crate::colours`].

use bevy::prelude::*;
use bevy::text::LineHeight;

/// The unit of the layout grid, in logical pixels.
pub const UNIT: f32 = 8.0;
/// The space between panels and inside them.
pub const GAP: f32 = 16.0;
/// The space at the window's edges.
pub const EDGE: f32 = 24.0;
/// The corner radius of a panel.
pub const CORNER: f32 = 12.0;

/// A column that takes the remaining space of its parent, and may become smaller than its content.
pub(crate) fn filling_column() -> Node {
    Node {
        flex_direction: FlexDirection::Column,
        flex_grow: 1.0,
        flex_basis: px(0),
        min_height: px(0),
        ..default()
    }
}

/// The font size and line height of a text, in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextSize {
    /// The font size.
    pub font: f32,
    /// The line height, a multiple of the grid unit.
    pub line: f32,
}

/// The scene's title.
pub const TITLE: TextSize = TextSize {
    font: 28.0,
    line: 40.0,
};
/// Primary text.
pub const BODY: TextSize = TextSize {
    font: 18.0,
    line: 24.0,
};
/// Secondary text.
pub const QUIET: TextSize = TextSize {
    font: 14.0,
    line: 16.0,
};

/// The advance of each character in Bevy's embedded font (Fira Mono), relative to the font size.
const ADVANCE: f32 = 0.6;

impl TextSize {
    /// Returns the width of this many characters, in logical pixels.
    #[must_use]
    pub fn width_of(self, characters: usize) -> f32 {
        self.font * ADVANCE * characters as f32
    }

    /// Returns how many characters fit into `width` logical pixels.
    #[must_use]
    pub fn characters_in(self, width: f32) -> usize {
        // Tolerates rounding errors: layouts give widths such as 151.19999.
        ((width + 0.01) / (self.font * ADVANCE)).max(0.0) as usize
    }
}

/// Returns one line of text that does not wrap.
pub fn text(content: impl Into<String>, size: TextSize, colour: Color) -> impl Bundle {
    (
        Text::new(content),
        TextFont::from_font_size(size.font),
        LineHeight::Px(size.line),
        TextColor(colour),
        TextLayout::no_wrap(),
        Node {
            flex_shrink: 0.0,
            ..default()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_and_character_counts_agree() {
        for count in 0..80 {
            assert_eq!(BODY.characters_in(BODY.width_of(count)), count);
        }
    }
}
