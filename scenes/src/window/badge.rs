//! The connection badge: a dot, a word, and the heartbeat's round trip.

use bevy::{platform::time::Instant, prelude::*};

use crate::{
    colours::{BORDER, PANEL, QUIET_TEXT, TEXT, connection_colour},
    connection_view::ConnectionView,
    draw::DrawSystems,
    window::{
        pace::Pace,
        theme::{GAP, QUIET, UNIT, text},
    },
    words::{drawable, shortened},
};

/// Longer words are shortened: a reason has its room elsewhere.
const LONGEST: usize = 36;

#[derive(Component)]
struct Dot;

#[derive(Component)]
struct Word;

#[derive(Component)]
struct RoundTrip;

/// The badge, for the right end of a top bar.
pub fn badge() -> impl Bundle {
    (
        Node {
            height: px(4.0 * UNIT),
            padding: UiRect::horizontal(px(GAP)),
            column_gap: px(UNIT),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(2.0 * UNIT)),
            align_items: AlignItems::Center,
            flex_shrink: 0.0,
            ..default()
        },
        BackgroundColor(PANEL),
        BorderColor::all(BORDER),
        children![
            (
                Dot,
                Node {
                    width: px(UNIT),
                    height: px(UNIT),
                    border_radius: BorderRadius::all(percent(50)),
                    ..default()
                },
                BackgroundColor(QUIET_TEXT),
            ),
            (Word, text("", QUIET, TEXT)),
            (RoundTrip, text("", QUIET, QUIET_TEXT)),
        ],
    )
}

pub(crate) struct BadgePlugin;

impl Plugin for BadgePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<ConnectionView>()
            .add_systems(PostUpdate, show.in_set(DrawSystems));
    }
}

fn show(
    view: Res<ConnectionView>,
    mut pace: ResMut<Pace>,
    mut dots: Query<&mut BackgroundColor, With<Dot>>,
    mut words: Query<&mut Text, (With<Word>, Without<RoundTrip>)>,
    mut round_trips: Query<(&mut Text, &mut Node), With<RoundTrip>>,
) {
    if matches!(*view, ConnectionView::Waiting { .. }) {
        pace.counting();
    }
    let word = shortened(&drawable(&view.words(Instant::now())), LONGEST);
    let round_trip = view.round_trip();
    for mut dot in &mut dots {
        dot.set_if_neq(BackgroundColor(connection_colour(&view)));
    }
    for mut shown in &mut words {
        shown.set_if_neq(Text::new(word.clone()));
    }
    for (mut shown, mut node) in &mut round_trips {
        let display = if round_trip.is_some() {
            Display::Flex
        } else {
            Display::None
        };
        if node.display != display {
            node.display = display;
        }
        shown.set_if_neq(Text::new(round_trip.clone().unwrap_or_default()));
    }
}
