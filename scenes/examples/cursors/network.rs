//! The board's dealings with the network: everything that uses the plugin.

use std::collections::VecDeque;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{SendMode, SendOutcome, prelude::*};
use pusher_scenes::{
    cursors::{BOARD_CHANNEL, Cursor},
    link::{LinkPlugin, LinkSystems, Needed},
    player::{Player, PlayerInfo},
    seating::{SeatingPlugin, SeatingSystems, Seats},
    server::{Identity, SceneServer},
};

use crate::model::{Mine, MoveSystems, Traffic, Way};

const SECOND: Duration = Duration::from_secs(1);

/// When events came and left, in the last second.
#[derive(Resource, Default)]
struct Log {
    came: VecDeque<Duration>,
    left: VecDeque<Duration>,
}

/// The cursors of all, for a person of this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let you = Identity::new(name).with_info(&PlayerInfo::new(name, "watching"));
    // What was sent is counted.
    let config = server.config(&you).with_sent_answers(true);
    move |app| {
        app.add_plugins((LinkPlugin::new(config.clone()), SeatingPlugin))
            .add_pusher_event::<Cursor>(Cursor::EVENT)
            .init_resource::<Log>()
            .add_systems(Startup, subscribe)
            .add_systems(
                Update,
                (hear, tell, note_sent, count_traffic)
                    .chain()
                    .after(LinkSystems)
                    .after(SeatingSystems)
                    .before(MoveSystems),
            );
    }
}

fn subscribe(mut commands: Commands) {
    commands.spawn((Seats, Needed, PusherChannel::new(BOARD_CHANNEL)));
}

fn hear(
    mut cursors: MessageReader<PusherEvent<Cursor>>,
    time: Res<Time<Real>>,
    mut players: Query<(&Player, &mut Way)>,
    mut log: ResMut<Log>,
) {
    for cursor in cursors.read() {
        log.came.push_back(time.elapsed());
        let sender = players
            .iter_mut()
            .find(|(player, _)| Some(player.id.as_str()) == cursor.user_id());
        if let Some((_, mut way)) = sender {
            way.0.push(cursor.data(), time.elapsed());
        }
    }
}

/// Says so whenever the cursor moves. Of what is said too often for the server the plugin sends the latest alone.
fn tell(
    mine: Res<Mine>,
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
    mut told: Local<Mine>,
) -> Result {
    if *mine == *told {
        return Ok(());
    }
    let position = mine.position.or(told.position);
    *told = *mine;
    if let Some(position) = position {
        let cursor = Cursor::new(position, mine.pen, time.elapsed());
        connection.send_with(SendMode::Latest, BOARD_CHANNEL, Cursor::EVENT, &cursor)?;
    }
    Ok(())
}

fn note_sent(
    mut answers: MessageReader<PusherSendAnswered>,
    time: Res<Time<Real>>,
    mut log: ResMut<Log>,
) {
    for answer in answers.read() {
        if *answer.outcome() == SendOutcome::Sent {
            log.left.push_back(time.elapsed());
        }
    }
}

fn count_traffic(time: Res<Time<Real>>, mut log: ResMut<Log>, mut traffic: ResMut<Traffic>) {
    let log = &mut *log;
    for events in [&mut log.came, &mut log.left] {
        while events
            .front()
            .is_some_and(|when| time.elapsed().saturating_sub(*when) > SECOND)
        {
            events.pop_front();
        }
    }
    traffic.set_if_neq(Traffic {
        came: log.came.len(),
        left: log.left.len(),
    });
}
