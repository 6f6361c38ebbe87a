//! The keys of the scene, and what they mean.

use bevy::prelude::*;
use pusher_scenes::{
    key_hints::{KeyHint, KeyHints},
    link::LinkSystems,
    typing::{CommandKey, LineEntered},
};

use crate::{model::Wish, wire::IsOpen};

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, hint)
        .add_systems(Update, (obey_keys, whisper_lines).before(LinkSystems));
}

fn hint(is_open: Res<IsOpen>, mut hints: ResMut<KeyHints>) {
    hints.0.push(KeyHint::new("Enter", "whisper"));
    if is_open.0 {
        hints.0.push(KeyHint::new("F", "let the server forge one"));
    }
}

fn obey_keys(mut keys: MessageReader<CommandKey>, mut wishes: MessageWriter<Wish>) {
    for _ in keys.read().filter(|key| key.is_letter('f')) {
        wishes.write(Wish::Forge);
    }
}

fn whisper_lines(mut lines: MessageReader<LineEntered>, mut wishes: MessageWriter<Wish>) {
    wishes.write_batch(
        lines
            .read()
            .map(|LineEntered(line)| Wish::Whisper(line.clone())),
    );
}
