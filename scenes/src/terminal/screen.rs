//! Collects what the terminal shows from the scene's model. The resource changes only when its content does, since each change
//! is drawn.

use std::collections::VecDeque;
use std::time::Duration;

use bevy::input::keyboard::{Key, KeyboardInput};
use bevy::{platform::time::Instant, prelude::*};

use crate::{
    chat_entry::ChatEntry,
    colours::connection_colour,
    connection::NetworkStatus,
    connection_view::ConnectionView,
    draw::DrawSystems,
    key_hints::{CommonHints, KeyHint, KeyHints, current_hints},
    outage::{Outage, outage},
    player::{Departed, Player, RosterIsKnown},
    scene::ServerLabel,
    server::SceneServer,
    text::clock,
    toast::{MAX_VISIBLE, Toast, VISIBLE_FOR},
    typing::{LineEntered, Typing},
};

/// The number of entries to keep. Older ones are dropped.
const MAX_ENTRIES: usize = 200;

/// How many entries Page Up and Page Down scroll by.
const PAGE_ENTRIES: usize = 5;

/// The content of the screen.
#[derive(Resource, Clone, Debug, Default)]
pub(super) struct Screen {
    pub(super) title: String,
    pub(super) server_label: String,
    /// How to open a window instead and how to join, shown below the title.
    pub(super) instructions: Vec<String>,
    pub(super) connection: ConnectionLabel,
    pub(super) roster_is_known: bool,
    /// The local player first, then the others in the order in which they joined.
    pub(super) players: Vec<Player>,
    /// The oldest first, each with its time.
    pub(super) entries: VecDeque<(String, ChatEntry)>,
    /// How many entries are scrolled out below the visible ones.
    pub(super) scrolled: usize,
    pub(super) toasts: Vec<Toast>,
    pub(super) outage: Option<Outage>,
    pub(super) typing: Typing,
    pub(super) hints: Vec<KeyHint>,
}

/// The connection badge.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ConnectionLabel {
    pub(super) colour: Color,
    pub(super) label: String,
    /// The formatted round trip of the heartbeat, once known.
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
            .add_systems(Startup, set_server_info)
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

fn set_server_info(
    server_label: Option<Res<ServerLabel>>,
    server: Option<Res<SceneServer>>,
    mut screen: ResMut<Screen>,
) {
    screen.server_label = server_label
        .map(|server_label| server_label.0.clone())
        .unwrap_or_default();
    if let Some(server) = server {
        let instructions = [server.window_instructions(), server.join_instructions()];
        screen.instructions = instructions.into_iter().flatten().collect();
    }
}

/// Assigns a field only if its value differs, so that change detection triggers a draw only then.
macro_rules! set_if_changed {
    ($screen:ident . $field:ident = $wanted:expr) => {
        let wanted = $wanted;
        if $screen.$field != wanted {
            $screen.$field = wanted;
        }
    };
}

fn show_connection(
    view: Res<ConnectionView>,
    network: Res<NetworkStatus>,
    typing: Res<Typing>,
    is_known: Res<RosterIsKnown>,
    mut screen: ResMut<Screen>,
) {
    let now = Instant::now();
    let connection = ConnectionLabel {
        colour: connection_colour(&view),
        label: view.label(now),
        round_trip: view.round_trip(),
    };
    set_if_changed!(screen.connection = connection);
    set_if_changed!(screen.outage = outage(&view, &network, &typing, now));
    set_if_changed!(screen.roster_is_known = is_known.0);
}

fn show_players(
    mut commands: Commands,
    players: Query<(Entity, &Player), Without<Departed>>,
    departed: Query<Entity, With<Departed>>,
    mut order: Local<Vec<Entity>>,
    mut screen: ResMut<Screen>,
) {
    for entity in &departed {
        commands.entity(entity).despawn();
    }
    order.retain(|listed| players.contains(*listed));
    for (entity, player) in &players {
        if !order.contains(&entity) {
            let index = if player.is_you { 0 } else { order.len() };
            order.insert(index, entity);
        }
    }
    let listed = order.iter().filter_map(|listed| players.get(*listed).ok());
    set_if_changed!(screen.players = listed.map(|(_, player)| player.clone()).collect::<Vec<_>>());
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
        if screen.entries.len() > MAX_ENTRIES {
            screen.entries.pop_front();
        }
        // Keeps the visible entries in place while the user has scrolled up.
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
    let too_many = shown.len().saturating_sub(MAX_VISIBLE);
    shown.drain(..too_many);
    shown.retain(|(since, _)| now.saturating_sub(*since) < VISIBLE_FOR);
    set_if_changed!(
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
    set_if_changed!(screen.hints = wanted);
    set_if_changed!(screen.typing = typing.clone());
}

/// Scrolls while typing as well. Sending a line scrolls to the end.
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
                let first = screen.entries.len().saturating_sub(PAGE_ENTRIES);
                screen.scrolled = (screen.scrolled + PAGE_ENTRIES).min(first);
            }
            Key::PageDown => screen.scrolled = screen.scrolled.saturating_sub(PAGE_ENTRIES),
            _ => {}
        }
    }
}
