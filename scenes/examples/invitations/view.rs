//! The window: the friends and the invitations on the left, the room on the right.

use bevy::prelude::*;
use pusher_scenes::{
    chat_entry::ChatEntry,
    draw::DrawSystems,
    scene::ServerLabel,
    window::{
        chat::ChatPanel,
        layout::SceneLayout,
        panel::{Panel, PanelCount},
        roster::Roster,
        screenshot::ScreenshotReady,
        scrolling::Scrolling,
        theme::{GAP, UNIT},
    },
};

use crate::{
    cards::Cards,
    model::{CurrentRoom, PendingInvitations},
};

/// The height of the invitations as a percentage, and its minimum in logical pixels: one card and the title.
const INVITATIONS: f32 = 28.0;
const INVITATIONS_HEIGHT: f32 = 136.0;

/// A screenshot shows this many lines of chat, and a pending invitation.
const MIN_LINES: usize = 4;

#[derive(Component)]
struct InvitationCount;

#[derive(Component)]
struct RoomName;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, update_screenshot_ready)
        .add_systems(PostUpdate, count.before(DrawSystems));
}

fn build(mut commands: Commands, server_label: Res<ServerLabel>, assets: Res<AssetServer>) {
    let layout = SceneLayout::spawn(&mut commands, "Invitations", &server_label);
    let aside = Panel::column(&mut commands, layout.body);
    let friends = Panel::wide(&mut commands, aside, "Friends");
    Roster {
        has_ready_check: false,
        skeletons: 4,
        alone: "Start with --friends NAME to see whether a friend is online.",
    }
    .fill(&mut commands, &friends);

    let invitations = Panel::spawn(
        &mut commands,
        aside,
        "Invitations",
        Node {
            height: percent(INVITATIONS),
            min_height: px(INVITATIONS_HEIGHT),
            flex_shrink: 0.0,
            ..default()
        },
    );
    commands.entity(invitations.count).insert(InvitationCount);
    let list = Scrolling::spawn(&mut commands, invitations.content, false);
    commands.spawn((
        Cards,
        Node {
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            row_gap: px(UNIT),
            padding: UiRect::horizontal(px(GAP)),
            ..default()
        },
        ChildOf(list),
    ));

    let room = Panel::wide(&mut commands, layout.body, "Private room");
    commands.entity(room.count).insert(RoomName);
    ChatPanel {
        empty: "Invite a friend, to meet here",
        input: Some("In a room, press Enter to chat"),
    }
    .fill(&mut commands, &room, &assets);
}

fn count(
    pending: Res<PendingInvitations>,
    room: Res<CurrentRoom>,
    mut counts: Query<&mut PanelCount, (With<InvitationCount>, Without<RoomName>)>,
    mut names: Query<&mut PanelCount, With<RoomName>>,
) {
    let waiting = match pending.0.len() {
        0 => String::new(),
        waiting => waiting.to_string(),
    };
    for mut count in &mut counts {
        count.set_if_neq(PanelCount(waiting.clone()));
    }
    let with = match &room.0 {
        Some(room) => format!("with {}", room.with),
        None => String::new(),
    };
    for mut name in &mut names {
        name.set_if_neq(PanelCount(with.clone()));
    }
}

fn update_screenshot_ready(
    pending: Res<PendingInvitations>,
    mut entries: MessageReader<ChatEntry>,
    mut lines: Local<usize>,
    mut ready_for_screenshot: ResMut<ScreenshotReady>,
) {
    *lines += entries.read().count();
    let is_ready = *lines >= MIN_LINES && !pending.0.is_empty();
    ready_for_screenshot.set_if_neq(ScreenshotReady(is_ready));
}
