//! The keys of the scene, and what they mean.

use bevy::input::keyboard::Key;
use bevy::prelude::*;
use pusher_scenes::{
    key_hints::{KeyHint, KeyHints},
    link::LinkSystems,
    typing::CommandKey,
};

use crate::model::Wish;

pub(crate) fn plugin(app: &mut App) {
    app.insert_resource(KeyHints(vec![
        KeyHint::new("Space", "win points"),
        KeyHint::new("J", "join late"),
    ]))
    .add_systems(Update, obey_keys.before(LinkSystems));
}

fn obey_keys(mut keys: MessageReader<CommandKey>, mut wishes: MessageWriter<Wish>) {
    for key in keys.read() {
        if key.0 == Key::Space {
            wishes.write(Wish::Score);
        } else if key.is_letter('j') {
            wishes.write(Wish::ComeLate);
        }
    }
}
