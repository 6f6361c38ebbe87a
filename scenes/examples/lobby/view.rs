//! What one sees of the lobby: the roster on the left, the chat on the right, a curtain when the link is down.

use std::time::{Duration, Instant};

use bevy::prelude::*;
use pusher_scenes::{
    badge::colour_of,
    chat::{ChatList, ChatPlaceholder},
    connection_view::ConnectionView,
    frame::Frame,
    icons::Icon,
    input_line::input_line,
    notice::{Curtain, Notice, notice},
    panel::{Panel, PanelCount},
    picture::WorthAPicture,
    player::{ChatEntry, Departed, Player},
    roster::{RosterFoot, fill_with_roster},
    scrolling::Scrolling,
    theme::QUIET_TEXT,
    toast::Toast,
    words::counted,
};

use crate::model::Lobby;

/// The roster's share of the window, and its bounds in logical pixels.
const ROSTER_SHARE: f32 = 32.0;
const ROSTER_WIDTH: (f32, f32) = (304.0, 416.0);

/// A picture shows a lively lobby: this many players, as many lines of chat, and a toast.
const LIVELY: usize = 4;
/// A toast that came no longer ago is still seen when the picture is taken.
const FRESH: Duration = Duration::from_millis(2500);

/// What the lobby is connected to, in a few words.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Place(pub(crate) String);

/// What scrolls when the chat is longer than its place.
#[derive(Component)]
pub(crate) struct ChatScroll;

#[derive(Component)]
struct RosterCount;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build).add_systems(
        Update,
        (count_players, choose_foot, choose_curtain, judge_picture),
    );
}

fn build(mut commands: Commands, place: Res<Place>, assets: Res<AssetServer>) {
    let frame = Frame::spawn(&mut commands, "Lobby", &place.0);
    let roster = Panel::spawn(
        &mut commands,
        frame.body,
        "Players",
        Node {
            width: percent(ROSTER_SHARE),
            min_width: px(ROSTER_WIDTH.0),
            max_width: px(ROSTER_WIDTH.1),
            flex_shrink: 0.0,
            ..default()
        },
    );
    commands.entity(roster.count).insert(RosterCount);
    let list = Scrolling::spawn(&mut commands, roster.content, false);
    fill_with_roster(&mut commands, list);

    let chat = Panel::spawn(
        &mut commands,
        frame.body,
        "Chat",
        Node {
            flex_grow: 1.0,
            flex_basis: px(0),
            min_width: px(0),
            ..default()
        },
    );
    let list = Scrolling::spawn(&mut commands, chat.content, true);
    commands.entity(list).insert(ChatScroll);
    commands.spawn((
        ChatList,
        Node {
            // The first lines stand above the input line, where the talk goes on.
            margin: UiRect::top(auto()),
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            ..default()
        },
        ChildOf(list),
    ));
    commands.spawn((
        ChatPlaceholder,
        Node {
            position_type: PositionType::Absolute,
            width: percent(100),
            height: percent(100),
            align_items: AlignItems::Center,
            justify_content: JustifyContent::Center,
            ..default()
        },
        children![notice(
            &Notice {
                icon: Icon::Chat,
                colour: QUIET_TEXT,
                headline: "Nothing said yet".to_owned(),
                details: vec![],
            },
            &assets,
        )],
        ChildOf(chat.content),
    ));
    commands.spawn((input_line("Press Enter to chat"), ChildOf(chat.panel)));
}

fn count_players(
    players: Query<&Player, Without<Departed>>,
    mut counts: Query<&mut PanelCount, With<RosterCount>>,
) {
    let ready = players.iter().filter(|player| player.is_ready).count();
    let words = match (players.iter().len(), ready) {
        (0, _) => String::new(),
        (all, 0) => all.to_string(),
        (all, ready) => format!("{all}, {ready} ready"),
    };
    for mut count in &mut counts {
        count.set_if_neq(PanelCount(words.clone()));
    }
}

