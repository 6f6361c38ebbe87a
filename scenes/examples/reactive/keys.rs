//! The scene's key, and its hint.

use bevy::prelude::*;
use pusher_scenes::{
    connection::ConnectionSystems,
    key_hints::{KeyHint, KeyHints},
    typing::CommandKey,
};

use crate::model::Publish;

pub(crate) fn plugin(app: &mut App) {
    app.insert_resource(KeyHints(vec![KeyHint::new("P", "publish news")]))
        .add_systems(Update, handle_keys.before(ConnectionSystems));
}

fn handle_keys(mut keys: MessageReader<CommandKey>, mut requests: MessageWriter<Publish>) {
    for _ in keys.read().filter(|key| key.is_letter('p')) {
        requests.write(Publish);
    }
}
