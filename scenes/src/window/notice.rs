//! A notice: an icon, a headline and instructions, centred in an empty or covered area.

use bevy::prelude::*;
use bevy::text::LineHeight;

use crate::{
    colours::{QUIET_TEXT, TEXT},
    text::drawable,
    window::{
        icons::Icon,
        theme::{BODY, QUIET, UNIT, text},
    },
};

/// The content of a notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The icon above the headline.
    pub icon: Icon,
    /// The colour of the icon.
    pub colour: Color,
    /// The headline, in a few words.
    pub headline: String,
    /// The reason and what to do, in lines that wrap.
    pub details: Vec<String>,
}

/// Returns the notice as a column.
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

/// Returns the notice centred in a parent of any size, which it covers.
pub fn notice_in_the_middle(content: &Notice, assets: &AssetServer) -> impl Bundle + use<> {
    (
        Node {
            position_type: PositionType::Absolute,
            width: percent(100),
            height: percent(100),
            align_items: AlignItems::Center,
            justify_content: JustifyContent::Center,
            ..default()
        },
        children![notice(content, assets)],
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
