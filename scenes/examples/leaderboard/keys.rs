//! The scene's keys, and their hints.

use bevy::input::keyboard::Key;
use bevy::prelude::*;
use pusher_scenes::{
    connection::ConnectionSystems,
    key_hints::{KeyHint, KeyHints},
    typing::CommandKey,
};

use crate::model::Request;

pub(crate) fn plugin(app: &mut App) {
    app.insert_resource(KeyHints(vec![
        KeyHint::new("Space", "win points"),
        KeyHint::new("J", "join late"),
    ]))
    .add_systems(Update, handle_keys.before(ConnectionSystems));
}

fn handle_keys(mut keys: MessageReader<CommandKey>, mut requests: MessageWriter<Request>) {
    for key in keys.read() {
        if key.0 == Key::Space {
            requests.write(Request::Score);
        } else if key.is_letter('j') {
            requests.write(Request::RejoinLate);
        }
    }
}
