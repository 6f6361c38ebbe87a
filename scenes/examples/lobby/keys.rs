//! The scene's keys, and their hints.

use bevy::prelude::*;
use pusher_scenes::{
    connection::ConnectionSystems,
    draw::DrawSystems,
    key_hints::{KeyHint, KeyHints},
    player::Player,
    typing::{CommandKey, LineEntered},
};

use crate::model::LobbyRequest;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, (handle_keys, send_lines).before(ConnectionSystems))
        .add_systems(PostUpdate, update_hints.before(DrawSystems));
}

fn handle_keys(mut keys: MessageReader<CommandKey>, mut requests: MessageWriter<LobbyRequest>) {
    for key in keys.read() {
        if key.is_letter('r') {
            requests.write(LobbyRequest::ToggleReady);
        } else if key.is_letter('i') {
            requests.write(LobbyRequest::Invite);
        }
    }
}

fn send_lines(mut lines: MessageReader<LineEntered>, mut requests: MessageWriter<LobbyRequest>) {
    requests.write_batch(
        lines
            .read()
            .map(|LineEntered(line)| LobbyRequest::Say(line.clone())),
    );
}

fn update_hints(players: Query<&Player>, mut hints: ResMut<KeyHints>) {
    let is_ready = players
        .iter()
        .any(|player| player.is_you && player.is_ready);
    hints.set_if_neq(KeyHints(vec![
        KeyHint::new("Enter", "chat"),
        KeyHint::new("R", if is_ready { "not ready" } else { "ready" }),
        KeyHint::new("I", "invite"),
    ]));
}
