//! The frame of every scene: top bar, body, bottom line; the curtain and the toasts over them.

use bevy::prelude::*;

use crate::{
    colours::{QUIET_TEXT, TEXT},
    scene::Place,
    window::{
        badge::badge,
        curtain::curtain,
        fitted::fitted,
        key_hints::key_hint_line,
        theme::{EDGE, GAP, QUIET, TITLE, UNIT, text},
        toast::toast_stack,
    },
};

/// The parts of the frame that a scene fills.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// A row, a gap between its panels, that takes the window's width and the height between top bar and bottom line.
    pub body: Entity,
}

impl Frame {
    /// Spawns a camera and the frame with this title and, beside it, what the scene is connected to.
    pub fn spawn(commands: &mut Commands, title: &str, place: &Place) -> Self {
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
        let stage = commands
            .spawn((
                Node {
                    flex_direction: FlexDirection::Column,
                    flex_grow: 1.0,
                    flex_basis: px(0),
                    min_height: px(0),
                    ..default()
                },
                children![curtain()],
            ))
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
        let bar = commands.spawn(top_bar(title, &place.0)).id();
        let hints = commands.spawn(key_hint_line()).id();
        commands.entity(root).add_children(&[bar, stage, hints]);
        commands.spawn(toast_stack());
        Self { body }
    }
}

fn top_bar(title: &str, place: &str) -> impl Bundle + use<> {
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
                    // The quiet line stands on the title's base line.
                    padding: UiRect::top(px(UNIT)),
                    overflow: Overflow::clip(),
                    ..default()
                },
                children![fitted(place.to_owned(), 0.0, QUIET, QUIET_TEXT)],
            ),
            badge(),
        ],
    )
}
