//! The board: nine cells, played by a click or by a digit key.

use bevy::picking::{events::PointerPress, pointer::PointerButton};
use bevy::prelude::*;
use pusher_scenes::{
    colours::{BACKGROUND, BORDER, GOOD, QUIET_TEXT, player_colour},
    draw::DrawSystems,
    turns::{Mark, Outcome, TableSync},
    window::{
        icons::Icon,
        redraw::RedrawNeeds,
        theme::{CORNER, QUIET, UNIT, text},
    },
};

use crate::model::Request;

/// A cell of the board, counted from the upper left.
#[derive(Component)]
pub(crate) struct Cell(pub(crate) u8);

/// Marks the node of a mark in a cell.
#[derive(Component)]
struct PlacedMark;

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(click)
        .add_systems(PostUpdate, draw.in_set(DrawSystems));
}

/// Spawns the board under `parent`.
pub(crate) fn spawn_board(commands: &mut Commands, parent: Entity) {
    let grid = commands
        .spawn((
            Node {
                display: Display::Grid,
                grid_template_columns: RepeatedGridTrack::flex(3, 1.0),
                grid_template_rows: RepeatedGridTrack::flex(3, 1.0),
                row_gap: px(UNIT),
                column_gap: px(UNIT),
                height: percent(100),
                max_width: percent(100),
                aspect_ratio: Some(1.0),
                ..default()
            },
            ChildOf(parent),
        ))
        .id();
    for cell in 0..9 {
        commands.spawn((
            Cell(cell),
            Node {
                align_items: AlignItems::Center,
                justify_content: JustifyContent::Center,
                border: px(2).all(),
                border_radius: BorderRadius::all(px(CORNER)),
                min_height: px(0),
                ..default()
            },
            BackgroundColor(BACKGROUND),
            BorderColor::all(BORDER),
            children![(
                Node {
                    position_type: PositionType::Absolute,
                    left: px(UNIT),
                    top: px(UNIT),
                    ..default()
                },
                children![text((cell + 1).to_string(), QUIET, QUIET_TEXT)],
            )],
            ChildOf(grid),
        ));
    }
}

fn click(press: On<PointerPress>, cells: Query<&Cell>, mut requests: MessageWriter<Request>) {
    if press.button == PointerButton::Primary
        && let Ok(cell) = cells.get(press.entity)
    {
        requests.write(Request::Play(cell.0));
    }
}

fn draw(
    mut commands: Commands,
    mut redraw: ResMut<RedrawNeeds>,
    sync: Res<TableSync>,
    assets: Res<AssetServer>,
    mut cells: Query<(Entity, &Cell, &mut BorderColor, Option<&Children>)>,
    placed: Query<(), With<PlacedMark>>,
) {
    let game = &sync.table.game;
    let board = game.board();
    let won = match game.outcome() {
        Outcome::Won(_, line) => line.to_vec(),
        Outcome::Turn(_) | Outcome::Draw => Vec::new(),
    };
    for (entity, cell, mut border, children) in &mut cells {
        let index = usize::from(cell.0);
        let edge = if won.contains(&index) { GOOD } else { BORDER };
        border.set_if_neq(BorderColor::all(edge));
        let existing = children.and_then(|children| {
            let mut children = children.iter();
            children.find(|child| placed.contains(*child))
        });
        match (board.get(index).copied().flatten(), existing) {
            (Some(mark), None) => {
                let name = sync.table.player(mark).map(|seat| seat.name.as_str());
                let colour = player_colour(name.unwrap_or_default());
                commands.spawn((PlacedMark, mark_of(mark, colour, &assets), ChildOf(entity)));
                redraw.request_next_frame();
            }
            (None, Some(mark)) => commands.entity(mark).despawn(),
            _ => {}
        }
    }
}

fn mark_of(mark: Mark, colour: Color, assets: &AssetServer) -> impl Bundle + use<> {
    let icon = match mark {
        Mark::Cross => Icon::Cross,
        Mark::Nought => Icon::Nought,
    };
    (
        ImageNode {
            color: colour,
            image: icon.large_image(assets),
            ..default()
        },
        Node {
            height: percent(60),
            aspect_ratio: Some(1.0),
            ..default()
        },
    )
}
