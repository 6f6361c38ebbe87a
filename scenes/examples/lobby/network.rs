//! All use of the Pusher plugin in this scene: presence, client events and news.

use std::collections::HashMap;

use bevy::prelude::*;
use bevy_pusher::{SendId, SendOutcome, prelude::*};
use pusher_scenes::{
    chat_entry::ChatEntry,
    connection::{ConnectionPlugin, ConnectionSystems, RequiredChannel},
    lobby::{Chat, Invite, LOBBY_CHANNEL, NEWS_CHANNEL, News, Ready},
    player::{Departed, Player, PlayerInfo},
    roster_sync::{RosterChannel, RosterSyncPlugin, RosterSyncSystems, member_name},
    server::{Identity, SceneServer},
    text::listed,
    toast::{Toast, ToastKind},
};

use crate::model::LobbyRequest;

/// Returns the plugin for a player with this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let you = Identity::new(name).with_info(&PlayerInfo::new(name, "in the lobby"));
    // The local player's own lines are shown once they are sent, and by default only rejected events are reported.
    let config = server.config(&you).with_sent_answers(true);
    move |app| {
        app.add_plugins((ConnectionPlugin::new(config.clone()), RosterSyncPlugin))
            .add_pusher_event::<Chat>(Chat::EVENT)
            .add_pusher_event::<Ready>(Ready::EVENT)
            .add_pusher_event::<Invite>(Invite::EVENT)
            .add_pusher_event::<News>(News::EVENT)
            .init_resource::<PendingSends>()
            .add_systems(Startup, subscribe)
            .add_systems(
                Update,
                (
                    handle_requests,
                    announce_subscription,
                    announce_joins_and_leaves,
                    receive_chat,
                    receive_ready,
                    send_ready_on_join,
                    announce_all_ready,
                    receive_invitations,
                    receive_news,
                    show_send_results,
                )
                    .chain()
                    .after(ConnectionSystems)
                    .after(RosterSyncSystems),
            );
    }
}

/// The requests whose events are queued and whose result the plugin has not reported yet.
#[derive(Resource, Default)]
struct PendingSends(HashMap<SendId, LobbyRequest>);

fn subscribe(mut commands: Commands) {
    commands.spawn((
        RosterChannel,
        RequiredChannel,
        PusherChannel::new(LOBBY_CHANNEL),
    ));
    commands.spawn(PusherChannel::new(NEWS_CHANNEL));
}

/// Sends the client events that the user requests.
fn handle_requests(
    mut requests: MessageReader<LobbyRequest>,
    connection: Res<PusherConnection>,
    players: Query<&Player>,
    mut pending_sends: ResMut<PendingSends>,
    mut toasts: MessageWriter<Toast>,
) {
    for request in requests.read() {
        let sent = match request {
            LobbyRequest::Say(text) => {
                connection.send(LOBBY_CHANNEL, Chat::EVENT, &Chat { text: text.clone() })
            }
            LobbyRequest::ToggleReady => {
                let ready = !players
                    .iter()
                    .any(|player| player.is_you && player.is_ready);
                connection.send(LOBBY_CHANNEL, Ready::EVENT, &Ready { ready })
            }
            LobbyRequest::Invite => connection.send(LOBBY_CHANNEL, Invite::EVENT, &Invite {}),
        };
        match sent {
            Ok(id) => {
                pending_sends.0.insert(id, request.clone());
            }
            Err(error) => {
                toasts.write(send_failure(request, &error));
            }
        }
    }
}

fn announce_subscription(
    mut changes: MessageReader<PusherSubscriptionChanged>,
    connection: Res<PusherConnection>,
    players: Query<&Player>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for change in changes.read() {
        if change.channel() != LOBBY_CHANNEL || !change.status().is_subscribed() {
            continue;
        }
        entries.write(ChatEntry::event(match change.gap() {
            Some(gap) => format!("You are back after {} s.", gap.as_secs().max(1)),
            None => "You are in the lobby.".to_owned(),
        }));
        send_if_ready(&connection, &players);
    }
}

fn announce_joins_and_leaves(
    mut joined: MessageReader<PusherMemberJoined>,
    mut left: MessageReader<PusherMemberLeft>,
    mut entries: MessageWriter<ChatEntry>,
) {
    let mut announce = |members: Vec<(String, bool)>, what: &str| {
        let (missed, live): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|(_, while_away)| *while_away);
        for (members, ending) in [(missed, " while you were away."), (live, ".")] {
            let names: Vec<String> = members.into_iter().map(|(name, _)| name).collect();
            if !names.is_empty() {
                let text = format!("{} {what}{ending}", listed(&names));
                entries.write(ChatEntry::shown_elsewhere(text));
            }
        }
    };
    let left = left
        .read()
        .map(|left| (member_name(left.member()), left.while_away()));
    announce(left.collect(), "left");
    let joined = joined
        .read()
        .map(|joined| (member_name(joined.member()), joined.while_away()));
    announce(joined.collect(), "joined");
}

