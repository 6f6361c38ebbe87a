//! The rows of the board: each slides to its place, and its points count up.

use std::time::Duration;

use bevy::prelude::*;
use pusher_scenes::{
    colours::{GOOD, TEXT, player_colour},
    draw::DrawSystems,
    window::{
        fitted::fitted,
        motion::{Arriving, Glide},
        pace::Pace,
        roster::{ROW_HEIGHT, avatar, you_chip},
        theme::{BODY, GAP, UNIT, text},
    },
};

use crate::model::{Gain, Track};

/// How long a row takes to its new place, and its points to the new number.
const MOVE: Duration = Duration::from_millis(400);
/// How long the points that were won are seen beside the sum.
const BESIDE: Duration = Duration::from_millis(1500);
/// The width that is kept for the sum and for what was won, in logical pixels.
const SUM: f32 = 13.0 * UNIT;
/// The bars' share of colour: what stands on them must stay readable.
const FAINT: f32 = 0.08;
const SLIDE: Duration = Duration::from_millis(200);

/// What one is called on the board.
#[derive(Resource, Clone, Debug)]
pub(crate) struct You(pub(crate) String);

/// The list that the rows are in.
#[derive(Component)]
pub(crate) struct Rows;

/// A row, and the parts of it that change.
#[derive(Component)]
struct Row {
    name: String,
    top: Glide,
    points: Glide,
    rank: Entity,
    sum: Entity,
    bar: Entity,
}

/// What was won just now, in the row of this name.
#[derive(Component)]
struct Won {
    name: String,
    until: Duration,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(
        PostUpdate,
        (follow_board, show_gains, slide, forget_gains)
            .chain()
            .in_set(DrawSystems),
    );
}

fn follow_board(
    mut commands: Commands,
    time: Res<Time<Real>>,
    track: Res<Track>,
    you: Res<You>,
    list: Single<(Entity, &mut Node), With<Rows>>,
    mut rows: Query<(Entity, &mut Row)>,
) {
    if !track.is_changed() {
        return;
    }
    let (list, mut node) = list.into_inner();
    let standings = track.board().map_or(&[][..], |board| &board.standings);
    node.height = px(standings.len() as f32 * ROW_HEIGHT);
    for (entity, row) in &rows {
        if standings.iter().all(|standing| standing.name != row.name) {
            commands.entity(entity).despawn();
        }
    }
    for (index, standing) in standings.iter().enumerate() {
        let top = index as f32 * ROW_HEIGHT;
        let points = standing.points as f32;
        let row = rows.iter_mut().find(|(_, row)| row.name == standing.name);
        if let Some((_, mut row)) = row {
            row.top.go_to(top, time.elapsed());
            row.points.go_to(points, time.elapsed());
        } else {
            let is_you = standing.name == you.0;
            spawn_row(&mut commands, list, &standing.name, is_you, top, points);
        }
    }
}

fn spawn_row(
    commands: &mut Commands,
    list: Entity,
    name: &str,
    is_you: bool,
    top: f32,
    points: f32,
) {
    let bar = commands.spawn(bar(name)).id();
    let behind = commands.spawn(behind()).add_child(bar).id();
    let rank = commands.spawn(text("", BODY, TEXT)).id();
    let place = commands
        .spawn(Node {
            width: px(3.0 * UNIT),
            justify_content: JustifyContent::FlexEnd,
            flex_shrink: 0.0,
            ..default()
        })
        .add_child(rank)
        .id();
    let face = commands.spawn(avatar(name)).id();
    let words = commands
        .spawn((
            Node {
                flex_grow: 1.0,
                flex_basis: px(0),
                min_width: px(0),
                column_gap: px(UNIT),
                align_items: AlignItems::Center,
                overflow: Overflow::clip(),
                ..default()
            },
            children![fitted(
                name,
                if is_you { 6.0 * UNIT } else { 0.0 },
                BODY,
                TEXT
            )],
        ))
        .id();
    if is_you {
        commands.spawn((you_chip(), ChildOf(words)));
    }
    let sum = commands.spawn(text("", BODY, TEXT)).id();
    commands
        .spawn((
            Row {
                name: name.to_owned(),
                top: Glide::at_rest(top, MOVE),
                points: Glide::at_rest(points, MOVE),
                rank,
                sum,
                bar,
            },
            Node {
                position_type: PositionType::Absolute,
                top: px(top),
                width: percent(100),
                height: px(ROW_HEIGHT),
                padding: UiRect::horizontal(px(GAP)),
                column_gap: px(GAP),
                align_items: AlignItems::Center,
                ..default()
            },
            Arriving::from(Vec2::new(-4.0 * UNIT, 0.0), SLIDE),
            ChildOf(list),
        ))
        .add_children(&[behind, place, face, words, sum]);
}

/// The room behind a row, as far as the sum.
fn behind() -> impl Bundle {
    (Node {
        position_type: PositionType::Absolute,
        left: px(GAP),
        right: px(SUM + GAP),
        top: px(UNIT / 2.0),
        bottom: px(UNIT / 2.0),
        ..default()
    },)
}

/// As long as the points are many.
fn bar(name: &str) -> impl Bundle + use<> {
    (
        Node {
            height: percent(100),
            border_radius: BorderRadius::all(px(UNIT)),
            ..default()
        },
        BackgroundColor(player_colour(name).with_alpha(FAINT)),
    )
}

/// Writes what was won to the left of the sum.
fn show_gains(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut gains: MessageReader<Gain>,
    rows: Query<(Entity, &Row)>,
    shown: Query<(Entity, &Won)>,
) {
    for gain in gains.read() {
        let Some((row, parts)) = rows.iter().find(|(_, row)| row.name == gain.name) else {
            continue;
        };
        for (before, _) in shown.iter().filter(|(_, won)| won.name == gain.name) {
            commands.entity(before).despawn();
        }
        let won = commands
            .spawn((
                Won {
                    name: gain.name.clone(),
                    until: time.elapsed() + BESIDE,
                },
                text(format!("+{}", gain.points), BODY, GOOD),
            ))
            .id();
        commands
            .entity(row)
            .detach_children(&[parts.sum])
            .add_children(&[won, parts.sum]);
    }
}

fn forget_gains(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    shown: Query<(Entity, &Won)>,
) {
    for (entity, won) in &shown {
        if won.until <= time.elapsed() {
            commands.entity(entity).despawn();
        } else {
            pace.counting();
        }
    }
}

fn slide(
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    rows: Query<(Entity, &Row)>,
    mut nodes: Query<&mut Node>,
    mut texts: Query<&mut Text>,
) {
    let now = time.elapsed();
    let most = rows
        .iter()
        .map(|(_, row)| row.points.at(now))
        .fold(1.0, f32::max);
    for (entity, row) in &rows {
        if row.top.is_moving(now) || row.points.is_moving(now) {
            pace.moving();
        }
        if let Ok(mut node) = nodes.get_mut(entity) {
            let top = px(row.top.at(now));
            if node.top != top {
                node.top = top;
            }
        }
        if let Ok(mut bar) = nodes.get_mut(row.bar) {
            let width = percent(row.points.at(now) / most * 100.0);
            if bar.width != width {
                bar.width = width;
            }
        }
        let rank = (row.top.target() / ROW_HEIGHT).round() as usize + 1;
        for (part, words) in [
            (row.rank, rank.to_string()),
            (row.sum, format!("{:.0}", row.points.at(now))),
        ] {
            if let Ok(mut shown) = texts.get_mut(part) {
                shown.set_if_neq(Text::new(words));
            }
        }
    }
}
