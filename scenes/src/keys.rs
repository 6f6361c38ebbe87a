//! Handles the keys that have the same meaning in every scene.

use bevy::input::keyboard::Key;
use bevy::prelude::*;

use crate::{
    connection::{ConnectionSystems, NetworkStatus, ToggleNetwork},
    connection_view::ConnectionView,
    draw::DrawSystems,
    key_hints::{CommonHints, KeyHint},
    typing::CommandKey,
};

/// A scene cannot close the browser page that it runs in.
const CAN_QUIT: bool = !cfg!(target_arch = "wasm32");

pub(crate) struct KeysPlugin;

impl Plugin for KeysPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, handle_keys.before(ConnectionSystems))
            .add_systems(PostUpdate, update_hints.before(DrawSystems));
    }
}

fn handle_keys(
    mut keys: MessageReader<CommandKey>,
    mut network: MessageWriter<ToggleNetwork>,
    mut exit: MessageWriter<AppExit>,
) {
    for key in keys.read() {
        if key.is_letter('n') {
            network.write(ToggleNetwork);
        } else if key.0 == Key::Escape && CAN_QUIT {
            exit.write(AppExit::Success);
        }
    }
}

fn update_hints(
    view: Res<ConnectionView>,
    network_status: Res<NetworkStatus>,
    mut hints: ResMut<CommonHints>,
) {
    let network = match *view {
        ConnectionView::Failed { .. } => "connect again",
        ConnectionView::Offline => "connect",
        _ if network_status.is_cut => "restore network",
        _ => "cut network",
    };
    let mut wanted = vec![KeyHint::new("N", network)];
    if CAN_QUIT {
        wanted.push(KeyHint::new("Esc", "quit"));
    }
    hints.set_if_neq(CommonHints(wanted));
}
