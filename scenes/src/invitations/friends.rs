//! Simulated friends that go online and offline, invite the local player, and answer invitations.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};
use serde::Serialize;

use super::{Answer, Invitation, ROOM_PREFIX, Say};
use crate::{
    dev_server::DevServer,
    server::Identity,
    simulation::{SimulatedPlayers, player_app_with_sign_in},
};

use self::Action::{Connect, Disconnect, Invite};

/// How often a friend checks what is due.
const UPDATE_INTERVAL: Duration = Duration::from_millis(100);

/// How long a friend takes to answer.
const ANSWER_DELAY: Duration = Duration::from_millis(1400);

/// The names of the friends.
pub const FRIENDS: [&str; 5] = ["Mira", "Jonas Lind", "Cleo", "Ada Park", "Tomas"];

/// A scripted action of a friend.
#[derive(Clone, Copy, Debug)]
enum Action {
    /// Go online.
    Connect,
    /// Go offline.
    Disconnect,
    /// Invite the local player to this game.
    Invite(&'static str),
}

/// Returns the script of a friend. Each delay, in milliseconds, starts at the action before.
fn script(name: &str) -> &'static [(u64, Action)] {
    match name {
        "Mira" => &[
            (0, Connect),
            (2500, Invite("the harbour circuit")),
            (60_000, Invite("one more lap")),
        ],
        "Jonas Lind" => &[(0, Connect), (40_000, Disconnect), (9_000, Connect)],
        "Cleo" => &[
            (0, Connect),
            (7_000, Disconnect),
            (6_000, Connect),
            (20_000, Disconnect),
        ],
        "Ada Park" => &[(1_500, Connect)],
        _ => &[(8_000, Connect), (1_500, Invite("a kart night"))],
    }
}

/// Returns a friend's answer to an invitation: whether it is accepted, and a comment.
fn reply(name: &str) -> (bool, &'static str) {
    match name {
        "Ada Park" => (false, "in a race, ask me later"),
        "Jonas Lind" => (true, "on my way"),
        _ => (true, ""),
    }
}

/// Starts the friends of the player with this name.
///
/// # Errors
/// The thread of the friends could not be started.
pub fn start_friends(server: Arc<DevServer>, player: String) -> io::Result<SimulatedPlayers> {
    SimulatedPlayers::start_apps(FRIENDS.len(), UPDATE_INTERVAL, move |index, waker| {
        let name = FRIENDS.get(index).copied().unwrap_or_default();
        friend(&server, name, &player, waker)
    })
}

/// The state of a simulated friend.
#[derive(Resource)]
struct FriendState {
    server: Arc<DevServer>,
    name: &'static str,
    player: String,
    script: std::slice::Iter<'static, (u64, Action)>,
    /// The next action, and when it is due.
    next: Option<(Duration, Action)>,
    room: Option<Entity>,
    replies: usize,
}

/// The replies that are not due yet.
#[derive(Resource, Default)]
struct DelayedActions(Vec<(Duration, DelayedAction)>);

