//! The colours of all scenes, both in a window and in a terminal.

use bevy::prelude::*;

use crate::connection_view::ConnectionView;

/// The background of the window or the terminal.
pub const BACKGROUND: Color = Color::srgb_u8(0x0E, 0x11, 0x16);
/// The background of a panel.
pub const PANEL: Color = Color::srgb_u8(0x17, 0x1B, 0x22);
/// A panel's border, and the background of elements on a panel.
pub const BORDER: Color = Color::srgb_u8(0x26, 0x2C, 0x36);
/// Primary text.
pub const TEXT: Color = Color::srgb_u8(0xE6, 0xEA, 0xF0);
/// Secondary text.
pub const QUIET_TEXT: Color = Color::srgb_u8(0x9A, 0xA4, 0xB2);
/// Interactive elements, and the local player.
pub const ACCENT: Color = Color::srgb_u8(0x5B, 0x9D, 0xFF);
/// Success.
pub const GOOD: Color = Color::srgb_u8(0x3D, 0xD6, 0x8C);
/// A warning, or a waiting state.
pub const WARN: Color = Color::srgb_u8(0xF2, 0xB8, 0x4B);
/// An error.
pub const BAD: Color = Color::srgb_u8(0xF2, 0x55, 0x5A);

/// Returns the colour of a connection state.
#[must_use]
pub fn connection_colour(view: &ConnectionView) -> Color {
    match view {
        ConnectionView::Offline => QUIET_TEXT,
        ConnectionView::Connecting { .. } => ACCENT,
        ConnectionView::Connected { .. } => GOOD,
        ConnectionView::Waiting { .. } => WARN,
        ConnectionView::Failed { .. } => BAD,
    }
}

/// Returns a stable colour for a player, computed from the name alone, so that every client shows the same one.
///
/// The lightness is fixed, so that both the colour on a panel and dark initials on the colour are readable.
#[must_use]
pub fn player_colour(name: &str) -> Color {
    // More than twelve hues cannot be told apart at a glance.
    const HUES: u32 = 12;
    // FNV-1a; only its high bits are well mixed.
    let hash = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let hue = (hash >> 16) % HUES;
    Color::oklch(0.78, 0.12, hue as f32 * 360.0 / HUES as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast ratio as defined by WCAG 2.1.
    fn contrast(one: Color, other: Color) -> f32 {
        let (one, other) = (
            one.to_linear().luminance_of(),
            other.to_linear().luminance_of(),
        );
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    trait LuminanceOf {
        fn luminance_of(self) -> f32;
    }

    impl LuminanceOf for LinearRgba {
        fn luminance_of(self) -> f32 {
            0.2126 * self.red + 0.7152 * self.green + 0.0722 * self.blue
        }
    }

    #[test]
    fn every_text_colour_is_readable_where_it_is_used() {
        for (text, surface) in [
            (TEXT, PANEL),
            (QUIET_TEXT, PANEL),
            (QUIET_TEXT, BACKGROUND),
            (TEXT, BORDER),
            (QUIET_TEXT, BORDER),
            (ACCENT, PANEL),
            (GOOD, PANEL),
            (WARN, PANEL),
            (BAD, PANEL),
        ] {
            let ratio = contrast(text, surface);
            assert!(ratio >= 4.5, "{text:?} on {surface:?}: {ratio}");
        }
    }

    #[test]
    fn a_players_colour_is_stable_and_readable_both_ways() {
        assert_eq!(player_colour("Mira"), player_colour("Mira"));
        for name in ["Mira", "Player 42", "", "Zoë", "a", "b"] {
            assert!(contrast(player_colour(name), PANEL) >= 4.5, "{name}");
            assert!(contrast(BACKGROUND, player_colour(name)) >= 4.5, "{name}");
        }
    }
}
