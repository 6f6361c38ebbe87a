//! The window: the players and the moves on the left, the board on the right.

use bevy::prelude::*;
use pusher_scenes::{
    connection_view::ConnectionView,
    draw::DrawSystems,
    player::Player,
    scene::ServerLabel,
    turns::{Outcome, TableSync},
    window::{
        chat::ChatPanel,
        layout::SceneLayout,
        panel::{Panel, PanelCount},
        roster::Roster,
        screenshot::ScreenshotReady,
        theme::GAP,
    },
};

use crate::{board::spawn_board, model::mark_name};

/// The height of the players as a percentage, and its minimum in logical pixels: two rows and the title.
const PLAYERS: f32 = 48.0;
const PLAYERS_HEIGHT: f32 = 184.0;

/// A screenshot shows a game with this many moves, after a lost connection.
const MIN_MOVES: usize = 5;

#[derive(Component)]
struct Headline;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, update_screenshot_ready)
        .add_systems(
            PostUpdate,
            (update_headline, describe_players).before(DrawSystems),
        );
}

fn build(mut commands: Commands, server_label: Res<ServerLabel>, assets: Res<AssetServer>) {
    let layout = SceneLayout::spawn(&mut commands, "Turns", &server_label);
    let aside = Panel::column(&mut commands, layout.body);
    let players = Panel::spawn(
        &mut commands,
        aside,
        "At the table",
        Node {
            height: percent(PLAYERS),
            min_height: px(PLAYERS_HEIGHT),
            flex_shrink: 0.0,
            ..default()
        },
    );
    Roster {
        has_ready_check: false,
        skeletons: 2,
        alone: "Open a second window with the same server.",
    }
    .fill(&mut commands, &players);
    let moves = Panel::wide(&mut commands, aside, "Moves");
    ChatPanel {
        empty: "No move yet",
        input: None,
    }
    .fill(&mut commands, &moves, &assets);

    let board = Panel::wide(&mut commands, layout.body, "Board");
    commands.entity(board.count).insert(Headline);
    let middle = commands
        .spawn((
            Node {
                flex_grow: 1.0,
                flex_basis: px(0),
                min_height: px(0),
                padding: UiRect::horizontal(px(GAP)),
                justify_content: JustifyContent::Center,
                ..default()
            },
            ChildOf(board.content),
        ))
        .id();
    spawn_board(&mut commands, middle);
}

fn update_headline(sync: Res<TableSync>, mut headlines: Query<&mut PanelCount, With<Headline>>) {
    let TableSync { me, table, .. } = &*sync;
    let name = |mark| match table.player(mark) {
        Some(seat) if seat.id == me.id => "you".to_owned(),
        Some(seat) => seat.name.clone(),
        None => "nobody yet".to_owned(),
    };
    let text = match table.game.outcome() {
        Outcome::Turn(mark) => format!("to move: {}", name(mark)),
        Outcome::Won(mark, _) => format!("won by {}", name(mark)),
        Outcome::Draw => "a draw".to_owned(),
    };
    for mut headline in &mut headlines {
        headline.set_if_neq(PanelCount(text.clone()));
    }
}

/// Describes each player's state in the roster.
fn describe_players(sync: Res<TableSync>, mut players: Query<&mut Player>) {
    let table = &sync.table;
    for mut player in &mut players {
        let id = player.id.parse().unwrap_or_default();
        let Some(mark) = table.mark_of(id) else {
            continue;
        };
        let what = match table.game.outcome() {
            Outcome::Turn(turn) if turn == mark => "to move",
            Outcome::Turn(_) => "waiting",
            Outcome::Won(winner, _) if winner == mark => "has won",
            Outcome::Won(..) => "has lost",
            Outcome::Draw => "a draw",
        };
        let doing = format!("{}, {what}", mark_name(mark));
        if player.doing != doing {
            player.doing = doing;
        }
    }
}

fn update_screenshot_ready(
    sync: Res<TableSync>,
    view: Res<ConnectionView>,
    mut was_lost: Local<bool>,
    mut ready_for_screenshot: ResMut<ScreenshotReady>,
) {
    let is_connected = view.is_connected();
    let moves = sync.table.game.moves.len();
    *was_lost |= !is_connected && moves > 0;
    let is_ready = is_connected && *was_lost && moves >= MIN_MOVES;
    ready_for_screenshot.set_if_neq(ScreenshotReady(is_ready));
}
