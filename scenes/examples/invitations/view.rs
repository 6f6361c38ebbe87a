//! What one sees: the friends and the invitations on the left, the room on the right.

use bevy::prelude::*;
use pusher_scenes::{
    draw::DrawSystems,
    entry::ChatEntry,
    scene::Place,
    window::{
        chat::ChatPanel,
        frame::Frame,
        panel::{Panel, PanelCount},
        picture::WorthAPicture,
        roster::Roster,
        scrolling::Scrolling,
        theme::{GAP, UNIT},
    },
};

use crate::{
    cards::Cards,
    model::{CurrentRoom, Pending},
};

/// The share of the invitations in the height, in percent, and at least the height of one card and a title, in logical
/// pixels.
const INVITATIONS: f32 = 28.0;
const INVITATIONS_HEIGHT: f32 = 136.0;

/// A picture shows a room with so much talk, and another invitation.
const LIVELY: usize = 4;

#[derive(Component)]
struct InvitationCount;

#[derive(Component)]
struct RoomName;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, judge_picture)
        .add_systems(PostUpdate, count.before(DrawSystems));
}

fn build(mut commands: Commands, place: Res<Place>, assets: Res<AssetServer>) {
    let frame = Frame::spawn(&mut commands, "Invitations", &place);
    let aside = Panel::column(&mut commands, frame.body);
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

    let room = Panel::wide(&mut commands, frame.body, "Private room");
    commands.entity(room.count).insert(RoomName);
    ChatPanel {
        empty: "Invite a friend, to meet here",
        input: Some("In a room, press Enter to chat"),
    }
    .fill(&mut commands, &room, &assets);
}

fn count(
    pending: Res<Pending>,
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

fn judge_picture(
    pending: Res<Pending>,
    mut entries: MessageReader<ChatEntry>,
    mut lines: Local<usize>,
    mut worth: ResMut<WorthAPicture>,
) {
    *lines += entries.read().count();
    let is_lively = *lines >= LIVELY && !pending.0.is_empty();
    worth.set_if_neq(WorthAPicture(is_lively));
}
