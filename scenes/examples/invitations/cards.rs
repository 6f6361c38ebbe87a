//! The pending invitations, one card each. The first card is framed; the keys answer that one.

use bevy::prelude::*;
use pusher_scenes::{
    colours::{ACCENT, BORDER, QUIET_TEXT, TEXT},
    draw::DrawSystems,
    invitations::Invitation,
    window::{
        fitted::fitted,
        icons::Icon,
        theme::{BODY, GAP, QUIET, UNIT, text},
    },
};

use crate::model::PendingInvitations;

/// Marks the list of the cards.
#[derive(Component)]
pub(crate) struct Cards;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PostUpdate, draw.in_set(DrawSystems));
}

fn draw(
    mut commands: Commands,
    pending: Res<PendingInvitations>,
    cards: Single<(Entity, Ref<Cards>)>,
    assets: Res<AssetServer>,
) {
    let (entity, list) = &*cards;
    if !pending.is_changed() && !list.is_added() {
        return;
    }
    commands.entity(*entity).despawn_children();
    if pending.0.is_empty() {
        commands.spawn((no_cards(), ChildOf(*entity)));
    }
    for (index, invitation) in pending.0.iter().enumerate() {
        let edge = if index == 0 { ACCENT } else { BORDER };
        commands.spawn((card(invitation, edge, &assets), ChildOf(*entity)));
    }
}

fn no_cards() -> impl Bundle {
    (
        Node {
            height: px(6.0 * UNIT),
            align_items: AlignItems::Center,
            ..default()
        },
        children![text("No invitations", BODY, QUIET_TEXT)],
    )
}

fn card(invitation: &Invitation, edge: Color, assets: &AssetServer) -> impl Bundle + use<> {
    let line = |text, size, colour| (Node::default(), children![fitted(text, 0.0, size, colour)]);
    let from = line(invitation.from.clone(), BODY, TEXT);
    let what = format!("invites you to {}", invitation.game);
    (
        Node {
            height: px(7.0 * UNIT),
            padding: UiRect::horizontal(px(GAP)),
            column_gap: px(GAP),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(UNIT)),
            align_items: AlignItems::Center,
            flex_shrink: 0.0,
            ..default()
        },
        BorderColor::all(edge),
        children![
            Icon::Invite.of_size(assets, edge, 24.0),
            (
                Node {
                    flex_direction: FlexDirection::Column,
                    flex_grow: 1.0,
                    flex_basis: px(0),
                    min_width: px(0),
                    overflow: Overflow::clip(),
                    ..default()
                },
                children![from, line(what, QUIET, QUIET_TEXT)],
            ),
        ],
    )
}
