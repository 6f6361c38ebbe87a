//! A panel: a quiet rounded box with a title, a count beside it, and room for one thing.

use bevy::prelude::*;

use crate::theme::{BODY, BORDER, CORNER, GAP, PANEL, QUIET_TEXT, TEXT, UNIT, text};

/// The count in a panel's title; empty shows nothing.
#[derive(Component, Clone, Debug, Default, PartialEq)]
pub struct PanelCount(pub String);

/// The parts of a panel that a scene fills.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// The panel itself; its width is its `Node`'s.
    pub panel: Entity,
    /// Where the content goes: a column that takes the rest of the height.
    pub content: Entity,
    /// The count in the title, a [`PanelCount`].
    pub count: Entity,
}

impl Panel {
    /// Spawns a panel with a title under `parent`.
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
        let content = commands
            .spawn(Node {
                flex_direction: FlexDirection::Column,
                flex_grow: 1.0,
                flex_basis: px(0),
                min_height: px(0),
                ..default()
            })
            .id();
        let panel = commands
            .spawn((
                Node {
                    flex_direction: FlexDirection::Column,
                    row_gap: px(UNIT),
                    padding: UiRect::vertical(px(GAP)),
                    border: px(1).all(),
                    border_radius: BorderRadius::all(px(CORNER)),
                    min_height: px(0),
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
        app.add_systems(PostUpdate, show_count.before(bevy::ui::UiSystems::Prepare));
    }
}

fn show_count(mut counts: Query<(&PanelCount, &mut Text), Changed<PanelCount>>) {
    for (count, mut shown) in &mut counts {
        shown.set_if_neq(Text::new(count.0.clone()));
    }
}
