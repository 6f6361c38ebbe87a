//! The keys that mean the same in every scene.

use bevy::input::keyboard::Key;
use bevy::prelude::*;

use crate::{
    connection_view::ConnectionView,
    draw::DrawSystems,
    key_hints::{CommonHints, KeyHint},
    link::{Link, LinkSystems, ToggleNetwork},
    typing::CommandKey,
};

/// A page is not the scene's to close.
const CAN_QUIT: bool = !cfg!(target_arch = "wasm32");

pub(crate) struct KeysPlugin;

impl Plugin for KeysPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, obey.before(LinkSystems))
            .add_systems(PostUpdate, hint.before(DrawSystems));
    }
}

fn obey(
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

fn hint(view: Res<ConnectionView>, link: Res<Link>, mut hints: ResMut<CommonHints>) {
    let network = match *view {
        ConnectionView::Failed { .. } => "connect again",
        ConnectionView::Offline => "connect",
        _ if link.is_cut => "restore network",
        _ => "cut network",
    };
    let mut wanted = vec![KeyHint::new("N", network)];
    if CAN_QUIT {
        wanted.push(KeyHint::new("Esc", "quit"));
    }
    hints.set_if_neq(CommonHints(wanted));
}
