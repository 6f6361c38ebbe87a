//! The scene's keys, and their hints.

use bevy::input::keyboard::Key;
use bevy::prelude::*;
use pusher_scenes::{
    connection::ConnectionSystems,
    draw::DrawSystems,
    key_hints::{KeyHint, KeyHints},
    turns::TableSync,
    typing::CommandKey,
};

use crate::model::Request;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, handle_keys.before(ConnectionSystems))
        .add_systems(PostUpdate, update_hints.before(DrawSystems));
}

fn handle_keys(mut keys: MessageReader<CommandKey>, mut requests: MessageWriter<Request>) {
    for key in keys.read() {
        if key.is_letter('g') {
            requests.write(Request::NextGame);
        } else if let Key::Character(typed) = &key.0
            && let Ok(number @ 1..=9) = typed.parse::<u8>()
        {
            requests.write(Request::Play(number - 1));
        }
    }
}

fn update_hints(sync: Res<TableSync>, mut hints: ResMut<KeyHints>) {
    let id = sync.me.id;
    let mut wanted = Vec::new();
    if sync.table.is_turn_of(id) {
        wanted.push(KeyHint::new("1-9", "take a cell"));
    }
    if sync.table.is_over() && sync.table.mark_of(id).is_some() {
        wanted.push(KeyHint::new("G", "next game"));
    }
    hints.set_if_neq(KeyHints(wanted));
}
