//! The window: the players on the left, the board on the right.

use bevy::prelude::*;
use pusher_scenes::{
    connection_view::ConnectionView,
    draw::DrawSystems,
    scene::ServerLabel,
    window::{
        layout::SceneLayout,
        panel::{Panel, PanelCount},
        redraw::RedrawNeeds,
        roster::Roster,
        screenshot::ScreenshotReady,
        theme::{CORNER, GAP},
    },
};

use crate::{
    board::Board,
    model::{DisplayedCursor, Traffic},
    pointers::Pointers,
};

/// A screenshot shows this many cursors, after this many seconds.
const MIN_CURSORS: usize = 4;
const MIN_SECONDS: f32 = 9.0;

#[derive(Component)]
struct TrafficCount;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, update_screenshot_ready)
        .add_systems(PostUpdate, show_traffic.before(DrawSystems));
}

fn build(mut commands: Commands, server_label: Res<ServerLabel>) {
    let layout = SceneLayout::spawn(&mut commands, "Cursors", &server_label);
    let roster = Panel::aside(&mut commands, layout.body, "At the board");
    Roster {
        has_ready_check: false,
        skeletons: 4,
        alone: "Open a second window with the same server to draw together.",
    }
    .fill(&mut commands, &roster);

    let panel = Panel::wide(&mut commands, layout.body, "Board");
    commands.entity(panel.count).insert(TrafficCount);
    let layer = || Node {
        position_type: PositionType::Absolute,
        width: percent(100),
        height: percent(100),
        ..default()
    };
    let surface = commands
        .spawn((
            Node {
                flex_grow: 1.0,
                margin: UiRect::horizontal(px(GAP)),
                border_radius: BorderRadius::all(px(CORNER)),
                overflow: Overflow::clip(),
                ..default()
            },
            ChildOf(panel.content),
        ))
        .id();
    commands.spawn((Board, layer(), ChildOf(surface)));
    commands.spawn((Pointers, layer(), ChildOf(surface)));
}

fn show_traffic(
    traffic: Res<Traffic>,
    mut redraw: ResMut<RedrawNeeds>,
    mut counts: Query<&mut PanelCount, With<TrafficCount>>,
) {
    if *traffic != Traffic::default() {
        redraw.request_periodic();
    }
    for mut count in &mut counts {
        count.set_if_neq(PanelCount(traffic.label()));
    }
}

fn update_screenshot_ready(
    time: Res<Time<Real>>,
    view: Res<ConnectionView>,
    cursors: Query<&DisplayedCursor>,
    mut ready_for_screenshot: ResMut<ScreenshotReady>,
) {
    let seen = cursors.iter().filter(|shown| shown.0.is_some()).count();
    let is_ready = view.is_connected() && seen >= MIN_CURSORS && time.elapsed_secs() >= MIN_SECONDS;
    ready_for_screenshot.set_if_neq(ScreenshotReady(is_ready));
}
