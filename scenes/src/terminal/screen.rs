//! What the terminal shows, gathered from the scene's model. It is changed only when something on it changes, and drawn then.

use std::collections::VecDeque;
use std::time::Duration;

use bevy::input::keyboard::{Key, KeyboardInput};
use bevy::{platform::time::Instant, prelude::*};

use crate::{
    colours::connection_colour,
    connection_view::ConnectionView,
    draw::DrawSystems,
    entry::ChatEntry,
    key_hints::{CommonHints, KeyHint, KeyHints, current_hints},
    link::Link,
    outage::{Outage, outage},
    player::{Departed, Player, RosterIsKnown},
    scene::Place,
    server::SceneServer,
    toast::{AT_MOST, STAY, Toast},
    typing::{LineEntered, Typing},
    words::clock,
};

/// Older entries are forgotten.
const KEPT: usize = 200;

/// Entries that Page Up and Page Down scroll by.
const PAGE: usize = 5;

/// All that is shown.
#[derive(Resource, Clone, Debug, Default)]
pub(super) struct Screen {
    pub(super) title: String,
    pub(super) place: String,
    /// How to open a window instead, and how others join, below the title.
    pub(super) advice: Vec<String>,
    pub(super) connection: Connection,
    pub(super) roster_is_known: bool,
    /// "You" first, the others in the order of their coming.
    pub(super) players: Vec<Player>,
    /// The oldest first, each with its time.
    pub(super) entries: VecDeque<(String, ChatEntry)>,
    /// How many entries are below those that are shown.
    pub(super) scrolled: usize,
    pub(super) toasts: Vec<Toast>,
    pub(super) outage: Option<Outage>,
    pub(super) typing: Typing,
    pub(super) hints: Vec<KeyHint>,
}

/// The connection in a few words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Connection {
    pub(super) colour: Color,
    pub(super) words: String,
    /// The heartbeat's, once known.
    pub(super) round_trip: Option<String>,
}

pub(super) struct ScreenPlugin {
    pub(super) title: String,
}

impl Plugin for ScreenPlugin {
    fn build(&self, app: &mut App) {
        let screen = Screen {
            title: self.title.clone(),
            ..default()
        };
        app.insert_resource(screen)
            .add_systems(Startup, introduce)
            .add_systems(Update, scroll)
            .add_systems(
                PostUpdate,
                (
                    show_connection,
                    show_players,
                    show_entries,
                    show_toasts,
                    show_keys,
                )
                    .chain()
                    .in_set(DrawSystems),
            );
    }
}

fn introduce(
    place: Option<Res<Place>>,
    server: Option<Res<SceneServer>>,
    mut screen: ResMut<Screen>,
) {
    screen.place = place.map(|place| place.0.clone()).unwrap_or_default();
    if let Some(server) = server {
        let advice = [server.how_to_open_a_window(), server.how_to_join()];
        screen.advice = advice.into_iter().flatten().collect();
    }
}

/// Writes what is to be shown now, and marks the screen as changed only if it was not shown already.
macro_rules! show {
    ($screen:ident . $field:ident = $wanted:expr) => {
        let wanted = $wanted;
        if $screen.$field != wanted {
            $screen.$field = wanted;
        }
    };
}

fn show_connection(
    view: Res<ConnectionView>,
    link: Res<Link>,
    typing: Res<Typing>,
    is_known: Res<RosterIsKnown>,
    mut screen: ResMut<Screen>,
) {
    let now = Instant::now();
    let connection = Connection {
        colour: connection_colour(&view),
        words: view.words(now),
        round_trip: view.round_trip(),
    };
    show!(screen.connection = connection);
    show!(screen.outage = outage(&view, &link, &typing, now));
    show!(screen.roster_is_known = is_known.0);
}

fn show_players(
    mut commands: Commands,
    players: Query<(Entity, &Player), Without<Departed>>,
    departed: Query<Entity, With<Departed>>,
    mut seats: Local<Vec<Entity>>,
    mut screen: ResMut<Screen>,
) {
    for entity in &departed {
        commands.entity(entity).despawn();
    }
    seats.retain(|seated| players.contains(*seated));
    for (entity, player) in &players {
        if !seats.contains(&entity) {
            let seat = if player.is_you { 0 } else { seats.len() };
            seats.insert(seat, entity);
        }
    }
    let seated = seats.iter().filter_map(|seated| players.get(*seated).ok());
    show!(screen.players = seated.map(|(_, player)| player.clone()).collect::<Vec<_>>());
}

fn show_entries(
    time: Res<Time<Real>>,
    mut entries: MessageReader<ChatEntry>,
    mut screen: ResMut<Screen>,
) {
    for entry in entries.read() {
        screen
            .entries
            .push_back((clock(time.elapsed()), entry.clone()));
        if screen.entries.len() > KEPT {
            screen.entries.pop_front();
        }
        // Who reads what was said before goes on reading it.
        if screen.scrolled > 0 {
            screen.scrolled = (screen.scrolled + 1).min(screen.entries.len() - 1);
        }
    }
}

fn show_toasts(
    time: Res<Time<Real>>,
    mut toasts: MessageReader<Toast>,
    mut shown: Local<VecDeque<(Duration, Toast)>>,
    mut screen: ResMut<Screen>,
) {
    let now = time.elapsed();
    shown.extend(toasts.read().map(|toast| (now, toast.clone())));
    let too_many = shown.len().saturating_sub(AT_MOST);
    shown.drain(..too_many);
    shown.retain(|(since, _)| now.saturating_sub(*since) < STAY);
    show!(
        screen.toasts = shown
            .iter()
            .map(|(_, toast)| toast.clone())
            .collect::<Vec<_>>()
    );
}

fn show_keys(
    typing: Res<Typing>,
    hints: Res<KeyHints>,
    common: Res<CommonHints>,
    mut screen: ResMut<Screen>,
) {
    let mut wanted = current_hints(&typing, &hints, &common);
    let last = wanted.len().saturating_sub(1);
    wanted.insert(last, KeyHint::new("PgUp", "earlier"));
    show!(screen.hints = wanted);
    show!(screen.typing = typing.clone());
}

/// Both while one types and while one does not. Who says something wants to see it.
fn scroll(
    mut keys: MessageReader<KeyboardInput>,
    mut lines: MessageReader<LineEntered>,
    mut screen: ResMut<Screen>,
) {
    if lines.read().count() > 0 {
        screen.scrolled = 0;
    }
    for key in keys.read() {
        match key.logical_key {
            Key::PageUp => {
                let first = screen.entries.len().saturating_sub(PAGE);
                screen.scrolled = (screen.scrolled + PAGE).min(first);
            }
            Key::PageDown => screen.scrolled = screen.scrolled.saturating_sub(PAGE),
            _ => {}
        }
    }
}
