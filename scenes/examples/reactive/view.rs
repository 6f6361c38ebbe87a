//! What one sees: what the app costs on the left, the news on the right.

use bevy::prelude::*;
use pusher_scenes::{
    colours::{QUIET_TEXT, TEXT},
    draw::DrawSystems,
    scene::Place,
    window::{
        chat::ChatPanel,
        frame::Frame,
        panel::Panel,
        picture::WorthAPicture,
        theme::{GAP, QUIET, TITLE, UNIT, text},
    },
};

use crate::model::Cost;

/// A picture shows so many news.
const LIVELY: u64 = 5;

/// A number, and which one.
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
        .add_systems(Update, judge_picture)
        .add_systems(PostUpdate, show.in_set(DrawSystems));
}

fn build(mut commands: Commands, place: Res<Place>, assets: Res<AssetServer>) {
    let frame = Frame::spawn(&mut commands, "Reactive", &place);
    let cost = Panel::aside(&mut commands, frame.body, "What it costs");
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
            ChildOf(cost.content),
        ));
    }
    let news = Panel::wide(&mut commands, frame.body, "News");
    ChatPanel {
        empty: "No news, and so nothing to draw",
        input: None,
    }
    .fill(&mut commands, &news, &assets);
}

/// Shows the numbers as of this frame; they are no reason for another one.
fn show(cost: Res<Cost>, mut figures: Query<(&Figure, &mut Text)>) {
    for (figure, mut shown) in &mut figures {
        let words = match figure {
            Figure::Frames => cost.frames.to_string(),
            Figure::WithoutSleep => cost.frames_without_sleep().to_string(),
            Figure::Events => cost.events.to_string(),
            Figure::LongestSleep => format!("{:.1} s", cost.longest_sleep.as_secs_f32()),
        };
        shown.set_if_neq(Text::new(words));
    }
}

fn judge_picture(cost: Res<Cost>, mut worth: ResMut<WorthAPicture>) {
    worth.set_if_neq(WorthAPicture(cost.events >= LIVELY));
}
