//! The window: the leaderboard on the left, a log of the events on the right.

use bevy::prelude::*;
use pusher_scenes::{
    colours::QUIET_TEXT,
    connection_view::ConnectionView,
    draw::DrawSystems,
    scene::ServerLabel,
    window::{
        chat::ChatPanel,
        icons::Icon,
        layout::SceneLayout,
        notice::{Notice, notice},
        panel::Panel,
        roster::skeleton_rows,
        screenshot::ScreenshotReady,
        scrolling::Scrolling,
        theme::{GAP, UNIT},
    },
};

use crate::{
    model::{BoardState, Gain},
    rows::Rows,
};

/// The width of the log as a percentage, and its bounds in logical pixels.
const LOG: f32 = 38.0;
const LOG_WIDTH: (f32, f32) = (288.0, 480.0);

/// The number of placeholder rows until the leaderboard is received.
const SKELETONS: usize = 6;

/// A screenshot shows this many gains since the scene has subscribed again.
const MIN_GAINS: usize = 3;

/// Marks the node that is shown while there are no rows.
#[derive(Component)]
struct Placeholder;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, update_screenshot_ready)
        .add_systems(PostUpdate, draw_placeholder.in_set(DrawSystems));
}

fn build(mut commands: Commands, server_label: Res<ServerLabel>, assets: Res<AssetServer>) {
    let layout = SceneLayout::spawn(&mut commands, "Leaderboard", &server_label);
    let board = Panel::wide(&mut commands, layout.body, "Standings");
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
        Placeholder,
        Node {
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            ..default()
        },
        ChildOf(list),
    ));
    let log = Panel::spawn(
        &mut commands,
        layout.body,
        "Events",
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

fn draw_placeholder(
    mut commands: Commands,
    state: Res<BoardState>,
    view: Res<ConnectionView>,
    assets: Res<AssetServer>,
    place: Single<(Entity, Ref<Placeholder>)>,
) {
    let (entity, placeholder) = &*place;
    if !state.is_changed() && !view.is_changed() && !placeholder.is_added() {
        return;
    }
    commands.entity(*entity).despawn_children();
    match &*state {
        BoardState::Known(_) => {}
        BoardState::Unknown if view.is_failed() => {}
        BoardState::Unknown => skeleton_rows(&mut commands, *entity, SKELETONS),
        BoardState::Empty => {
            let explanation = Notice {
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
                children![notice(&explanation, &assets)],
                ChildOf(*entity),
            ));
        }
    }
}

fn update_screenshot_ready(
    state: Res<BoardState>,
    mut gains: MessageReader<Gain>,
    mut since: Local<usize>,
    mut has_rejoined: Local<bool>,
    mut ready_for_screenshot: ResMut<ScreenshotReady>,
) {
    *since += gains.read().count();
    if state.board().is_none() {
        *has_rejoined |= *since > 0;
        *since = 0;
    }
    ready_for_screenshot.set_if_neq(ScreenshotReady(*has_rejoined && *since >= MIN_GAINS));
}