fn receive_chat(
    mut chats: MessageReader<PusherEvent<Chat>>,
    players: Query<&Player>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for chat in chats.read() {
        let speaker = sender(chat, &players);
        entries.write(ChatEntry::message(speaker, chat.data().text.clone()));
    }
}

/// Returns the sender's name. The server verifies the sender on a presence channel.
fn sender<T: Send + Sync>(event: &PusherEvent<T>, players: &Query<&Player>) -> String {
    let id = event.user_id().unwrap_or("somebody");
    players
        .iter()
        .find(|player| player.id == id)
        .map_or(id, |player| &player.name)
        .to_owned()
}

fn receive_ready(
    mut ready: MessageReader<PusherEvent<Ready>>,
    mut players: Query<&mut Player, Without<Departed>>,
) {
    for event in ready.read() {
        let sender = players
            .iter_mut()
            .find(|player| Some(&*player.id) == event.user_id());
        if let Some(mut player) = sender
            && player.is_ready != event.data().ready
        {
            player.is_ready = event.data().ready;
        }
    }
}

/// Players who joined later have not received the earlier `Ready` events.
fn send_ready_on_join(
    mut joined: MessageReader<PusherMemberJoined>,
    connection: Res<PusherConnection>,
    players: Query<&Player>,
) {
    if joined.read().count() > 0 {
        send_if_ready(&connection, &players);
    }
}

fn send_if_ready(connection: &PusherConnection, players: &Query<&Player>) {
    if players
        .iter()
        .any(|player| player.is_you && player.is_ready)
        && let Err(error) = connection.send(LOBBY_CHANNEL, Ready::EVENT, &Ready { ready: true })
    {
        warn!("could not send the ready state: {error}");
    }
}

fn announce_all_ready(
    players: Query<&Player, Without<Departed>>,
    mut were_all_ready: Local<bool>,
    mut toasts: MessageWriter<Toast>,
) {
    let all_are_ready = players.iter().len() > 1 && players.iter().all(|player| player.is_ready);
    if all_are_ready && !*were_all_ready {
        toasts.write(Toast::new(ToastKind::Good, "Everybody is ready"));
    }
    *were_all_ready = all_are_ready;
}

fn receive_invitations(
    mut invitations: MessageReader<PusherEvent<Invite>>,
    players: Query<&Player>,
    mut toasts: MessageWriter<Toast>,
) {
    for invitation in invitations.read() {
        let text = format!("{} invites you to a match", sender(invitation, &players));
        toasts.write(Toast::new(ToastKind::Invite, text));
    }
}

fn receive_news(mut news: MessageReader<PusherEvent<News>>, mut toasts: MessageWriter<Toast>) {
    for news in news.read() {
        let text = format!("News: {}", news.data().text);
        toasts.write(Toast::new(ToastKind::Info, text));
    }
}

/// A client does not receive its own events, so they are shown when the plugin reports them as sent.
fn show_send_results(
    mut answers: MessageReader<PusherSendAnswered>,
    mut pending_sends: ResMut<PendingSends>,
    mut players: Query<&mut Player>,
    mut entries: MessageWriter<ChatEntry>,
    mut toasts: MessageWriter<Toast>,
) {
    for answer in answers.read() {
        let Some(request) = pending_sends.0.remove(&answer.id()) else {
            continue;
        };
        if let SendOutcome::Rejected(error) = answer.outcome() {
            toasts.write(send_failure(&request, error));
            continue;
        }
        let you = players.iter_mut().find(|player| player.is_you);
        match (request, you) {
            (LobbyRequest::Say(text), you) => {
                let name = you.map_or_else(|| "you".to_owned(), |you| you.name.clone());
                entries.write(ChatEntry::message(name, text));
            }
            (LobbyRequest::ToggleReady, Some(mut you)) => you.is_ready = !you.is_ready,
            (LobbyRequest::Invite, _) => {
                let text = "You invited everybody to a match";
                toasts.write(Toast::new(ToastKind::Good, text));
            }
            (LobbyRequest::ToggleReady, None) => {}
        }
    }
}

fn send_failure(request: &LobbyRequest, error: &bevy_pusher::SendError) -> Toast {
    let what = match request {
        LobbyRequest::Say(_) => "Not sent",
        LobbyRequest::ToggleReady => "Ready state not sent",
        LobbyRequest::Invite => "Invitation not sent",
    };
    Toast::new(ToastKind::Bad, format!("{what}: {error}"))
}
