//! The chat: what was said and what happened, the newest at the bottom.

use bevy::camera::visibility::VisibilitySystems;
use bevy::prelude::*;
use bevy::text::LineHeight;

use crate::{
    pace::Pace,
    player::ChatEntry,
    theme::{BODY, GAP, QUIET, QUIET_TEXT, TEXT, UNIT, player_colour},
    words::{clock, drawable},
};

/// Older lines are forgotten.
const KEPT: usize = 200;

/// The list that [`ChatEntry`] messages are added to.
#[derive(Component)]
pub struct ChatList;

/// What is shown in the chat's place until there is something in it; it goes away by itself.
#[derive(Component)]
pub struct ChatPlaceholder;

pub(crate) struct ChatPlugin;

impl Plugin for ChatPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(
            PostUpdate,
            // Laid out and visible in the same frame.
            add_lines
                .before(bevy::ui::UiSystems::Prepare)
                .before(VisibilitySystems::VisibilityPropagate),
        );
    }
}

fn add_lines(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    mut entries: MessageReader<ChatEntry>,
    lists: Query<(Entity, Option<&Children>), With<ChatList>>,
    placeholders: Query<Entity, With<ChatPlaceholder>>,
) {
    let Ok((list, lines)) = lists.single() else {
        return;
    };
    let mut added = 0;
    for entry in entries.read() {
        commands.spawn((chat_line(entry, &clock(time.elapsed())), ChildOf(list)));
        added += 1;
    }
    if added == 0 {
        return;
    }
    for placeholder in &placeholders {
        commands.entity(placeholder).despawn();
    }
    // The list's end is known after this frame's layout.
    pace.moving();
    let lines = lines.map_or(&[][..], |lines| &**lines);
    let forgotten = (lines.len() + added).saturating_sub(KEPT);
    for line in lines.iter().take(forgotten) {
        commands.entity(*line).despawn();
    }
}

fn chat_line(entry: &ChatEntry, time: &str) -> impl Bundle + use<> {
    let words = drawable(&entry.text);
    let (first, first_colour, rest) = match &entry.speaker {
        Some(speaker) => (
            drawable(speaker),
            player_colour(speaker),
            format!("  {words}"),
        ),
        None => (words, QUIET_TEXT, String::new()),
    };
    (
        Node {
            padding: UiRect::axes(px(GAP), px(UNIT / 2.0)),
            column_gap: px(GAP),
            flex_shrink: 0.0,
            // Bounds what the line adds to the list's length: the layout also measures the text at its narrowest, and
            // would let the list scroll as far as that.
            overflow: Overflow::clip(),
            ..default()
        },
        children![
            (
                Text::new(time),
                TextFont::from_font_size(QUIET.font),
                LineHeight::Px(BODY.line),
                TextColor(QUIET_TEXT),
                TextLayout::no_wrap(),
                Node {
                    width: px(5.0 * UNIT),
                    flex_shrink: 0.0,
                    ..default()
                },
            ),
            (
                Text::new(first),
                TextFont::from_font_size(BODY.font),
                LineHeight::Px(BODY.line),
                TextColor(first_colour),
                TextLayout::linebreak(LineBreak::WordOrCharacter),
                Node {
                    flex_grow: 1.0,
                    min_width: px(0),
                    ..default()
                },
                children![(
                    TextSpan::new(rest),
                    TextFont::from_font_size(BODY.font),
                    LineHeight::Px(BODY.line),
                    TextColor(TEXT),
                )],
            ),
        ],
    )
}
