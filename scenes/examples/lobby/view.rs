//! What one sees of the lobby: the roster on the left, the chat on the right, a curtain when the link is down.

use std::time::Duration;

use bevy::prelude::*;
use pusher_scenes::{
    connection_view::ConnectionView,
    entry::ChatEntry,
    player::{Departed, Player},
    scene::Place,
    toast::Toast,
    window::{chat::ChatPanel, frame::Frame, panel::Panel, picture::WorthAPicture, roster::Roster},
};

/// A picture shows a lively lobby: this many players, as many lines of chat, and a toast.
const LIVELY: usize = 4;
/// A toast that came no longer ago is still seen when the picture is taken.
const FRESH: Duration = Duration::from_millis(2500);

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, judge_picture);
}

fn build(mut commands: Commands, place: Res<Place>, assets: Res<AssetServer>) {
    let frame = Frame::spawn(&mut commands, "Lobby", &place);
    let roster = Panel::aside(&mut commands, frame.body, "Players");
    Roster {
        has_ready_check: true,
        skeletons: 4,
        alone: "Open a second lobby with the same server to meet yourself.",
    }
    .fill(&mut commands, &roster);

    let chat = Panel::wide(&mut commands, frame.body, "Chat");
    ChatPanel {
        empty: "Nothing said yet",
        input: Some("Press Enter to chat"),
    }
    .fill(&mut commands, &chat, &assets);
}

fn judge_picture(
    time: Res<Time<Real>>,
    view: Res<ConnectionView>,
    players: Query<(), (With<Player>, Without<Departed>)>,
    mut entries: MessageReader<ChatEntry>,
    mut toasts: MessageReader<Toast>,
    mut lines: Local<usize>,
    mut last_toast: Local<Option<Duration>>,
    mut worth: ResMut<WorthAPicture>,
) {
    *lines += entries.read().count();
    if toasts.read().count() > 0 {
        *last_toast = Some(time.elapsed());
    }
    let has_toast = last_toast.is_some_and(|came| time.elapsed().saturating_sub(came) < FRESH);
    let is_lively =
        view.is_connected() && has_toast && players.iter().len() >= LIVELY && *lines >= LIVELY;
    worth.set_if_neq(WorthAPicture(is_lively));
}
