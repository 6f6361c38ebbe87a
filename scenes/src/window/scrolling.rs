//! A scrolling list: it scrolls by the mouse wheel, and optionally follows its growing end.

use bevy::input::mouse::{MouseScrollUnit, MouseWheel};
use bevy::prelude::*;
use bevy::ui::UiSystems;

use crate::{
    colours::QUIET_TEXT,
    window::{
        redraw::RedrawNeeds,
        theme::{BODY, UNIT, filling_column},
    },
};

/// Larger than any list; the layout clamps it to the end.
const END: f32 = 1.0e6;

/// A scrolling column.
#[derive(Component, Clone, Debug)]
pub struct Scrolling {
    /// Whether the last line stays visible until the user scrolls up.
    pub follows_end: bool,
    at_end: bool,
}

impl Scrolling {
    /// Spawns a list that fills `parent`. Returns the entity that the lines go under.
    pub fn spawn(commands: &mut Commands, parent: Entity, follows_end: bool) -> Entity {
        let list = commands
            .spawn((
                Self {
                    follows_end,
                    at_end: follows_end,
                },
                Node {
                    // Clips rows while they slide in from the side.
                    overflow: Overflow {
                        x: OverflowAxis::Clip,
                        y: OverflowAxis::Scroll,
                    },
                    ..filling_column()
                },
                ScrollPosition(Vec2::new(0.0, if follows_end { END } else { 0.0 })),
            ))
            .id();
        let thumb = commands
            .spawn((
                Thumb { list },
                Node {
                    display: Display::None,
                    position_type: PositionType::Absolute,
                    right: px(6),
                    width: px(4),
                    border_radius: BorderRadius::all(px(2)),
                    ..default()
                },
                BackgroundColor(QUIET_TEXT.with_alpha(0.4)),
            ))
            .id();
        commands
            .spawn((filling_column(), ChildOf(parent)))
            .add_children(&[list, thumb]);
        list
    }

    /// Returns the node for the lines of a list that follows its end: few lines are aligned to the bottom, where new ones
    /// appear.
    #[must_use]
    pub fn lines_node() -> Node {
        Node {
            margin: UiRect::top(auto()),
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            ..default()
        }
    }

    /// Scrolls by this many lines, upwards if negative.
    pub fn scroll_by(&mut self, lines: f32, position: &mut ScrollPosition, node: &ComputedNode) {
        let scale = node.inverse_scale_factor();
        let most = ((node.content_size() - node.size()).y * scale).max(0.0);
        let now = node.scroll_position.y * scale;
        let next = (now + lines * BODY.line).clamp(0.0, most);
        self.at_end = self.follows_end && next >= most - 1.0;
        position.y = if self.at_end { END } else { next };
    }
}

/// The scroll bar's thumb.
#[derive(Component)]
struct Thumb {
    list: Entity,
}

pub(crate) struct ScrollingPlugin;

impl Plugin for ScrollingPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, scroll_by_wheel)
            .add_systems(PostUpdate, place_thumb.after(UiSystems::Layout));
    }
}

fn scroll_by_wheel(
    mut events: MessageReader<MouseWheel>,
    windows: Query<&Window>,
    mut lists: Query<(
        &mut Scrolling,
        &mut ScrollPosition,
        &ComputedNode,
        &UiGlobalTransform,
    )>,
) {
    for event in events.read() {
        let Some(pointer) = windows
            .get(event.window)
            .ok()
            .and_then(Window::physical_cursor_position)
        else {
            continue;
        };
        let lines = match event.unit {
            MouseScrollUnit::Line => -event.y * 2.0,
            MouseScrollUnit::Pixel => -event.y / BODY.line,
        };
        for (mut list, mut position, node, transform) in &mut lists {
            if node.contains_point(*transform, pointer) {
                list.scroll_by(lines, &mut position, node);
            }
        }
    }
}

fn place_thumb(
    mut redraw: ResMut<RedrawNeeds>,
    lists: Query<&ComputedNode, With<Scrolling>>,
    mut thumbs: Query<(&Thumb, &mut Node)>,
) {
    for (thumb, mut node) in &mut thumbs {
        let Ok(list) = lists.get(thumb.list) else {
            continue;
        };
        let scale = list.inverse_scale_factor();
        let (seen, whole) = (list.size().y * scale, list.content_size().y * scale);
        let (display, top, height) = if whole > seen + 0.5 && seen > 0.0 {
            let height = (seen * seen / whole).max(3.0 * UNIT);
            let part = list.scroll_position.y * scale / (whole - seen);
            (Display::Flex, (seen - height) * part, height)
        } else {
            (Display::None, 0.0, 0.0)
        };
        let (top, height) = (px(top.round()), px(height.round()));
        if node.display != display || node.top != top || node.height != height {
            node.display = display;
            node.top = top;
            node.height = height;
            redraw.request_next_frame();
        }
    }
}
