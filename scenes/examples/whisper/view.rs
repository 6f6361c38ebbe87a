//! What one sees: on the left the whispers in clear, on the right what the server has of them.

use bevy::prelude::*;
use bevy::text::LineHeight;
use pusher_scenes::{
    colours::{BAD, QUIET_TEXT, TEXT},
    draw::DrawSystems,
    entry::ChatEntry,
    scene::Place,
    window::{
        chat::{ChatPanel, time_column},
        frame::Frame,
        icons::Icon,
        notice::{Notice, notice_in_the_middle},
        pace::Pace,
        panel::Panel,
        picture::WorthAPicture,
        scrolling::Scrolling,
        theme::{BODY, GAP, QUIET, UNIT, text},
    },
    words::{clock, drawable},
};

use crate::wire::{IsOpen, WireEntry};

/// Between the lines of the data, in logical pixels.
const DATA_LINE: f32 = 20.0;

/// A picture shows so many whispers, and a forged one.
const LIVELY: usize = 5;

/// The list of what the server sees.
#[derive(Component)]
struct WireList;

/// What is in its place before.
#[derive(Component)]
struct Placeholder;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, judge_picture)
        .add_systems(PostUpdate, add_lines.in_set(DrawSystems));
}

fn build(
    mut commands: Commands,
    place: Res<Place>,
    is_open: Res<IsOpen>,
    assets: Res<AssetServer>,
) {
    let frame = Frame::spawn(&mut commands, "Whisper", &place);
    let players = Panel::wide(&mut commands, frame.body, "What the players see");
    ChatPanel {
        empty: "Nobody has whispered yet",
        input: Some("Press Enter to whisper"),
    }
    .fill(&mut commands, &players, &assets);

    let server = Panel::wide(&mut commands, frame.body, "What the server sees");
    let scroll = Scrolling::spawn(&mut commands, server.content, true);
    commands.spawn((WireList, Scrolling::lines(), ChildOf(scroll)));
    let (icon, headline, details) = if is_open.0 {
        (Icon::Signal, "Nothing yet", vec![])
    } else {
        let why = "Only a server that the scene starts itself can be looked into.";
        (Icon::Blocked, "Out of sight", vec![why.to_owned()])
    };
    let said = Notice {
        icon,
        colour: QUIET_TEXT,
        headline: headline.to_owned(),
        details,
    };
    commands.spawn((
        Placeholder,
        notice_in_the_middle(&said, &assets),
        ChildOf(server.content),
    ));
}

fn add_lines(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut pace: ResMut<Pace>,
    mut entries: MessageReader<WireEntry>,
    list: Single<Entity, With<WireList>>,
    placeholders: Query<Entity, With<Placeholder>>,
) {
    for entry in entries.read() {
        let (name, colour, data) = if entry.is_forged {
            ("forged", BAD, TEXT)
        } else {
            (entry.event.as_str(), QUIET_TEXT, QUIET_TEXT)
        };
        let data = (entry.data.as_str(), data);
        let line = wire_line(&clock(time.elapsed()), (name, colour), data);
        commands.spawn((line, ChildOf(*list)));
        // The list's end is known after this frame's layout.
        pace.moving();
        for placeholder in &placeholders {
            commands.entity(placeholder).despawn();
        }
    }
}

/// The event's name, and below it the data, which has no words at which to break it.
fn wire_line(
    time: &str,
    (name, name_colour): (&str, Color),
    (data, data_colour): (&str, Color),
) -> impl Bundle + use<> {
    (
        Node {
            padding: UiRect::axes(px(GAP), px(UNIT / 2.0)),
            column_gap: px(GAP),
            flex_shrink: 0.0,
            overflow: Overflow::clip(),
            ..default()
        },
        children![
            time_column(time),
            (
                Node {
                    flex_direction: FlexDirection::Column,
                    flex_grow: 1.0,
                    flex_basis: px(0),
                    min_width: px(0),
                    ..default()
                },
                children![
                    text(name.to_owned(), BODY, name_colour),
                    (
                        Text::new(drawable(data)),
                        TextFont::from_font_size(QUIET.font),
                        LineHeight::Px(DATA_LINE),
                        TextColor(data_colour),
                        TextLayout::linebreak(LineBreak::AnyCharacter),
                    ),
                ],
            ),
        ],
    )
}

fn judge_picture(
    mut entries: MessageReader<ChatEntry>,
    mut wire: MessageReader<WireEntry>,
    mut lines: Local<usize>,
    mut was_forged: Local<bool>,
    mut worth: ResMut<WorthAPicture>,
) {
    *lines += entries.read().count();
    *was_forged |= wire.read().any(|entry| entry.is_forged);
    worth.set_if_neq(WorthAPicture(*was_forged && *lines >= LIVELY));
}
