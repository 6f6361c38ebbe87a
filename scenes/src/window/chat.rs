//! The chat: what was said and what happened, the newest at the bottom.

use bevy::prelude::*;
use bevy::text::LineHeight;

use crate::{
    colours::{QUIET_TEXT, TEXT, player_colour},
    draw::DrawSystems,
    entry::ChatEntry,
    window::{
        icons::Icon,
        input_line::input_line,
        notice::{Notice, notice_in_the_middle},
        pace::Pace,
        panel::Panel,
        scrolling::Scrolling,
        theme::{BODY, GAP, QUIET, UNIT},
    },
    words::{clock, drawable, shortened},
};

/// Older lines are forgotten.
const KEPT: usize = 200;

/// More of a name would be taken from what was said, in characters.
const LONGEST_NAME: usize = 24;

/// Lines that Page Up and Page Down scroll by.
const PAGE: f32 = 8.0;

/// What a scene wants of its chat, which shows [`ChatEntry`] messages.
#[derive(Clone, Copy, Debug)]
pub struct ChatPanel {
    /// What stands in the middle until there is something in it.
    pub empty: &'static str,
    /// What stands in the input line, and says how to begin; there is none in a mere log.
    pub input: Option<&'static str>,
}

/// The list that [`ChatEntry`] messages are added to.
#[derive(Component)]
struct ChatList;

/// What scrolls when the chat is longer than its place.
#[derive(Component)]
struct ChatScroll;

/// What is shown in the chat's place until there is something in it.
#[derive(Component)]
struct Placeholder;

impl ChatPanel {
    /// Makes the panel a chat.
    pub fn fill(self, commands: &mut Commands, panel: &Panel, assets: &AssetServer) {
        let scroll = Scrolling::spawn(commands, panel.content, true);
        commands.entity(scroll).insert(ChatScroll);
        commands.spawn((ChatList, Scrolling::lines(), ChildOf(scroll)));
        let empty = Notice {
            icon: Icon::Chat,
            colour: QUIET_TEXT,
            headline: self.empty.to_owned(),
            details: vec![],
        };
        commands.spawn((
            Placeholder,
            notice_in_the_middle(&empty, assets),
            ChildOf(panel.content),
        ));
        if let Some(input) = self.input {
            commands.spawn((input_line(input), ChildOf(panel.panel)));
        }
    }
}

pub(crate) struct ChatPlugin;

impl Plugin for ChatPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, scroll_by_pages)
            .add_systems(PostUpdate, add_lines.in_set(DrawSystems));
    }
}

fn scroll_by_pages(
    keys: Res<ButtonInput<KeyCode>>,
    list: Single<(&mut Scrolling, &mut ScrollPosition, &ComputedNode), With<ChatScroll>>,
) {
    let lines = if keys.just_pressed(KeyCode::PageUp) {
        -PAGE
    } else if keys.just_pressed(KeyCode::PageDown) {
        PAGE
    } else {
        return;
    };
    let (mut list, mut position, node) = list.into_inner();
    list.by(lines, &mut position, node);
}

fn add_lines(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    mut entries: MessageReader<ChatEntry>,
    lists: Query<(Entity, Option<&Children>), With<ChatList>>,
    placeholders: Query<Entity, With<Placeholder>>,
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
    match entry.player() {
        Some(name) => line(
            time,
            &shortened(&drawable(name), LONGEST_NAME),
            player_colour(name),
            &format!("  {}", entry.text),
        ),
        None => line(time, &entry.text, QUIET_TEXT, ""),
    }
}

/// A line: the time, and two pieces of text that wrap as one.
fn line(time: &str, first: &str, first_colour: Color, rest: &str) -> impl Bundle + use<> {
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
            time_column(time),
            (
                Text::new(drawable(first)),
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
                    TextSpan::new(drawable(rest)),
                    TextFont::from_font_size(BODY.font),
                    LineHeight::Px(BODY.line),
                    TextColor(TEXT),
                )],
            ),
        ],
    )
}

/// The time at the left of a line, in a column of its own.
pub fn time_column(time: &str) -> impl Bundle + use<> {
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
    )
}
