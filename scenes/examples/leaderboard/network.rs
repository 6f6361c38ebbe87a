//! The race's dealings with the network: everything that uses the plugin.

use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_scenes::{
    backend::{Backend, To},
    entry::ChatEntry,
    leaderboard::{Board, LEADERBOARD_CHANNEL},
    link::{LinkPlugin, LinkSystems, Needed},
    server::{Identity, SceneServer},
    words::counted,
};

use crate::model::{Gain, Track, Wish, gains};

/// What one wins with a key.
const POINTS: u32 = 45;

/// How long one stays away before one comes late.
const AWAY: Duration = Duration::from_secs(2);

/// What one is called on the board.
#[derive(Resource, Clone)]
struct Me(String);

/// When one comes back, after having left.
#[derive(Resource, Default)]
struct Return(Option<Duration>);

/// The race, for a person of this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let config = server.config(&Identity::new(name));
    let me = Me(name.to_owned());
    move |app| {
        app.add_plugins(LinkPlugin::new(config.clone()))
            .insert_resource(me.clone())
            .init_resource::<Return>()
            .add_pusher_event::<Board>(Board::EVENT)
            .add_systems(Startup, join)
            .add_systems(
                Update,
                (hear_board, hear_of_empty_cache, score, leave, come_back)
                    .chain()
                    .after(LinkSystems),
            );
    }
}

fn join(mut commands: Commands) {
    commands.spawn((Needed, PusherChannel::new(LEADERBOARD_CHANNEL)));
}

/// The first board comes from the server's cache, right after the subscription; the others are pushed.
fn hear_board(
    mut boards: MessageReader<PusherEvent<Board>>,
    mut track: ResMut<Track>,
    mut gained: MessageWriter<Gain>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for board in boards.read() {
        match &*track {
            Track::Known(before) => {
                gained.write_batch(gains(before, board.data()));
            }
            Track::Unknown | Track::Empty => {
                let racers = counted(board.data().standings.len(), "racer");
                let words = format!("The board is here at once, with {racers}.");
                entries.write(ChatEntry::happened(words));
            }
        }
        *track = Track::Known(board.data().clone());
    }
}

fn hear_of_empty_cache(mut missed: MessageReader<PusherCacheMissed>, mut track: ResMut<Track>) {
    for _ in missed.read() {
        if track.board().is_none() {
            *track = Track::Empty;
        }
    }
}

/// Clients cannot publish on a public channel: the backend does.
fn score(
    mut wishes: MessageReader<Wish>,
    me: Res<Me>,
    track: Res<Track>,
    backend: Res<Backend>,
    channels: Query<(), (With<Needed>, With<PusherSubscribed>)>,
) {
    for _ in wishes.read().filter(|wish| **wish == Wish::Score) {
        if channels.is_empty() {
            continue;
        }
        let board = track.board().cloned().unwrap_or_default();
        let to = To::Channel(LEADERBOARD_CHANNEL.to_owned());
        backend.publish(&to, Board::EVENT, &board.with_points(&me.0, POINTS));
    }
}

fn leave(
    mut commands: Commands,
    mut wishes: MessageReader<Wish>,
    time: Res<Time<Real>>,
    channels: Query<Entity, With<Needed>>,
    mut track: ResMut<Track>,
    mut back: ResMut<Return>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for _ in wishes.read().filter(|wish| **wish == Wish::ComeLate) {
        for channel in &channels {
            commands.entity(channel).despawn();
            *track = Track::Unknown;
            back.0 = Some(time.elapsed() + AWAY);
            entries.write(ChatEntry::happened("You leave, and the race goes on."));
        }
    }
}

fn come_back(
    commands: Commands,
    time: Res<Time<Real>>,
    mut back: ResMut<Return>,
    mut entries: MessageWriter<ChatEntry>,
) {
    if back.0.is_some_and(|when| when <= time.elapsed()) {
        back.0 = None;
        entries.write(ChatEntry::happened("You join late."));
        join(commands);
    }
}
