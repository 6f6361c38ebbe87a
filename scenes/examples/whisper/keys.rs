//! The scene's keys, and their hints.

use bevy::prelude::*;
use pusher_scenes::{
    connection::ConnectionSystems,
    key_hints::{KeyHint, KeyHints},
    typing::{CommandKey, LineEntered},
};

use crate::{model::Request, wire::CanInspectServer};

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, update_hints)
        .add_systems(Update, (handle_keys, send_lines).before(ConnectionSystems));
}

fn update_hints(can_inspect: Res<CanInspectServer>, mut hints: ResMut<KeyHints>) {
    hints.0.push(KeyHint::new("Enter", "whisper"));
    if can_inspect.0 {
        hints.0.push(KeyHint::new("F", "let the server forge one"));
    }
}

fn handle_keys(mut keys: MessageReader<CommandKey>, mut requests: MessageWriter<Request>) {
    for _ in keys.read().filter(|key| key.is_letter('f')) {
        requests.write(Request::Forge);
    }
}

fn send_lines(mut lines: MessageReader<LineEntered>, mut requests: MessageWriter<Request>) {
    requests.write_batch(
        lines
            .read()
            .map(|LineEntered(line)| Request::Whisper(line.clone())),
    );
}
