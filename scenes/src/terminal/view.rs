//! Draws the screen with characters. It depends on its arguments alone, so the tests run without a terminal.

use std::borrow::Cow;

use bevy::color::{Color as BevyColor, ColorToPacked};
use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Flex, Layout, Position, Rect},
    style::{Color, Style, Stylize},
    text::{Line, Span, Text},
    widgets::{Block, BorderType, Clear, Padding, Paragraph},
};

use super::screen::Screen;
use crate::{
    chat_entry::{ChatEntry, EntryKind},
    colours::{ACCENT, BACKGROUND, BORDER, GOOD, PANEL, QUIET_TEXT, TEXT, player_colour},
    key_hints::KeyHint,
    player::Player,
    text::{printable, take_width},
    toast::Toast,
};

/// Longer names are shortened, to leave room for the message, in characters.
const MAX_NAME_CHARACTERS: usize = 24;
/// The maximum width of the roster, in columns.
const MAX_ROSTER_COLUMNS: u16 = 34;
/// The height that the lobby needs; only rows above that are used for instructions.
const MIN_LOBBY_ROWS: usize = 16;
/// The width of the time and the gap after it, in columns.
const TIME_COLUMNS: usize = 7;
/// The prompt of the input line.
const PROMPT: &str = "> ";

/// Draws the screen, whatever the size of the terminal.
pub(super) fn draw(frame: &mut Frame, screen: &Screen) {
    let area = frame.area();
    frame.render_widget(Block::new().style(on(BACKGROUND).fg(colour(TEXT))), area);
    let instructions = instructions(screen, area);
    let [top, advised, body, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(height(&instructions)),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_top(frame, screen, top);
    frame.render_widget(Text::from(instructions), advised);
    let roster_width = (body.width / 3).min(MAX_ROSTER_COLUMNS);
    let [roster, chat] =
        Layout::horizontal([Constraint::Length(roster_width), Constraint::Fill(1)]).areas(body);
    draw_roster(frame, screen, roster);
    draw_chat(frame, screen, chat);
    draw_toasts(frame, screen, body);
    draw_outage(frame, screen, body);
    draw_hints(frame, screen, bottom);
}

/// Returns the instructions that leave enough rows to the lobby. An instruction is shown completely or not at all.
fn instructions(screen: &Screen, area: Rect) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for sentence in &screen.instructions {
        let more = wrapped(sentence, area.width);
        if usize::from(area.height) < MIN_LOBBY_ROWS + lines.len() + more.len() {
            break;
        }
        lines.extend(more);
    }
    lines
}

fn draw_top(frame: &mut Frame, screen: &Screen, area: Rect) {
    let connection = &screen.connection;
    let badge = Line::from_iter([
        Span::from("● ").fg(colour(connection.colour)),
        Span::from(printable(&connection.label)),
        dimmed(
            connection
                .round_trip
                .iter()
                .map(|time| format!(" {time}"))
                .collect::<String>(),
        ),
    ]);
    let [title, badge_area] = Layout::horizontal([
        Constraint::Fill(1),
        Constraint::Length(width(&badge).min(area.width)),
    ])
    .areas(area);
    let room = usize::from(title.width).saturating_sub(screen.title.len() + 4);
    let title_line = Line::from_iter([
        Span::from(&screen.title).bold(),
        dimmed(format!(
            "  {}",
            fitted(&printable(&screen.server_label), room)
        )),
    ]);
    frame.render_widget(title_line, title);
    frame.render_widget(badge, badge_area);
}

fn draw_roster(frame: &mut Frame, screen: &Screen, area: Rect) {
    let block = panel(&format!("Players {}", screen.players.len()));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = usize::from(inner.height);
    // Two rows per player, and one for the number of hidden players.
    let seen = match screen.players.len() {
        all if all * 2 <= rows => all,
        _ => rows.saturating_sub(1) / 2,
    };
    let columns = usize::from(inner.width);
    let seen_players = screen.players.iter().take(seen);
    let mut lines: Vec<Line> = seen_players
        .flat_map(|player| row(player, columns))
        .collect();
    match screen.players.len() {
        _ if !screen.roster_is_known => lines.push(dimmed("Who is here?").into()),
        all if all > seen => lines.push(dimmed(format!("+ {} more", all - seen)).into()),
        0 | 1 => lines.push(dimmed("Nobody else is here yet.").into()),
        _ => {}
    }
    frame.render_widget(Text::from(lines), inner);
}

