//! All use of the Pusher plugin in this scene: sign-in, watchlist, invitations and rooms.

use bevy::prelude::*;
use bevy_pusher::{SignInState, prelude::*};
use pusher_scenes::{
    backend::{Backend, To},
    chat_entry::ChatEntry,
    connection::{ConnectionPlugin, ConnectionSystems},
    invitations::{Answer, FRIENDS, Invitation, ROOM_PREFIX, Say},
    player::{Player, RosterIsKnown, Selected},
    server::{Identity, SceneServer},
    toast::{Toast, ToastKind},
};

use crate::model::{
    CurrentRoom, Friend, NetworkSystems, PendingInvitations, Request, Room, SentInvitations,
};

/// The local player's name, and the names of the friends.
#[derive(Resource, Clone)]
struct Me {
    name: String,
    friends: Vec<String>,
}

/// Returns the plugin for a player with this name and these friends.
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
    if server.has_simulated_players() {
        friends.extend(FRIENDS.map(str::to_owned));
    }
    // A real backend knows the user's friends; the development server accepts the list from the client.
    let config = server.config_with_sign_in(&Identity::new(name), &friends);
    let me = Me {
        name: name.to_owned(),
        friends,
    };
    move |app| {
        app.add_plugins(ConnectionPlugin::new(config.clone()))
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
                    spawn_friends,
                    update_friends,
                    receive_invitations,
                    receive_answers,
                    send_answer,
                    send_invitation,
                    send_messages,
                    leave_room,
                    announce_room,
                    receive_messages,
                )
                    .chain()
                    .in_set(NetworkSystems)
                    .after(ConnectionSystems),
            );
    }
}

/// Once signed in, spawns the local player and all friends.
fn spawn_friends(
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
                    is_offline: true,
                    doing: "offline".to_owned(),
                    ..person(friend)
                },
            ));
        }
    }
}

fn update_friends(
    user: Res<PusherUser>,
    mut changes: MessageReader<PusherWatchlistChanged>,
    mut friends: Query<&mut Player>,
    mut toasts: MessageWriter<Toast>,
) {
    for change in changes.read() {
        // The first watchlist event lists all friends who are online already; only later changes get a toast.
        let mut names = change.user_ids();
        if let (Some(name), None) = (names.next(), names.next()) {
            let text = format!("{name} is {}", change.change());
            toasts.write(Toast::shown_elsewhere(ToastKind::Info, text));
        }
    }
    if !matches!(user.state(), SignInState::SignedIn { .. }) {
        // While signed out, nothing is known of the friends, so the roster keeps the last state.
        return;
    }
    for mut friend in friends.iter_mut().filter(|player| !player.is_you) {
        let is_offline = !user.is_online(&friend.id);
        if friend.is_offline != is_offline {
            friend.is_offline = is_offline;
        }
    }
}

fn receive_invitations(
    mut invitations: MessageReader<PusherUserEvent<Invitation>>,
    mut pending: ResMut<PendingInvitations>,
    mut toasts: MessageWriter<Toast>,
) {
    for invitation in invitations.read() {
        let Invitation { from, game, .. } = invitation.data();
        let text = format!("{from} invites you to {game}");
        toasts.write(Toast::new(ToastKind::Invite, text));
        pending.0.push(invitation.data().clone());
    }
}

fn receive_answers(
    mut commands: Commands,
    mut answers: MessageReader<PusherUserEvent<Answer>>,
    mut invited: ResMut<SentInvitations>,
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
        let text = match words.as_str() {
            "" => format!("{from} {verb}"),
            words => format!("{from} {verb}: {words}"),
        };
        toasts.write(Toast::new(kind, text));
        if *accepted {
            join_room(&mut commands, &mut room, channel, from);
        }
    }
}

/// Answers the oldest invitation, through the backend.
fn send_answer(
    mut commands: Commands,
    mut requests: MessageReader<Request>,
    backend: Res<Backend>,
    me: Res<Me>,
    mut pending: ResMut<PendingInvitations>,
    mut room: ResMut<CurrentRoom>,
) {
    for request in requests.read() {
        let accepted = *request == Request::Accept;
        if !(accepted || *request == Request::Decline) || pending.0.is_empty() {
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
            join_room(&mut commands, &mut room, &invitation.room, &invitation.from);
        }
    }
}

/// Invites the selected friend, through the backend.
fn send_invitation(
    mut requests: MessageReader<Request>,
    backend: Res<Backend>,
    connection: Res<PusherConnection>,
    me: Res<Me>,
    time: Res<Time<Real>>,
    friends: Query<&Player, With<Selected>>,
    mut invited: ResMut<SentInvitations>,
    mut toasts: MessageWriter<Toast>,
) {
    for _ in requests
        .read()
        .filter(|request| **request == Request::Invite)
    {
        let Ok(friend) = friends.single() else {
            continue;
        };
        if friend.is_offline {
            let text = format!("{} is offline", friend.name);
            toasts.write(Toast::new(ToastKind::Warn, text));
            continue;
        }
        // A real backend chooses a name that cannot be guessed, and authorizes only these two users.
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

/// Subscribes to the room's channel by spawning an entity for it, and leaves the previous room.
fn join_room(commands: &mut Commands, room: &mut CurrentRoom, channel: &str, with: &str) {
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

fn leave_room(
    mut commands: Commands,
    mut requests: MessageReader<Request>,
    mut room: ResMut<CurrentRoom>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for _ in requests
        .read()
        .filter(|request| **request == Request::Leave)
    {
        if let Some(left) = room.0.take() {
            commands.entity(left.entity).despawn();
            let text = format!("You left the room with {}.", left.with);
            entries.write(ChatEntry::event(text));
        }
    }
}

fn announce_room(
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
            let text = match change.gap() {
                Some(_) => format!("You are back in the room with {}.", room.with),
                None => format!("You are in a room with {}: {}.", room.with, room.channel),
            };
            entries.write(ChatEntry::event(text));
        } else if let Some(error) = change.error() {
            let text = format!("The room cannot be joined: {error}");
            entries.write(ChatEntry::event(text));
        }
    }
}

fn send_messages(
    mut requests: MessageReader<Request>,
    connection: Res<PusherConnection>,
    me: Res<Me>,
    room: Res<CurrentRoom>,
    mut entries: MessageWriter<ChatEntry>,
    mut toasts: MessageWriter<Toast>,
) {
    for request in requests.read() {
        let Request::Say(text) = request else {
            continue;
        };
        let Some(room) = &room.0 else {
            toasts.write(Toast::new(ToastKind::Warn, "You are not in a room"));
            continue;
        };
        let say = Say {
            from: me.name.clone(),
            text: text.clone(),
        };
        match connection.send(&room.channel, Say::EVENT, &say) {
            Ok(_) => entries.write(ChatEntry::message(say.from, say.text)),
            Err(error) => {
                let text = format!("Not sent: {error}");
                toasts.write(Toast::new(ToastKind::Bad, text));
                continue;
            }
        };
    }
}

fn receive_messages(
    mut messages: MessageReader<PusherEvent<Say>>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for message in messages.read() {
        let Say { from, text } = message.data();
        entries.write(ChatEntry::message(from.clone(), text.clone()));
    }
}