fn choose_foot(
    view: Res<ConnectionView>,
    lobby: Res<Lobby>,
    players: Query<&Player, Without<Departed>>,
    mut foot: ResMut<RosterFoot>,
) {
    let is_pending = !lobby.roster_is_known
        && players.is_empty()
        && !matches!(
            *view,
            ConnectionView::Failed { .. } | ConnectionView::Offline
        );
    let is_alone = lobby.roster_is_known && players.iter().all(|player| player.is_you);
    let wanted = if is_pending {
        RosterFoot::Skeleton
    } else if is_alone {
        RosterFoot::Empty(Notice {
            icon: Icon::People,
            colour: QUIET_TEXT,
            headline: "Nobody here yet".to_owned(),
            details: vec!["Open a second lobby with the same server to meet yourself.".to_owned()],
        })
    } else {
        RosterFoot::Nothing
    };
    foot.set_if_neq(wanted);
}

fn choose_curtain(
    view: Res<ConnectionView>,
    lobby: Res<Lobby>,
    players: Query<(), (With<Player>, Without<Departed>)>,
    mut curtain: ResMut<Curtain>,
) {
    let notice = |icon, headline: &str, details| {
        Some(Notice {
            icon,
            colour: colour_of(&view),
            headline: headline.to_owned(),
            details,
        })
    };
    let hint = lobby
        .network_is_cut
        .then(|| "Press N to restore the network.".to_owned());
    let was_here = !players.is_empty();
    let headline = if was_here {
        "Connection lost"
    } else {
        "No connection yet"
    };
    let wanted = match &*view {
        ConnectionView::Connected { .. } => None,
        ConnectionView::Connecting { attempt: 0 | 1 } if !was_here => None,
        ConnectionView::Connecting { .. } => notice(
            Icon::Signal,
            headline,
            std::iter::once("Connecting now.".to_owned())
                .chain(hint)
                .collect(),
        ),
        ConnectionView::Waiting { reason, .. } => {
            let next = match view.seconds_left(Instant::now()) {
                0 => "Trying again now.".to_owned(),
                seconds => format!("Trying again in {}.", counted(seconds as usize, "second")),
            };
            notice(
                Icon::Unplugged,
                headline,
                [sentence(reason), next].into_iter().chain(hint).collect(),
            )
        }
        ConnectionView::Failed { reason, advice } => notice(
            Icon::Blocked,
            "Cannot connect",
            [
                sentence(reason),
                sentence(advice),
                "Press N to connect again.".to_owned(),
            ]
            .into(),
        ),
        ConnectionView::Offline => notice(
            Icon::Unplugged,
            "Offline",
            vec!["Press N to connect.".to_owned()],
        ),
    };
    curtain.set_if_neq(Curtain(wanted));
}

/// A reason as a sentence: it begins large and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.trim().chars();
    let mut sentence: String = characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    sentence.push_str(characters.as_str());
    if !sentence.ends_with(['.', '!', '?']) && !sentence.is_empty() {
        sentence.push('.');
    }
    sentence
}

fn judge_picture(
    time: Res<Time<Real>>,
    view: Res<ConnectionView>,
    players: Query<(), (With<Player>, Without<Departed>)>,
    mut entries: MessageReader<ChatEntry>,
    mut toasts: MessageReader<Toast>,
    mut lines: Local<usize>,
    mut last_toast: Local<Option<Duration>>,
    mut worth: ResMut<WorthAPicture>,
) {
    *lines += entries.read().count();
    if toasts.read().count() > 0 {
        *last_toast = Some(time.elapsed());
    }
    let has_toast = last_toast.is_some_and(|came| time.elapsed().saturating_sub(came) < FRESH);
    let is_lively =
        view.is_connected() && has_toast && players.iter().len() >= LIVELY && *lines >= LIVELY;
    worth.set_if_neq(WorthAPicture(is_lively || view.is_failed()));
}
