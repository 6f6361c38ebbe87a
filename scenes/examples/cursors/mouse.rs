//! One's own cursor: the mouse over the board, or a circle where nobody is at the mouse.

use std::f32::consts::TAU;

use bevy::prelude::*;
#[cfg(feature = "windowed")]
use bevy::ui::RelativeCursorPosition;

#[cfg(feature = "windowed")]
use crate::board::Board;
use crate::model::Mine;

/// How long a round takes, in seconds.
const ROUND: f32 = 6.0;

#[cfg(feature = "windowed")]
pub(crate) fn by_hand(app: &mut App) {
    app.add_systems(Update, follow_mouse);
}

/// Where nobody is at the mouse one goes round in a circle and draws half of it, so that others have something to see.
pub(crate) fn by_itself(app: &mut App) {
    app.add_systems(Update, go_round);
}

fn go_round(time: Res<Time<Real>>, mut mine: ResMut<Mine>) {
    let round = time.elapsed_secs() / ROUND;
    let position = Vec2::splat(0.5) + Vec2::from_angle(round * TAU) * Vec2::new(0.2, 0.35);
    *mine = Mine {
        position: Some(position),
        pen: round.fract() < 0.5,
    };
}

#[cfg(feature = "windowed")]
fn follow_mouse(
    board: Single<&RelativeCursorPosition, With<Board>>,
    buttons: Res<ButtonInput<MouseButton>>,
    mut mine: ResMut<Mine>,
) {
    let position = board
        .normalized
        .filter(|_| board.cursor_over)
        .map(|from_middle| from_middle + Vec2::splat(0.5));
    let pen = position.is_some() && buttons.pressed(MouseButton::Left);
    mine.set_if_neq(Mine { position, pen });
}
