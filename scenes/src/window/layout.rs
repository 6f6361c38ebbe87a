//! The layout of every scene: top bar, body and bottom line, with the outage overlay and the toasts above them.

use bevy::prelude::*;

use crate::{
    colours::{QUIET_TEXT, TEXT},
    scene::ServerLabel,
    window::{
        badge::badge,
        fitted::fitted,
        key_hints::key_hint_line,
        outage_overlay::outage_overlay,
        theme::{EDGE, GAP, QUIET, TITLE, UNIT, filling_column, text},
        toast::toast_stack,
    },
};

/// The nodes of the layout that a scene fills.
#[derive(Clone, Copy, Debug)]
pub struct SceneLayout {
    /// A row with gaps between its panels. It fills the window between the top bar and the bottom line.
    pub body: Entity,
}

impl SceneLayout {
    /// Spawns a camera and the layout, with the title and the server label in the top bar.
    pub fn spawn(commands: &mut Commands, title: &str, server_label: &ServerLabel) -> Self {
        commands.spawn((Camera2d, Msaa::Off));
        let body = commands
            .spawn(Node {
                flex_grow: 1.0,
                flex_basis: px(0),
                min_height: px(0),
                column_gap: px(GAP),
                ..default()
            })
            .id();
        let body_area = commands
            .spawn((filling_column(), children![outage_overlay()]))
            .insert_children(0, &[body])
            .id();
        let root = commands
            .spawn(Node {
                width: percent(100),
                height: percent(100),
                padding: UiRect::axes(px(EDGE), px(GAP)).with_top(px(EDGE)),
                row_gap: px(GAP),
                flex_direction: FlexDirection::Column,
                ..default()
            })
            .id();
        let bar = commands.spawn(top_bar(title, &server_label.0)).id();
        let hints = commands.spawn(key_hint_line()).id();
        commands.entity(root).add_children(&[bar, body_area, hints]);
        commands.spawn(toast_stack());
        Self { body }
    }
}

fn top_bar(title: &str, server_label: &str) -> impl Bundle + use<> {
    (
        Node {
            height: px(TITLE.line),
            column_gap: px(GAP),
            align_items: AlignItems::Center,
            flex_shrink: 0.0,
            ..default()
        },
        children![
            text(title.to_owned(), TITLE, TEXT),
            (
                Node {
                    flex_grow: 1.0,
                    flex_basis: px(0),
                    min_width: px(0),
                    // Aligns the small text with the base line of the title.
                    padding: UiRect::top(px(UNIT)),
                    overflow: Overflow::clip(),
                    ..default()
                },
                children![fitted(server_label.to_owned(), 0.0, QUIET, QUIET_TEXT)],
            ),
            badge(),
        ],
    )
}
