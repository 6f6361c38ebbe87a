//! The keys of the lobby, and what they mean just now.

use bevy::prelude::*;
use pusher_scenes::{
    draw::DrawSystems,
    key_hints::{KeyHint, KeyHints},
    link::LinkSystems,
    player::Player,
    typing::{CommandKey, LineEntered},
};

use crate::model::LobbyRequest;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, (obey_keys, say_lines).before(LinkSystems))
        .add_systems(PostUpdate, hint.before(DrawSystems));
}

fn obey_keys(mut keys: MessageReader<CommandKey>, mut requests: MessageWriter<LobbyRequest>) {
    for key in keys.read() {
        if key.is_letter('r') {
            requests.write(LobbyRequest::ToggleReady);
        } else if key.is_letter('i') {
            requests.write(LobbyRequest::Invite);
        }
    }
}

fn say_lines(mut lines: MessageReader<LineEntered>, mut requests: MessageWriter<LobbyRequest>) {
    requests.write_batch(
        lines
            .read()
            .map(|LineEntered(line)| LobbyRequest::Say(line.clone())),
    );
}

fn hint(players: Query<&Player>, mut hints: ResMut<KeyHints>) {
    let is_ready = players
        .iter()
        .any(|player| player.is_you && player.is_ready);
    hints.set_if_neq(KeyHints(vec![
        KeyHint::new("Enter", "chat"),
        KeyHint::new("R", if is_ready { "not ready" } else { "ready" }),
        KeyHint::new("I", "invite"),
    ]));
}
