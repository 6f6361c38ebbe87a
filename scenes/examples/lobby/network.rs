//! The lobby's dealings with the network: everything that uses the plugin.

use std::collections::HashMap;

use bevy::prelude::*;
use bevy_pusher::{SendId, SendOutcome, prelude::*};
use pusher_scenes::{
    entry::ChatEntry,
    link::{LinkPlugin, LinkSystems, Needed},
    lobby::{Chat, Invite, LOBBY_CHANNEL, NEWS_CHANNEL, News, Ready},
    player::{Departed, Player, PlayerInfo},
    seating::{SeatingPlugin, SeatingSystems, Seats, name_of},
    server::{Identity, SceneServer},
    toast::{Toast, ToastKind},
    words::listed,
};

use crate::model::LobbyRequest;

/// The players and their talk, for a person of this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let you = Identity::new(name).with_info(&PlayerInfo::new(name, "in the lobby"));
    // Own lines are shown once they are sent.
    let config = server.config(&you).with_sent_answers(true);
    move |app| {
        app.add_plugins((LinkPlugin::new(config.clone()), SeatingPlugin))
            .add_pusher_event::<Chat>(Chat::EVENT)
            .add_pusher_event::<Ready>(Ready::EVENT)
            .add_pusher_event::<Invite>(Invite::EVENT)
            .add_pusher_event::<News>(News::EVENT)
            .init_resource::<Unanswered>()
            .add_systems(Startup, subscribe)
            .add_systems(
                Update,
                (
                    obey,
                    welcome,
                    tell_who_came_and_went,
                    hear_chat,
                    see_ready,
                    tell_newcomers,
                    celebrate,
                    hear_invitations,
                    hear_news,
                    show_answers,
                )
                    .chain()
                    .after(LinkSystems)
                    .after(SeatingSystems),
            );
    }
}

/// What was sent, and the plugin has not yet said what became of it.
#[derive(Resource, Default)]
struct Unanswered(HashMap<SendId, LobbyRequest>);

fn subscribe(mut commands: Commands) {
    commands.spawn((Seats, Needed, PusherChannel::new(LOBBY_CHANNEL)));
    commands.spawn(PusherChannel::new(NEWS_CHANNEL));
}

/// Does what the person wants.
fn obey(
    mut requests: MessageReader<LobbyRequest>,
    connection: Res<PusherConnection>,
    players: Query<&Player>,
    mut unanswered: ResMut<Unanswered>,
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
                unanswered.0.insert(id, request.clone());
            }
            Err(error) => {
                toasts.write(refusal(request, &error));
            }
        }
    }
}

fn welcome(
    mut changes: MessageReader<PusherSubscriptionChanged>,
    connection: Res<PusherConnection>,
    players: Query<&Player>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for change in changes.read() {
        if change.channel() != LOBBY_CHANNEL || !change.status().is_subscribed() {
            continue;
        }
        entries.write(ChatEntry::happened(match change.gap() {
            Some(gap) => format!("You are back after {} s.", gap.as_secs().max(1)),
            None => "You are in the lobby.".to_owned(),
        }));
        tell_if_ready(&connection, &players);
    }
}

fn tell_who_came_and_went(
    mut joined: MessageReader<PusherMemberJoined>,
    mut left: MessageReader<PusherMemberLeft>,
    mut entries: MessageWriter<ChatEntry>,
) {
    let mut tell = |members: Vec<(String, bool)>, what: &str| {
        let (meanwhile, now): (Vec<_>, Vec<_>) = members.into_iter().partition(|(_, away)| *away);
        for (members, ending) in [(meanwhile, " meanwhile."), (now, ".")] {
            let names: Vec<String> = members.into_iter().map(|(name, _)| name).collect();
            if !names.is_empty() {
                let words = format!("{} {what}{ending}", listed(&names));
                entries.write(ChatEntry::seen(words));
            }
        }
    };
    let left = left
        .read()
        .map(|left| (name_of(left.member()), left.while_away()));
    tell(left.collect(), "left");
    let joined = joined
        .read()
        .map(|joined| (name_of(joined.member()), joined.while_away()));
    tell(joined.collect(), "joined");
}

fn hear_chat(
    mut chats: MessageReader<PusherEvent<Chat>>,
    players: Query<&Player>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for chat in chats.read() {
        let speaker = sender(chat, &players);
        entries.write(ChatEntry::said(speaker, chat.data().text.clone()));
    }
}

/// Who sent it, as the server vouches for.
fn sender<T: Send + Sync>(event: &PusherEvent<T>, players: &Query<&Player>) -> String {
    let id = event.user_id().unwrap_or("somebody");
    players
        .iter()
        .find(|player| player.id == id)
        .map_or(id, |player| &player.name)
        .to_owned()
}

fn see_ready(
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

/// Who comes later does not know who is ready.
fn tell_newcomers(
    mut joined: MessageReader<PusherMemberJoined>,
    connection: Res<PusherConnection>,
    players: Query<&Player>,
) {
    if joined.read().count() > 0 {
        tell_if_ready(&connection, &players);
    }
}

fn tell_if_ready(connection: &PusherConnection, players: &Query<&Player>) {
    if players
        .iter()
        .any(|player| player.is_you && player.is_ready)
        && let Err(error) = connection.send(LOBBY_CHANNEL, Ready::EVENT, &Ready { ready: true })
    {
        warn!("the others do not know that you are ready: {error}");
    }
}

fn celebrate(
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

fn hear_invitations(
    mut invitations: MessageReader<PusherEvent<Invite>>,
    players: Query<&Player>,
    mut toasts: MessageWriter<Toast>,
) {
    for invitation in invitations.read() {
        let words = format!("{} invites you to a match", sender(invitation, &players));
        toasts.write(Toast::new(ToastKind::Invite, words));
    }
}

fn hear_news(mut news: MessageReader<PusherEvent<News>>, mut toasts: MessageWriter<Toast>) {
    for news in news.read() {
        let words = format!("News: {}", news.data().text);
        toasts.write(Toast::new(ToastKind::Info, words));
    }
}

/// What one sends does not come back from the server, so it is shown when it has left.
fn show_answers(
    mut answers: MessageReader<PusherSendAnswered>,
    mut unanswered: ResMut<Unanswered>,
    mut players: Query<&mut Player>,
    mut entries: MessageWriter<ChatEntry>,
    mut toasts: MessageWriter<Toast>,
) {
    for answer in answers.read() {
        let Some(request) = unanswered.0.remove(&answer.id()) else {
            continue;
        };
        if let SendOutcome::Rejected(error) = answer.outcome() {
            toasts.write(refusal(&request, error));
            continue;
        }
        let you = players.iter_mut().find(|player| player.is_you);
        match (request, you) {
            (LobbyRequest::Say(text), you) => {
                let name = you.map_or_else(|| "you".to_owned(), |you| you.name.clone());
                entries.write(ChatEntry::said(name, text));
            }
            (LobbyRequest::ToggleReady, Some(mut you)) => you.is_ready = !you.is_ready,
            (LobbyRequest::Invite, _) => {
                let words = "You invited everybody to a match";
                toasts.write(Toast::new(ToastKind::Good, words));
            }
            (LobbyRequest::ToggleReady, None) => {}
        }
    }
}

fn refusal(request: &LobbyRequest, error: &bevy_pusher::SendError) -> Toast {
    let what = match request {
        LobbyRequest::Say(_) => "Not said",
        LobbyRequest::ToggleReady => "Not told to the others",
        LobbyRequest::Invite => "Nobody was invited",
    };
    Toast::new(ToastKind::Bad, format!("{what}: {error}"))
}
