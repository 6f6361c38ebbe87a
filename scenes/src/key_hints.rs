//! The bottom line: which key does what, just now.

use bevy::prelude::*;

use crate::theme::{BORDER, PANEL, QUIET, QUIET_TEXT, TEXT, UNIT, text};

/// A key and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHint {
    /// As it is written on the keyboard.
    pub key: &'static str,
    /// In two or three words.
    pub what: &'static str,
}

/// The hints to show; change it when the keys' meaning changes.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyHints(pub Vec<KeyHint>);

/// The line that shows [`KeyHints`].
#[derive(Component)]
pub(crate) struct KeyHintLine;

pub(crate) fn key_hint_line() -> impl Bundle {
    (
        KeyHintLine,
        Node {
            height: px(3.0 * UNIT),
            column_gap: px(3.0 * UNIT),
            align_items: AlignItems::Center,
            flex_shrink: 0.0,
            ..default()
        },
    )
}

pub(crate) struct KeyHintsPlugin;

impl Plugin for KeyHintsPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<KeyHints>()
            .add_systems(Update, show.run_if(resource_changed::<KeyHints>));
    }
}

fn show(mut commands: Commands, hints: Res<KeyHints>, lines: Query<Entity, With<KeyHintLine>>) {
    for line in &lines {
        commands.entity(line).despawn_children();
        for hint in &hints.0 {
            commands.spawn((hint_of(hint), ChildOf(line)));
        }
    }
}

fn hint_of(hint: &KeyHint) -> impl Bundle + use<> {
    (
        Node {
            column_gap: px(UNIT),
            align_items: AlignItems::Center,
            ..default()
        },
        children![
            (
                Node {
                    height: px(3.0 * UNIT),
                    min_width: px(3.0 * UNIT),
                    padding: UiRect::horizontal(px(6)),
                    border: px(1).all(),
                    border_radius: BorderRadius::all(px(6)),
                    align_items: AlignItems::Center,
                    justify_content: JustifyContent::Center,
                    ..default()
                },
                BackgroundColor(PANEL),
                BorderColor::all(BORDER),
                children![text(hint.key, QUIET, TEXT)],
            ),
            text(hint.what, QUIET, QUIET_TEXT),
        ],
    )
}
