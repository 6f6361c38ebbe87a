//! An app that uses almost no CPU: it sleeps until there is input or a network event, and counts its frames.
//!
//! `cargo run --example reactive` starts its own server and news; `-- --help` shows how to use another server, and
//! `-- --headless` does the same without a window.

#[cfg(feature = "windowed")]
mod keys;
mod model;
mod network;
mod sleeping_runner;
#[cfg(feature = "windowed")]
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
#[cfg(feature = "windowed")]
use bevy::winit::WinitSettings;
use pusher_scenes::{
    arguments::SceneArguments,
    autopilot::autopilot,
    reactive::{DESKS, NEWS_CHANNEL, start_news_desk},
    scene::{DisplayMode, ServerLabel, print_line, run_scene, scene_app},
    server::{Scene, SceneServer},
};

#[cfg(feature = "windowed")]
use pusher_scenes::window::redraw::IdleSettings;

use model::Publish;

const SCENE: Scene = Scene {
    name: "reactive",
    players: DESKS,
    has_backend: true,
    has_terminal_view: false,
};

fn main() -> ExitCode {
    run_scene(run)
}

fn run(arguments: &SceneArguments) -> Result<AppExit, String> {
    let mode = DisplayMode::of(&SCENE, arguments)?;
    let server = SceneServer::start(SCENE, arguments)?;
    print_line(&server.startup_message());
    let mut app = scene_app("Reactive", arguments, mode)?;
    app.insert_resource(ServerLabel(server.label(NEWS_CHANNEL)))
        .insert_resource(server.backend())
        .add_plugins((model::plugin, network::plugin(&server, &arguments.name)));
    if mode == DisplayMode::Lines {
        app.add_plugins(sleeping_runner::plugin(arguments.run_for));
    }
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        // These settings let Bevy sleep. The plugin's feature `winit` wakes it when an event has arrived.
        app.insert_resource(IdleSettings(WinitSettings::desktop_app()))
            .add_plugins((view::plugin, keys::plugin));
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(autopilot([(3000, Publish)]));
    }
    app.insert_resource(server.with_simulated_players(start_news_desk)?);
    Ok(app.run())
}
