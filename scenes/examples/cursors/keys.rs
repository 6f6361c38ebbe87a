//! The scene's key, and its hint.

use bevy::prelude::*;
use pusher_scenes::{
    draw::DrawSystems,
    key_hints::{KeyHint, KeyHints},
    typing::CommandKey,
};

use crate::model::IsSmooth;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, handle_keys)
        .add_systems(PostUpdate, update_hints.before(DrawSystems));
}

fn handle_keys(mut keys: MessageReader<CommandKey>, mut is_smooth: ResMut<IsSmooth>) {
    for key in keys.read() {
        if key.is_letter('s') {
            is_smooth.0 = !is_smooth.0;
        }
    }
}

fn update_hints(is_smooth: Res<IsSmooth>, mut hints: ResMut<KeyHints>) {
    let smoothing = if is_smooth.0 {
        "let cursors jump"
    } else {
        "smooth cursors"
    };
    hints.set_if_neq(KeyHints(vec![
        KeyHint::new("Drag", "draw"),
        KeyHint::new("S", smoothing),
    ]));
}
