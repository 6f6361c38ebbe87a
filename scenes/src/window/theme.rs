//! The one look of all windows: sizes and text styles. The colours are in [`crate::colours`].

use bevy::prelude::*;
use bevy::text::LineHeight;

/// The grid that everything lies on, in logical pixels.
pub const UNIT: f32 = 8.0;
/// Between panels, and inside them.
pub const GAP: f32 = 16.0;
/// At the window's edges.
pub const EDGE: f32 = 24.0;
/// A panel's corner.
pub const CORNER: f32 = 12.0;

/// The size and line height of a piece of text, in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextSize {
    /// Of the font.
    pub font: f32,
    /// Of the line, on the grid.
    pub line: f32,
}

/// The scene's title.
pub const TITLE: TextSize = TextSize {
    font: 28.0,
    line: 40.0,
};
/// What one reads.
pub const BODY: TextSize = TextSize {
    font: 18.0,
    line: 24.0,
};
/// What one reads second.
pub const QUIET: TextSize = TextSize {
    font: 14.0,
    line: 16.0,
};

/// The advance of every character of Bevy's embedded font (Fira Mono), as a part of the font size.
const ADVANCE: f32 = 0.6;

impl TextSize {
    /// How wide `characters` characters are.
    #[must_use]
    pub fn width_of(self, characters: usize) -> f32 {
        self.font * ADVANCE * characters as f32
    }

    /// How many characters fit into `width` logical pixels.
    #[must_use]
    pub fn characters_in(self, width: f32) -> usize {
        // A hundredth of a pixel of tolerance: layouts give widths such as 151.19999.
        ((width + 0.01) / (self.font * ADVANCE)).max(0.0) as usize
    }
}

/// One line of text that does not wrap.
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
