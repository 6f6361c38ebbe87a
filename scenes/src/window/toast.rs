//! Toasts: one line that slides in under the badge, stays a while, and leaves.

use std::time::Duration;

use bevy::prelude::*;

use crate::{
    colours::{BORDER, TEXT},
    draw::DrawSystems,
    toast::{AT_MOST, STAY, Toast, ToastKind},
    window::{
        fitted::fitted,
        icons::Icon,
        motion::{Arriving, Departing},
        pace::Pace,
        theme::{BODY, CORNER, EDGE, GAP, UNIT},
    },
    words::drawable,
};

const SLIDE: Duration = Duration::from_millis(150);
const WIDEST: f32 = 480.0;
/// Out of the window on the right.
const AWAY: Vec2 = Vec2::new(WIDEST + EDGE, 0.0);

#[derive(Component)]
pub(crate) struct ToastStack;

/// When a toast that is seen was first seen.
#[derive(Component)]
struct Shown {
    since: Duration,
}

pub(crate) fn toast_stack() -> impl Bundle {
    (
        ToastStack,
        Node {
            position_type: PositionType::Absolute,
            // The first toast's own margin makes this one unit below the top bar.
            top: px(EDGE + 5.0 * UNIT),
            right: px(EDGE),
            width: px(WIDEST),
            flex_direction: FlexDirection::Column,
            align_items: AlignItems::FlexEnd,
            ..default()
        },
        GlobalZIndex(2),
    )
}

pub(crate) struct ToastPlugin;

impl Plugin for ToastPlugin {
    fn build(&self, app: &mut App) {
        app.add_message::<Toast>()
            .add_systems(PostUpdate, (retire, show).chain().in_set(DrawSystems));
    }
}

fn show(
    mut commands: Commands,
    time: Res<Time<Real>>,
    assets: Res<AssetServer>,
    mut toasts: MessageReader<Toast>,
    stack: Option<Single<Entity, With<ToastStack>>>,
    shown: Query<(Entity, &Shown), Without<Departing>>,
) {
    let Some(stack) = stack else {
        return;
    };
    let fresh: Vec<&Toast> = toasts.read().collect();
    let fresh = fresh.split_at(fresh.len().saturating_sub(AT_MOST)).1;
    if fresh.is_empty() {
        return;
    }
    let mut present: Vec<(Duration, Entity)> = shown
        .iter()
        .map(|(entity, shown)| (shown.since, entity))
        .collect();
    present.sort_unstable();
    let too_many = (present.len() + fresh.len()).saturating_sub(AT_MOST);
    for (_, oldest) in present.into_iter().take(too_many) {
        commands.entity(oldest).insert(Departing::to(AWAY, SLIDE));
    }
    for toast in fresh {
        commands.spawn((
            toast_of(toast, &assets),
            Shown {
                since: time.elapsed(),
            },
            Arriving::from(AWAY, SLIDE),
            ChildOf(*stack),
        ));
    }
}

fn icon_of(kind: ToastKind) -> Icon {
    match kind {
        ToastKind::Info => Icon::Info,
        ToastKind::Good => Icon::Good,
        ToastKind::Warn => Icon::Warn,
        ToastKind::Bad => Icon::Bad,
        ToastKind::Invite => Icon::Invite,
    }
}

fn toast_of(toast: &Toast, assets: &AssetServer) -> impl Bundle + use<> {
    const EDGES: f32 = 2.0;
    const ICON: f32 = 16.0;
    // As wide as its text, which itself takes the width that is there.
    let width = BODY.width_of(drawable(&toast.text).len()).ceil() + ICON + 3.0 * GAP + EDGES;
    (
        Node {
            width: px(width.min(WIDEST)),
            height: px(6.0 * UNIT),
            margin: UiRect::top(px(UNIT)),
            padding: UiRect::horizontal(px(GAP)),
            column_gap: px(GAP),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(CORNER)),
            align_items: AlignItems::Center,
            flex_shrink: 0.0,
            ..default()
        },
        BackgroundColor(BORDER),
        BorderColor::all(toast.kind.colour().with_alpha(0.6)),
        children![
            icon_of(toast.kind).small(assets, toast.kind.colour()),
            (
                Node {
                    flex_grow: 1.0,
                    flex_basis: px(0),
                    min_width: px(0),
                    overflow: Overflow::clip(),
                    ..default()
                },
                children![fitted(toast.text.clone(), 0.0, BODY, TEXT)],
            ),
        ],
    )
}

fn retire(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    shown: Query<(Entity, &Shown), Without<Departing>>,
) {
    for (entity, shown) in &shown {
        if time.elapsed().saturating_sub(shown.since) >= STAY {
            commands.entity(entity).insert(Departing::to(AWAY, SLIDE));
            pace.moving();
        } else {
            pace.counting();
        }
    }
}
