//! A notice: an icon, a headline and what to do, in the middle of an empty or covered place.

use bevy::prelude::*;
use bevy::text::LineHeight;

use crate::{
    icons::Icon,
    theme::{BACKGROUND, BODY, BORDER, CORNER, EDGE, PANEL, QUIET, QUIET_TEXT, TEXT, UNIT, text},
    words::drawable,
};

/// What a notice says.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Above the headline.
    pub icon: Icon,
    /// Of the icon.
    pub colour: Color,
    /// In a few words.
    pub headline: String,
    /// Why, and what to do; it wraps.
    pub details: Vec<String>,
}

/// The notice as a column, centred in its parent.
pub fn notice(notice: &Notice, assets: &AssetServer) -> impl Bundle + use<> {
    let details: Vec<_> = notice.details.iter().map(|line| detail(line)).collect();
    (
        Node {
            flex_direction: FlexDirection::Column,
            align_items: AlignItems::Center,
            row_gap: px(UNIT),
            max_width: percent(100),
            ..default()
        },
        Children::spawn((
            Spawn(notice.icon.large(assets, notice.colour)),
            Spawn(text(drawable(&notice.headline), BODY, TEXT)),
            bevy::ecs::spawn::SpawnIter(details.into_iter()),
        )),
    )
}

fn detail(line: &str) -> impl Bundle + use<> {
    (
        Text::new(drawable(line)),
        TextFont::from_font_size(QUIET.font),
        LineHeight::Px(20.0),
        TextColor(QUIET_TEXT),
        TextLayout::new(Justify::Center, LineBreak::WordOrCharacter),
    )
}

/// What covers the scene's body: everything below it stays, dimmed, and one card says why.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct Curtain(pub Option<Notice>);

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

pub(crate) struct NoticePlugin;

impl Plugin for NoticePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Curtain>().add_systems(
            PostUpdate,
            draw_curtain
                .run_if(resource_changed::<Curtain>)
                .before(bevy::ui::UiSystems::Prepare),
        );
    }
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
