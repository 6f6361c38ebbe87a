//! The curtain over a scene whose link is down: all stays, dimmed, and one card says why.

use bevy::{platform::time::Instant, prelude::*};

use crate::{
    badge::colour_of,
    connection_view::ConnectionView,
    draw::DrawSystems,
    icons::Icon,
    link::Link,
    notice::{Notice, notice},
    theme::{BACKGROUND, BORDER, CORNER, EDGE, PANEL},
    words::{counted, sentence},
};

/// What covers the scene's body: everything below it stays, dimmed, and one card says why.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
struct Curtain(Option<Notice>);

#[derive(Component)]
pub(crate) struct CurtainNode;

pub(crate) fn curtain() -> impl Bundle {
    (
        CurtainNode,
        Node {
            display: Display::None,
            position_type: PositionType::Absolute,
            width: percent(100),
            height: percent(100),
            align_items: AlignItems::Center,
            justify_content: JustifyContent::Center,
            padding: UiRect::all(px(EDGE)),
            border_radius: BorderRadius::all(px(CORNER)),
            ..default()
        },
        BackgroundColor(BACKGROUND.with_alpha(0.7)),
        GlobalZIndex(1),
    )
}

pub(crate) struct CurtainPlugin;

impl Plugin for CurtainPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Curtain>().add_systems(
            PostUpdate,
            (
                choose_curtain,
                draw_curtain.run_if(resource_changed::<Curtain>),
            )
                .chain()
                .in_set(DrawSystems),
        );
    }
}

fn choose_curtain(view: Res<ConnectionView>, link: Res<Link>, mut curtain: ResMut<Curtain>) {
    let notice = |icon, headline: &str, details| {
        Some(Notice {
            icon,
            colour: colour_of(&view),
            headline: headline.to_owned(),
            details,
        })
    };
    let hint = link
        .is_cut
        .then(|| "Press N to restore the network.".to_owned());
    let headline = if link.up_since.is_some() {
        "Connection lost"
    } else {
        "No connection yet"
    };
    let wanted = match &*view {
        ConnectionView::Connected { .. } => None,
        ConnectionView::Connecting { attempt: 0 | 1 } if link.up_since.is_none() => None,
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

fn draw_curtain(
    mut commands: Commands,
    curtain: Res<Curtain>,
    assets: Res<AssetServer>,
    mut nodes: Query<(Entity, &mut Node), With<CurtainNode>>,
) {
    for (entity, mut node) in &mut nodes {
        commands.entity(entity).despawn_children();
        let Some(said) = &curtain.0 else {
            node.display = Display::None;
            continue;
        };
        node.display = Display::Flex;
        commands.spawn((
            Node {
                width: px(480),
                max_width: percent(100),
                justify_content: JustifyContent::Center,
                padding: UiRect::all(px(EDGE)),
                border: px(1).all(),
                border_radius: BorderRadius::all(px(CORNER)),
                ..default()
            },
            BackgroundColor(PANEL),
            BorderColor::all(BORDER),
            children![notice(said, &assets)],
            ChildOf(entity),
        ));
    }
}
