//! The window: the frame statistics on the left, the news on the right.

use bevy::prelude::*;
use pusher_scenes::{
    colours::{QUIET_TEXT, TEXT},
    draw::DrawSystems,
    scene::ServerLabel,
    window::{
        chat::ChatPanel,
        layout::SceneLayout,
        panel::Panel,
        screenshot::ScreenshotReady,
        theme::{GAP, QUIET, TITLE, UNIT, text},
    },
};

use crate::model::FrameStats;

/// A screenshot shows this many news.
const MIN_EVENTS: u64 = 5;

/// Which number a text shows.
#[derive(Component, Clone, Copy)]
enum Figure {
    Frames,
    WithoutSleep,
    Events,
    LongestSleep,
}

const FIGURES: [(Figure, &str); 4] = [
    (Figure::Frames, "frames drawn so far"),
    (Figure::WithoutSleep, "frames at 60 a second"),
    (Figure::Events, "events from the network"),
    (Figure::LongestSleep, "longest sleep"),
];

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, update_screenshot_ready)
        .add_systems(PostUpdate, show.in_set(DrawSystems));
}

fn build(mut commands: Commands, server_label: Res<ServerLabel>, assets: Res<AssetServer>) {
    let layout = SceneLayout::spawn(&mut commands, "Reactive", &server_label);
    let stats = Panel::aside(&mut commands, layout.body, "What it costs");
    for (figure, what) in FIGURES {
        commands.spawn((
            Node {
                flex_direction: FlexDirection::Column,
                padding: UiRect::axes(px(GAP), px(UNIT)),
                flex_shrink: 0.0,
                ..default()
            },
            children![
                (figure, text("", TITLE, TEXT)),
                text(what, QUIET, QUIET_TEXT)
            ],
            ChildOf(stats.content),
        ));
    }
    let news = Panel::wide(&mut commands, layout.body, "News");
    ChatPanel {
        empty: "No news yet",
        input: None,
    }
    .fill(&mut commands, &news, &assets);
}

/// Shows the numbers as of this frame. A changed number does not request another frame.
fn show(stats: Res<FrameStats>, mut figures: Query<(&Figure, &mut Text)>) {
    for (figure, mut shown) in &mut figures {
        let text = match figure {
            Figure::Frames => stats.frames.to_string(),
            Figure::WithoutSleep => stats.frames_without_sleep().to_string(),
            Figure::Events => stats.events.to_string(),
            Figure::LongestSleep => format!("{:.1} s", stats.longest_sleep.as_secs_f32()),
        };
        shown.set_if_neq(Text::new(text));
    }
}

fn update_screenshot_ready(
    stats: Res<FrameStats>,
    mut ready_for_screenshot: ResMut<ScreenshotReady>,
) {
    ready_for_screenshot.set_if_neq(ScreenshotReady(stats.events >= MIN_EVENTS));
}
