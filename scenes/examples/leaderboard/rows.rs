//! The rows of the leaderboard: they slide to their places, and their points count up.

use std::time::Duration;

use bevy::prelude::*;
use pusher_scenes::{
    colours::{GOOD, TEXT, player_colour},
    draw::DrawSystems,
    window::{
        animation::{SlideIn, Transition},
        fitted::fitted,
        redraw::RedrawNeeds,
        roster::{ROW_HEIGHT, avatar, you_chip},
        theme::{BODY, GAP, UNIT, text},
    },
};

use crate::model::{BoardState, Gain};

/// How long a row takes to its new place, and its points to the new total.
const MOVE: Duration = Duration::from_millis(400);
/// How long the gained points are shown next to the total.
const GAIN_VISIBLE_FOR: Duration = Duration::from_millis(1500);
/// The width reserved for the total and the gained points, in logical pixels.
const TOTAL_WIDTH: f32 = 13.0 * UNIT;
/// The opacity of the bars. Low, so that text on them stays readable.
const BAR_ALPHA: f32 = 0.08;
const SLIDE: Duration = Duration::from_millis(200);

/// The local player's name on the board.
#[derive(Resource, Clone, Debug)]
pub(crate) struct OwnName(pub(crate) String);

/// Marks the list of the rows.
#[derive(Component)]
pub(crate) struct Rows;

/// A row, and the entities in it that change.
#[derive(Component)]
struct Row {
    name: String,
    top: Transition,
    points: Transition,
    rank: Entity,
    total: Entity,
    bar: Entity,
}

/// The gained points, shown in the row of this racer.
#[derive(Component)]
struct GainLabel {
    name: String,
    until: Duration,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(
        PostUpdate,
        (follow_board, show_gains, animate_rows, remove_expired_gains)
            .chain()
            .in_set(DrawSystems),
    );
}

fn follow_board(
    mut commands: Commands,
    time: Res<Time<Real>>,
    state: Res<BoardState>,
    you: Res<OwnName>,
    list: Single<(Entity, &mut Node), With<Rows>>,
    mut rows: Query<(Entity, &mut Row)>,
) {
    if !state.is_changed() {
        return;
    }
    let (list, mut node) = list.into_inner();
    let standings = state.board().map_or(&[][..], |board| &board.standings);
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
            row.top.animate_to(top, time.elapsed());
            row.points.animate_to(points, time.elapsed());
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
    let bar_area = commands.spawn(bar_area()).add_child(bar).id();
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
    let name_area = commands
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
        commands.spawn((you_chip(), ChildOf(name_area)));
    }
    let total = commands.spawn(text("", BODY, TEXT)).id();
    commands
        .spawn((
            Row {
                name: name.to_owned(),
                top: Transition::at_rest(top, MOVE),
                points: Transition::at_rest(points, MOVE),
                rank,
                total,
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
            SlideIn::from(Vec2::new(-4.0 * UNIT, 0.0), SLIDE),
            ChildOf(list),
        ))
        .add_children(&[bar_area, place, face, name_area, total]);
}

/// The area behind a row, up to the total.
fn bar_area() -> impl Bundle {
    (Node {
        position_type: PositionType::Absolute,
        left: px(GAP),
        right: px(TOTAL_WIDTH + GAP),
        top: px(UNIT / 2.0),
        bottom: px(UNIT / 2.0),
        ..default()
    },)
}

/// A bar. Its length is proportional to the points.
fn bar(name: &str) -> impl Bundle + use<> {
    (
        Node {
            height: percent(100),
            border_radius: BorderRadius::all(px(UNIT)),
            ..default()
        },
        BackgroundColor(player_colour(name).with_alpha(BAR_ALPHA)),
    )
}

/// Shows the gained points to the left of the total.
fn show_gains(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut gains: MessageReader<Gain>,
    rows: Query<(Entity, &Row)>,
    shown: Query<(Entity, &GainLabel)>,
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
                GainLabel {
                    name: gain.name.clone(),
                    until: time.elapsed() + GAIN_VISIBLE_FOR,
                },
                text(format!("+{}", gain.points), BODY, GOOD),
            ))
            .id();
        commands
            .entity(row)
            .detach_children(&[parts.total])
            .add_children(&[won, parts.total]);
    }
}

fn remove_expired_gains(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut redraw: ResMut<RedrawNeeds>,
    shown: Query<(Entity, &GainLabel)>,
) {
    for (entity, won) in &shown {
        if won.until <= time.elapsed() {
            commands.entity(entity).despawn();
        } else {
            redraw.request_periodic();
        }
    }
}

fn animate_rows(
    time: Res<Time<Real>>,
    mut redraw: ResMut<RedrawNeeds>,
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
            redraw.request_next_frame();
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
        for (part, text) in [
            (row.rank, rank.to_string()),
            (row.total, format!("{:.0}", row.points.at(now))),
        ] {
            if let Ok(mut shown) = texts.get_mut(part) {
                shown.set_if_neq(Text::new(text));
            }
        }
    }
}
