//! The cursors on the board: an arrow in the player's colour, and the name.

use bevy::prelude::*;
use pusher_scenes::{
    colours::{BACKGROUND, player_colour},
    draw::DrawSystems,
    player::{Departed, Player},
    text::{drawable, shortened},
    window::{
        icons::Icon,
        redraw::RedrawNeeds,
        theme::{QUIET, text},
    },
};

use crate::{
    board::Board,
    model::{CursorPath, DisplayedCursor},
};

/// The maximum length of a name, in characters.
const MAX_CATCH_UP: usize = 16;
const ARROW: f32 = 24.0;
/// The position of the tip inside the arrow icon.
const TIP: Vec2 = Vec2::new(3.0, 2.0);

/// The offset of a name from the tip, to its lower right if there is room.
const NAME_OFFSET: Vec2 = Vec2::new(20.0, 16.0);
const NAME_HEIGHT: f32 = 20.0;
const NAME_PADDING: f32 = 6.0;

/// A node at the tip of a player's arrow.
#[derive(Component)]
struct Pointer {
    of: Entity,
    name: Entity,
    /// The width of the name.
    width: f32,
}

/// Marks the layer of the arrows, above all strokes.
#[derive(Component)]
pub(crate) struct Pointers;

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(remove_with_player).add_systems(
        PostUpdate,
        (add, place, keep_moving).chain().in_set(DrawSystems),
    );
}

fn add(
    mut commands: Commands,
    layer: Single<Entity, With<Pointers>>,
    players: Query<(Entity, &Player), Added<DisplayedCursor>>,
    assets: Res<AssetServer>,
) {
    for (of, player) in &players {
        let text = shortened(&drawable(&player.name), MAX_CATCH_UP);
        let width = QUIET.width_of(text.len()) + 2.0 * NAME_PADDING;
        let colour = player_colour(&player.name);
        let name = commands.spawn(name_plate(text, colour)).id();
        let arrow = commands
            .spawn(Icon::Cursor.of_size(&assets, colour, ARROW))
            .insert(Node {
                position_type: PositionType::Absolute,
                left: px(-TIP.x),
                top: px(-TIP.y),
                width: px(ARROW),
                height: px(ARROW),
                ..default()
            })
            .id();
        commands
            .spawn((
                Pointer { of, name, width },
                Node {
                    display: Display::None,
                    position_type: PositionType::Absolute,
                    ..default()
                },
                ChildOf(*layer),
            ))
            .add_children(&[arrow, name]);
    }
}

fn name_plate(name: String, colour: Color) -> impl Bundle {
    (
        Node {
            position_type: PositionType::Absolute,
            height: px(NAME_HEIGHT),
            padding: UiRect::horizontal(px(NAME_PADDING)),
            border_radius: BorderRadius::all(px(NAME_PADDING)),
            align_items: AlignItems::Center,
            ..default()
        },
        BackgroundColor(colour),
        children![text(name, QUIET, BACKGROUND)],
    )
}

fn remove_with_player(
    departed: On<Add<Departed>>,
    mut commands: Commands,
    pointers: Query<(Entity, &Pointer)>,
) {
    for (entity, _) in pointers
        .iter()
        .filter(|(_, pointer)| pointer.of == departed.entity)
    {
        commands.entity(entity).despawn();
    }
}

fn place(
    board: Single<&ComputedNode, With<Board>>,
    cursors: Query<&DisplayedCursor>,
    pointers: Query<(Entity, &Pointer)>,
    mut nodes: Query<&mut Node>,
) {
    let size = board.size() * board.inverse_scale_factor();
    for (entity, pointer) in &pointers {
        let shown = cursors.get(pointer.of).ok().and_then(|shown| shown.0);
        let Some((position, _)) = shown else {
            set(&mut nodes, entity, |node| node.display = Display::None);
            continue;
        };
        let tip = position * size;
        set(&mut nodes, entity, |node| {
            node.display = Display::Flex;
            node.left = px(tip.x);
            node.top = px(tip.y);
        });
        let name = Vec2::new(pointer.width, NAME_HEIGHT);
        let room = size - tip - NAME_OFFSET;
        let left = if room.x < name.x {
            -name.x
        } else {
            NAME_OFFSET.x
        };
        let top = if room.y < name.y {
            -name.y
        } else {
            NAME_OFFSET.y
        };
        set(&mut nodes, pointer.name, |node| {
            node.left = px(left);
            node.top = px(top);
        });
    }
}

/// Changes a node, and triggers change detection only if it differs.
fn set(nodes: &mut Query<&mut Node>, entity: Entity, change: impl FnOnce(&mut Node)) {
    if let Ok(mut node) = nodes.get_mut(entity) {
        let mut wanted = node.clone();
        change(&mut wanted);
        node.set_if_neq(wanted);
    }
}

/// Requests frames while a cursor moves.
fn keep_moving(time: Res<Time<Real>>, mut redraw: ResMut<RedrawNeeds>, paths: Query<&CursorPath>) {
    if paths.iter().any(|path| path.0.is_moving(time.elapsed())) {
        redraw.request_next_frame();
    }
}
