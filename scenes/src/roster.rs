//! The roster: a row per player.

use std::time::Duration;

use bevy::prelude::*;

use crate::{
    fitted::{Fitted, fitted},
    icons::Icon,
    motion::{Arriving, Departing, veil},
    notice::{Notice, notice},
    player::{Departed, Player},
    theme::{
        ACCENT, BACKGROUND, BODY, BORDER, GAP, GOOD, PANEL, QUIET, QUIET_TEXT, TEXT, UNIT,
        player_colour, text,
    },
    words::initials,
};

const SLIDE: Duration = Duration::from_millis(200);
const AVATAR: f32 = 5.0 * UNIT;
const ROW: f32 = 7.0 * UNIT;
const AWAY: Vec2 = Vec2::new(-4.0 * UNIT, 0.0);
const SKELETONS: usize = 4;
/// Quieter than a colour that says something, but seen.
const NOT_READY: Color = Color::srgb_u8(0x4A, 0x54, 0x63);

/// What the roster shows below its rows, or instead of them.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub enum RosterFoot {
    /// The rows speak for themselves.
    #[default]
    Nothing,
    /// The players are not known yet.
    Skeleton,
    /// There is nobody to show.
    Empty(Notice),
}

/// The column that [`Player`] entities become rows of.
#[derive(Component)]
pub struct RosterList;

#[derive(Component)]
struct Foot;

/// The parts of a row that change.
#[derive(Component)]
struct Row {
    name: Entity,
    doing: Entity,
    ready: Entity,
}

#[derive(Component)]
struct ReadyMark;

/// Makes `list`, a column, the roster.
pub fn fill_with_roster(commands: &mut Commands, list: Entity) {
    let foot = commands
        .spawn((
            Foot,
            Node {
                flex_direction: FlexDirection::Column,
                flex_shrink: 0.0,
                ..default()
            },
        ))
        .id();
    let rows = commands
        .spawn((
            RosterList,
            Node {
                flex_direction: FlexDirection::Column,
                flex_shrink: 0.0,
                ..default()
            },
        ))
        .id();
    commands.entity(list).add_children(&[rows, foot]);
}

pub(crate) struct RosterPlugin;

impl Plugin for RosterPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<RosterFoot>()
            .add_observer(seat)
            .add_observer(unseat)
            .add_systems(
                PostUpdate,
                (
                    update_rows,
                    draw_foot.run_if(resource_changed::<RosterFoot>),
                )
                    .before(bevy::ui::UiSystems::Prepare),
            );
    }
}

/// A player gets a row: "you" first, the others in the order of their coming.
fn seat(
    add: On<Add, Player>,
    mut commands: Commands,
    list: Option<Single<Entity, With<RosterList>>>,
    players: Query<&Player>,
) {
    let (Some(list), Ok(player)) = (list, players.get(add.entity)) else {
        return;
    };
    let reserved = if player.is_you { 6.0 * UNIT } else { 0.0 };
    let name = commands
        .spawn(fitted(player.name.clone(), reserved, BODY, TEXT))
        .id();
    let name_line = commands
        .spawn(Node {
            column_gap: px(UNIT),
            align_items: AlignItems::Center,
            ..default()
        })
        .add_child(name)
        .id();
    if player.is_you {
        commands.spawn((you_chip(), ChildOf(name_line)));
    }
    let doing = commands
        .spawn(fitted(player.doing.clone(), 0.0, QUIET, QUIET_TEXT))
        .id();
    let doing_line = commands.spawn(Node::default()).add_child(doing).id();
    let words = commands
        .spawn(Node {
            flex_direction: FlexDirection::Column,
            flex_grow: 1.0,
            flex_basis: px(0),
            min_width: px(0),
            overflow: Overflow::clip(),
            ..default()
        })
        .add_children(&[name_line, doing_line])
        .id();
    let avatar = commands.spawn(avatar(&player.name)).id();
    let ready = commands.spawn(ready_circle()).id();
    let veil = commands.spawn(veil(PANEL)).id();
    commands
        .entity(add.entity)
        .insert((
            Row { name, doing, ready },
            Node {
                height: px(ROW),
                padding: UiRect::horizontal(px(GAP)),
                column_gap: px(GAP),
                align_items: AlignItems::Center,
                flex_shrink: 0.0,
                ..default()
            },
            Arriving::from(AWAY, SLIDE),
        ))
        .add_children(&[avatar, words, ready, veil]);
    if player.is_you {
        commands.entity(*list).insert_children(0, &[add.entity]);
    } else {
        commands.entity(*list).add_child(add.entity);
    }
}