/// Returns a player's two lines: the name and the activity. If the columns do not suffice, the markers are shortened or dropped
/// before the name is.
fn row(player: &Player, columns: usize) -> [Line<'_>; 2] {
    let name = printable(&player.name);
    let you = if player.is_you { " (you)" } else { "" };
    let ready = if player.is_ready { " ✓ ready" } else { "" };
    let room = columns.saturating_sub(2);
    let (you, ready) = [(you, ready), (you, ready.trim_end_matches(" ready"))]
        .into_iter()
        .find(|(you, ready)| columns_of(&name) + columns_of(you) + columns_of(ready) <= room)
        .unwrap_or(("", ready.trim_end_matches(" ready")));
    let name_room = room.saturating_sub(columns_of(you) + columns_of(ready));
    [
        Line::from_iter([
            Span::from("● ").fg(colour(player_colour(&player.name))),
            Span::from(fitted(&name, name_room)),
            Span::from(you).fg(colour(ACCENT)),
            Span::from(ready).fg(colour(GOOD)),
        ]),
        dimmed(format!("  {}", fitted(&printable(&player.doing), room))).into(),
    ]
}

fn draw_chat(frame: &mut Frame, screen: &Screen, area: Rect) {
    let block = match screen.scrolled {
        0 => panel("Chat"),
        newer => panel(&format!("Chat, {newer} newer: PgDn")),
    };
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let gap = u16::from(inner.height > 8);
    let [transcript, _, input_line] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(gap),
        Constraint::Length(1),
    ])
    .areas(inner);
    let mut lines: Vec<Line> = Vec::new();
    for (time, entry) in screen.entries.iter().rev().skip(screen.scrolled) {
        if lines.len() >= usize::from(transcript.height) {
            break;
        }
        lines.extend(
            entry_lines(time, entry, transcript.width.into())
                .into_iter()
                .rev(),
        );
    }
    lines.truncate(transcript.height.into());
    lines.reverse();
    let [transcript] = Layout::vertical([Constraint::Length(height(&lines))])
        .flex(Flex::End)
        .areas(transcript);
    frame.render_widget(Text::from(lines), transcript);
    draw_typing(frame, screen, input_line);
}

/// Returns the lines of an entry: the time, and next to it the wrapped text.
fn entry_lines(time: &str, entry: &ChatEntry, columns: usize) -> Vec<Line<'static>> {
    let text = printable(&entry.text);
    let (name, whole) = match (&entry.kind, entry.player()) {
        (EntryKind::Message(_) | EntryKind::Action(_), Some(name)) => {
            let name = fitted(&printable(name), MAX_NAME_CHARACTERS);
            let whole = format!("{name}  {text}");
            (name, whole)
        }
        _ => (String::new(), text),
    };
    let style = if name.is_empty() {
        Style::new().fg(colour(QUIET_TEXT))
    } else {
        Style::new()
    };
    let room = columns.saturating_sub(TIME_COLUMNS).max(1);
    wrap(&whole, room)
        .into_iter()
        .enumerate()
        .map(|(index, part)| {
            let time = if index == 0 { time } else { "" };
            let time = dimmed(format!("{time:>5}  "));
            match part.strip_prefix(&*name) {
                Some(rest) if index == 0 => Line::from_iter([
                    time,
                    Span::from(name.clone()).fg(colour(player_colour(&name))),
                    Span::from(rest.to_owned()).style(style),
                ]),
                _ => Line::from_iter([time, Span::from(part.into_owned()).style(style)]),
            }
        })
        .collect()
}

