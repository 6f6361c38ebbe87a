//! The keys of the game, and what they mean just now.

use bevy::input::keyboard::Key;
use bevy::prelude::*;
use pusher_scenes::{
    draw::DrawSystems,
    key_hints::{KeyHint, KeyHints},
    link::LinkSystems,
    turns::Sitting,
    typing::CommandKey,
};

use crate::model::Wish;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, obey_keys.before(LinkSystems))
        .add_systems(PostUpdate, hint.before(DrawSystems));
}

fn obey_keys(mut keys: MessageReader<CommandKey>, mut wishes: MessageWriter<Wish>) {
    for key in keys.read() {
        if key.is_letter('g') {
            wishes.write(Wish::NextGame);
        } else if let Key::Character(typed) = &key.0
            && let Ok(number @ 1..=9) = typed.parse::<u8>()
        {
            wishes.write(Wish::Play(number - 1));
        }
    }
}

fn hint(sitting: Res<Sitting>, mut hints: ResMut<KeyHints>) {
    let id = sitting.me.id;
    let mut wanted = Vec::new();
    if sitting.table.is_turn_of(id) {
        wanted.push(KeyHint::new("1-9", "take a cell"));
    }
    if sitting.table.is_over() && sitting.table.mark_of(id).is_some() {
        wanted.push(KeyHint::new("G", "next game"));
    }
    hints.set_if_neq(KeyHints(wanted));
}
