//! Which key does what, just now.

use bevy::prelude::*;

use crate::typing::Typing;

/// A key and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHint {
    /// As it is written on the keyboard.
    pub key: &'static str,
    /// In two or three words.
    pub what: &'static str,
}

impl KeyHint {
    /// This key does that.
    #[must_use]
    pub fn new(key: &'static str, what: &'static str) -> Self {
        Self { key, what }
    }
}

/// The hints of the scene's own keys; change it when their meaning changes.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyHints(pub Vec<KeyHint>);

/// The hints of the keys that every scene has, which come last.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommonHints(pub(crate) Vec<KeyHint>);

pub(crate) struct KeyHintsPlugin;

impl Plugin for KeyHintsPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<KeyHints>()
            .init_resource::<CommonHints>();
    }
}

/// The hints that hold now, in their order.
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
