//! The model of the key hints: the action of each key at the moment.

use bevy::prelude::*;

use crate::typing::Typing;

/// A key and its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHint {
    /// The key's label on the keyboard.
    pub key: &'static str,
    /// The effect, in two or three words.
    pub action: &'static str,
}

impl KeyHint {
    /// Creates a hint.
    #[must_use]
    pub fn new(key: &'static str, action: &'static str) -> Self {
        Self { key, action }
    }
}

/// The hints of the scene's own keys. A scene updates it when the meaning of a key changes.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyHints(pub Vec<KeyHint>);

/// The hints of the keys that every scene has. They come last.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommonHints(pub(crate) Vec<KeyHint>);

pub(crate) struct KeyHintsPlugin;

impl Plugin for KeyHintsPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<KeyHints>()
            .init_resource::<CommonHints>();
    }
}

/// Returns the hints to show now, in order. While the user types, only the keys of the input line apply.
#[must_use]
pub(crate) fn current_hints(
    typing: &Typing,
    hints: &KeyHints,
    common: &CommonHints,
) -> Vec<KeyHint> {
    if typing.is_active {
        vec![KeyHint::new("Enter", "send"), KeyHint::new("Esc", "back")]
    } else {
        [&*hints.0, &*common.0].concat()
    }
}
