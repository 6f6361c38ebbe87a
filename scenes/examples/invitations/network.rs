//! Sign-in, friends, invitations and rooms: everything that uses the plugin.

use bevy::prelude::*;
use bevy_pusher::{SignInState, prelude::*};
use pusher_scenes::{
    backend::{Backend, To},
    entry::ChatEntry,
    invitations::{Answer, FRIENDS, Invitation, ROOM_PREFIX, Say},
    link::{LinkPlugin, LinkSystems},
    player::{Chosen, Player, RosterIsKnown},
    server::{Identity, SceneServer},
    toast::{Toast, ToastKind},
};

use crate::model::{CurrentRoom, Friend, Invited, NetworkSystems, Pending, Room, Wish};

/// Who one is, and who the friends are.
#[derive(Resource, Clone)]
struct Me {
    name: String,
    friends: Vec<String>,
}

/// The sign-in of a person of this name, and all that comes of it.
pub(crate) fn plugin(
    server: &SceneServer,
    name: &str,
    friends: &[String],
) -> impl Fn(&mut App) + use<> {
    let mut friends: Vec<String> = friends
        .iter()
        .filter(|friend| *friend != name)
        .cloned()
        .collect();
    if server.brings_company() {
        friends.extend(FRIENDS.map(str::to_owned));
    }
    // The backend knows whose friend one is; the development server believes what it is told.
    let config = server.config_with_sign_in(&Identity::new(name), &friends);
    let me = Me {
        name: name.to_owned(),
        friends,
    };
    move |app| {
        app.add_plugins(LinkPlugin::new(config.clone()))
            .insert_resource(me.clone())
            .add_pusher_user_event::<Invitation>(Invitation::EVENT)
            .add_pusher_user_event::<Answer>(Answer::EVENT)
            .add_pusher_event::<Say>(Say::EVENT)
            .add_systems(Startup, |connection: Res<PusherConnection>| {
                connection.sign_in();
            })
            .add_systems(
                Update,
                (
                    list_friends,
                    watch_friends,
                    hear_invitations,
                    hear_answers,
                    answer,
                    invite,
                    talk,
                    leave,
                    tell_of_room,
                    hear,
                )
                    .chain()
                    .in_set(NetworkSystems)
                    .after(LinkSystems),
            );
    }
}

/// Once signed in, one sees oneself and all friends.
fn list_friends(
    mut commands: Commands,
    mut changes: MessageReader<PusherSignInChanged>,
    me: Res<Me>,
    mut is_known: ResMut<RosterIsKnown>,
) {
    for change in changes.read() {
        if is_known.0 || !matches!(change.state(), SignInState::SignedIn { .. }) {
            continue;
        }
        is_known.0 = true;
        let person = |name: &String| Player {
            id: name.clone(),
            name: name.clone(),
            ..default()
        };
        commands.spawn(Player {
            doing: "signed in".to_owned(),
            is_you: true,
            ..person(&me.name)
        });
        for (index, friend) in me.friends.iter().enumerate() {
            commands.spawn((
                Friend(index),
                Player {
                    is_away: true,
                    doing: "offline".to_owned(),
                    ..person(friend)
                },
            ));
        }
    }
}

fn watch_friends(
    user: Res<PusherUser>,
    mut changes: MessageReader<PusherWatchlistChanged>,
    mut friends: Query<&mut Player>,
    mut toasts: MessageWriter<Toast>,
) {
    for change in changes.read() {
        // The first one tells of all who are here already.
        let mut names = change.user_ids();
        if let (Some(name), None) = (names.next(), names.next()) {
            let words = format!("{name} is {}", change.change());
            toasts.write(Toast::seen(ToastKind::Info, words));
        }
    }
    if !matches!(user.state(), SignInState::SignedIn { .. }) {
        // Nobody tells who is online: what one knew stays.
        return;
    }
    for mut friend in friends.iter_mut().filter(|player| !player.is_you) {
        let is_away = !user.is_online(&friend.id);
        if friend.is_away != is_away {
            friend.is_away = is_away;
        }
    }
}

fn hear_invitations(
    mut invitations: MessageReader<PusherUserEvent<Invitation>>,
    mut pending: ResMut<Pending>,
    mut toasts: MessageWriter<Toast>,
) {
    for invitation in invitations.read() {
        let Invitation { from, game, .. } = invitation.data();
        let words = format!("{from} invites you to {game}");
        toasts.write(Toast::new(ToastKind::Invite, words));
        pending.0.push(invitation.data().clone());
    }
}

fn hear_answers(
    mut commands: Commands,
    mut answers: MessageReader<PusherUserEvent<Answer>>,
    mut invited: ResMut<Invited>,
    mut room: ResMut<CurrentRoom>,
    mut toasts: MessageWriter<Toast>,
) {
    for answer in answers.read() {
        let Answer {
            from,
            room: channel,
            accepted,
            words,
        } = answer.data();
        invited.0.retain(|name| name != from);
        let (kind, verb) = if *accepted {
            (ToastKind::Good, "accepts")
        } else {
            (ToastKind::Warn, "declines")
        };
        let words = match words.as_str() {
            "" => format!("{from} {verb}"),
            words => format!("{from} {verb}: {words}"),
        };
        toasts.write(Toast::new(kind, words));
        if *accepted {
            enter(&mut commands, &mut room, channel, from);
        }
    }
}

