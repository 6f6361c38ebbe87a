//! All use of the Pusher plugin in this scene: receives the leaderboard, and publishes through the backend.

use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_scenes::{
    backend::{Backend, To},
    chat_entry::ChatEntry,
    connection::{ConnectionPlugin, ConnectionSystems, RequiredChannel},
    leaderboard::{Board, LEADERBOARD_CHANNEL},
    server::{Identity, SceneServer},
    text::counted,
};

use crate::model::{BoardState, Gain, Request, gains};

/// The points that the key adds.
const POINTS: u32 = 45;

/// How long the client stays away before it subscribes again.
const REJOIN_DELAY: Duration = Duration::from_secs(2);

/// The local player's name on the board.
#[derive(Resource, Clone)]
struct OwnName(String);

/// When the client subscribes again after it has left.
#[derive(Resource, Default)]
struct RejoinAt(Option<Duration>);

/// Returns the plugin for a player with this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let config = server.config(&Identity::new(name));
    let me = OwnName(name.to_owned());
    move |app| {
        app.add_plugins(ConnectionPlugin::new(config.clone()))
            .insert_resource(me.clone())
            .init_resource::<RejoinAt>()
            .add_pusher_event::<Board>(Board::EVENT)
            .add_systems(Startup, join)
            .add_systems(
                Update,
                (receive_board, receive_cache_miss, score, leave, rejoin)
                    .chain()
                    .after(ConnectionSystems),
            );
    }
}

fn join(mut commands: Commands) {
    commands.spawn((RequiredChannel, PusherChannel::new(LEADERBOARD_CHANNEL)));
}

/// The first event comes from the server's cache, right after the subscription; later ones are published live.
fn receive_board(
    mut boards: MessageReader<PusherEvent<Board>>,
    mut state: ResMut<BoardState>,
    mut gained: MessageWriter<Gain>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for board in boards.read() {
        match &*state {
            BoardState::Known(before) => {
                gained.write_batch(gains(before, board.data()));
            }
            BoardState::Unknown | BoardState::Empty => {
                let racers = counted(board.data().standings.len(), "racer");
                let text = format!("Received the board from the cache, with {racers}.");
                entries.write(ChatEntry::event(text));
            }
        }
        *state = BoardState::Known(board.data().clone());
    }
}

fn receive_cache_miss(mut missed: MessageReader<PusherCacheMissed>, mut state: ResMut<BoardState>) {
    for _ in missed.read() {
        if state.board().is_none() {
            *state = BoardState::Empty;
        }
    }
}

/// Publishes through the backend, since clients cannot send on a public channel.
fn score(
    mut requests: MessageReader<Request>,
    me: Res<OwnName>,
    state: Res<BoardState>,
    backend: Res<Backend>,
    channels: Query<(), (With<RequiredChannel>, With<PusherSubscribed>)>,
) {
    for _ in requests
        .read()
        .filter(|request| **request == Request::Score)
    {
        if channels.is_empty() {
            continue;
        }
        let board = state.board().cloned().unwrap_or_default();
        let to = To::Channel(LEADERBOARD_CHANNEL.to_owned());
        backend.publish(&to, Board::EVENT, &board.with_points(&me.0, POINTS));
    }
}

fn leave(
    mut commands: Commands,
    mut requests: MessageReader<Request>,
    time: Res<Time<Real>>,
    channels: Query<Entity, With<RequiredChannel>>,
    mut state: ResMut<BoardState>,
    mut rejoin_at: ResMut<RejoinAt>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for _ in requests
        .read()
        .filter(|request| **request == Request::RejoinLate)
    {
        for channel in &channels {
            commands.entity(channel).despawn();
            *state = BoardState::Unknown;
            rejoin_at.0 = Some(time.elapsed() + REJOIN_DELAY);
            entries.write(ChatEntry::event("You leave, and the race continues."));
        }
    }
}

fn rejoin(
    commands: Commands,
    time: Res<Time<Real>>,
    mut rejoin_at: ResMut<RejoinAt>,
    mut entries: MessageWriter<ChatEntry>,
) {
    if rejoin_at.0.is_some_and(|when| when <= time.elapsed()) {
        rejoin_at.0 = None;
        entries.write(ChatEntry::event("You join late."));
        join(commands);
    }
}
