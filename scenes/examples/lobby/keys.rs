//! The keys of the lobby, and what they mean just now.

use bevy::input::keyboard::Key;
use bevy::prelude::*;
use pusher_scenes::{
    connection_view::ConnectionView,
    input_line::{CommandKey, LineEntered, Typing},
    key_hints::{KeyHint, KeyHints},
    player::Player,
    scrolling::Scrolling,
};

use crate::model::{Lobby, LobbyRequest};
use crate::view::ChatScroll;

/// Lines that Page Up and Page Down scroll by.
const PAGE: f32 = 8.0;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, (obey_keys, say_lines, scroll_chat, hint).chain());
}

fn obey_keys(
    mut keys: MessageReader<CommandKey>,
    mut requests: MessageWriter<LobbyRequest>,
    mut exit: MessageWriter<AppExit>,
) {
    for key in keys.read() {
        if key.is_letter('r') {
            requests.write(LobbyRequest::ToggleReady);
        } else if key.is_letter('i') {
            requests.write(LobbyRequest::Invite);
        } else if key.is_letter('n') {
            requests.write(LobbyRequest::ToggleNetwork);
        } else if key.0 == Key::Escape {
            exit.write(AppExit::Success);
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

fn scroll_chat(
    keys: Res<ButtonInput<KeyCode>>,
    list: Single<(&mut Scrolling, &mut ScrollPosition, &ComputedNode), With<ChatScroll>>,
) {
    let lines = if keys.just_pressed(KeyCode::PageUp) {
        -PAGE
    } else if keys.just_pressed(KeyCode::PageDown) {
        PAGE
    } else {
        return;
    };
    let (mut list, mut position, node) = list.into_inner();
    list.by(lines, &mut position, node);
}

fn hint(
    typing: Res<Typing>,
    view: Res<ConnectionView>,
    lobby: Res<Lobby>,
    players: Query<&Player>,
    mut hints: ResMut<KeyHints>,
) {
    let hint = |key, what| KeyHint { key, what };
    let wanted = if typing.is_active {
        vec![hint("Enter", "send"), hint("Esc", "back")]
    } else {
        let network = match *view {
            ConnectionView::Failed { .. } => "connect again",
            ConnectionView::Offline => "connect",
            _ if lobby.network_is_cut => "restore network",
            _ => "cut network",
        };
        let is_ready = players
            .iter()
            .any(|player| player.is_you && player.is_ready);
        vec![
            hint("Enter", "chat"),
            hint("R", if is_ready { "not ready" } else { "ready" }),
            hint("I", "invite"),
            hint("N", network),
            hint("Esc", "quit"),
        ]
    };
    hints.set_if_neq(KeyHints(wanted));
}
