//! What one sees: the players and the moves on the left, the board on the right.

use bevy::prelude::*;
use pusher_scenes::{
    connection_view::ConnectionView,
    draw::DrawSystems,
    player::Player,
    scene::Place,
    turns::{Outcome, Sitting},
    window::{
        chat::ChatPanel,
        frame::Frame,
        panel::{Panel, PanelCount},
        picture::WorthAPicture,
        roster::Roster,
        theme::GAP,
    },
};

use crate::{board::spawn_board, model::marks};

/// The players' share of the height, in percent, and at least the height of two rows and a title, in logical pixels.
const PLAYERS: f32 = 48.0;
const PLAYERS_HEIGHT: f32 = 184.0;

/// A picture shows a game that went on after a loss, with so many moves.
const LIVELY: usize = 5;

#[derive(Component)]
struct Headline;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, judge_picture)
        .add_systems(
            PostUpdate,
            (tell_whose_turn, describe_players).before(DrawSystems),
        );
}

fn build(mut commands: Commands, place: Res<Place>, assets: Res<AssetServer>) {
    let frame = Frame::spawn(&mut commands, "Turns", &place);
    let aside = Panel::column(&mut commands, frame.body);
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

    let board = Panel::wide(&mut commands, frame.body, "Board");
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

fn tell_whose_turn(sitting: Res<Sitting>, mut headlines: Query<&mut PanelCount, With<Headline>>) {
    let Sitting { me, table, .. } = &*sitting;
    let name = |mark| match table.player(mark) {
        Some(seat) if seat.id == me.id => "you".to_owned(),
        Some(seat) => seat.name.clone(),
        None => "nobody yet".to_owned(),
    };
    let words = match table.game.outcome() {
        Outcome::Turn(mark) => format!("to move: {}", name(mark)),
        Outcome::Won(mark, _) => format!("won by {}", name(mark)),
        Outcome::Draw => "a draw".to_owned(),
    };
    for mut headline in &mut headlines {
        headline.set_if_neq(PanelCount(words.clone()));
    }
}

/// Says in the players' rows how they are.
fn describe_players(sitting: Res<Sitting>, mut players: Query<&mut Player>) {
    let table = &sitting.table;
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
        let doing = format!("{}, {what}", marks(mark));
        if player.doing != doing {
            player.doing = doing;
        }
    }
}

fn judge_picture(
    sitting: Res<Sitting>,
    view: Res<ConnectionView>,
    mut was_lost: Local<bool>,
    mut worth: ResMut<WorthAPicture>,
) {
    let is_connected = view.is_connected();
    let moves = sitting.table.game.moves.len();
    *was_lost |= !is_connected && moves > 0;
    let is_lively = is_connected && *was_lost && moves >= LIVELY;
    worth.set_if_neq(WorthAPicture(is_lively));
}
