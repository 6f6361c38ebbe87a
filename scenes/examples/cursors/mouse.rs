//! Moves the local cursor: with the mouse, or in a circle if nobody controls the scene.

use std::f32::consts::TAU;

use bevy::prelude::*;
#[cfg(feature = "windowed")]
use bevy::ui::RelativeCursorPosition;

#[cfg(feature = "windowed")]
use crate::board::Board;
use crate::model::OwnCursor;

/// How long a circle takes, in seconds.
const CIRCLE_SECONDS: f32 = 6.0;

#[cfg(feature = "windowed")]
pub(crate) fn mouse_plugin(app: &mut App) {
    app.add_systems(Update, follow_mouse);
}

/// Moves the local cursor in a circle and draws half of it, so that other players see something.
pub(crate) fn circle_plugin(app: &mut App) {
    app.add_systems(Update, move_in_circle);
}

fn move_in_circle(time: Res<Time<Real>>, mut own: ResMut<OwnCursor>) {
    let circle = time.elapsed_secs() / CIRCLE_SECONDS;
    let position = Vec2::splat(0.5) + Vec2::from_angle(circle * TAU) * Vec2::new(0.2, 0.35);
    *own = OwnCursor {
        position: Some(position),
        pen: circle.fract() < 0.5,
    };
}

#[cfg(feature = "windowed")]
fn follow_mouse(
    board: Single<&RelativeCursorPosition, With<Board>>,
    buttons: Res<ButtonInput<MouseButton>>,
    mut own: ResMut<OwnCursor>,
) {
    let position = board
        .normalized
        .filter(|_| board.cursor_over)
        .map(|from_middle| from_middle + Vec2::splat(0.5));
    let pen = position.is_some() && buttons.pressed(MouseButton::Left);
    own.set_if_neq(OwnCursor { position, pen });
}
