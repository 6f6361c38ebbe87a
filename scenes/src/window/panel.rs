//! A panel: a rounded box with a title, a count and one content node.

use bevy::prelude::*;

use crate::colours::{BORDER, PANEL, QUIET_TEXT, TEXT};
use crate::draw::DrawSystems;
use crate::window::theme::{BODY, CORNER, GAP, UNIT, filling_column, text};

/// The width of a side panel as a percentage of the window, and its bounds in logical pixels.
const ASIDE: f32 = 32.0;
const ASIDE_WIDTH: (f32, f32) = (304.0, 416.0);

/// The count in a panel's title; hidden if empty.
#[derive(Component, Clone, Debug, Default, PartialEq)]
pub struct PanelCount(pub String);

/// The entities of a panel that a scene fills.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// The panel itself. Its `Node` determines the width.
    pub panel: Entity,
    /// The node for the content: a column that takes the remaining height.
    pub content: Entity,
    /// The count in the title, a [`PanelCount`].
    pub count: Entity,
}

impl Panel {
    /// Spawns a narrow panel under `parent`, for a list.
    pub fn aside(commands: &mut Commands, parent: Entity, title: &str) -> Self {
        Self::spawn(commands, parent, title, Self::narrow())
    }

    /// Spawns a column of panels under `parent`, as wide as a narrow panel.
    pub fn column(commands: &mut Commands, parent: Entity) -> Entity {
        let node = Node {
            flex_direction: FlexDirection::Column,
            row_gap: px(GAP),
            ..Self::narrow()
        };
        commands.spawn((node, ChildOf(parent))).id()
    }

    fn narrow() -> Node {
        Node {
            width: percent(ASIDE),
            min_width: px(ASIDE_WIDTH.0),
            max_width: px(ASIDE_WIDTH.1),
            min_height: px(0),
            flex_shrink: 0.0,
            ..default()
        }
    }

    /// Spawns a panel under `parent` that shares the remaining width with other wide panels.
    pub fn wide(commands: &mut Commands, parent: Entity, title: &str) -> Self {
        let node = Node {
            flex_grow: 1.0,
            flex_basis: px(0),
            min_width: px(0),
            min_height: px(0),
            ..default()
        };
        Self::spawn(commands, parent, title, node)
    }

    /// Spawns a panel under `parent` with this node.
    pub fn spawn(commands: &mut Commands, parent: Entity, title: &str, node: Node) -> Self {
        let count = commands
            .spawn((PanelCount::default(), text("", BODY, QUIET_TEXT)))
            .id();
        let title = commands
            .spawn((
                Node {
                    column_gap: px(UNIT),
                    padding: UiRect::horizontal(px(GAP)),
                    flex_shrink: 0.0,
                    ..default()
                },
                children![text(title, BODY, TEXT)],
            ))
            .add_child(count)
            .id();
        let content = commands.spawn(filling_column()).id();
        let panel = commands
            .spawn((
                Node {
                    flex_direction: FlexDirection::Column,
                    row_gap: px(UNIT),
                    padding: UiRect::vertical(px(GAP)),
                    border: px(1).all(),
                    border_radius: BorderRadius::all(px(CORNER)),
                    ..node
                },
                BackgroundColor(PANEL),
                BorderColor::all(BORDER),
                ChildOf(parent),
            ))
            .add_children(&[title, content])
            .id();
        Self {
            panel,
            content,
            count,
        }
    }
}

pub(crate) struct PanelPlugin;

impl Plugin for PanelPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(PostUpdate, show_count.in_set(DrawSystems));
    }
}

pub(crate) fn show_count(mut counts: Query<(&PanelCount, &mut Text), Changed<PanelCount>>) {
    for (count, mut shown) in &mut counts {
        shown.set_if_neq(Text::new(count.0.clone()));
    }
}