fn unseat(departed: On<Add, Departed>, mut commands: Commands, rows: Query<(), With<Row>>) {
    if rows.contains(departed.entity) {
        commands
            .entity(departed.entity)
            .insert(Departing::to(AWAY, SLIDE));
    }
}

/// A round face with a player's initials.
pub fn avatar(name: &str) -> impl Bundle + use<> {
    (
        Node {
            width: px(AVATAR),
            height: px(AVATAR),
            border_radius: BorderRadius::all(percent(50)),
            align_items: AlignItems::Center,
            justify_content: JustifyContent::Center,
            flex_shrink: 0.0,
            ..default()
        },
        BackgroundColor(player_colour(name)),
        children![text(initials(name), BODY, BACKGROUND)],
    )
}

fn you_chip() -> impl Bundle {
    (
        Node {
            height: px(20),
            padding: UiRect::horizontal(px(6)),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(10)),
            align_items: AlignItems::Center,
            flex_shrink: 0.0,
            ..default()
        },
        BorderColor::all(ACCENT),
        children![text("you", QUIET, ACCENT)],
    )
}

fn ready_circle() -> impl Bundle {
    (
        Node {
            width: px(3.0 * UNIT),
            height: px(3.0 * UNIT),
            border: px(2).all(),
            border_radius: BorderRadius::all(percent(50)),
            align_items: AlignItems::Center,
            justify_content: JustifyContent::Center,
            flex_shrink: 0.0,
            ..default()
        },
        BorderColor::all(NOT_READY),
        BackgroundColor(Color::NONE),
    )
}

fn update_rows(
    mut commands: Commands,
    assets: Res<AssetServer>,
    changed: Query<(&Player, &Row), Changed<Player>>,
    mut lines: Query<&mut Fitted>,
    mut circles: Query<(&mut BackgroundColor, &mut BorderColor, Option<&Children>)>,
    marks: Query<(), With<ReadyMark>>,
) {
    for (player, row) in &changed {
        for (line, whole) in [(row.name, &player.name), (row.doing, &player.doing)] {
            if let Ok(mut line) = lines.get_mut(line)
                && line.whole != *whole
            {
                line.whole.clone_from(whole);
            }
        }
        let Ok((mut fill, mut edge, children)) = circles.get_mut(row.ready) else {
            continue;
        };
        let is_marked =
            children.is_some_and(|marked| marked.iter().any(|mark| marks.contains(mark)));
        if player.is_ready && !is_marked {
            fill.0 = GOOD;
            *edge = BorderColor::all(GOOD);
            commands.spawn((
                ReadyMark,
                Icon::Check.small(&assets, BACKGROUND),
                ChildOf(row.ready),
            ));
        } else if !player.is_ready && is_marked {
            fill.0 = Color::NONE;
            *edge = BorderColor::all(NOT_READY);
            commands.entity(row.ready).despawn_children();
        }
    }
}

fn draw_foot(
    mut commands: Commands,
    foot: Res<RosterFoot>,
    assets: Res<AssetServer>,
    feet: Query<Entity, With<Foot>>,
) {
    for entity in &feet {
        commands.entity(entity).despawn_children();
        match &*foot {
            RosterFoot::Nothing => {}
            RosterFoot::Skeleton => {
                for _ in 0..SKELETONS {
                    commands.spawn((skeleton_row(), ChildOf(entity)));
                }
            }
            RosterFoot::Empty(said) => {
                commands.spawn((
                    Node {
                        justify_content: JustifyContent::Center,
                        padding: UiRect::axes(px(GAP), px(3.0 * UNIT)),
                        ..default()
                    },
                    children![notice(said, &assets)],
                    ChildOf(entity),
                ));
            }
        }
    }
}

/// The shape of a row whose player is not known yet.
fn skeleton_row() -> impl Bundle {
    (
        Node {
            height: px(ROW),
            padding: UiRect::horizontal(px(GAP)),
            column_gap: px(GAP),
            align_items: AlignItems::Center,
            ..default()
        },
        children![
            bar(AVATAR, AVATAR, AVATAR / 2.0),
            (
                Node {
                    flex_direction: FlexDirection::Column,
                    row_gap: px(UNIT),
                    ..default()
                },
                children![bar(18.0 * UNIT, 14.0, 4.0), bar(11.0 * UNIT, 10.0, 4.0)],
            ),
        ],
    )
}

fn bar(width: f32, height: f32, radius: f32) -> impl Bundle {
    (
        Node {
            width: px(width),
            height: px(height),
            border_radius: BorderRadius::all(px(radius)),
            ..default()
        },
        BackgroundColor(BORDER),
    )
}
