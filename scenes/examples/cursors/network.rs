//! All use of the Pusher plugin in this scene: receives and sends cursor positions.

use std::collections::VecDeque;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{SendMode, SendOutcome, prelude::*};
use pusher_scenes::{
    connection::{ConnectionPlugin, ConnectionSystems, RequiredChannel},
    cursors::{BOARD_CHANNEL, Cursor},
    player::{Player, PlayerInfo},
    roster_sync::{RosterChannel, RosterSyncPlugin, RosterSyncSystems},
    server::{Identity, SceneServer},
};

use crate::model::{CursorPath, MoveSystems, OwnCursor, Traffic};

const SECOND: Duration = Duration::from_secs(1);

/// When events were received and sent, in the last second.
#[derive(Resource, Default)]
struct Log {
    received: VecDeque<Duration>,
    sent: VecDeque<Duration>,
}

/// Returns the plugin for a player with this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let you = Identity::new(name).with_info(&PlayerInfo::new(name, "watching"));
    // Sent events are counted, and by default only rejected ones are reported.
    let config = server.config(&you).with_sent_answers(true);
    move |app| {
        app.add_plugins((ConnectionPlugin::new(config.clone()), RosterSyncPlugin))
            .add_pusher_event::<Cursor>(Cursor::EVENT)
            .init_resource::<Log>()
            .add_systems(Startup, subscribe)
            .add_systems(
                Update,
                (receive_cursors, send_cursor, record_sent, count_traffic)
                    .chain()
                    .after(ConnectionSystems)
                    .after(RosterSyncSystems)
                    .before(MoveSystems),
            );
    }
}

fn subscribe(mut commands: Commands) {
    commands.spawn((
        RosterChannel,
        RequiredChannel,
        PusherChannel::new(BOARD_CHANNEL),
    ));
}

fn receive_cursors(
    mut cursors: MessageReader<PusherEvent<Cursor>>,
    time: Res<Time<Real>>,
    mut players: Query<(&Player, &mut CursorPath)>,
    mut log: ResMut<Log>,
) {
    for cursor in cursors.read() {
        log.received.push_back(time.elapsed());
        let sender = players
            .iter_mut()
            .find(|(player, _)| Some(player.id.as_str()) == cursor.user_id());
        if let Some((_, mut path)) = sender {
            path.0.push(cursor.data(), time.elapsed());
        }
    }
}

/// Sends the cursor's position when it changes. With `SendMode::Latest` the plugin sends only the latest position when the rate
/// limit allows another event.
fn send_cursor(
    own: Res<OwnCursor>,
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
    mut last_sent: Local<OwnCursor>,
) -> Result {
    if *own == *last_sent {
        return Ok(());
    }
    let position = own.position.or(last_sent.position);
    *last_sent = *own;
    if let Some(position) = position {
        let cursor = Cursor::new(position, own.pen, time.elapsed());
        connection.send_with(SendMode::Latest, BOARD_CHANNEL, Cursor::EVENT, &cursor)?;
    }
    Ok(())
}

fn record_sent(
    mut answers: MessageReader<PusherSendAnswered>,
    time: Res<Time<Real>>,
    mut log: ResMut<Log>,
) {
    for answer in answers.read() {
        if *answer.outcome() == SendOutcome::Sent {
            log.sent.push_back(time.elapsed());
        }
    }
}

fn count_traffic(time: Res<Time<Real>>, mut log: ResMut<Log>, mut traffic: ResMut<Traffic>) {
    let log = &mut *log;
    for events in [&mut log.received, &mut log.sent] {
        while events
            .front()
            .is_some_and(|when| time.elapsed().saturating_sub(*when) > SECOND)
        {
            events.pop_front();
        }
    }
    traffic.set_if_neq(Traffic {
        received: log.received.len(),
        sent: log.sent.len(),
    });
}
