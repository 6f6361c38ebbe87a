//! The board, and what is drawn on it: strokes that fade after a while.

use std::time::Duration;

use bevy::prelude::*;
use bevy::ui::RelativeCursorPosition;
use pusher_scenes::{
    colours::{PANEL, player_colour},
    draw::DrawSystems,
    player::Player,
    window::pace::Pace,
};

use crate::model::{IsSmooth, MoveSystems, Shown, Way};

/// A stroke is made of pieces that are at least so long, in logical pixels.
const PIECE: f32 = 6.0;
const THICKNESS: f32 = 4.0;

/// So finely a way is followed, and so far back after a pause.
const STEP: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

/// A piece stays for so long, and then fades.
const STAY: Duration = Duration::from_secs(7);
const FADE: Duration = Duration::from_secs(2);

/// What is drawn on; its children are the pieces.
#[derive(Component)]
#[require(RelativeCursorPosition)]
pub(crate) struct Board;

/// A piece of a stroke, from here to there in parts of the board.
#[derive(Component)]
struct Piece {
    from: Vec2,
    to: Vec2,
    since: Duration,
    colour: Color,
}

/// Where a player's stroke has come to, while the player draws.
#[derive(Component, Default)]
struct Stroke(Option<Vec2>);

pub(crate) fn plugin(app: &mut App) {
    app.register_required_components::<Way, Stroke>()
        .add_systems(Update, draw.after(MoveSystems))
        .add_systems(PostUpdate, (fade, place).chain().in_set(DrawSystems));
}

/// Draws along the ways of the cursors, in steps that do not depend on how many frames there are.
fn draw(
    mut commands: Commands,
    time: Res<Time<Real>>,
    is_smooth: Res<IsSmooth>,
    board: Single<(Entity, &ComputedNode), With<Board>>,
    mut cursors: Query<(&Player, &Way, &Shown, &mut Stroke)>,
    mut drawn: Local<Duration>,
) {
    let (board, node) = *board;
    let size = node.size() * node.inverse_scale_factor();
    let now = time.elapsed();
    let since = (*drawn).max(now.saturating_sub(LONGEST));
    *drawn = now;
    for (player, Way(path), shown, mut stroke) in &mut cursors {
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
    /// Goes on to this place; returns the piece that is to be drawn, if it is long enough or the last one.
    fn follow(&mut self, position: Vec2, pen: bool, size: Vec2) -> Option<(Vec2, Vec2)> {
        let Some(from) = self.0 else {
            self.0 = pen.then_some(position);
            return None;
        };
        let length = ((position - from) * size).length();
        self.0 = pen.then_some(from);
        if length >= PIECE || (!pen && length > 0.0) {
            self.0 = pen.then_some(position);
            return Some((from, position));
        }
        None
    }
}

fn fade(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    mut pieces: Query<(Entity, &Piece, &mut BackgroundColor)>,
) {
    for (entity, piece, mut colour) in &mut pieces {
        let age = time.elapsed().saturating_sub(piece.since);
        let Some(fading) = age.checked_sub(STAY) else {
            pace.counting();
            continue;
        };
        if fading >= FADE {
            commands.entity(entity).despawn();
            continue;
        }
        pace.moving();
        // Towards the ground and not towards nothing: where two pieces overlap there would be a bead.
        colour.0 = piece
            .colour
            .mix(&PANEL, fading.as_secs_f32() / FADE.as_secs_f32());
    }
}

/// Lays out the pieces that are new, and all of them when the board has another size.
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
