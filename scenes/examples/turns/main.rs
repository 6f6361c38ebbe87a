//! Noughts and crosses over a private channel. After a lost connection the game continues where it was.
//!
//! `cargo run --example turns` starts its own server and an opponent; `-- --help` shows how to use another server, and
//! `-- --headless` prints the game as lines.

#[cfg(feature = "windowed")]
mod board;
#[cfg(feature = "windowed")]
mod keys;
mod model;
mod network;
#[cfg(feature = "windowed")]
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
use pusher_scenes::{
    arguments::SceneArguments,
    autopilot::autopilot,
    connection::ToggleNetwork,
    scene::{DisplayMode, ServerLabel, print_line, run_scene, scene_app},
    server::{Scene, SceneServer},
    turns::{BOTS, TABLE_CHANNEL, start_bot},
};

use model::Request;

const SCENE: Scene = Scene {
    name: "turns",
    players: BOTS,
    has_backend: false,
    has_terminal_view: false,
};

fn main() -> ExitCode {
    run_scene(run)
}

fn run(arguments: &SceneArguments) -> Result<AppExit, String> {
    let mode = DisplayMode::of(&SCENE, arguments)?;
    let server = SceneServer::start(SCENE, arguments)?;
    print_line(&server.startup_message());
    let mut app = scene_app("Turns", arguments, mode)?;
    app.insert_resource(ServerLabel(server.label(TABLE_CHANNEL)))
        .add_plugins((network::plugin(&server, &arguments.name), model::plugin));
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.add_plugins((view::plugin, board::plugin, keys::plugin));
    }
    if mode.is_unattended(arguments) {
        // Cuts the network for a while in the middle of the game.
        app.add_plugins(autopilot([
            (2500, Request::PlayWell),
            (2000, Request::PlayWell),
            (3500, Request::PlayWell),
            (2000, Request::PlayWell),
            (2000, Request::PlayWell),
        ]));
        if server.own().is_some() {
            app.add_plugins(autopilot([(4800, ToggleNetwork), (1700, ToggleNetwork)]));
        }
    }
    app.insert_resource(server.with_simulated_players(start_bot)?);
    Ok(app.run())
}
