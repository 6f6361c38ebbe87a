//! The window: the roster on the left, the chat on the right.

use std::time::Duration;

use bevy::prelude::*;
use pusher_scenes::{
    chat_entry::ChatEntry,
    connection_view::ConnectionView,
    player::{Departed, Player},
    scene::ServerLabel,
    toast::Toast,
    window::{
        chat::ChatPanel, layout::SceneLayout, panel::Panel, roster::Roster,
        screenshot::ScreenshotReady,
    },
};

/// A screenshot shows at least this many players and lines of chat, and a toast.
const MIN_COUNT: usize = 4;
/// The maximum age of a toast that is still visible when the screenshot is taken.
const TOAST_AGE: Duration = Duration::from_millis(2500);

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, update_screenshot_ready);
}

fn build(mut commands: Commands, server_label: Res<ServerLabel>, assets: Res<AssetServer>) {
    let layout = SceneLayout::spawn(&mut commands, "Lobby", &server_label);
    let roster = Panel::aside(&mut commands, layout.body, "Players");
    Roster {
        has_ready_check: true,
        skeletons: 4,
        alone: "Open a second lobby with the same server to meet yourself.",
    }
    .fill(&mut commands, &roster);

    let chat = Panel::wide(&mut commands, layout.body, "Chat");
    ChatPanel {
        empty: "No messages yet",
        input: Some("Press Enter to chat"),
    }
    .fill(&mut commands, &chat, &assets);
}

fn update_screenshot_ready(
    time: Res<Time<Real>>,
    view: Res<ConnectionView>,
    players: Query<(), (With<Player>, Without<Departed>)>,
    mut entries: MessageReader<ChatEntry>,
    mut toasts: MessageReader<Toast>,
    mut lines: Local<usize>,
    mut last_toast: Local<Option<Duration>>,
    mut ready_for_screenshot: ResMut<ScreenshotReady>,
) {
    *lines += entries.read().count();
    if toasts.read().count() > 0 {
        *last_toast = Some(time.elapsed());
    }
    let has_toast = last_toast.is_some_and(|came| time.elapsed().saturating_sub(came) < TOAST_AGE);
    let is_ready = view.is_connected()
        && has_toast
        && players.iter().len() >= MIN_COUNT
        && *lines >= MIN_COUNT;
    ready_for_screenshot.set_if_neq(ScreenshotReady(is_ready));
}
