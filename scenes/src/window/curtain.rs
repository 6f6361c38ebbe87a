//! The curtain over a scene whose link is down: all stays, dimmed, and one card says why.

use bevy::{platform::time::Instant, prelude::*};

use crate::{
    colours::{BACKGROUND, BORDER, PANEL, connection_colour},
    connection_view::ConnectionView,
    draw::DrawSystems,
    link::Link,
    outage::outage,
    typing::Typing,
    window::{
        icons::Icon,
        notice::{Notice, notice},
        theme::{CORNER, EDGE},
    },
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

fn choose_curtain(
    view: Res<ConnectionView>,
    link: Res<Link>,
    typing: Res<Typing>,
    mut curtain: ResMut<Curtain>,
) {
    let icon = match &*view {
        ConnectionView::Connecting { .. } | ConnectionView::Connected { .. } => Icon::Signal,
        ConnectionView::Waiting { .. } | ConnectionView::Offline => Icon::Unplugged,
        ConnectionView::Failed { .. } => Icon::Blocked,
    };
    let wanted = outage(&view, &link, &typing, Instant::now()).map(|outage| Notice {
        icon,
        colour: connection_colour(&view),
        headline: outage.headline.to_owned(),
        details: outage.details,
    });
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
