//! The line one types into, and the keys that are commands while one does not.

use bevy::input::keyboard::{Key, KeyboardInput};
use bevy::prelude::*;
use bevy::ui::UiSystems;

use crate::{
    draw::DrawSystems,
    pace::Pace,
    theme::{ACCENT, BACKGROUND, BODY, BORDER, GAP, QUIET_TEXT, TEXT, TextSize, UNIT, text},
    words::drawable,
};

/// No line may be longer, in characters; a client event has room for more.
const LONGEST: usize = 240;

/// A line was typed and Enter pressed.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct LineEntered(pub String);

/// A key was pressed that is not part of typing.
#[derive(Message, Clone, Debug, PartialEq)]
pub struct CommandKey(pub Key);

impl CommandKey {
    /// Whether it is this letter, whatever the case.
    #[must_use]
    pub fn is_letter(&self, letter: char) -> bool {
        matches!(&self.0, Key::Character(typed) if typed.chars().eq_ignore_case(letter))
    }
}

trait EqIgnoreCase {
    fn eq_ignore_case(self, letter: char) -> bool;
}

impl EqIgnoreCase for std::str::Chars<'_> {
    fn eq_ignore_case(mut self, letter: char) -> bool {
        self.next()
            .is_some_and(|typed| typed.eq_ignore_ascii_case(&letter))
            && self.next().is_none()
    }
}

/// What is being typed.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct Typing {
    /// Whether keys go into the line.
    pub is_active: bool,
    characters: Vec<char>,
    /// In characters, from the start.
    caret: usize,
}

impl Typing {
    /// The line so far.
    #[must_use]
    pub fn line(&self) -> String {
        self.characters.iter().collect()
    }

    fn insert(&mut self, typed: &str) {
        for character in drawable(typed).chars() {
            if self.characters.len() < LONGEST {
                self.characters
                    .insert(self.caret.min(self.characters.len()), character);
                self.caret += 1;
            }
        }
    }

    fn remove_at(&mut self, index: usize) {
        if index < self.characters.len() {
            self.characters.remove(index);
            self.caret = self.caret.min(self.characters.len());
        }
    }

    fn take(&mut self) -> String {
        let line = self.line().trim().to_owned();
        self.characters.clear();
        self.caret = 0;
        line
    }

    /// The part of the line that fits into `room` characters and holds the caret, and where in it the caret is.
    fn window(&self, room: usize) -> (String, usize) {
        let room = room.max(1);
        let first = (self.caret + 1).saturating_sub(room);
        let shown = self.characters.iter().skip(first).take(room).collect();
        (shown, self.caret - first)
    }

    /// Handles a key while typing; gives back the line when it is done.
    fn press(&mut self, input: &KeyboardInput) -> Option<String> {
        match &input.logical_key {
            Key::Enter => {
                let line = self.take();
                if line.is_empty() {
                    self.is_active = false;
                } else {
                    return Some(line);
                }
            }
            Key::Escape => self.is_active = false,
            Key::Backspace => {
                if let Some(before) = self.caret.checked_sub(1) {
                    self.caret = before;
                    self.remove_at(before);
                }
            }
            Key::Delete => self.remove_at(self.caret),
            Key::ArrowLeft => self.caret = self.caret.saturating_sub(1),
            Key::ArrowRight => self.caret = (self.caret + 1).min(self.characters.len()),
            Key::Home => self.caret = 0,
            Key::End => self.caret = self.characters.len(),
            _ => {
                if let Some(typed) = &input.text {
                    self.insert(typed);
                }
            }
        }
        None
    }
}

#[derive(Component)]
struct InputBox {
    placeholder: &'static str,
}

#[derive(Component)]
struct Typed;

#[derive(Component)]
struct Caret;

/// The input line; `placeholder` says how to begin.
pub fn input_line(placeholder: &'static str) -> impl Bundle {
    (
        InputBox { placeholder },
        // Clicking it begins typing.
        Interaction::default(),
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
        app.init_resource::<Typing>()
            .add_message::<LineEntered>()
            .add_message::<CommandKey>()
            .add_systems(
                PreUpdate,
                (begin_by_click.after(UiSystems::Focus), press_keys).chain(),
            )
            .add_systems(PostUpdate, show.in_set(DrawSystems));
    }
}

fn begin_by_click(
    mut typing: ResMut<Typing>,
    boxes: Query<&Interaction, (Changed<Interaction>, With<InputBox>)>,
) {
    if boxes
        .iter()
        .any(|interaction| *interaction == Interaction::Pressed)
    {
        typing.is_active = true;
    }
}

fn press_keys(
    mut keys: MessageReader<KeyboardInput>,
    mut typing: ResMut<Typing>,
    mut lines: MessageWriter<LineEntered>,
    mut commands: MessageWriter<CommandKey>,
) {
    for input in keys.read().filter(|input| input.state.is_pressed()) {
        if typing.is_active {
            if let Some(line) = typing.press(input) {
                lines.write(LineEntered(line));
            }
        } else if input.logical_key == Key::Enter {
            typing.is_active = true;
        } else if !input.repeat {
            commands.write(CommandKey(input.logical_key.clone()));
        }
    }
}

fn show(
    typing: Res<Typing>,
    mut pace: ResMut<Pace>,
    mut boxes: Query<(&InputBox, &mut BorderColor, &Children)>,
    mut shown: Query<(&mut Text, &mut TextColor), With<Typed>>,
    mut carets: Query<&mut Node, With<Caret>>,
    rooms: Query<(&ComputedNode, &Children)>,
) {
    for (input, mut border, children) in &mut boxes {
        border.set_if_neq(BorderColor::all(if typing.is_active {
            ACCENT
        } else {
            BORDER
        }));
        let Some((room, parts)) = children.iter().find_map(|child| rooms.get(child).ok()) else {
            continue;
        };
        let width = room.size().x * room.inverse_scale_factor();
        let (line, caret) = typing.window(BODY.characters_in(width));
        let (line, colour) = match (line.is_empty(), typing.is_active) {
            (true, true) => (String::new(), TEXT),
            (true, false) => (input.placeholder.to_owned(), QUIET_TEXT),
            (false, _) => (line, TEXT),
        };
        for part in parts.iter() {
            if let Ok((mut text, mut text_colour)) = shown.get_mut(part) {
                if text.0 != line {
                    text.0.clone_from(&line);
                    pace.moving();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typing {
        let mut typing = Typing::default();
        typing.insert(line);
        typing
    }

    #[test]
    fn the_caret_is_always_in_the_window() {
        let mut typing = typed("hello world");
        assert_eq!(typing.window(5), ("orld".to_owned(), 4));
        typing.caret = 0;
        assert_eq!(typing.window(5), ("hello".to_owned(), 0));
        assert_eq!(typing.window(0), ("h".to_owned(), 0));
    }

    #[test]
    fn a_line_has_an_end() {
        let typing = typed(&"x".repeat(LONGEST + 10));
        assert_eq!(typing.characters.len(), LONGEST);
        assert_eq!(typing.caret, LONGEST);
    }

    #[test]
    fn one_letter_is_a_command_in_either_case() {
        assert!(CommandKey(Key::Character("R".into())).is_letter('r'));
        assert!(!CommandKey(Key::Character("rr".into())).is_letter('r'));
        assert!(!CommandKey(Key::Enter).is_letter('e'));
    }
}
