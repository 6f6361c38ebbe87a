//! The lobby's dealings with the network: everything that uses the plugin.

use std::collections::HashMap;
use std::time::Duration;

use bevy::prelude::*;
use bevy::time::common_conditions::on_real_timer;
use bevy_pusher::{ConnectionState, SendId, SendOutcome, prelude::*};
use pusher_scenes::{
    connection_view::ConnectionView,
    lobby::{Chat, Invite, LOBBY_CHANNEL, NEWS_CHANNEL, News, PlayerInfo, Ready},
    player::{ChatEntry, Departed, Player},
    toast::{Toast, ToastKind},
    words::listed,
};

use crate::model::{Lobby, LobbyRequest};
use crate::server::Server;

/// How often the link is checked, which also measures its round trip. The plugin does so by itself when it is silent.
const CHECK: Duration = Duration::from_secs(5);

/// The players and their talk, with this configuration.
pub(crate) fn plugin(config: PusherConfig) -> impl Fn(&mut App) + Send + Sync + 'static {
    move |app| {
        app.add_plugins(PusherPlugin::new(config.clone()))
            .add_pusher_event::<Chat>(Chat::EVENT)
            .add_pusher_event::<Ready>(Ready::EVENT)
            .add_pusher_event::<Invite>(Invite::EVENT)
            .add_pusher_event::<News>(News::EVENT)
            .init_resource::<Unanswered>()
            .add_systems(Startup, subscribe)
            .add_systems(
                Update,
                (
                    check_link.run_if(pusher_connected.and_then(on_real_timer(CHECK))),
                    obey,
                    show_connection,
                    welcome,
                    seat_players,
                    tell_who_came_and_went,
                    hear_chat,
                    see_ready,
                    tell_newcomers,
                    celebrate,
                    hear_invitations,
                    hear_news,
                    show_answers,
                    show_errors,
                )
                    .chain(),
            );
    }
}

/// The channel of the lobby itself.
#[derive(Component)]
struct LobbyChannel;

/// What was sent, and the plugin has not yet said what became of it.
#[derive(Resource, Default)]
struct Unanswered(HashMap<SendId, LobbyRequest>);

fn subscribe(mut commands: Commands) {
    commands.spawn((LobbyChannel, PusherChannel::new(LOBBY_CHANNEL)));
    commands.spawn(PusherChannel::new(NEWS_CHANNEL));
}

fn check_link(connection: Res<PusherConnection>) {
    connection.check_link();
}

/// Does what the person wants.
fn obey(
    mut requests: MessageReader<LobbyRequest>,
    connection: Res<PusherConnection>,
    server: Res<Server>,
    view: Res<ConnectionView>,
    mut lobby: ResMut<Lobby>,
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
            LobbyRequest::ToggleNetwork => {
                toggle_network(&connection, &server, &view, &mut lobby, &mut toasts);
                continue;
            }
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

fn toggle_network(
    connection: &PusherConnection,
    server: &Server,
    view: &ConnectionView,
    lobby: &mut Lobby,
    toasts: &mut MessageWriter<Toast>,
) {
    match (server.own(), connection.state()) {
        (_, ConnectionState::Failed { .. } | ConnectionState::Disconnected) => connection.connect(),
        // Connected, but refused by the lobby's channel.
        _ if view.is_failed() => connection.retry(LOBBY_CHANNEL),
        (Some(own), _) => {
            if let Err(error) = own.set_accepting(lobby.network_is_cut) {
                let words = format!("The network stays as it is: {error}");
                toasts.write(Toast::new(ToastKind::Bad, words));
                return;
            }
            lobby.network_is_cut = !lobby.network_is_cut;
            if !lobby.network_is_cut {
                // It would come back by itself, later.
                connection.connect();
            }
        }
        (None, _) => connection.disconnect(),
    }
}

fn show_connection(
    connection: Res<PusherConnection>,
    subscription: Single<&PusherSubscription, With<LobbyChannel>>,
    mut view: ResMut<ConnectionView>,
) {
    let wanted = match (connection.state(), *subscription) {
        (ConnectionState::Disconnected, _) => ConnectionView::Offline,
        (ConnectionState::Connecting { attempt }, _) => {
            ConnectionView::Connecting { attempt: *attempt }
        }
        // Without the lobby's channel there is nothing to see here, connected or not.
        (ConnectionState::Connected { .. }, PusherSubscription::Failed { error }) => {
            ConnectionView::Failed {
                reason: format!("the lobby is closed to you: {error}"),
                advice: "Check --auth-endpoint, which must sign for presence channels".to_owned(),
            }
        }
        (ConnectionState::Connected { .. }, _) => ConnectionView::Connected {
            round_trip: connection.round_trip(),
        },
        (
            ConnectionState::Waiting {
                retry_at, error, ..
            },
            _,
        ) => ConnectionView::Waiting {
            retry_at: *retry_at,
            reason: error.to_string(),
        },
        (ConnectionState::Failed { error }, _) => ConnectionView::Failed {
            reason: error.to_string(),
            advice: match error.code() {
                Some(4001..=4003) => {
                    "Check --key, and that --host or --cluster is the one the app lives on"
                }
                _ => "Check --host, --port and --tls",
            }
            .to_owned(),
        },
    };
    view.set_if_neq(wanted);
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

/// Makes the players those whom the server names.
fn seat_players(
    mut commands: Commands,
    members: Query<&PusherMembers, (With<LobbyChannel>, Changed<PusherMembers>)>,
    players: Query<(Entity, &Player), Without<Departed>>,
    mut lobby: ResMut<Lobby>,
) {
    for members in &members {
        lobby.roster_is_known |= !members.is_stale();
        for (entity, player) in &players {
            if members.get(&player.id).is_none() {
                commands.entity(entity).insert(Departed);
            }
        }
        let me = members.me().map(|me| me.id());
        let newcomers = members
            .iter()
            .filter(|member| players.iter().all(|(_, player)| player.id != member.id()));
        for member in newcomers {
            let info: PlayerInfo = member.info().unwrap_or_default();
            commands.spawn(Player {
                id: member.id().to_owned(),
                name: name_of(member),
                doing: info.doing,
                is_ready: false,
                is_you: me == Some(member.id()),
            });
        }
    }
}

/// What a member is called; the id, if they do not say.
fn name_of(member: &bevy_pusher::Member) -> String {
    match member.info::<PlayerInfo>() {
        Ok(info) if !info.name.is_empty() => info.name,
        _ => member.id().to_owned(),
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
                entries.write(ChatEntry::happened(words));
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
            (LobbyRequest::ToggleReady | LobbyRequest::ToggleNetwork, _) => {}
        }
    }
}

fn refusal(request: &LobbyRequest, error: &bevy_pusher::SendError) -> Toast {
    let what = match request {
        LobbyRequest::Say(_) => "Not said",
        LobbyRequest::ToggleReady => "Not told to the others",
        LobbyRequest::Invite => "Nobody was invited",
        LobbyRequest::ToggleNetwork => "Not done",
    };
    Toast::new(ToastKind::Bad, format!("{what}: {error}"))
}

/// Errors that leave the connection up; the others are told with its state.
fn show_errors(mut errors: MessageReader<PusherErrorReported>, mut toasts: MessageWriter<Toast>) {
    for error in errors.read().filter(|error| error.attempt() == 0) {
        toasts.write(Toast::new(ToastKind::Warn, error.error().to_string()));
    }
}
