//! The scene's keys, and their hints.

use bevy::input::keyboard::Key;
use bevy::prelude::*;
use pusher_scenes::{
    connection::ConnectionSystems,
    draw::DrawSystems,
    key_hints::{KeyHint, KeyHints},
    typing::{CommandKey, LineEntered},
};

use crate::model::{CurrentRoom, PendingInvitations, Request};

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, (handle_keys, send_lines).before(ConnectionSystems))
        .add_systems(PostUpdate, update_hints.before(DrawSystems));
}

fn handle_keys(mut keys: MessageReader<CommandKey>, mut requests: MessageWriter<Request>) {
    for key in keys.read() {
        let request = match &key.0 {
            Key::ArrowUp => Request::Choose(-1),
            Key::ArrowDown => Request::Choose(1),
            _ if key.is_letter('i') => Request::Invite,
            _ if key.is_letter('a') => Request::Accept,
            _ if key.is_letter('d') => Request::Decline,
            _ if key.is_letter('l') => Request::Leave,
            _ => continue,
        };
        requests.write(request);
    }
}

fn send_lines(mut lines: MessageReader<LineEntered>, mut requests: MessageWriter<Request>) {
    requests.write_batch(
        lines
            .read()
            .map(|LineEntered(line)| Request::Say(line.clone())),
    );
}

fn update_hints(
    pending: Res<PendingInvitations>,
    room: Res<CurrentRoom>,
    mut hints: ResMut<KeyHints>,
) {
    let mut wanted = vec![
        KeyHint::new("Up Down", "choose"),
        KeyHint::new("I", "invite"),
    ];
    if !pending.0.is_empty() {
        wanted.push(KeyHint::new("A", "accept"));
        wanted.push(KeyHint::new("D", "decline"));
    }
    if room.0.is_some() {
        wanted.push(KeyHint::new("Enter", "chat"));
        wanted.push(KeyHint::new("L", "leave"));
    }
    hints.set_if_neq(KeyHints(wanted));
}
