//! The board: strokes that fade after a while.

use std::time::Duration;

use bevy::prelude::*;
use bevy::ui::RelativeCursorPosition;
use pusher_scenes::{
    colours::{PANEL, player_colour},
    draw::DrawSystems,
    player::Player,
    window::redraw::RedrawNeeds,
};

use crate::model::{CursorPath, DisplayedCursor, IsSmooth, MoveSystems};

/// The minimum length of a piece of a stroke, in logical pixels.
const MIN_PIECE_LENGTH: f32 = 6.0;
const THICKNESS: f32 = 4.0;

/// The time step in which a path is sampled, and how far back sampling goes after a pause.
const STEP: Duration = Duration::from_millis(10);
const MAX_CATCH_UP: Duration = Duration::from_secs(1);

/// How long a piece stays before it fades, and how long fading takes.
const VISIBLE_FOR: Duration = Duration::from_secs(7);
const FADE: Duration = Duration::from_secs(2);

/// The drawing surface. Its children are the pieces.
#[derive(Component)]
#[require(RelativeCursorPosition)]
pub(crate) struct Board;

/// A piece of a stroke, as fractions of the board.
#[derive(Component)]
struct Piece {
    from: Vec2,
    to: Vec2,
    since: Duration,
    colour: Color,
}

/// The end of a player's stroke while the player draws.
#[derive(Component, Default)]
struct Stroke(Option<Vec2>);

pub(crate) fn plugin(app: &mut App) {
    app.register_required_components::<CursorPath, Stroke>()
        .add_systems(Update, draw.after(MoveSystems))
        .add_systems(PostUpdate, (fade, place).chain().in_set(DrawSystems));
}

/// Samples the cursor paths in fixed time steps, so that strokes do not depend on the frame rate.
fn draw(
    mut commands: Commands,
    time: Res<Time<Real>>,
    is_smooth: Res<IsSmooth>,
    board: Single<(Entity, &ComputedNode), With<Board>>,
    mut cursors: Query<(&Player, &CursorPath, &DisplayedCursor, &mut Stroke)>,
    mut drawn: Local<Duration>,
) {
    let (board, node) = *board;
    let size = node.size() * node.inverse_scale_factor();
    let now = time.elapsed();
    let since = (*drawn).max(now.saturating_sub(MAX_CATCH_UP));
    *drawn = now;
    for (player, CursorPath(path), shown, mut stroke) in &mut cursors {
        let mut follow = |position: Vec2, pen: bool| {
            let Some(piece) = stroke.follow(position, pen, size) else {
                return;
            };
            commands.spawn((
                Piece {
                    from: piece.0,
                    to: piece.1,
                    since: now,
                    colour: player_colour(&player.name),
                },
                ChildOf(board),
            ));
        };
        if is_smooth.0 && !player.is_you {
            let mut moment = since;
            while moment < now {
                moment += STEP;
                if let Some(point) = path.at(moment) {
                    follow(point.position, point.pen);
                }
            }
        } else if let Some((position, pen)) = shown.0 {
            follow(position, pen);
        }
    }
}

impl Stroke {
    /// Continues the stroke to a position. Returns the piece to draw, if it is long enough or the last one of the stroke.
    fn follow(&mut self, position: Vec2, pen: bool, size: Vec2) -> Option<(Vec2, Vec2)> {
        let Some(from) = self.0 else {
            self.0 = pen.then_some(position);
            return None;
        };
        let length = ((position - from) * size).length();
        self.0 = pen.then_some(from);
        if length >= MIN_PIECE_LENGTH || (!pen && length > 0.0) {
            self.0 = pen.then_some(position);
            return Some((from, position));
        }
        None
    }
}

fn fade(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut redraw: ResMut<RedrawNeeds>,
    mut pieces: Query<(Entity, &Piece, &mut BackgroundColor)>,
) {
    for (entity, piece, mut colour) in &mut pieces {
        let age = time.elapsed().saturating_sub(piece.since);
        let Some(fading) = age.checked_sub(VISIBLE_FOR) else {
            redraw.request_periodic();
            continue;
        };
        if fading >= FADE {
            commands.entity(entity).despawn();
            continue;
        }
        redraw.request_next_frame();
        // Mixes with the background instead of using transparency: overlapping ends of translucent pieces would show as dots.
        colour.0 = piece
            .colour
            .mix(&PANEL, fading.as_secs_f32() / FADE.as_secs_f32());
    }
}

/// Lays out new pieces, and all pieces when the board is resized.
fn place(
    mut commands: Commands,
    board: Single<Ref<ComputedNode>, With<Board>>,
    pieces: Query<(Entity, &Piece, Has<Node>)>,
) {
    let size = board.size() * board.inverse_scale_factor();
    let is_resized = board.is_changed();
    for (entity, piece, is_placed) in &pieces {
        if is_placed && !is_resized {
            continue;
        }
        let (from, to) = (piece.from * size, piece.to * size);
        let middle = from.midpoint(to);
        let length = from.distance(to) + THICKNESS;
        commands.entity(entity).insert((
            Node {
                position_type: PositionType::Absolute,
                left: px(middle.x - length / 2.0),
                top: px(middle.y - THICKNESS / 2.0),
                width: px(length),
                height: px(THICKNESS),
                border_radius: BorderRadius::all(px(THICKNESS / 2.0)),
                ..default()
            },
            UiTransform::from_rotation(Rot2::radians((to - from).to_angle())),
        ));
        if !is_placed {
            commands
                .entity(entity)
                .insert(BackgroundColor(piece.colour));
        }
    }
}
