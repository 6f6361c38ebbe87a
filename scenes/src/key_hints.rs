//! The bottom line: which key does what, just now.

use bevy::prelude::*;

use crate::draw::DrawSystems;
use crate::input_line::Typing;
use crate::theme::{BORDER, PANEL, QUIET, QUIET_TEXT, TEXT, UNIT, text};

/// A key and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHint {
    /// As it is written on the keyboard.
    pub key: &'static str,
    /// In two or three words.
    pub what: &'static str,
}

impl KeyHint {
    /// This key does that.
    #[must_use]
    pub fn new(key: &'static str, what: &'static str) -> Self {
        Self { key, what }
    }
}

/// The hints of the scene's own keys; change it when their meaning changes.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyHints(pub Vec<KeyHint>);

/// The hints of the keys that every scene has, which come last.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommonHints(pub(crate) Vec<KeyHint>);

/// The line that shows [`KeyHints`].
#[derive(Component)]
pub(crate) struct KeyHintLine;

pub(crate) fn key_hint_line() -> impl Bundle {
    (
        KeyHintLine,
        Node {
            min_height: px(3.0 * UNIT),
            column_gap: px(3.0 * UNIT),
            row_gap: px(UNIT),
            flex_wrap: FlexWrap::Wrap,
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
            .init_resource::<CommonHints>()
            .add_systems(PostUpdate, show.in_set(DrawSystems));
    }
}

fn show(
    mut commands: Commands,
    typing: Res<Typing>,
    hints: Res<KeyHints>,
    common: Res<CommonHints>,
    mut shown: Local<Vec<KeyHint>>,
    lines: Query<Entity, With<KeyHintLine>>,
) {
    let wanted = if typing.is_active {
        vec![KeyHint::new("Enter", "send"), KeyHint::new("Esc", "back")]
    } else {
        [&*hints.0, &*common.0].concat()
    };
    let Ok(line) = lines.single() else {
        return;
    };
    if *shown == wanted {
        return;
    }
    commands.entity(line).despawn_children();
    for hint in &wanted {
        commands.spawn((hint_of(hint), ChildOf(line)));
    }
    *shown = wanted;
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