/// Answers the oldest invitation, through the backend.
fn answer(
    mut commands: Commands,
    mut wishes: MessageReader<Wish>,
    backend: Res<Backend>,
    me: Res<Me>,
    mut pending: ResMut<Pending>,
    mut room: ResMut<CurrentRoom>,
) {
    for wish in wishes.read() {
        let accepted = *wish == Wish::Accept;
        if !(accepted || *wish == Wish::Decline) || pending.0.is_empty() {
            continue;
        }
        let invitation = pending.0.remove(0);
        let answer = Answer {
            from: me.name.clone(),
            room: invitation.room.clone(),
            accepted,
            words: String::new(),
        };
        let inviter = To::User(invitation.from.clone());
        backend.publish(&inviter, Answer::EVENT, &answer);
        if accepted {
            enter(&mut commands, &mut room, &invitation.room, &invitation.from);
        }
    }
}

/// Invites the chosen friend, through the backend.
fn invite(
    mut wishes: MessageReader<Wish>,
    backend: Res<Backend>,
    connection: Res<PusherConnection>,
    me: Res<Me>,
    time: Res<Time<Real>>,
    friends: Query<&Player, With<Chosen>>,
    mut invited: ResMut<Invited>,
    mut toasts: MessageWriter<Toast>,
) {
    for _ in wishes.read().filter(|wish| **wish == Wish::Invite) {
        let Ok(friend) = friends.single() else {
            continue;
        };
        if friend.is_away {
            let words = format!("{} is offline", friend.name);
            toasts.write(Toast::new(ToastKind::Warn, words));
            continue;
        }
        // In a game the backend thinks of a name that nobody guesses, and lets nobody in but these two.
        let room = format!(
            "{ROOM_PREFIX}{}-{}",
            connection.socket_id().unwrap_or_default(),
            time.elapsed().as_millis()
        );
        let invitation = Invitation {
            from: me.name.clone(),
            game: "a race".to_owned(),
            room,
        };
        let friend = friend.name.clone();
        backend.publish(&To::User(friend.clone()), Invitation::EVENT, &invitation);
        invited.0.push(friend);
    }
}

/// A room is a channel, and being in it is an entity that has it.
fn enter(commands: &mut Commands, room: &mut CurrentRoom, channel: &str, with: &str) {
    if let Some(before) = room.0.take() {
        commands.entity(before.entity).despawn();
    }
    let entity = commands.spawn(PusherChannel::new(channel)).id();
    room.0 = Some(Room {
        entity,
        channel: channel.to_owned(),
        with: with.to_owned(),
    });
}

fn leave(
    mut commands: Commands,
    mut wishes: MessageReader<Wish>,
    mut room: ResMut<CurrentRoom>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for _ in wishes.read().filter(|wish| **wish == Wish::Leave) {
        if let Some(left) = room.0.take() {
            commands.entity(left.entity).despawn();
            let words = format!("You left the room with {}.", left.with);
            entries.write(ChatEntry::happened(words));
        }
    }
}

fn tell_of_room(
    mut changes: MessageReader<PusherSubscriptionChanged>,
    room: Res<CurrentRoom>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for change in changes.read() {
        let Some(room) = room
            .0
            .as_ref()
            .filter(|room| room.channel == change.channel())
        else {
            continue;
        };
        if change.status().is_subscribed() {
            let words = match change.gap() {
                Some(_) => format!("You are back with {}.", room.with),
                None => format!("You are with {} on {}.", room.with, room.channel),
            };
            entries.write(ChatEntry::happened(words));
        } else if let Some(error) = change.error() {
            let words = format!("The room is closed to you: {error}");
            entries.write(ChatEntry::happened(words));
        }
    }
}

fn talk(
    mut wishes: MessageReader<Wish>,
    connection: Res<PusherConnection>,
    me: Res<Me>,
    room: Res<CurrentRoom>,
    mut entries: MessageWriter<ChatEntry>,
    mut toasts: MessageWriter<Toast>,
) {
    for wish in wishes.read() {
        let Wish::Say(text) = wish else {
            continue;
        };
        let Some(room) = &room.0 else {
            toasts.write(Toast::new(ToastKind::Warn, "You are in no room"));
            continue;
        };
        let say = Say {
            from: me.name.clone(),
            text: text.clone(),
        };
        match connection.send(&room.channel, Say::EVENT, &say) {
            Ok(_) => entries.write(ChatEntry::said(say.from, say.text)),
            Err(error) => {
                let words = format!("Not said: {error}");
                toasts.write(Toast::new(ToastKind::Bad, words));
                continue;
            }
        };
    }
}

fn hear(mut said: MessageReader<PusherEvent<Say>>, mut entries: MessageWriter<ChatEntry>) {
    for say in said.read() {
        let Say { from, text } = say.data();
        entries.write(ChatEntry::said(from.clone(), text.clone()));
    }
}
