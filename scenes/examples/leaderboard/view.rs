//! What one sees: the board on the left, and on the right what came, one after the other.

use bevy::prelude::*;
use pusher_scenes::{
    colours::QUIET_TEXT,
    connection_view::ConnectionView,
    draw::DrawSystems,
    scene::Place,
    window::{
        chat::ChatPanel,
        frame::Frame,
        icons::Icon,
        notice::{Notice, notice},
        panel::Panel,
        picture::WorthAPicture,
        roster::skeleton_rows,
        scrolling::Scrolling,
        theme::{GAP, UNIT},
    },
};

use crate::{
    model::{Gain, Track},
    rows::Rows,
};

/// The share of the log in percent, and its bounds in logical pixels.
const LOG: f32 = 38.0;
const LOG_WIDTH: (f32, f32) = (288.0, 480.0);

/// Rows that are drawn while the board is on its way.
const SKELETONS: usize = 6;

/// A picture shows a race in which this much has happened since the start or since one came late.
const LIVELY: usize = 3;

/// What stands in the place of the rows while there are none.
#[derive(Component)]
struct Instead;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, judge_picture)
        .add_systems(PostUpdate, draw_instead.in_set(DrawSystems));
}

fn build(mut commands: Commands, place: Res<Place>, assets: Res<AssetServer>) {
    let frame = Frame::spawn(&mut commands, "Leaderboard", &place);
    let board = Panel::wide(&mut commands, frame.body, "Standings");
    let list = Scrolling::spawn(&mut commands, board.content, false);
    commands.spawn((
        Rows,
        Node {
            flex_shrink: 0.0,
            ..default()
        },
        ChildOf(list),
    ));
    commands.spawn((
        Instead,
        Node {
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            ..default()
        },
        ChildOf(list),
    ));
    let log = Panel::spawn(
        &mut commands,
        frame.body,
        "What came",
        Node {
            width: percent(LOG),
            min_width: px(LOG_WIDTH.0),
            max_width: px(LOG_WIDTH.1),
            min_height: px(0),
            flex_shrink: 0.0,
            ..default()
        },
    );
    ChatPanel {
        empty: "Nothing yet",
        input: None,
    }
    .fill(&mut commands, &log, &assets);
}

fn draw_instead(
    mut commands: Commands,
    track: Res<Track>,
    view: Res<ConnectionView>,
    assets: Res<AssetServer>,
    place: Single<(Entity, Ref<Instead>)>,
) {
    let (entity, instead) = &*place;
    if !track.is_changed() && !view.is_changed() && !instead.is_added() {
        return;
    }
    commands.entity(*entity).despawn_children();
    match &*track {
        Track::Known(_) => {}
        Track::Unknown if view.is_failed() => {}
        Track::Unknown => skeleton_rows(&mut commands, *entity, SKELETONS),
        Track::Empty => {
            let said = Notice {
                icon: Icon::People,
                colour: QUIET_TEXT,
                headline: "No race yet".to_owned(),
                details: vec![
                    "The cache is empty. Press Space to win the first points.".to_owned(),
                ],
            };
            commands.spawn((
                Node {
                    justify_content: JustifyContent::Center,
                    padding: UiRect::axes(px(GAP), px(6.0 * UNIT)),
                    ..default()
                },
                children![notice(&said, &assets)],
                ChildOf(*entity),
            ));
        }
    }
}

fn judge_picture(
    track: Res<Track>,
    mut gains: MessageReader<Gain>,
    mut since: Local<usize>,
    mut has_come_late: Local<bool>,
    mut worth: ResMut<WorthAPicture>,
) {
    *since += gains.read().count();
    if track.board().is_none() {
        *has_come_late |= *since > 0;
        *since = 0;
    }
    worth.set_if_neq(WorthAPicture(*has_come_late && *since >= LIVELY));
}
