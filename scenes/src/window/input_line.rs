//! The input line of the chat.

use bevy::picking::{events::PointerPress, pointer::PointerButton};
use bevy::prelude::*;

use crate::{
    colours::{ACCENT, BACKGROUND, BORDER, QUIET_TEXT, TEXT},
    draw::DrawSystems,
    text::drawable,
    typing::Typing,
    window::{
        redraw::RedrawNeeds,
        theme::{BODY, GAP, TextSize, UNIT, text},
    },
};

#[derive(Component)]
struct InputBox {
    placeholder: &'static str,
}

#[derive(Component)]
struct Typed;

#[derive(Component)]
struct Caret;

/// Returns the input line. `placeholder` is shown while it is empty and not focused.
pub fn input_line(placeholder: &'static str) -> impl Bundle {
    (
        InputBox { placeholder },
        Node {
            height: px(5.0 * UNIT),
            margin: UiRect::horizontal(px(GAP)),
            padding: UiRect::horizontal(px(GAP - 1.0)),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(UNIT)),
            align_items: AlignItems::Center,
            flex_shrink: 0.0,
            ..default()
        },
        BackgroundColor(BACKGROUND),
        BorderColor::all(BORDER),
        children![(
            Node {
                flex_grow: 1.0,
                flex_basis: px(0),
                min_width: px(0),
                overflow: Overflow::clip(),
                ..default()
            },
            children![
                (Typed, text("", BODY, QUIET_TEXT)),
                (
                    Caret,
                    Node {
                        display: Display::None,
                        position_type: PositionType::Absolute,
                        width: px(2),
                        height: px(BODY.line),
                        ..default()
                    },
                    BackgroundColor(ACCENT),
                ),
            ],
        )],
    )
}

pub(crate) struct InputLinePlugin;

impl Plugin for InputLinePlugin {
    fn build(&self, app: &mut App) {
        app.add_observer(focus_on_click)
            .add_systems(PostUpdate, update_input.in_set(DrawSystems));
    }
}

fn focus_on_click(
    press: On<PointerPress>,
    boxes: Query<(), With<InputBox>>,
    mut typing: ResMut<Typing>,
) {
    if press.button == PointerButton::Primary && boxes.contains(press.entity) {
        typing.is_active = true;
    }
}

fn update_input(
    typing: Res<Typing>,
    mut redraw: ResMut<RedrawNeeds>,
    mut boxes: Query<(&InputBox, &mut BorderColor, &Children)>,
    mut shown: Query<(&mut Text, &mut TextColor), With<Typed>>,
    mut carets: Query<&mut Node, With<Caret>>,
    areas: Query<(&ComputedNode, &Children)>,
) {
    for (input, mut border, children) in &mut boxes {
        border.set_if_neq(BorderColor::all(if typing.is_active {
            ACCENT
        } else {
            BORDER
        }));
        let Some((area, parts)) = children.iter().find_map(|child| areas.get(child).ok()) else {
            continue;
        };
        let width = area.size().x * area.inverse_scale_factor();
        let (before, after) = typing.visible(BODY.characters_in(width), |typed| {
            drawable(typed.encode_utf8(&mut [0; 4])).len()
        });
        let before = drawable(&before);
        let (caret, line) = (before.len(), before + &drawable(&after));
        let (line, colour) = match (line.is_empty(), typing.is_active) {
            (true, true) => (String::new(), TEXT),
            (true, false) => (input.placeholder.to_owned(), QUIET_TEXT),
            (false, _) => (line, TEXT),
        };
        for part in parts.iter() {
            if let Ok((mut text, mut text_colour)) = shown.get_mut(part) {
                if text.0 != line {
                    text.0.clone_from(&line);
                    redraw.request_next_frame();
                }
                text_colour.set_if_neq(TextColor(colour));
            }
            if let Ok(mut node) = carets.get_mut(part) {
                place_caret(&mut node, typing.is_active, caret, BODY);
            }
        }
    }
}

fn place_caret(node: &mut Mut<Node>, is_active: bool, caret: usize, size: TextSize) {
    let display = if is_active {
        Display::Flex
    } else {
        Display::None
    };
    let left = px(size.width_of(caret).round());
    if node.display != display || node.left != left {
        node.display = display;
        node.left = left;
    }
}
