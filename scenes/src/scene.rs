//! The app that every scene is built on: a window, or lines.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a scene says in its first line what it is connected to, or why it cannot start"
)]

#[cfg(not(target_arch = "wasm32"))]
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use bevy::app::ScheduleRunnerPlugin;
#[cfg(not(target_arch = "wasm32"))]
use bevy::app::TerminalCtrlCHandlerPlugin;
use bevy::asset::AssetMetaCheck;
#[cfg(not(target_arch = "wasm32"))]
use bevy::log::{BoxedFmtLayer, tracing_subscriber};
use bevy::log::{Level, LogPlugin};
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::window::WindowResizeConstraints;
use clap::Parser;

use crate::{
    arguments::{SceneArguments, WindowSize},
    backend::BackendPlugin,
    badge::BadgePlugin,
    chat::ChatPlugin,
    connection_view::ConnectionView,
    curtain::CurtainPlugin,
    draw::DrawPlugin,
    entry::ChatEntry,
    fitted::FittedPlugin,
    headless::HeadlessPlugin,
    icons::IconsPlugin,
    input_line::InputLinePlugin,
    key_hints::KeyHintsPlugin,
    keys::KeysPlugin,
    link::{StaysAway, ToggleNetwork},
    motion::MotionPlugin,
    pace::PacePlugin,
    panel::PanelPlugin,
    picture::PicturePlugin,
    player::RosterIsKnown,
    roster::RosterPlugin,
    scrolling::ScrollingPlugin,
    theme::BACKGROUND,
    toast::{Toast, ToastPlugin},
};

/// How often a scene without a window looks for news.
const HEADLESS_STEP: Duration = Duration::from_millis(20);

/// Where the assets lie, whatever the working directory is.
#[cfg(not(target_arch = "wasm32"))]
const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets");

/// Where a page finds them, beside itself.
#[cfg(target_arch = "wasm32")]
const ASSETS: &str = "assets";

/// Runs a scene with the arguments of the command line; says on the terminal why it cannot start.
#[cfg(not(target_arch = "wasm32"))]
pub fn run_scene<A: Parser>(run: impl FnOnce(&A) -> Result<AppExit, String>) -> ExitCode {
    match run(&A::parse()) {
        Ok(AppExit::Success) => ExitCode::SUCCESS,
        Ok(AppExit::Error(_)) => ExitCode::FAILURE,
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

/// Whether the scene runs without a window: because one said so, or because there is no display.
#[must_use]
pub fn is_headless(arguments: &SceneArguments) -> bool {
    let has_no_display = cfg!(all(unix, not(target_os = "macos")))
        && ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .all(|name| std::env::var_os(name).is_none_or(|value| value.is_empty()));
    arguments.headless || arguments.serve.is_some() || has_no_display
}

/// An app with all that scenes share, in a window of this title or as lines.
///
/// # Errors
/// A picture was asked for where there is no display.
pub fn scene_app(title: &str, arguments: &SceneArguments) -> Result<App, String> {
    let mut app = App::new();
    app.init_resource::<ConnectionView>()
        .init_resource::<RosterIsKnown>()
        .add_message::<ChatEntry>()
        .add_message::<Toast>()
        .add_message::<ToggleNetwork>();
    if arguments.serve.is_some() {
        app.insert_resource(StaysAway);
    }
    if is_headless(arguments) {
        if !arguments.pictures.screenshot.is_empty() {
            return Err("--screenshot needs a display, and there is none".to_owned());
        }
        app.add_plugins((
            MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(HEADLESS_STEP)),
            log_plugin(),
            #[cfg(not(target_arch = "wasm32"))]
            TerminalCtrlCHandlerPlugin,
            HeadlessPlugin,
        ));
    } else {
        app.add_plugins(
            DefaultPlugins
                .set(log_plugin())
                .set(window_plugin(title, arguments.pictures.size))
                .set(RenderPlugin {
                    // Or the first pictures are black.
                    synchronous_pipeline_compilation: !arguments.pictures.screenshot.is_empty(),
                    ..default()
                })
                .set(AssetPlugin {
                    file_path: ASSETS.to_owned(),
                    // There are none, and a page would ask its server for each.
                    meta_check: AssetMetaCheck::Never,
                    ..default()
                }),
        )
        .insert_resource(ClearColor(BACKGROUND))
        .add_plugins(DrawPlugin)
        .add_plugins((
            PacePlugin,
            IconsPlugin,
            MotionPlugin,
            FittedPlugin,
            ScrollingPlugin,
            PanelPlugin,
            BadgePlugin,
            ToastPlugin,
            CurtainPlugin,
            RosterPlugin,
            ChatPlugin,
            InputLinePlugin,
            KeyHintsPlugin,
            KeysPlugin,
        ))
        .add_plugins(PicturePlugin(arguments.pictures.clone()));
    }
    app.add_plugins(BackendPlugin {
        serves: arguments.serve.is_some(),
    });
    if let Some(time) = arguments.run_for {
        app.add_systems(Last, end_after(time));
    }
    Ok(app)
}

/// Says what the scene is connected to, as its first line.
pub fn say(line: &str) {
    println!("{line}");
}

fn window_plugin(title: &str, size: WindowSize) -> WindowPlugin {
    WindowPlugin {
        primary_window: Some(Window {
            title: title.to_owned(),
            resolution: (size.width, size.height).into(),
            // In a page.
            fit_canvas_to_parent: true,
            resize_constraints: WindowResizeConstraints {
                min_width: 800.0,
                min_height: 500.0,
                ..default()
            },
            ..default()
        }),
        ..default()
    }
}

fn log_plugin() -> LogPlugin {
    LogPlugin {
        level: Level::WARN,
        #[cfg(not(target_arch = "wasm32"))]
        fmt_layer: log_without_escape_codes_in_files,
        ..default()
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn log_without_escape_codes_in_files(_: &mut App) -> Option<BoxedFmtLayer> {
    Some(Box::new(
        tracing_subscriber::fmt::Layer::default()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal()),
    ))
}

fn end_after(whole: Duration) -> impl FnMut(Res<Time<Real>>, MessageWriter<AppExit>) {
    move |time, mut exit| {
        if time.elapsed() >= whole {
            exit.write(AppExit::Success);
        }
    }
}
