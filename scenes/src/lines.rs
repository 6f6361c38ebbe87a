//! Shows the scene as printed lines: time, player, text.
#![allow(
    clippy::print_stdout,
    reason = "printing the scene is this module's purpose"
)]

use bevy::{platform::time::Instant, prelude::*};
use std::io::Write;

use crate::{
    chat_entry::{ChatEntry, EntryKind},
    colours::player_colour,
    connection_view::ConnectionView,
    player::{Departed, Player},
    scene::supports_escape_codes,
    text::{clock, printable},
    toast::Toast,
};

/// Printed in the player column of lines that belong to no player.
const NO_PLAYER: &str = "*";
const NAME_WIDTH: usize = 16;

/// Prints lines: with colours on a terminal, without escape codes elsewhere.
#[derive(Resource, Debug)]
struct Printer {
    has_colours: bool,
}

pub(crate) struct LinesPlugin;

impl Plugin for LinesPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(Printer {
            has_colours: supports_escape_codes() && std::env::var_os("NO_COLOR").is_none(),
        })
        .init_resource::<ConnectionView>()
        .add_systems(
            PostUpdate,
            (print_connection, print_players, print_chat, print_toasts).chain(),
        );
    }
}

impl Printer {
    fn line(&self, time: &Time<Real>, who: Option<&str>, what: &str) -> Result<(), std::io::Error> {
        let time = clock(time.elapsed());
        let name = printable(who.unwrap_or(NO_PLAYER));
        let what = printable(what);
        let padding = " ".repeat(NAME_WIDTH.saturating_sub(name.chars().count()));
        let mut out = std::io::stdout().lock();
        if self.has_colours {
            let (start, end) = match who {
                Some(who) => (colour_code(player_colour(who)), "\u{1b}[0m"),
                None => (String::new(), ""),
            };
            writeln!(out, "{time:>5}  {start}{name}{end}{padding}  {what}")?;
        } else {
            writeln!(out, "{time:>5}  {name}{padding}  {what}")?;
        }
        out.flush()
    }
}

fn colour_code(colour: Color) -> String {
    let [red, green, blue] = colour.to_srgba().to_u8_array_no_alpha();
    format!("\u{1b}[38;2;{red};{green};{blue}m")
}

/// Exits the scene if standard output is closed, since then no one reads the lines.
fn exit_on_error(printed: Result<(), std::io::Error>, exit: &mut MessageWriter<AppExit>) {
    if printed.is_err() {
        exit.write(AppExit::Success);
    }
}

fn print_connection(
    printer: Res<Printer>,
    time: Res<Time<Real>>,
    view: Res<ConnectionView>,
    mut last: Local<Option<ConnectionView>>,
    mut exit: MessageWriter<AppExit>,
) {
    let is_new = match (&*last, &*view) {
        (None, ConnectionView::Offline) => false,
        // A new round trip is not a new state.
        (Some(ConnectionView::Connected { .. }), ConnectionView::Connected { .. }) => false,
        (last, now) => last.as_ref() != Some(now),
    };
    if !is_new {
        return;
    }
    let mut text = view.label(Instant::now());
    match &*view {
        ConnectionView::Waiting { reason, .. } => text = format!("{text}: {reason}"),
        ConnectionView::Failed { advice, .. } => text = format!("{text}. {advice}"),
        _ => {}
    }
    exit_on_error(printer.line(&time, None, &text), &mut exit);
    *last = Some(view.clone());
}

fn print_players(
    mut commands: Commands,
    printer: Res<Printer>,
    time: Res<Time<Real>>,
    players: Query<(Entity, Ref<Player>), Without<Departed>>,
    departed: Query<(Entity, &Player), With<Departed>>,
    mut known: Local<Vec<(Entity, Player)>>,
    mut exit: MessageWriter<AppExit>,
) {
    for (entity, player) in &departed {
        exit_on_error(printer.line(&time, Some(&player.name), "leaves"), &mut exit);
        known.retain(|(known, _)| *known != entity);
        commands.entity(entity).despawn();
    }
    // Players that arrive together with the local player joined before it.
    let has_own_player = known.iter().any(|(_, player)| player.is_you);
    for (entity, player) in players.iter().filter(|(_, player)| player.is_changed()) {
        let before = known.iter_mut().find(|(known, _)| *known == entity);
        let text = match &before {
            None if player.is_offline => format!("is {}", player.doing),
            None if player.is_you => format!("is here (you): {}", player.doing),
            None if has_own_player => format!("joins: {}", player.doing),
            None => format!("is here: {}", player.doing),
            Some((_, before)) if before.is_ready != player.is_ready => if player.is_ready {
                "is ready"
            } else {
                "is no longer ready"
            }
            .to_owned(),
            Some((_, before)) if before.is_offline != player.is_offline => {
                format!("is {}", player.doing)
            }
            Some((_, before)) if before.doing != player.doing => player.doing.clone(),
            Some(_) => continue,
        };
        exit_on_error(printer.line(&time, Some(&player.name), &text), &mut exit);
        match before {
            Some((_, before)) => before.clone_from(&player),
            None => known.push((entity, Player::clone(&player))),
        }
    }
}

fn print_chat(
    printer: Res<Printer>,
    time: Res<Time<Real>>,
    mut entries: MessageReader<ChatEntry>,
    mut exit: MessageWriter<AppExit>,
) {
    for entry in entries.read() {
        let text = match &entry.kind {
            EntryKind::Message(_) => format!("says: {}", entry.text),
            EntryKind::Action(_) | EntryKind::Event => entry.text.clone(),
            EntryKind::ShownElsewhere => continue,
        };
        exit_on_error(printer.line(&time, entry.player(), &text), &mut exit);
    }
}

fn print_toasts(
    printer: Res<Printer>,
    time: Res<Time<Real>>,
    mut toasts: MessageReader<Toast>,
    mut exit: MessageWriter<AppExit>,
) {
    for toast in toasts.read().filter(|toast| !toast.is_shown_elsewhere) {
        exit_on_error(printer.line(&time, None, &toast.text), &mut exit);
    }
}
