//! The connection badge: a coloured dot, the state, and the round trip of the heartbeat.

use bevy::{platform::time::Instant, prelude::*};

use crate::{
    colours::{BORDER, PANEL, QUIET_TEXT, TEXT, connection_colour},
    connection_view::ConnectionView,
    draw::DrawSystems,
    text::{drawable, shortened},
    window::{
        redraw::RedrawNeeds,
        theme::{GAP, QUIET, UNIT, text},
    },
};

/// Longer labels are shortened; the outage overlay shows the full reason.
const MAX_CHARACTERS: usize = 36;

#[derive(Component)]
struct Dot;

#[derive(Component)]
struct StateText;

#[derive(Component)]
struct RoundTrip;

/// Returns the badge, for the right end of the top bar.
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
            (StateText, text("", QUIET, TEXT)),
            (RoundTrip, text("", QUIET, QUIET_TEXT)),
        ],
    )
}

pub(crate) struct BadgePlugin;

impl Plugin for BadgePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<ConnectionView>()
            .add_systems(PostUpdate, update_badge.in_set(DrawSystems));
    }
}

fn update_badge(
    view: Res<ConnectionView>,
    mut redraw: ResMut<RedrawNeeds>,
    mut dots: Query<&mut BackgroundColor, With<Dot>>,
    mut states: Query<&mut Text, (With<StateText>, Without<RoundTrip>)>,
    mut round_trips: Query<(&mut Text, &mut Node), With<RoundTrip>>,
) {
    if matches!(*view, ConnectionView::Waiting { .. }) {
        redraw.request_periodic();
    }
    let state = shortened(&drawable(&view.label(Instant::now())), MAX_CHARACTERS);
    let round_trip = view.round_trip();
    for mut dot in &mut dots {
        dot.set_if_neq(BackgroundColor(connection_colour(&view)));
    }
    for mut shown in &mut states {
        shown.set_if_neq(Text::new(state.clone()));
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
