//! The roster panel: one row per player.

use std::time::Duration;

use bevy::prelude::*;

use crate::{
    colours::{ACCENT, BACKGROUND, BORDER, GOOD, PANEL, QUIET_TEXT, TEXT, player_colour},
    connection_view::ConnectionView,
    draw::DrawSystems,
    player::{Departed, Player, RosterIsKnown, Selected},
    text::initials,
    window::{
        animation::{SlideIn, SlideOut, fade_overlay},
        fitted::{Fitted, fitted},
        icons::Icon,
        notice::{Notice, notice},
        panel::{Panel, PanelCount, show_count},
        scrolling::Scrolling,
        theme::{BODY, GAP, QUIET, UNIT, text},
    },
};

const SLIDE: Duration = Duration::from_millis(200);
const AVATAR: f32 = 5.0 * UNIT;
/// The height of a row, in logical pixels.
pub const ROW_HEIGHT: f32 = 7.0 * UNIT;
const SLIDE_OFFSET: Vec2 = Vec2::new(-4.0 * UNIT, 0.0);
/// How far an offline player's avatar is mixed with the background.
const OFFLINE_PALENESS: f32 = 0.6;
/// Less prominent than the status colours, but visible.
const NOT_READY: Color = Color::srgb_u8(0x4A, 0x54, 0x63);

/// The options of a roster, which shows the [`Player`] entities.
#[derive(Component, Clone, Copy, Debug)]
pub struct Roster {
    /// Whether each row shows if its player is ready.
    pub has_ready_check: bool,
    /// The number of placeholder rows while the members are unknown.
    pub skeletons: usize,
    /// What the user can do while no other player is there, in one sentence.
    pub alone: &'static str,
}

/// What the roster shows below its rows.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RosterFooter {
    /// Nothing.
    #[default]
    Nothing,
    /// Placeholder rows: the members are unknown.
    Skeleton,
    /// A notice: there is no other player.
    Alone,
}

/// Marks the count in the title.
#[derive(Component)]
struct RosterCount;

/// The entities of a row that change.
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
struct Avatar;

impl Roster {
    /// Spawns the roster into the panel.
    pub fn fill(self, commands: &mut Commands, panel: &Panel) {
        commands.entity(panel.count).insert(RosterCount);
        let column = || Node {
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            ..default()
        };
        let list = Scrolling::spawn(commands, panel.content, false);
        commands.spawn((self, column(), ChildOf(list)));
        commands.spawn((RosterFooter::default(), column(), ChildOf(list)));
    }
}

pub(crate) struct RosterPlugin;

impl Plugin for RosterPlugin {
    fn build(&self, app: &mut App) {
        app.add_observer(add_row)
            .add_observer(remove_row)
            .add_observer(highlight_selected)
            .add_observer(unhighlight_selected)
            .add_systems(
                PostUpdate,
                (update_rows, count_players, update_footer, draw_footer)
                    .chain()
                    .before(show_count)
                    .in_set(DrawSystems),
            );
    }
}

/// Adds a player's row: the local player first, the others in the order in which they joined.
fn add_row(
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
    let text = commands
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
    let fade_overlay = commands.spawn(fade_overlay(PANEL)).id();
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
            SlideIn::from(SLIDE_OFFSET, SLIDE),
        ))
        .add_children(&[avatar, text])
        .add_children(ready.as_slice())
        .add_child(fade_overlay);
    if player.is_you {
        commands.entity(list).insert_children(0, &[add.entity]);
    } else {
        commands.entity(list).add_child(add.entity);
    }
}

fn remove_row(departed: On<Add<Departed>>, mut commands: Commands, rows: Query<(), With<Row>>) {
    if rows.contains(departed.entity) {
        commands
            .entity(departed.entity)
            .insert(SlideOut::to(SLIDE_OFFSET, SLIDE));
    }
}

fn highlight_selected(selected: On<Add<Selected>>, mut commands: Commands) {
    commands
        .entity(selected.entity)
        .insert(BackgroundColor(BORDER));
}

fn unhighlight_selected(selected: On<Remove<Selected>>, mut commands: Commands) {
    commands
        .entity(selected.entity)
        .try_remove::<BackgroundColor>();
}

/// Returns a round avatar with the player's initials.
pub fn avatar(name: &str) -> impl Bundle + use<> {
    (
        Avatar,
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

/// Returns a chip that marks the row of the local player.
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
    mut faces: Query<&mut BackgroundColor, With<Avatar>>,
    mut circles: Query<
        (&mut BackgroundColor, &mut BorderColor, Option<&Children>),
        Without<Avatar>,
    >,
    marks: Query<(), With<ReadyMark>>,
) {
    for (player, row) in &changed {
        let colour = player_colour(&player.name);
        let (face, name) = if player.is_offline {
            (colour.mix(&PANEL, OFFLINE_PALENESS), QUIET_TEXT)
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
    let offline = players.iter().filter(|player| player.is_offline).count();
    let ready = players.iter().filter(|player| player.is_ready).count();
    let text = match (all, offline, ready) {
        (0, ..) => String::new(),
        (_, 0, 0) => all.to_string(),
        (_, 0, ready) => format!("{all}, {ready} ready"),
        _ => format!("{} of {others} online", others - offline),
    };
    for mut count in &mut counts {
        count.set_if_neq(PanelCount(text.clone()));
    }
}

fn update_footer(
    view: Res<ConnectionView>,
    is_known: Res<RosterIsKnown>,
    // Includes departed players: the footer appears once their rows are gone.
    players: Query<&Player>,
    mut footers: Query<&mut RosterFooter>,
) {
    let is_connecting = !view.is_failed() && *view != ConnectionView::Offline;
    let wanted = if !is_known.0 && players.is_empty() && is_connecting {
        RosterFooter::Skeleton
    } else if is_known.0 && players.iter().all(|player| player.is_you) {
        RosterFooter::Alone
    } else {
        RosterFooter::Nothing
    };
    for mut footer in &mut footers {
        footer.set_if_neq(wanted);
    }
}

fn draw_footer(
    mut commands: Commands,
    assets: Res<AssetServer>,
    footers: Query<(Entity, &RosterFooter), Changed<RosterFooter>>,
    roster: Query<&Roster>,
) {
    for (entity, footer) in &footers {
        commands.entity(entity).despawn_children();
        match footer {
            RosterFooter::Nothing => {}
            RosterFooter::Skeleton => {
                let rows = roster.iter().map(|roster| roster.skeletons).sum();
                skeleton_rows(&mut commands, entity, rows);
            }
            RosterFooter::Alone => {
                let details = roster.iter().map(|roster| roster.alone.to_owned());
                let explanation = Notice {
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
                    children![notice(&explanation, &assets)],
                    ChildOf(entity),
                ));
            }
        }
    }
}

/// Spawns placeholder rows under `parent`, a column.
pub fn skeleton_rows(commands: &mut Commands, parent: Entity, rows: usize) {
    for _ in 0..rows {
        commands.spawn((skeleton_row(), ChildOf(parent)));
    }
}

/// A placeholder for the row of a player who is not known yet.
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
