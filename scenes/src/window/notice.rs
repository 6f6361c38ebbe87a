//! A notice: an icon, a headline and what to do, in the middle of an empty or covered place.

use bevy::prelude::*;
use bevy::text::LineHeight;

use crate::{
    colours::{QUIET_TEXT, TEXT},
    window::{
        icons::Icon,
        theme::{BODY, QUIET, UNIT, text},
    },
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

/// The notice in the middle of a place of any size, which it covers.
pub fn notice_in_the_middle(said: &Notice, assets: &AssetServer) -> impl Bundle + use<> {
    (
        Node {
            position_type: PositionType::Absolute,
            width: percent(100),
            height: percent(100),
            align_items: AlignItems::Center,
            justify_content: JustifyContent::Center,
            ..default()
        },
        children![notice(said, assets)],
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
