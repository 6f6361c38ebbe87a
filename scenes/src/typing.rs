//! The input line, and the keys that act as commands while it has no focus. The keys come from a window or from a terminal.

use bevy::input::keyboard::{Key, KeyboardInput};
use bevy::prelude::*;

use crate::text::take_width;

/// The maximum length of a line, in characters. It is well below the size limit of a client event.
const MAX_CHARACTERS: usize = 240;

/// The user has typed a line and pressed Enter.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct LineEntered(pub String);

/// The user has pressed a key outside the input line.
#[derive(Message, Clone, Debug, PartialEq)]
pub struct CommandKey(pub Key);

impl CommandKey {
    /// Whether it is this letter, ignoring case.
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

/// The state of the input line.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct Typing {
    /// Whether keys go into the line.
    pub is_active: bool,
    characters: Vec<char>,
    /// In characters from the start of the line.
    caret: usize,
}

impl Typing {
    /// Returns the text typed so far.
    #[must_use]
    pub fn line(&self) -> String {
        self.characters.iter().collect()
    }

    fn insert(&mut self, typed: &str) {
        for character in typed.chars().filter(|typed| !typed.is_control()) {
            if self.characters.len() < MAX_CHARACTERS {
                self.characters
                    .insert(self.caret.min(self.characters.len()), character);
                self.caret += 1;
            }
        }
    }

    /// Inserts pasted text as one line, and focuses the input line.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn paste(&mut self, text: &str) {
        self.is_active = true;
        let lines = text.split(['\r', '\n']).map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        self.insert(&lines.join(" "));
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

    /// Returns the part of the line that fits into `room` columns and contains the caret, split at the caret. `width` returns a
    /// character's width in columns; the caret takes one.
    pub(crate) fn visible(&self, room: usize, width: impl Fn(char) -> usize) -> (String, String) {
        let mut left = room.saturating_sub(1);
        let mut fits = |character: &&char| take_width(&mut left, width(**character));
        let (before, after) = self
            .characters
            .split_at(self.caret.min(self.characters.len()));
        let mut before: Vec<char> = before.iter().rev().take_while(&mut fits).copied().collect();
        before.reverse();
        let after = after.iter().take_while(fits).collect();
        (before.into_iter().collect(), after)
    }

    /// Handles a key in the input line. Returns the line on Enter.
    fn handle_key(&mut self, input: &KeyboardInput) -> Option<String> {
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

pub(crate) struct TypingPlugin;

impl Plugin for TypingPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Typing>()
            .add_message::<KeyboardInput>()
            .add_message::<LineEntered>()
            .add_message::<CommandKey>()
            .add_systems(PreUpdate, handle_keys);
    }
}

fn handle_keys(
    mut keys: MessageReader<KeyboardInput>,
    mut typing: ResMut<Typing>,
    mut lines: MessageWriter<LineEntered>,
    mut commands: MessageWriter<CommandKey>,
) {
    for input in keys.read().filter(|input| input.state.is_pressed()) {
        if typing.is_active {
            if let Some(line) = typing.handle_key(input) {
                lines.write(LineEntered(line));
            }
        } else if input.logical_key == Key::Enter {
            typing.is_active = true;
        } else if !input.repeat {
            commands.write(CommandKey(input.logical_key.clone()));
        }
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
    fn the_caret_is_always_visible() {
        let visible = |typing: &Typing, room| {
            let (before, after) = typing.visible(room, |_| 1);
            format!("{before}|{after}")
        };
        let mut typing = typed("hello world");
        assert_eq!(visible(&typing, 5), "orld|");
        typing.caret = 0;
        assert_eq!(visible(&typing, 5), "|hell");
        assert_eq!(visible(&typing, 0), "|");
        typing.caret = 5;
        assert_eq!(visible(&typing, 9), "hello| wo");
        assert_eq!(typing.visible(9, |_| 2), ("ello".to_owned(), String::new()));
    }

    #[test]
    fn control_characters_are_not_typed() {
        assert_eq!(typed("a\u{1b}[2Jb\n").line(), "a[2Jb");
    }

    #[test]
    fn what_is_pasted_is_one_line() {
        let mut typing = Typing::default();
        typing.paste("one\r\n  two\n");
        assert_eq!(
            (typing.line().as_str(), typing.is_active),
            ("one two", true)
        );
    }

    #[test]
    fn typed_line_has_a_maximum_length() {
        let typing = typed(&"x".repeat(MAX_CHARACTERS + 10));
        assert_eq!(typing.characters.len(), MAX_CHARACTERS);
        assert_eq!(typing.caret, MAX_CHARACTERS);
    }

    #[test]
    fn one_letter_is_a_command_in_either_case() {
        assert!(CommandKey(Key::Character("R".into())).is_letter('r'));
        assert!(!CommandKey(Key::Character("rr".into())).is_letter('r'));
        assert!(!CommandKey(Key::Enter).is_letter('e'));
    }
}
