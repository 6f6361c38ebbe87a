//! The key of the scene, and what it means.

use bevy::prelude::*;
use pusher_scenes::{
    key_hints::{KeyHint, KeyHints},
    link::LinkSystems,
    typing::CommandKey,
};

use crate::model::Publish;

pub(crate) fn plugin(app: &mut App) {
    app.insert_resource(KeyHints(vec![KeyHint::new("P", "publish news")]))
        .add_systems(Update, obey_keys.before(LinkSystems));
}

fn obey_keys(mut keys: MessageReader<CommandKey>, mut wishes: MessageWriter<Publish>) {
    for _ in keys.read().filter(|key| key.is_letter('p')) {
        wishes.write(Publish);
    }
}
