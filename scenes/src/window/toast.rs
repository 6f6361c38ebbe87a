//! Shows toasts below the connection badge. They slide in, stay for a while, and slide out.

use std::time::Duration;

use bevy::prelude::*;

use crate::{
    colours::{BORDER, TEXT},
    draw::DrawSystems,
    text::drawable,
    toast::{MAX_VISIBLE, Toast, ToastKind, VISIBLE_FOR},
    window::{
        animation::{SlideIn, SlideOut},
        fitted::fitted,
        icons::Icon,
        redraw::RedrawNeeds,
        theme::{BODY, CORNER, EDGE, GAP, UNIT},
    },
};

const SLIDE: Duration = Duration::from_millis(150);
const MAX_WIDTH: f32 = 480.0;
/// To the right of the window's edge.
const SLIDE_OFFSET: Vec2 = Vec2::new(MAX_WIDTH + EDGE, 0.0);

#[derive(Component)]
pub(crate) struct ToastStack;

/// When the toast was first shown.
#[derive(Component)]
struct Shown {
    since: Duration,
}

pub(crate) fn toast_stack() -> impl Bundle {
    (
        ToastStack,
        Node {
            position_type: PositionType::Absolute,
            // The margin of the first toast places it one unit below the top bar.
            top: px(EDGE + 5.0 * UNIT),
            right: px(EDGE),
            width: px(MAX_WIDTH),
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
        app.add_message::<Toast>().add_systems(
            PostUpdate,
            (remove_expired, show).chain().in_set(DrawSystems),
        );
    }
}

fn show(
    mut commands: Commands,
    time: Res<Time<Real>>,
    assets: Res<AssetServer>,
    mut toasts: MessageReader<Toast>,
    stack: Option<Single<Entity, With<ToastStack>>>,
    shown: Query<(Entity, &Shown), Without<SlideOut>>,
) {
    let Some(stack) = stack else {
        return;
    };
    let new: Vec<&Toast> = toasts.read().collect();
    let new = new.split_at(new.len().saturating_sub(MAX_VISIBLE)).1;
    if new.is_empty() {
        return;
    }
    let mut present: Vec<(Duration, Entity)> = shown
        .iter()
        .map(|(entity, shown)| (shown.since, entity))
        .collect();
    present.sort_unstable();
    let too_many = (present.len() + new.len()).saturating_sub(MAX_VISIBLE);
    for (_, oldest) in present.into_iter().take(too_many) {
        commands
            .entity(oldest)
            .insert(SlideOut::to(SLIDE_OFFSET, SLIDE));
    }
    for toast in new {
        commands.spawn((
            toast_of(toast, &assets),
            Shown {
                since: time.elapsed(),
            },
            SlideIn::from(SLIDE_OFFSET, SLIDE),
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
    // The text node takes the available width, so the toast's width is computed from the text.
    let width = BODY.width_of(drawable(&toast.text).len()).ceil() + ICON + 3.0 * GAP + EDGES;
    (
        Node {
            width: px(width.min(MAX_WIDTH)),
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

fn remove_expired(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut redraw: ResMut<RedrawNeeds>,
    shown: Query<(Entity, &Shown), Without<SlideOut>>,
) {
    for (entity, shown) in &shown {
        if time.elapsed().saturating_sub(shown.since) >= VISIBLE_FOR {
            commands
                .entity(entity)
                .insert(SlideOut::to(SLIDE_OFFSET, SLIDE));
            redraw.request_next_frame();
        } else {
            redraw.request_periodic();
        }
    }
}
