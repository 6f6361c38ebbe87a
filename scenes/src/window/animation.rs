//! Short animations that make a change easy to follow. They request frames only while they run.

use std::time::Duration;

use bevy::prelude::*;

use crate::draw::DrawSystems;
use crate::window::redraw::RedrawNeeds;

/// Slides a node to its place from `offset` logical pixels away, and fades it in by its [`FadeOverlay`].
#[derive(Component, Clone, Copy, Debug)]
#[require(UiTransform)]
pub struct SlideIn {
    /// Where the motion starts, relative to the node's place.
    pub offset: Vec2,
    /// How long the animation takes.
    pub time: Duration,
    started: Option<Duration>,
}

impl SlideIn {
    /// Slides in from `offset` within `time`.
    #[must_use]
    pub fn from(offset: Vec2, time: Duration) -> Self {
        Self {
            offset,
            time,
            started: None,
        }
    }
}

/// Fades a node out by its [`FadeOverlay`], moves it to `offset` logical pixels away, closes the gap that it leaves, and
/// despawns it.
#[derive(Component, Clone, Copy, Debug)]
#[require(UiTransform)]
pub struct SlideOut {
    /// Where the motion ends, relative to the node's place.
    pub offset: Vec2,
    /// How long the animation takes.
    pub time: Duration,
    started: Option<Duration>,
}

impl SlideOut {
    /// Slides out to `offset` within `time`.
    #[must_use]
    pub fn to(offset: Vec2, time: Duration) -> Self {
        Self {
            offset,
            time,
            started: None,
        }
    }
}

/// Covers its parent in the background colour, to fade it. Bevy's nodes have no opacity, and fading each text and image of a
/// row would conflict with other systems that change their colours.
#[derive(Component, Clone, Copy, Debug)]
pub struct FadeOverlay;

/// An overlay in the colour behind its parent, transparent until an animation runs.
pub fn fade_overlay(background: Color) -> impl Bundle {
    (
        FadeOverlay,
        Node {
            position_type: PositionType::Absolute,
            left: px(0),
            top: px(0),
            width: percent(100),
            height: percent(100),
            ..default()
        },
        BackgroundColor(background.with_alpha(0.0)),
        ZIndex(1),
    )
}

/// A number that changes to a new value over time, fast at first and slow at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    from: f32,
    to: f32,
    since: Duration,
    time: Duration,
}

impl Transition {
    /// Creates a transition at rest at this value. Each change takes `time`.
    #[must_use]
    pub fn at_rest(value: f32, time: Duration) -> Self {
        Self {
            from: value,
            to: value,
            since: Duration::ZERO,
            time,
        }
    }

    /// Starts the change from the current value to another one.
    pub fn animate_to(&mut self, value: f32, now: Duration) {
        if self.to != value {
            self.from = self.at(now);
            self.to = value;
            self.since = now;
        }
    }

    /// Returns the value at the time `now`.
    #[must_use]
    pub fn at(&self, now: Duration) -> f32 {
        let duration = self.time.as_secs_f32().max(f32::EPSILON);
        let progress = now.saturating_sub(self.since).as_secs_f32() / duration;
        self.from.lerp(self.to, ease_out_cubic(progress.min(1.0)))
    }

    /// Returns the final value.
    #[must_use]
    pub fn target(&self) -> f32 {
        self.to
    }

    /// Whether the value still changes at the time `now`.
    #[must_use]
    pub fn is_moving(&self, now: Duration) -> bool {
        self.from != self.to && now.saturating_sub(self.since) < self.time
    }
}

pub(crate) struct AnimationPlugin;

impl Plugin for AnimationPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(
            PostUpdate,
            (slide_in, slide_out).chain().in_set(DrawSystems),
        );
    }
}

/// Cubic ease-out: fast at first, slow at the end.
fn ease_out_cubic(progress: f32) -> f32 {
    1.0 - (1.0 - progress).powi(3)
}

/// Returns the progress of an animation. It starts at its first frame rather than when it was spawned, since the window may
/// have slept in between.
fn progress(started: &mut Option<Duration>, now: Duration, time: Duration) -> f32 {
    let first_frame_at = *started.get_or_insert(now);
    let duration = time.as_secs_f32().max(f32::EPSILON);
    ((now.saturating_sub(first_frame_at)).as_secs_f32() / duration).min(1.0)
}

fn slide_in(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut redraw: ResMut<RedrawNeeds>,
    mut sliding: Query<
        (Entity, &mut SlideIn, &mut UiTransform, Option<&Children>),
        Without<SlideOut>,
    >,
    mut fade_overlays: Query<&mut BackgroundColor, With<FadeOverlay>>,
) {
    for (entity, mut sliding, mut transform, children) in &mut sliding {
        let SlideIn {
            offset,
            time: duration,
            ..
        } = *sliding;
        let progress = progress(&mut sliding.started, time.elapsed(), duration);
        let current_offset = offset * (1.0 - ease_out_cubic(progress));
        transform.translation = Val2::px(current_offset.x, current_offset.y);
        set_fade(children, &mut fade_overlays, 1.0 - progress);
        if progress < 1.0 {
            redraw.request_next_frame();
        } else {
            commands.entity(entity).remove::<SlideIn>();
        }
    }
}

/// The components of a node that slides out.
type SlideOutNode = (
    Entity,
    &'static mut SlideOut,
    &'static mut UiTransform,
    &'static mut Node,
    &'static ComputedNode,
    Option<&'static Children>,
);

fn slide_out(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut redraw: ResMut<RedrawNeeds>,
    mut sliding: Query<SlideOutNode>,
    mut fade_overlays: Query<&mut BackgroundColor, With<FadeOverlay>>,
) {
    for (entity, mut sliding, mut transform, mut node, computed, children) in &mut sliding {
        redraw.request_next_frame();
        let SlideOut {
            offset,
            time: duration,
            ..
        } = *sliding;
        let progress = progress(&mut sliding.started, time.elapsed(), duration);
        let current_offset = offset * ease_out_cubic(progress);
        transform.translation = Val2::px(current_offset.x, current_offset.y);
        set_fade(children, &mut fade_overlays, progress);
        // A negative bottom margin lets the neighbours close the gap. The node itself keeps its height, so its content is not
        // squeezed.
        let mut height = computed.size().y * computed.inverse_scale_factor();
        if let Val::Px(above) = node.margin.top {
            height += above;
        }
        node.margin.bottom = px(-height * ease_out_cubic(progress));
        if progress >= 1.0 {
            commands.entity(entity).despawn();
        }
    }
}

fn set_fade(
    children: Option<&Children>,
    fade_overlays: &mut Query<&mut BackgroundColor, With<FadeOverlay>>,
    alpha: f32,
) {
    for child in children.into_iter().flatten() {
        if let Ok(mut fade_overlay) = fade_overlays.get_mut(*child) {
            fade_overlay.0.set_alpha(alpha);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted_transition_continues_from_its_current_value() {
        let at = Duration::from_millis;
        let mut transition = Transition::at_rest(10.0, at(400));
        assert!(!transition.is_moving(at(0)));
        transition.animate_to(20.0, at(1000));
        assert_eq!(transition.at(at(1000)), 10.0);
        assert!(transition.is_moving(at(1399)));
        let halfway = transition.at(at(1200));
        assert!(halfway > 15.0 && halfway < 20.0, "{halfway}");
        transition.animate_to(0.0, at(1200));
        assert_eq!(transition.at(at(1200)), halfway);
        assert_eq!(transition.at(at(1600)), 0.0);
        assert!(!transition.is_moving(at(1600)));
    }
}
