//! The bottom line of the window: which key does what at the moment.

use bevy::prelude::*;

use crate::{
    colours::{BORDER, PANEL, QUIET_TEXT, TEXT},
    draw::DrawSystems,
    key_hints::{CommonHints, KeyHint, KeyHints, current_hints},
    typing::Typing,
    window::theme::{QUIET, UNIT, text},
};

/// Marks the line that shows [`KeyHints`].
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

pub(crate) struct KeyHintLinePlugin;

impl Plugin for KeyHintLinePlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(PostUpdate, update_hints.in_set(DrawSystems));
    }
}

fn update_hints(
    mut commands: Commands,
    typing: Res<Typing>,
    hints: Res<KeyHints>,
    common: Res<CommonHints>,
    mut shown: Local<Vec<KeyHint>>,
    lines: Query<Entity, With<KeyHintLine>>,
) {
    let wanted = current_hints(&typing, &hints, &common);
    let Ok(line) = lines.single() else {
        return;
    };
    if *shown == wanted {
        return;
    }
    commands.entity(line).despawn_children();
    for hint in &wanted {
        commands.spawn((hint_node(hint), ChildOf(line)));
    }
    *shown = wanted;
}

fn hint_node(hint: &KeyHint) -> impl Bundle + use<> {
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
            text(hint.action, QUIET, QUIET_TEXT),
        ],
    )
}
