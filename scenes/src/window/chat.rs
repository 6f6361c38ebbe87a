//! The chat panel: messages and events, the newest at the bottom.

use bevy::prelude::*;
use bevy::text::LineHeight;

use crate::{
    chat_entry::ChatEntry,
    colours::{QUIET_TEXT, TEXT, player_colour},
    draw::DrawSystems,
    text::{clock, drawable, shortened},
    window::{
        icons::Icon,
        input_line::input_line,
        notice::{Notice, notice_in_the_middle},
        panel::Panel,
        redraw::RedrawNeeds,
        scrolling::Scrolling,
        theme::{BODY, GAP, QUIET, UNIT},
    },
};

/// The number of lines to keep. Older ones are removed.
const MAX_LINES: usize = 200;

/// Longer names are shortened, to leave room for the message, in characters.
const MAX_NAME_CHARACTERS: usize = 24;

/// How many lines Page Up and Page Down scroll by.
const PAGE_LINES: f32 = 8.0;

/// The options of a chat panel, which shows [`ChatEntry`] messages.
#[derive(Clone, Copy, Debug)]
pub struct ChatPanel {
    /// The text in the middle while there are no entries.
    pub empty: &'static str,
    /// The placeholder of the input line; `None` for a log without input.
    pub input: Option<&'static str>,
}

/// Marks the list that [`ChatEntry`] messages are added to.
#[derive(Component)]
struct ChatList;

/// Marks the node that scrolls.
#[derive(Component)]
struct ChatScroll;

/// Marks the notice that is shown while there are no entries.
#[derive(Component)]
struct Placeholder;

impl ChatPanel {
    /// Spawns the chat into the panel.
    pub fn fill(self, commands: &mut Commands, panel: &Panel, assets: &AssetServer) {
        let scroll = Scrolling::spawn(commands, panel.content, true);
        commands.entity(scroll).insert(ChatScroll);
        commands.spawn((ChatList, Scrolling::lines_node(), ChildOf(scroll)));
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
        -PAGE_LINES
    } else if keys.just_pressed(KeyCode::PageDown) {
        PAGE_LINES
    } else {
        return;
    };
    let (mut list, mut position, node) = list.into_inner();
    list.scroll_by(lines, &mut position, node);
}

fn add_lines(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut redraw: ResMut<RedrawNeeds>,
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
    // The scroll position at the end is known only after this frame's layout, so one more frame is needed.
    redraw.request_next_frame();
    let lines = lines.map_or(&[][..], |lines| &**lines);
    let surplus = (lines.len() + added).saturating_sub(MAX_LINES);
    for line in lines.iter().take(surplus) {
        commands.entity(*line).despawn();
    }
}

fn chat_line(entry: &ChatEntry, time: &str) -> impl Bundle + use<> {
    match entry.player() {
        Some(name) => line(
            time,
            &shortened(&drawable(name), MAX_NAME_CHARACTERS),
            player_colour(name),
            &format!("  {}", entry.text),
        ),
        None => line(time, &entry.text, QUIET_TEXT, ""),
    }
}

/// A line: the time, and two text spans that wrap as one text.
fn line(time: &str, first: &str, first_colour: Color, rest: &str) -> impl Bundle + use<> {
    (
        Node {
            padding: UiRect::axes(px(GAP), px(UNIT / 2.0)),
            column_gap: px(GAP),
            flex_shrink: 0.0,
            // Limits the line's share of the content height: the layout also measures the text at its minimum width, where it
            // is much higher, and would let the list scroll that far.
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

/// The column of the time, at the left of a line.
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
