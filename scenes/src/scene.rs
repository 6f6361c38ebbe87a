//! The app that every scene is built on: in a window, in a terminal, or as lines.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a scene says in its first line what it is connected to, or why it cannot start"
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
    connection_view::ConnectionView,
    entry::ChatEntry,
    key_hints::KeyHintsPlugin,
    keys::KeysPlugin,
    lines::LinesPlugin,
    link::{StaysAway, ToggleNetwork},
    player::RosterIsKnown,
    server::Scene,
    toast::Toast,
    typing::TypingPlugin,
};

/// How often a scene that prints lines looks for news.
const STEP: Duration = Duration::from_millis(20);

/// How a scene is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayMode {
    /// In a window. Takes the feature `windowed`.
    Window,
    /// All over the terminal, redrawn in place.
    Terminal,
    /// As lines: time, who, what.
    Lines,
}

/// What the scene is connected to, in a few words.
#[derive(Resource, Clone, Debug, Default)]
pub struct Place(pub String);

impl DisplayMode {
    /// In a window, if the scene was built for one and there is a display; else in the terminal, if the scene has a view for it and
    /// there is one; else as lines. With `--headless` and `--serve` always as lines.
    ///
    /// # Errors
    /// A picture was asked for where there is no window.
    pub fn of(scene: &Scene, arguments: &SceneArguments) -> Result<Self, String> {
        let mode = if arguments.headless || arguments.serve.is_some() {
            Self::Lines
        } else if cfg!(feature = "windowed") && has_display() {
            Self::Window
        } else if scene.has_terminal_view && is_terminal() {
            Self::Terminal
        } else {
            Self::Lines
        };
        if mode == Self::Window || arguments.pictures.screenshot.is_empty() {
            Ok(mode)
        } else if cfg!(feature = "windowed") {
            Err("--screenshot needs a display, and there is none".to_owned())
        } else {
            Err("--screenshot needs a window: build with --features windowed".to_owned())
        }
    }

    /// Whether nobody is at the keys, so that the scene plays by itself.
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

/// Whether keys can be read from there and the cursor moved.
fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && knows_escape_codes()
}

/// Whether what is printed goes to a terminal that knows more than characters.
pub(crate) fn knows_escape_codes() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// Runs a scene with the arguments of the command line; says on the terminal why it cannot start.
#[cfg(not(target_arch = "wasm32"))]
pub fn run_scene<A: Parser>(run: impl FnOnce(&A) -> Result<AppExit, String>) -> ExitCode {
    match run(&A::parse()) {
        Ok(AppExit::Success) => ExitCode::SUCCESS,
        Ok(AppExit::Error(code)) => ExitCode::from(code.get()),
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a scene with the arguments of its page's address: `?key=app-key&port=6001` is `--key=app-key --port=6001`. Says in the
/// page why it cannot start.
#[cfg(target_arch = "wasm32")]
pub fn run_scene<A: Parser>(run: impl FnOnce(&A) -> Result<AppExit, String>) -> ExitCode {
    let started = A::try_parse_from(crate::web::arguments())
        .map_err(|error| error.to_string())
        .and_then(|arguments| run(&arguments));
    match started {
        Ok(_) => ExitCode::SUCCESS,
        Err(sentence) => {
            crate::web::say(&sentence);
            ExitCode::FAILURE
        }
    }
}

/// An app with all that scenes share, shown this way under this title.
///
/// # Errors
/// The terminal cannot be drawn on.
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
        app.insert_resource(StaysAway);
    }
    match mode {
        #[cfg(feature = "windowed")]
        DisplayMode::Window => {
            window::add_to(&mut app, title, &arguments.pictures, log_plugin());
        }
        #[cfg(not(target_arch = "wasm32"))]
        DisplayMode::Terminal => {
            terminal::add_to(&mut app, title)?;
            // Waiting for a key makes the frames' pace.
            without_window(&mut app, Duration::ZERO);
        }
        _ => {
            without_window(&mut app, STEP);
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
        app.add_systems(Last, end_after(time));
    }
    Ok(app)
}

/// Bevy's plugins for an app without a window.
fn without_window(app: &mut App, step: Duration) {
    app.add_plugins((
        MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(step)),
        log_plugin(),
        #[cfg(not(target_arch = "wasm32"))]
        TerminalCtrlCHandlerPlugin,
    ));
}

/// Says what the scene is connected to, as its first line.
pub fn say(line: &str) {
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

fn end_after(whole: Duration) -> impl FnMut(Res<Time<Real>>, MessageWriter<AppExit>) {
    move |time, mut exit| {
        if time.elapsed() >= whole {
            exit.write(AppExit::Success);
        }
    }
}
