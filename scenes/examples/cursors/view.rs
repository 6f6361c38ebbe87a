//! What one sees: the players on the left, the board on the right.

use bevy::prelude::*;
use pusher_scenes::{
    connection_view::ConnectionView,
    draw::DrawSystems,
    scene::Place,
    window::{
        frame::Frame,
        pace::Pace,
        panel::{Panel, PanelCount},
        picture::WorthAPicture,
        roster::Roster,
        theme::{CORNER, GAP},
    },
};

use crate::{
    board::Board,
    model::{Shown, Traffic},
    pointers::Pointers,
};

/// A picture shows this many cursors, after so many seconds of drawing.
const LIVELY: usize = 4;
const DRAWN: f32 = 9.0;

#[derive(Component)]
struct TrafficCount;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, judge_picture)
        .add_systems(PostUpdate, show_traffic.before(DrawSystems));
}

fn build(mut commands: Commands, place: Res<Place>) {
    let frame = Frame::spawn(&mut commands, "Cursors", &place);
    let roster = Panel::aside(&mut commands, frame.body, "At the board");
    Roster {
        has_ready_check: false,
        skeletons: 4,
        alone: "Open a second window with the same server to draw together.",
    }
    .fill(&mut commands, &roster);

    let panel = Panel::wide(&mut commands, frame.body, "Board");
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
    mut pace: ResMut<Pace>,
    mut counts: Query<&mut PanelCount, With<TrafficCount>>,
) {
    if *traffic != Traffic::default() {
        pace.counting();
    }
    for mut count in &mut counts {
        count.set_if_neq(PanelCount(traffic.words()));
    }
}

fn judge_picture(
    time: Res<Time<Real>>,
    view: Res<ConnectionView>,
    cursors: Query<&Shown>,
    mut worth: ResMut<WorthAPicture>,
) {
    let seen = cursors.iter().filter(|shown| shown.0.is_some()).count();
    let is_lively = view.is_connected() && seen >= LIVELY && time.elapsed_secs() >= DRAWN;
    worth.set_if_neq(WorthAPicture(is_lively));
}
