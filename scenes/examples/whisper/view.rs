//! The window: the decrypted messages on the left, what the server sees of them on the right.

use bevy::prelude::*;
use bevy::text::LineHeight;
use pusher_scenes::{
    chat_entry::ChatEntry,
    colours::{BAD, QUIET_TEXT, TEXT},
    draw::DrawSystems,
    scene::ServerLabel,
    text::{clock, drawable},
    window::{
        chat::{ChatPanel, time_column},
        icons::Icon,
        layout::SceneLayout,
        notice::{Notice, notice_in_the_middle},
        panel::Panel,
        redraw::RedrawNeeds,
        screenshot::ScreenshotReady,
        scrolling::Scrolling,
        theme::{BODY, GAP, QUIET, UNIT, text},
    },
};

use crate::wire::{CanInspectServer, WireEntry};

/// The line height of the data, in logical pixels.
const DATA_LINE: f32 = 20.0;

/// A screenshot shows this many whispers, and a forged one.
const MIN_WHISPERS: usize = 5;

/// Marks the list of what the server sees.
#[derive(Component)]
struct WireList;

/// Marks the notice that is shown while the list is empty.
#[derive(Component)]
struct Placeholder;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, update_screenshot_ready)
        .add_systems(PostUpdate, add_lines.in_set(DrawSystems));
}

fn build(
    mut commands: Commands,
    server_label: Res<ServerLabel>,
    can_inspect: Res<CanInspectServer>,
    assets: Res<AssetServer>,
) {
    let layout = SceneLayout::spawn(&mut commands, "Whisper", &server_label);
    let players = Panel::wide(&mut commands, layout.body, "What the players see");
    ChatPanel {
        empty: "Nobody has whispered yet",
        input: Some("Press Enter to whisper"),
    }
    .fill(&mut commands, &players, &assets);

    let server = Panel::wide(&mut commands, layout.body, "What the server sees");
    let scroll = Scrolling::spawn(&mut commands, server.content, true);
    commands.spawn((WireList, Scrolling::lines_node(), ChildOf(scroll)));
    let (icon, headline, details) = if can_inspect.0 {
        (Icon::Signal, "Nothing yet", vec![])
    } else {
        let why = "Only the scene's own server can be inspected.";
        (Icon::Blocked, "Not available", vec![why.to_owned()])
    };
    let explanation = Notice {
        icon,
        colour: QUIET_TEXT,
        headline: headline.to_owned(),
        details,
    };
    commands.spawn((
        Placeholder,
        notice_in_the_middle(&explanation, &assets),
        ChildOf(server.content),
    ));
}

fn add_lines(
    mut commands: Commands,
    time: Res<Time<Real>>,
    mut redraw: ResMut<RedrawNeeds>,
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
        // The scroll position at the end is known only after this frame's layout, so one more frame is needed.
        redraw.request_next_frame();
        for placeholder in &placeholders {
            commands.entity(placeholder).despawn();
        }
    }
}

/// Returns an entry: the event's name, and below it the data. The data has no spaces, so it wraps at any character.
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

fn update_screenshot_ready(
    mut entries: MessageReader<ChatEntry>,
    mut wire: MessageReader<WireEntry>,
    mut lines: Local<usize>,
    mut was_forged: Local<bool>,
    mut ready_for_screenshot: ResMut<ScreenshotReady>,
) {
    *lines += entries.read().count();
    *was_forged |= wire.read().any(|entry| entry.is_forged);
    ready_for_screenshot.set_if_neq(ScreenshotReady(*was_forged && *lines >= MIN_WHISPERS));
}
