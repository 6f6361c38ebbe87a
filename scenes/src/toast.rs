//! Toasts: one line that slides in under the badge, stays a while, and leaves.

use std::time::Duration;

use bevy::prelude::*;

use crate::{
    draw::DrawSystems,
    fitted::fitted,
    icons::Icon,
    motion::{Arriving, Departing},
    pace::Pace,
    theme::{ACCENT, BAD, BODY, BORDER, CORNER, EDGE, GAP, GOOD, TEXT, UNIT, WARN},
    words::drawable,
};

/// How many may be seen at once.
const AT_MOST: usize = 4;
/// How long each is seen.
const STAY: Duration = Duration::from_secs(4);
const SLIDE: Duration = Duration::from_millis(150);
const WIDEST: f32 = 480.0;
/// Out of the window on the right.
const AWAY: Vec2 = Vec2::new(WIDEST + EDGE, 0.0);

/// Shows a toast.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// What it is about.
    pub kind: ToastKind,
    /// One line.
    pub text: String,
    /// Whether other parts of the scene show it, too: lines without a window leave it out.
    pub is_seen: bool,
}

/// What a toast is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToastKind {
    /// News.
    Info,
    /// Something went well.
    Good,
    /// Something wants attention.
    Warn,
    /// Something went wrong.
    Bad,
    /// Someone invites.
    Invite,
}

impl ToastKind {
    /// Its icon.
    #[must_use]
    pub fn icon(self) -> Icon {
        match self {
            Self::Info => Icon::Info,
            Self::Good => Icon::Good,
            Self::Warn => Icon::Warn,
            Self::Bad => Icon::Bad,
            Self::Invite => Icon::Invite,
        }
    }

    /// Its colour.
    #[must_use]
    pub fn colour(self) -> Color {
        match self {
            Self::Info | Self::Invite => ACCENT,
            Self::Good => GOOD,
            Self::Warn => WARN,
            Self::Bad => BAD,
        }
    }
}

impl Toast {
    /// A toast of this kind.
    #[must_use]
    pub fn new(kind: ToastKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            is_seen: false,
        }
    }

    /// The same about something that other parts of the scene show, too.
    #[must_use]
    pub fn seen(kind: ToastKind, text: impl Into<String>) -> Self {
        Self {
            is_seen: true,
            ..Self::new(kind, text)
        }
    }
}

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
            toast.kind.icon().small(assets, toast.kind.colour()),
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
