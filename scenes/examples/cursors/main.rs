//! A board that all players draw on: each cursor is sent a few times per second and shown as a smooth motion.
//!
//! `cargo run --example cursors` starts its own server and players; `-- --help` shows how to use another server, and
//! `-- --headless` prints events as lines.

#[cfg(feature = "windowed")]
mod board;
#[cfg(feature = "windowed")]
mod keys;
mod model;
mod mouse;
mod network;
#[cfg(feature = "windowed")]
mod pointers;
#[cfg(feature = "windowed")]
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
use pusher_scenes::{
    arguments::SceneArguments,
    cursors::{BOARD_CHANNEL, CURSOR_PLAYERS, start_cursor_players},
    scene::{DisplayMode, ServerLabel, print_line, run_scene, scene_app},
    server::{Scene, SceneServer},
};

const SCENE: Scene = Scene {
    name: "cursors",
    players: CURSOR_PLAYERS,
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
    let mut app = scene_app("Cursors", arguments, mode)?;
    app.insert_resource(ServerLabel(server.label(BOARD_CHANNEL)))
        .add_plugins((model::plugin, network::plugin(&server, &arguments.name)));
    if mode == DisplayMode::Lines {
        app.add_plugins(model::print_traffic);
    }
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.add_plugins((view::plugin, board::plugin, pointers::plugin, keys::plugin));
        if !mode.is_unattended(arguments) {
            app.add_plugins(mouse::mouse_plugin);
        }
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(mouse::circle_plugin);
    }
    app.insert_resource(server.with_simulated_players(start_cursor_players)?);
    Ok(app.run())
}