enum DelayedAction {
    Answer(Invitation),
    Say(String, &'static str),
}

fn friend(server: &Arc<DevServer>, name: &'static str, player: &str, waker: PusherWaker) -> App {
    let watchlist = [player.to_owned()];
    let mut app = player_app_with_sign_in(server, &Identity::new(name), &watchlist, waker);
    app.insert_resource(FriendState {
        server: Arc::clone(server),
        name,
        player: player.to_owned(),
        script: script(name).iter(),
        next: None,
        room: None,
        replies: 0,
    })
    .init_resource::<DelayedActions>()
    .add_pusher_user_event::<Invitation>(Invitation::EVENT)
    .add_pusher_user_event::<Answer>(Answer::EVENT)
    .add_pusher_event::<Say>(Say::EVENT)
    .add_systems(
        Update,
        (run_script, receive_events, run_delayed_actions).chain(),
    );
    app
}

fn run_script(
    mut me: ResMut<FriendState>,
    time: Res<Time<Real>>,
    user: Res<PusherUser>,
    connection: Res<PusherConnection>,
) {
    if me.next.is_none() {
        me.next = me
            .script
            .next()
            .map(|(pause, action)| (time.elapsed() + Duration::from_millis(*pause), *action));
    }
    let Some((_, action)) = me.next.filter(|(due, _)| *due <= time.elapsed()) else {
        return;
    };
    match action {
        Connect => {
            connection.connect();
            connection.sign_in();
        }
        Disconnect => connection.disconnect(),
        Invite(_) if !user.is_online(&me.player) => return,
        Invite(game) => {
            let room = format!(
                "{ROOM_PREFIX}{}-{}",
                me.name.replace(' ', "-"),
                me.script.len()
            );
            let invitation = Invitation {
                from: me.name.to_owned(),
                game: game.to_owned(),
                room,
            };
            publish_to_user(&me, &me.player, Invitation::EVENT, &invitation);
        }
    }
    me.next = None;
}

/// Sends an event to a user through the backend.
fn publish_to_user(me: &FriendState, user: &str, event: &str, data: &impl Serialize) {
    if let Err(error) = me.server.publish_to_user(user, event, data) {
        warn!("{} could not publish to {user}: {error}", me.name);
    }
}

fn receive_events(
    mut commands: Commands,
    mut me: ResMut<FriendState>,
    time: Res<Time<Real>>,
    mut invitations: MessageReader<PusherUserEvent<Invitation>>,
    mut answers: MessageReader<PusherUserEvent<Answer>>,
    mut messages: MessageReader<PusherEvent<Say>>,
    mut delayed: ResMut<DelayedActions>,
) {
    let due = time.elapsed() + ANSWER_DELAY;
    for invitation in invitations.read() {
        let action = DelayedAction::Answer(invitation.data().clone());
        delayed.0.push((due, action));
    }
    for answer in answers.read().filter(|answer| answer.data().accepted) {
        let room = &answer.data().room;
        join_room(&mut commands, &mut me, room);
        let text = "There you are! I have warmed up the tyres.";
        delayed
            .0
            .push((due, DelayedAction::Say(room.clone(), text)));
    }
    for message in messages.read() {
        if FRIENDS.contains(&message.data().from.as_str()) {
            continue;
        }
        me.replies += 1;
        let text = match me.replies % 3 {
            1 => "The red one. It understeers, but it is red.",
            2 => "Deal. Loser writes the patch notes.",
            _ => "I am pressing the button now.",
        };
        let action = DelayedAction::Say(message.channel().to_owned(), text);
        delayed.0.push((due, action));
    }
}

fn join_room(commands: &mut Commands, me: &mut FriendState, room: &str) {
    if let Some(before) = me.room.take() {
        commands.entity(before).despawn();
    }
    me.room = Some(commands.spawn(PusherChannel::new(room)).id());
}

fn run_delayed_actions(
    mut commands: Commands,
    mut me: ResMut<FriendState>,
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
    mut delayed: ResMut<DelayedActions>,
) {
    let now = time.elapsed();
    for (_, action) in delayed.0.extract_if(.., |(due, _)| *due <= now) {
        match action {
            DelayedAction::Answer(invitation) => {
                let (accepted, comment) = reply(me.name);
                let answer = Answer {
                    from: me.name.to_owned(),
                    room: invitation.room.clone(),
                    accepted,
                    words: comment.to_owned(),
                };
                if accepted {
                    join_room(&mut commands, &mut me, &invitation.room);
                }
                publish_to_user(&me, &invitation.from, Answer::EVENT, &answer);
            }
            DelayedAction::Say(room, text) => {
                let say = Say {
                    from: me.name.to_owned(),
                    text: text.to_owned(),
                };
                if let Err(error) = connection.send(&room, Say::EVENT, &say) {
                    warn!("{} could not send a message: {error}", me.name);
                }
            }
        }
    }
}
