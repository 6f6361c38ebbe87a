//! Motion that helps the eye follow a change, and then stops.

use std::time::Duration;

use bevy::prelude::*;

use crate::draw::DrawSystems;
use crate::window::pace::Pace;

/// Slides a node into its place from `offset` logical pixels away, and lifts its [`Veil`].
#[derive(Component, Clone, Copy, Debug)]
#[require(UiTransform)]
pub struct Arriving {
    /// From where.
    pub offset: Vec2,
    /// For how long.
    pub time: Duration,
    started: Option<Duration>,
}

impl Arriving {
    /// Arrives from `offset` within `time`.
    #[must_use]
    pub fn from(offset: Vec2, time: Duration) -> Self {
        Self {
            offset,
            time,
            started: None,
        }
    }
}

/// Lowers a node's [`Veil`], moves it `offset` away, closes the gap that it leaves, and despawns it.
#[derive(Component, Clone, Copy, Debug)]
#[require(UiTransform)]
pub struct Departing {
    /// To where.
    pub offset: Vec2,
    /// For how long.
    pub time: Duration,
    started: Option<Duration>,
}

impl Departing {
    /// Departs to `offset` within `time`.
    #[must_use]
    pub fn to(offset: Vec2, time: Duration) -> Self {
        Self {
            offset,
            time,
            started: None,
        }
    }
}

/// Covers its parent in the colour of what lies behind: Bevy's nodes have no opacity of their own, and fading each
/// text and image of a row would fight with whatever changes their colours meanwhile.
#[derive(Component, Clone, Copy, Debug)]
pub struct Veil;

/// A veil in the colour of the ground behind its parent, lifted until something moves.
pub fn veil(ground: Color) -> impl Bundle {
    (
        Veil,
        Node {
            position_type: PositionType::Absolute,
            left: px(0),
            top: px(0),
            width: percent(100),
            height: percent(100),
            ..default()
        },
        BackgroundColor(ground.with_alpha(0.0)),
        ZIndex(1),
    )
}

/// A number that goes to a new value within a time, fast at first and slow at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glide {
    from: f32,
    to: f32,
    since: Duration,
    time: Duration,
}

impl Glide {
    /// At rest at this value; every change takes this time.
    #[must_use]
    pub fn at_rest(value: f32, time: Duration) -> Self {
        Self {
            from: value,
            to: value,
            since: Duration::ZERO,
            time,
        }
    }

    /// Goes from where it is at this moment to another value.
    pub fn go_to(&mut self, value: f32, now: Duration) {
        if self.to != value {
            self.from = self.at(now);
            self.to = value;
            self.since = now;
        }
    }

    /// Where it is at this moment.
    #[must_use]
    pub fn at(&self, now: Duration) -> f32 {
        let whole = self.time.as_secs_f32().max(f32::EPSILON);
        let part = now.saturating_sub(self.since).as_secs_f32() / whole;
        self.from.lerp(self.to, eased(part.min(1.0)))
    }

    /// Where it goes.
    #[must_use]
    pub fn target(&self) -> f32 {
        self.to
    }

    /// Whether it is still on its way at this moment.
    #[must_use]
    pub fn is_moving(&self, now: Duration) -> bool {
        self.from != self.to && now.saturating_sub(self.since) < self.time
    }
}

pub(crate) struct MotionPlugin;

impl Plugin for MotionPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(PostUpdate, (arrive, depart).chain().in_set(DrawSystems));
    }
}

/// Fast at first, slow at the end.
fn eased(part: f32) -> f32 {
    1.0 - (1.0 - part).powi(3)
}

/// How far a motion is, counted from the first frame that sees it: the window may have slept before.
fn progress(started: &mut Option<Duration>, now: Duration, time: Duration) -> f32 {
    let begun = *started.get_or_insert(now);
    let whole = time.as_secs_f32().max(f32::EPSILON);
    ((now.saturating_sub(begun)).as_secs_f32() / whole).min(1.0)
}

fn arrive(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    mut arriving: Query<
        (Entity, &mut Arriving, &mut UiTransform, Option<&Children>),
        Without<Departing>,
    >,
    mut veils: Query<&mut BackgroundColor, With<Veil>>,
) {
    for (entity, mut arriving, mut transform, children) in &mut arriving {
        let Arriving {
            offset,
            time: whole,
            ..
        } = *arriving;
        let part = progress(&mut arriving.started, time.elapsed(), whole);
        let away = offset * (1.0 - eased(part));
        transform.translation = Val2::px(away.x, away.y);
        draw_veil(children, &mut veils, 1.0 - part);
        if part < 1.0 {
            pace.moving();
        } else {
            commands.entity(entity).remove::<Arriving>();
        }
    }
}

/// What moves when a node departs.
type DepartingNode = (
    Entity,
    &'static mut Departing,
    &'static mut UiTransform,
    &'static mut Node,
    &'static ComputedNode,
    Option<&'static Children>,
);

fn depart(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    mut departing: Query<DepartingNode>,
    mut veils: Query<&mut BackgroundColor, With<Veil>>,
) {
    for (entity, mut departing, mut transform, mut node, computed, children) in &mut departing {
        pace.moving();
        let Departing {
            offset,
            time: whole,
            ..
        } = *departing;
        let part = progress(&mut departing.started, time.elapsed(), whole);
        let away = offset * eased(part);
        transform.translation = Val2::px(away.x, away.y);
        draw_veil(children, &mut veils, part);
        // The neighbours close up by a margin that grows to minus the node's height: the node itself keeps its size, so
        // what is in it is not squeezed.
        let mut height = computed.size().y * computed.inverse_scale_factor();
        if let Val::Px(above) = node.margin.top {
            height += above;
        }
        node.margin.bottom = px(-height * eased(part));
        if part >= 1.0 {
            commands.entity(entity).despawn();
        }
    }
}

fn draw_veil(
    children: Option<&Children>,
    veils: &mut Query<&mut BackgroundColor, With<Veil>>,
    thickness: f32,
) {
    for child in children.into_iter().flatten() {
        if let Ok(mut veil) = veils.get_mut(*child) {
            veil.0.set_alpha(thickness);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glide_arrives_in_time_and_starts_from_where_it_is() {
        let at = Duration::from_millis;
        let mut glide = Glide::at_rest(10.0, at(400));
        assert!(!glide.is_moving(at(0)));
        glide.go_to(20.0, at(1000));
        assert_eq!(glide.at(at(1000)), 10.0);
        assert!(glide.is_moving(at(1399)));
        let halfway = glide.at(at(1200));
        assert!(halfway > 15.0 && halfway < 20.0, "{halfway}");
        glide.go_to(0.0, at(1200));
        assert_eq!(glide.at(at(1200)), halfway);
        assert_eq!(glide.at(at(1600)), 0.0);
        assert!(!glide.is_moving(at(1600)));
    }
}