fn draw_typing(frame: &mut Frame, screen: &Screen, area: Rect) {
    if !screen.typing.is_active && screen.typing.line().is_empty() {
        frame.render_widget(dimmed("Press Enter to chat"), area);
        return;
    }
    let room = usize::from(area.width).saturating_sub(PROMPT.len());
    let (before, after) = screen
        .typing
        .visible(room, |typed| columns_of(typed.encode_utf8(&mut [0; 4])));
    let before = Span::from(format!("{PROMPT}{before}"));
    if screen.typing.is_active && area.width > 0 && area.height > 0 {
        let caret = u16::try_from(before.width()).unwrap_or(u16::MAX);
        let caret = caret.min(area.width.saturating_sub(1));
        frame.set_cursor_position(Position::new(area.x + caret, area.y));
    }
    let line = Line::from_iter([before, Span::from(after)]);
    let is_draft = !screen.typing.is_active;
    frame.render_widget(
        if is_draft {
            line.fg(colour(QUIET_TEXT))
        } else {
            line
        },
        area,
    );
}

/// Draws at the top right, over other content.
fn draw_toasts(frame: &mut Frame, screen: &Screen, body: Rect) {
    for (row, toast) in (1..).zip(&screen.toasts) {
        let Toast { kind, text, .. } = toast;
        let line = Line::from_iter([
            Span::from(" ● ").fg(colour(kind.colour())),
            Span::from(format!("{} ", printable(text))),
        ]);
        let columns = width(&line).min(body.width.saturating_sub(4));
        let area = Rect::new(
            body.right().saturating_sub(columns + 2),
            body.y + row,
            columns,
            1,
        )
        .intersection(body);
        frame.render_widget(Clear, area);
        frame.render_widget(line.style(on(BORDER).fg(colour(TEXT))), area);
    }
}

/// Draws over the middle of the body. The rest of the body stays visible.
fn draw_outage(frame: &mut Frame, screen: &Screen, body: Rect) {
    let Some(outage) = &screen.outage else {
        return;
    };
    let columns = body.width.saturating_sub(4).min(60);
    let details = outage.details.iter();
    let details = details.flat_map(|detail| wrapped(&printable(detail), columns.saturating_sub(4)));
    let lines: Vec<Line> = std::iter::once(Line::from(outage.headline).bold())
        .chain(details)
        .collect();
    let rows = height(&lines).saturating_add(2);
    let area = body.centered(Constraint::Length(columns), Constraint::Length(rows));
    let block = panel("").border_style(Style::new().fg(colour(screen.connection.colour)));
    frame.render_widget(Clear, area);
    frame.render_widget(
        Paragraph::new(lines)
            .alignment(Alignment::Center)
            .block(block),
        area,
    );
}

/// Draws as many hints as fit, and always the last one, which quits the scene.
fn draw_hints(frame: &mut Frame, screen: &Screen, area: Rect) {
    let spans = |hint: &KeyHint| {
        [
            Span::from(format!(" {} ", hint.key)).style(on(BORDER).fg(colour(TEXT))),
            dimmed(format!(" {}  ", hint.action)),
        ]
    };
    let Some((last, others)) = screen.hints.split_last() else {
        return;
    };
    let last = spans(last);
    let mut left = usize::from(area.width).saturating_sub(last.iter().map(Span::width).sum());
    let others = others
        .iter()
        .map(spans)
        .take_while(|hint| take_width(&mut left, hint.iter().map(Span::width).sum()));
    let line: Line = others.chain([last]).flatten().collect();
    frame.render_widget(line, area);
}

fn panel(title: &str) -> Block<'static> {
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().fg(colour(BORDER)))
        .style(on(PANEL).fg(colour(TEXT)))
        .padding(Padding::horizontal(1));
    if title.is_empty() {
        block
    } else {
        block.title(Line::from(format!(" {title} ")).fg(colour(TEXT)).bold())
    }
}

fn dimmed<'a>(text: impl Into<Cow<'a, str>>) -> Span<'a> {
    Span::from(text.into()).fg(colour(QUIET_TEXT))
}

/// Wraps text in the secondary colour.
fn wrapped(text: &str, columns: u16) -> Vec<Line<'static>> {
    if text.is_empty() {
        return Vec::new();
    }
    wrap(text, usize::from(columns.max(1)))
        .into_iter()
        .map(|part| dimmed(part.into_owned()).into())
        .collect()
}

