//! A board that everybody draws on: each cursor is told of a few times a second, and seen to move smoothly.
//!
//! `cargo run --example cursors` brings its own server and players; `-- --help` tells how to use another server, and
//! `-- --headless` prints what happens as lines.

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
    cursors::{BOARD_CHANNEL, CURSOR_PLAYERS, cursor_company},
    scene::{DisplayMode, Place, run_scene, say, scene_app},
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
    say(&server.first_words());
    let mut app = scene_app("Cursors", arguments, mode)?;
    app.insert_resource(Place(server.place(BOARD_CHANNEL)))
        .add_plugins((model::plugin, network::plugin(&server, &arguments.name)));
    if mode == DisplayMode::Lines {
        app.add_plugins(model::tell_traffic);
    }
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.add_plugins((view::plugin, board::plugin, pointers::plugin, keys::plugin));
        if !mode.is_unattended(arguments) {
            app.add_plugins(mouse::by_hand);
        }
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(mouse::by_itself);
    }
    app.insert_resource(server.with_company(cursor_company)?);
    Ok(app.run())
}
