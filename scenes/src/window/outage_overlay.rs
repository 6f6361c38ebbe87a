//! The overlay while the scene is not connected: it dims the body, and a card shows the reason.

use bevy::{platform::time::Instant, prelude::*};

use crate::{
    colours::{BACKGROUND, BORDER, PANEL, connection_colour},
    connection::NetworkStatus,
    connection_view::ConnectionView,
    draw::DrawSystems,
    outage::outage,
    typing::Typing,
    window::{
        icons::Icon,
        notice::{Notice, notice},
        theme::{CORNER, EDGE},
    },
};

/// The card to show, if any.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
struct OutageOverlay(Option<Notice>);

#[derive(Component)]
pub(crate) struct OutageOverlayNode;

pub(crate) fn outage_overlay() -> impl Bundle {
    (
        OutageOverlayNode,
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

pub(crate) struct OutageOverlayPlugin;

impl Plugin for OutageOverlayPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<OutageOverlay>().add_systems(
            PostUpdate,
            (
                update_overlay,
                draw_overlay.run_if(resource_changed::<OutageOverlay>),
            )
                .chain()
                .in_set(DrawSystems),
        );
    }
}

fn update_overlay(
    view: Res<ConnectionView>,
    network: Res<NetworkStatus>,
    typing: Res<Typing>,
    mut overlay: ResMut<OutageOverlay>,
) {
    let icon = match &*view {
        ConnectionView::Connecting { .. } | ConnectionView::Connected { .. } => Icon::Signal,
        ConnectionView::Waiting { .. } | ConnectionView::Offline => Icon::Unplugged,
        ConnectionView::Failed { .. } => Icon::Blocked,
    };
    let wanted = outage(&view, &network, &typing, Instant::now()).map(|outage| Notice {
        icon,
        colour: connection_colour(&view),
        headline: outage.headline.to_owned(),
        details: outage.details,
    });
    overlay.set_if_neq(OutageOverlay(wanted));
}

fn draw_overlay(
    mut commands: Commands,
    overlay: Res<OutageOverlay>,
    assets: Res<AssetServer>,
    mut nodes: Query<(Entity, &mut Node), With<OutageOverlayNode>>,
) {
    for (entity, mut node) in &mut nodes {
        commands.entity(entity).despawn_children();
        let Some(content) = &overlay.0 else {
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
            children![notice(content, &assets)],
            ChildOf(entity),
        ));
    }
}
