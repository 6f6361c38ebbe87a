//! The roster: a row per player.

use std::time::Duration;

use bevy::prelude::*;

use crate::{
    colours::{ACCENT, BACKGROUND, BORDER, GOOD, PANEL, QUIET_TEXT, TEXT, player_colour},
    connection_view::ConnectionView,
    draw::DrawSystems,
    player::{Chosen, Departed, Player, RosterIsKnown},
    window::{
        fitted::{Fitted, fitted},
        icons::Icon,
        motion::{Arriving, Departing, veil},
        notice::{Notice, notice},
        panel::{Panel, PanelCount, show_count},
        scrolling::Scrolling,
        theme::{BODY, GAP, QUIET, UNIT, text},
    },
    words::initials,
};

const SLIDE: Duration = Duration::from_millis(200);
const AVATAR: f32 = 5.0 * UNIT;
/// The height of a row, in logical pixels.
pub const ROW_HEIGHT: f32 = 7.0 * UNIT;
const AWAY: Vec2 = Vec2::new(-4.0 * UNIT, 0.0);
/// How pale the face of somebody is who cannot be reached.
const AWAY_PALE: f32 = 0.6;
/// Quieter than a colour that says something, but seen.
const NOT_READY: Color = Color::srgb_u8(0x4A, 0x54, 0x63);

/// What a scene wants of its roster, which shows the [`Player`] entities.
#[derive(Component, Clone, Copy, Debug)]
pub struct Roster {
    /// Whether each row tells if its player is ready.
    pub has_ready_check: bool,
    /// How many players are drawn while one does not know who is there.
    pub skeletons: usize,
    /// What to do when nobody else is here, in one sentence.
    pub alone: &'static str,
}

/// What the roster shows below its rows, or instead of them.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Foot {
    /// The rows speak for themselves.
    #[default]
    Nothing,
    /// The players are not known yet.
    Skeleton,
    /// There is nobody else to show.
    Alone,
}

/// The number in the title.
#[derive(Component)]
struct RosterCount;

/// The parts of a row that change.
#[derive(Component)]
struct Row {
    avatar: Entity,
    name: Entity,
    doing: Entity,
    ready: Option<Entity>,
}

#[derive(Component)]
struct ReadyMark;

#[derive(Component)]
struct Face;

impl Roster {
    /// Makes the panel's content the roster.
    pub fn fill(self, commands: &mut Commands, panel: &Panel) {
        commands.entity(panel.count).insert(RosterCount);
        let column = || Node {
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            ..default()
        };
        let list = Scrolling::spawn(commands, panel.content, false);
        commands.spawn((self, column(), ChildOf(list)));
        commands.spawn((Foot::default(), column(), ChildOf(list)));
    }
}

pub(crate) struct RosterPlugin;

impl Plugin for RosterPlugin {
    fn build(&self, app: &mut App) {
        app.add_observer(seat)
            .add_observer(unseat)
            .add_observer(mark_chosen)
            .add_observer(unmark_chosen)
            .add_systems(
                PostUpdate,
                (update_rows, count_players, choose_foot, draw_foot)
                    .chain()
                    .before(show_count)
                    .in_set(DrawSystems),
            );
    }
}

/// A player gets a row: "you" first, the others in the order of their coming.
fn seat(
    add: On<Add<Player>>,
    mut commands: Commands,
    list: Option<Single<(Entity, &Roster)>>,
    players: Query<&Player>,
) {
    let (Some(list), Ok(player)) = (list, players.get(add.entity)) else {
        return;
    };
    let (list, roster) = *list;
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
    let ready = roster
        .has_ready_check
        .then(|| commands.spawn(ready_circle()).id());
    let veil = commands.spawn(veil(PANEL)).id();
    commands
        .entity(add.entity)
        .insert((
            Row {
                avatar,
                name,
                doing,
                ready,
            },
            Node {
                height: px(ROW_HEIGHT),
                padding: UiRect::horizontal(px(GAP)),
                column_gap: px(GAP),
                align_items: AlignItems::Center,
                flex_shrink: 0.0,
                ..default()
            },
            Arriving::from(AWAY, SLIDE),
        ))
        .add_children(&[avatar, words])
        .add_children(ready.as_slice())
        .add_child(veil);
    if player.is_you {
        commands.entity(list).insert_children(0, &[add.entity]);
    } else {
        commands.entity(list).add_child(add.entity);
    }
}

fn unseat(departed: On<Add<Departed>>, mut commands: Commands, rows: Query<(), With<Row>>) {
    if rows.contains(departed.entity) {
        commands
            .entity(departed.entity)
            .insert(Departing::to(AWAY, SLIDE));
    }
}

fn mark_chosen(chosen: On<Add<Chosen>>, mut commands: Commands) {
    commands
        .entity(chosen.entity)
        .insert(BackgroundColor(BORDER));
}

