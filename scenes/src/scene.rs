//! Builds the app of a scene: in a window, in a terminal, or as lines.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a scene prints what it is connected to, or why it cannot start"
)]

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use bevy::app::ScheduleRunnerPlugin;
#[cfg(not(target_arch = "wasm32"))]
use bevy::app::TerminalCtrlCHandlerPlugin;
use bevy::log::{Level, LogPlugin};
use bevy::prelude::*;
use clap::Parser;

#[cfg(not(target_arch = "wasm32"))]
use crate::terminal;
#[cfg(feature = "windowed")]
use crate::window;
use crate::{
    arguments::SceneArguments,
    backend::BackendPlugin,
    chat_entry::ChatEntry,
    connection::{ServeOnly, ToggleNetwork},
    connection_view::ConnectionView,
    key_hints::KeyHintsPlugin,
    keys::KeysPlugin,
    lines::LinesPlugin,
    player::RosterIsKnown,
    server::Scene,
    toast::Toast,
    typing::TypingPlugin,
};

/// How long a frame lasts in a scene that prints lines.
const FRAME_INTERVAL: Duration = Duration::from_millis(20);

/// How a scene is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayMode {
    /// In a window. Requires the feature `windowed`.
    Window,
    /// As a full-screen view in the terminal.
    Terminal,
    /// As printed lines: time, player, text.
    Lines,
}

/// A description of the channel and the server, shown in the top bar.
#[derive(Resource, Clone, Debug, Default)]
pub struct ServerLabel(pub String);

impl DisplayMode {
    /// Chooses how to show the scene: in a window, if it is built with `windowed` and there is a display; else in the terminal,
    /// if the scene has a terminal view and runs in a terminal; else as lines. `--headless` and `--serve` always select lines.
    ///
    /// # Errors
    /// A screenshot was requested, and there is no window.
    pub fn of(scene: &Scene, arguments: &SceneArguments) -> Result<Self, String> {
        let mode = if arguments.headless || arguments.serve.is_some() {
            Self::Lines
        } else if cfg!(feature = "windowed") && has_display() {
            Self::Window
        } else if scene.has_terminal_view && has_interactive_terminal() {
            Self::Terminal
        } else {
            Self::Lines
        };
        if mode == Self::Window || arguments.pictures.screenshot.is_empty() {
            Ok(mode)
        } else if cfg!(feature = "windowed") {
            Err("--screenshot needs a display, and none was found".to_owned())
        } else {
            Err("--screenshot needs a window: build with --features windowed".to_owned())
        }
    }

    /// Whether nobody controls the scene, so that it plays its scripted requests.
    #[must_use]
    pub fn is_unattended(self, arguments: &SceneArguments) -> bool {
        match self {
            Self::Window => !arguments.pictures.screenshot.is_empty(),
            Self::Terminal => false,
            Self::Lines => arguments.serve.is_none(),
        }
    }
}

/// Whether there is a display to open a window on.
pub(crate) fn has_display() -> bool {
    !cfg!(all(unix, not(target_os = "macos")))
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether standard input and output are a terminal that supports escape codes.
fn has_interactive_terminal() -> bool {
    std::io::stdin().is_terminal() && supports_escape_codes()
}

/// Whether standard output is a terminal that supports escape codes.
pub(crate) fn supports_escape_codes() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// Runs a scene with the arguments of the command line. Prints an error to standard error if it cannot start.
#[cfg(not(target_arch = "wasm32"))]
pub fn run_scene<A: Parser>(run: impl FnOnce(&A) -> Result<AppExit, String>) -> ExitCode {
    match run(&A::parse()) {
        Ok(AppExit::Success) => ExitCode::SUCCESS,
        Ok(AppExit::Error(code)) => ExitCode::from(code.get()),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a scene with the arguments in the page's URL: `?key=app-key&port=6001` is `--key=app-key --port=6001`. Shows an error
/// in the page if it cannot start.
#[cfg(target_arch = "wasm32")]
pub fn run_scene<A: Parser>(run: impl FnOnce(&A) -> Result<AppExit, String>) -> ExitCode {
    let started = A::try_parse_from(crate::web::arguments())
        .map_err(|error| error.to_string())
        .and_then(|arguments| run(&arguments));
    match started {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            crate::web::show_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Creates the app with everything that scenes share.
///
/// # Errors
/// The terminal cannot be initialized.
pub fn scene_app(
    title: &str,
    arguments: &SceneArguments,
    mode: DisplayMode,
) -> Result<App, String> {
    let mut app = App::new();
    app.init_resource::<ConnectionView>()
        .init_resource::<RosterIsKnown>()
        .add_message::<ChatEntry>()
        .add_message::<Toast>()
        .add_message::<ToggleNetwork>();
    if arguments.serve.is_some() {
        app.insert_resource(ServeOnly);
    }
    match mode {
        #[cfg(feature = "windowed")]
        DisplayMode::Window => {
            window::add_to(&mut app, title, &arguments.pictures, log_plugin());
        }
        #[cfg(not(target_arch = "wasm32"))]
        DisplayMode::Terminal => {
            terminal::add_to(&mut app, title)?;
            // Reading the terminal waits up to a frame's length, so the runner must not wait as well.
            add_headless_plugins(&mut app, Duration::ZERO);
        }
        _ => {
            add_headless_plugins(&mut app, FRAME_INTERVAL);
            app.add_plugins(LinesPlugin);
        }
    }
    if mode != DisplayMode::Lines {
        app.add_plugins((TypingPlugin, KeyHintsPlugin, KeysPlugin));
    }
    app.add_plugins(BackendPlugin {
        serves: arguments.serve.is_some(),
    });
    if let Some(time) = arguments.run_for {
        app.add_systems(Last, exit_after(time));
    }
    Ok(app)
}

/// Adds Bevy's plugins for an app without a window.
fn add_headless_plugins(app: &mut App, step: Duration) {
    app.add_plugins((
        MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(step)),
        log_plugin(),
        #[cfg(not(target_arch = "wasm32"))]
        TerminalCtrlCHandlerPlugin,
    ));
}

/// Prints a line to standard output. Used for the startup message.
pub fn print_line(line: &str) {
    println!("{line}");
}

fn log_plugin() -> LogPlugin {
    LogPlugin {
        level: Level::WARN,
        #[cfg(not(target_arch = "wasm32"))]
        fmt_layer: |app| Some(terminal::log_layer(app)),
        ..default()
    }
}

fn exit_after(run_time: Duration) -> impl FnMut(Res<Time<Real>>, MessageWriter<AppExit>) {
    move |time, mut exit| {
        if time.elapsed() >= run_time {
            exit.write(AppExit::Success);
        }
    }
}
