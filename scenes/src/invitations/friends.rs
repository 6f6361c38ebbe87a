//! Friends who come and go, invite, and answer invitations.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};
use serde::Serialize;

use super::{Answer, Invitation, ROOM_PREFIX, Say};
use crate::{
    company::{Company, player_app_with_sign_in},
    dev_server::DevServer,
    server::Identity,
};

use self::Act::{Come, Go, Invite};

/// How often a friend looks what is due.
const PACE: Duration = Duration::from_millis(100);

/// How long a friend takes to answer.
const ANSWER: Duration = Duration::from_millis(1400);

/// Who they are.
pub const FRIENDS: [&str; 5] = ["Mira", "Jonas Lind", "Cleo", "Ada Park", "Tomas"];

/// What a friend does.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Comes online.
    Come,
    /// Goes offline.
    Go,
    /// Invites the guest to this.
    Invite(&'static str),
}

/// What a friend does, each so many milliseconds after what was before.
fn plan(name: &str) -> &'static [(u64, Act)] {
    match name {
        "Mira" => &[
            (0, Come),
            (2500, Invite("the harbour circuit")),
            (60_000, Invite("one more lap")),
        ],
        "Jonas Lind" => &[(0, Come), (40_000, Go), (9_000, Come)],
        "Cleo" => &[(0, Come), (7_000, Go), (6_000, Come), (20_000, Go)],
        "Ada Park" => &[(1_500, Come)],
        _ => &[(8_000, Come), (1_500, Invite("a kart night"))],
    }
}

/// What a friend says to an invitation, and whether it is a yes.
fn reply(name: &str) -> (bool, &'static str) {
    match name {
        "Ada Park" => (false, "in a race, ask me later"),
        "Jonas Lind" => (true, "on my way"),
        _ => (true, ""),
    }
}

/// Brings the friends of the guest of this name to the server.
///
/// # Errors
/// Their thread cannot be started.
pub fn invitation_company(server: Arc<DevServer>, guest: String) -> io::Result<Company> {
    Company::of_players(FRIENDS.len(), PACE, move |index, waker| {
        let name = FRIENDS.get(index).copied().unwrap_or_default();
        friend(&server, name, &guest, waker)
    })
}

/// How a friend is.
#[derive(Resource)]
struct Me {
    server: Arc<DevServer>,
    name: &'static str,
    guest: String,
    plan: std::slice::Iter<'static, (u64, Act)>,
    /// What is next, and when.
    next: Option<(Duration, Act)>,
    room: Option<Entity>,
    replies: usize,
}

/// What a friend has thought of, for the right moment.
#[derive(Resource, Default)]
struct Thoughts(Vec<(Duration, Thought)>);

enum Thought {
    Answer(Invitation),
    Say(String, &'static str),
}

fn friend(server: &Arc<DevServer>, name: &'static str, guest: &str, waker: PusherWaker) -> App {
    let watchlist = [guest.to_owned()];
    let mut app = player_app_with_sign_in(server, &Identity::new(name), &watchlist, waker);
    app.insert_resource(Me {
        server: Arc::clone(server),
        name,
        guest: guest.to_owned(),
        plan: plan(name).iter(),
        next: None,
        room: None,
        replies: 0,
    })
    .init_resource::<Thoughts>()
    .add_pusher_user_event::<Invitation>(Invitation::EVENT)
    .add_pusher_user_event::<Answer>(Answer::EVENT)
    .add_pusher_event::<Say>(Say::EVENT)
    .add_systems(Update, (follow_plan, hear, follow_thoughts).chain());
    app
}

fn follow_plan(
    mut me: ResMut<Me>,
    time: Res<Time<Real>>,
    user: Res<PusherUser>,
    connection: Res<PusherConnection>,
) {
    if me.next.is_none() {
        me.next = me
            .plan
            .next()
            .map(|(pause, act)| (time.elapsed() + Duration::from_millis(*pause), *act));
    }
    let Some((_, act)) = me.next.filter(|(due, _)| *due <= time.elapsed()) else {
        return;
    };
    match act {
        Come => {
            connection.connect();
            connection.sign_in();
        }
        Go => connection.disconnect(),
        Invite(_) if !user.is_online(&me.guest) => return,
        Invite(game) => {
            let room = format!(
                "{ROOM_PREFIX}{}-{}",
                me.name.replace(' ', "-"),
                me.plan.len()
            );
            let invitation = Invitation {
                from: me.name.to_owned(),
                game: game.to_owned(),
                room,
            };
            tell(&me, &me.guest, Invitation::EVENT, &invitation);
        }
    }
    me.next = None;
}

/// Asks the backend to tell a user.
fn tell(me: &Me, user: &str, event: &str, data: &impl Serialize) {
    if let Err(error) = me.server.publish_to_user(user, event, data) {
        warn!("{} could not tell {user}: {error}", me.name);
    }
}

fn hear(
    mut commands: Commands,
    mut me: ResMut<Me>,
    time: Res<Time<Real>>,
    mut invitations: MessageReader<PusherUserEvent<Invitation>>,
    mut answers: MessageReader<PusherUserEvent<Answer>>,
    mut said: MessageReader<PusherEvent<Say>>,
    mut thoughts: ResMut<Thoughts>,
) {
    let due = time.elapsed() + ANSWER;
    for invitation in invitations.read() {
        let thought = Thought::Answer(invitation.data().clone());
        thoughts.0.push((due, thought));
    }
    for answer in answers.read().filter(|answer| answer.data().accepted) {
        let room = &answer.data().room;
        enter(&mut commands, &mut me, room);
        let words = "There you are! I have warmed up the tyres.";
        thoughts.0.push((due, Thought::Say(room.clone(), words)));
    }
    for say in said.read() {
        if FRIENDS.contains(&say.data().from.as_str()) {
            continue;
        }
        me.replies += 1;
        let words = match me.replies % 3 {
            1 => "The red one. It understeers, but it is red.",
            2 => "Deal. Loser writes the patch notes.",
            _ => "I am pressing the button now.",
        };
        let thought = Thought::Say(say.channel().to_owned(), words);
        thoughts.0.push((due, thought));
    }
}

fn enter(commands: &mut Commands, me: &mut Me, room: &str) {
    if let Some(before) = me.room.take() {
        commands.entity(before).despawn();
    }
    me.room = Some(commands.spawn(PusherChannel::new(room)).id());
}

fn follow_thoughts(
    mut commands: Commands,
    mut me: ResMut<Me>,
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
    mut thoughts: ResMut<Thoughts>,
) {
    let now = time.elapsed();
    for (_, thought) in thoughts.0.extract_if(.., |(due, _)| *due <= now) {
        match thought {
            Thought::Answer(invitation) => {
                let (accepted, words) = reply(me.name);
                let answer = Answer {
                    from: me.name.to_owned(),
                    room: invitation.room.clone(),
                    accepted,
                    words: words.to_owned(),
                };
                if accepted {
                    enter(&mut commands, &mut me, &invitation.room);
                }
                tell(&me, &invitation.from, Answer::EVENT, &answer);
            }
            Thought::Say(room, text) => {
                let say = Say {
                    from: me.name.to_owned(),
                    text: text.to_owned(),
                };
                if let Err(error) = connection.send(&room, Say::EVENT, &say) {
                    warn!("{} could not say something: {error}", me.name);
                }
            }
        }
    }
}