fn unmark_chosen(chosen: On<Remove<Chosen>>, mut commands: Commands) {
    commands
        .entity(chosen.entity)
        .try_remove::<BackgroundColor>();
}

/// A round face with a player's initials.
pub fn avatar(name: &str) -> impl Bundle + use<> {
    (
        Face,
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

/// A chip that marks the row of whoever is before the screen.
pub fn you_chip() -> impl Bundle {
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
    mut lines: Query<(&mut Fitted, &mut TextColor)>,
    mut faces: Query<&mut BackgroundColor, With<Face>>,
    mut circles: Query<(&mut BackgroundColor, &mut BorderColor, Option<&Children>), Without<Face>>,
    marks: Query<(), With<ReadyMark>>,
) {
    for (player, row) in &changed {
        let colour = player_colour(&player.name);
        let (face, name) = if player.is_away {
            (colour.mix(&PANEL, AWAY_PALE), QUIET_TEXT)
        } else {
            (colour, TEXT)
        };
        if let Ok(mut shown) = faces.get_mut(row.avatar) {
            shown.set_if_neq(BackgroundColor(face));
        }
        for (line, whole, colour) in [
            (row.name, &player.name, name),
            (row.doing, &player.doing, QUIET_TEXT),
        ] {
            if let Ok((mut line, mut shown)) = lines.get_mut(line) {
                shown.set_if_neq(TextColor(colour));
                if line.whole != *whole {
                    line.whole.clone_from(whole);
                }
            }
        }
        let Some(ready) = row.ready else {
            continue;
        };
        let Ok((mut fill, mut edge, children)) = circles.get_mut(ready) else {
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
                ChildOf(ready),
            ));
        } else if !player.is_ready && is_marked {
            fill.0 = Color::NONE;
            *edge = BorderColor::all(NOT_READY);
            commands.entity(ready).despawn_children();
        }
    }
}

fn count_players(
    players: Query<&Player, Without<Departed>>,
    mut counts: Query<&mut PanelCount, With<RosterCount>>,
) {
    let all = players.iter().len();
    let others = players.iter().filter(|player| !player.is_you).count();
    let away = players.iter().filter(|player| player.is_away).count();
    let ready = players.iter().filter(|player| player.is_ready).count();
    let words = match (all, away, ready) {
        (0, ..) => String::new(),
        (_, 0, 0) => all.to_string(),
        (_, 0, ready) => format!("{all}, {ready} ready"),
        _ => format!("{} of {others} online", others - away),
    };
    for mut count in &mut counts {
        count.set_if_neq(PanelCount(words.clone()));
    }
}

fn choose_foot(
    view: Res<ConnectionView>,
    is_known: Res<RosterIsKnown>,
    // Those who are leaving, too: what is below the rows comes when they are gone.
    players: Query<&Player>,
    mut feet: Query<&mut Foot>,
) {
    let is_on_the_way = !view.is_failed() && *view != ConnectionView::Offline;
    let wanted = if !is_known.0 && players.is_empty() && is_on_the_way {
        Foot::Skeleton
    } else if is_known.0 && players.iter().all(|player| player.is_you) {
        Foot::Alone
    } else {
        Foot::Nothing
    };
    for mut foot in &mut feet {
        foot.set_if_neq(wanted);
    }
}

fn draw_foot(
    mut commands: Commands,
    assets: Res<AssetServer>,
    feet: Query<(Entity, &Foot), Changed<Foot>>,
    roster: Query<&Roster>,
) {
    for (entity, foot) in &feet {
        commands.entity(entity).despawn_children();
        match foot {
            Foot::Nothing => {}
            Foot::Skeleton => {
                let rows = roster.iter().map(|roster| roster.skeletons).sum();
                skeleton_rows(&mut commands, entity, rows);
            }
            Foot::Alone => {
                let details = roster.iter().map(|roster| roster.alone.to_owned());
                let said = Notice {
                    icon: Icon::People,
                    colour: QUIET_TEXT,
                    headline: "Nobody here yet".to_owned(),
                    details: details.collect(),
                };
                commands.spawn((
                    Node {
                        justify_content: JustifyContent::Center,
                        padding: UiRect::axes(px(GAP), px(3.0 * UNIT)),
                        ..default()
                    },
                    children![notice(&said, &assets)],
                    ChildOf(entity),
                ));
            }
        }
    }
}

/// Spawns rows of players who are not known yet under `parent`, a column.
pub fn skeleton_rows(commands: &mut Commands, parent: Entity, rows: usize) {
    for _ in 0..rows {
        commands.spawn((skeleton_row(), ChildOf(parent)));
    }
}

/// The shape of a row whose player is not known yet.
fn skeleton_row() -> impl Bundle {
    (
        Node {
            height: px(ROW_HEIGHT),
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