/// Wraps text between words. Words are never hyphenated, so that a shown command can be copied.
fn wrap(text: &str, columns: usize) -> Vec<Cow<'_, str>> {
    let options =
        textwrap::Options::new(columns).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options)
}

/// Shortens text to at most so many columns, ending with an ellipsis if something was cut off.
fn fitted(text: &str, columns: usize) -> String {
    if columns_of(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let kept = text.chars().take_while(|character| {
        take_width(&mut left, columns_of(character.encode_utf8(&mut [0; 4])))
    });
    let kept: String = kept.collect();
    format!("{}{}", kept.trim_end(), if columns == 0 { "" } else { "…" })
}

fn columns_of(text: &str) -> usize {
    Span::from(text).width()
}

fn height(lines: &[Line]) -> u16 {
    u16::try_from(lines.len()).unwrap_or(u16::MAX)
}

fn on(background: BevyColor) -> Style {
    Style::new().bg(colour(background))
}

fn width(line: &Line) -> u16 {
    u16::try_from(line.width()).unwrap_or(u16::MAX)
}

fn colour(colour: BevyColor) -> Color {
    let [red, green, blue] = colour.to_srgba().to_u8_array_no_alpha();
    Color::Rgb(red, green, blue)
}

#[cfg(test)]
mod tests {
    use bevy::prelude::default;
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;
    use crate::{
        colours::{GOOD, WARN},
        outage::Outage,
        terminal::screen::ConnectionLabel,
        toast::ToastKind,
    };

    fn player(name: &str, doing: &str) -> Player {
        Player {
            name: name.to_owned(),
            doing: doing.to_owned(),
            ..default()
        }
    }

    fn lively() -> Screen {
        let entries = [
            (
                "0:03",
                ChatEntry::message("Mira", "Who is in for the harbour circuit tonight?"),
            ),
            ("0:05", ChatEntry::shown_elsewhere("Zoë joined.")),
        ];
        Screen {
            title: "Lobby".to_owned(),
            server_label: "presence-lobby on 127.0.0.1:6001".to_owned(),
            instructions: vec![
                "In a window: cargo run --example lobby --features windowed".to_owned(),
            ],
            connection: ConnectionLabel {
                colour: GOOD,
                label: "connected".to_owned(),
                round_trip: Some("0.4 ms".to_owned()),
            },
            roster_is_known: true,
            players: vec![
                Player {
                    is_you: true,
                    ..player("Robin", "in the lobby")
                },
                Player {
                    is_ready: true,
                    ..player("Mira", "tuning the suspension")
                },
            ],
            entries: entries
                .into_iter()
                .map(|(time, entry)| (time.to_owned(), entry))
                .collect(),
            toasts: vec![Toast::new(ToastKind::Info, "News: it rains")],
            hints: vec![
                KeyHint::new("Enter", "chat"),
                KeyHint::new("N", "cut network"),
            ],
            ..default()
        }
    }

    fn drawn(screen: &Screen, columns: u16, rows: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(frame, screen)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |row| (0..columns).map(move |column| buffer[(column, row)].symbol());
        (0..rows).map(|number| row(number).collect()).collect()
    }

    #[test]
    fn the_lobby_shows_roster_and_chat_side_by_side() {
        let expected = [
            "Lobby  presence-lobby on 127.0.0.1:6001               ● connected 0.4 ms",
            "In a window: cargo run --example lobby --features windowed              ",
            "╭ Players 2 ───────────╮╭ Chat ────────────────────────────────────────╮",
            "│ ● Robin (you)        ││                            ● News: it rains  │",
            "│   in the lobby       ││                                              │",
            "│ ● Mira ✓ ready       ││                                              │",
            "│   tuning the suspen… ││                                              │",
            "│                      ││                                              │",
            "│                      ││                                              │",
            "│                      ││                                              │",
            "│                      ││  0:03  Mira  Who is in for the harbour       │",
            "│                      ││        circuit tonight?                      │",
            "│                      ││  0:05  Zoë joined.                           │",
            "│                      ││                                              │",
            "│                      ││ Press Enter to chat                          │",
            "╰──────────────────────╯╰──────────────────────────────────────────────╯",
            " Enter  chat   N  cut network                                           ",
        ];
        assert_eq!(drawn(&lively(), 72, 17), expected);
    }

    #[test]
    fn lost_connection_is_shown_above_the_old_content() {
        let screen = Screen {
            connection: ConnectionLabel {
                colour: WARN,
                label: "retrying in 4 s".to_owned(),
                round_trip: None,
            },
            outage: Some(Outage {
                headline: "Connection lost",
                details: vec!["Trying again in 4 seconds.".to_owned()],
            }),
            ..lively()
        };
        let drawn = drawn(&screen, 72, 20).join("\n");
        for words in [
            "retrying in 4 s",
            "Connection lost",
            "Trying again in 4 seconds.",
            "Robin",
        ] {
            assert!(drawn.contains(words), "{words}\n{drawn}");
        }
    }

    #[test]
    fn control_codes_of_other_players_are_not_printed() {
        let mut screen = lively();
        let hostile = ChatEntry::message("Eve\u{1b}[2J", "a\r\nb\u{1b}]0;title\u{7}");
        screen.entries.push_back(("0:06".to_owned(), hostile));
        screen.players.push(player("Eve\u{1b}[2J", "\u{9b}2J"));
        let drawn = drawn(&screen, 100, 24).concat();
        assert!(!drawn.contains(char::is_control), "{drawn:?}");
        assert!(drawn.contains("Eve [2J  a  b ]0;title"), "{drawn}");
    }

    #[test]
    fn small_terminal_keeps_the_lobby_and_the_quit_key() {
        let mut screen = lively();
        for name in ["Ada", "Tomas", "漢字漢字漢字漢字漢字"] {
            screen.players.push(player(name, "racing"));
        }
        screen.hints.push(KeyHint::new("Esc", "quit"));
        let drawn = drawn(&screen, 40, 10);
        let expected = [
            "Lobby  presence-lob…  ● connected 0.4 ms",
            "╭ Players 5 ╮╭ Chat ───────────────────╮",
            "│ ● Robin   ││       ● News: it rains  │",
            "│   in the… ││  0:03  Mira  Who is in  │",
            "│ ● Mira ✓  ││        for the harbour  │",
            "│   tuning… ││        circuit tonight? │",
            "│ + 3 more  ││  0:05  Zoë joined.      │",
            "│           ││ Press Enter to chat     │",
            "╰───────────╯╰─────────────────────────╯",
            " Enter  chat   Esc  quit                ",
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn text_is_shortened_by_its_columns() {
        assert_eq!(fitted("Mira", 4), "Mira");
        assert_eq!(fitted("Miranda", 6), "Miran…");
        assert_eq!(fitted("漢字漢字", 6), "漢字…");
        assert_eq!(fitted("Mira", 0), "");
    }

    #[test]
    fn screen_is_drawn_at_any_size() {
        let mut screen = lively();
        screen.typing.is_active = true;
        screen.outage = Some(Outage {
            headline: "Connection lost",
            details: vec!["Trying again now.".to_owned()],
        });
        screen.entries.push_back((
            "0:07".to_owned(),
            ChatEntry::message("漢字", "漢字 ".repeat(40)),
        ));
        for columns in (0..80).step_by(3) {
            for rows in 0..16 {
                drawn(&screen, columns, rows);
            }
        }
    }

    #[test]
    fn earlier_entries_can_be_scrolled_to() {
        let mut screen = lively();
        for number in 0..50 {
            let entry = ChatEntry::event(format!("entry {number}."));
            screen.entries.push_back(("0:09".to_owned(), entry));
        }
        assert!(drawn(&screen, 72, 12).concat().contains("entry 49."));
        screen.scrolled = 20;
        let drawn = drawn(&screen, 72, 12).concat();
        assert!(drawn.contains("entry 29.") && !drawn.contains("entry 30."));
    }
}
