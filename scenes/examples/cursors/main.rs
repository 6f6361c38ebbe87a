//! A board that everybody draws on: each cursor is told of a few times a second, and seen to move smoothly.
//!
//! `cargo run --example cursors` brings its own server and players; `-- --help` tells how to use another server, and
//! `-- --headless` prints what happens as lines.

mod board;
mod keys;
mod model;
mod mouse;
mod network;
mod pointers;
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
use pusher_scenes::{
    arguments::SceneArguments,
    cursors::{BOARD_CHANNEL, CURSOR_PLAYERS, cursor_company},
    frame::Place,
    scene::{is_headless, run_scene, say, scene_app},
    server::{Scene, SceneServer},
};

const SCENE: Scene = Scene {
    name: "cursors",
    players: CURSOR_PLAYERS,
    has_backend: false,
};

fn main() -> ExitCode {
    run_scene(run)
}

fn run(arguments: &SceneArguments) -> Result<AppExit, String> {
    let server = SceneServer::start(SCENE, arguments)?;
    say(&server.first_words());
    let mut app = scene_app("Cursors", arguments)?;
    app.insert_resource(Place(server.place(BOARD_CHANNEL)))
        .add_plugins((model::plugin, network::plugin(&server, &arguments.name)));
    if is_headless(arguments) {
        app.add_plugins(model::tell_traffic);
    } else {
        app.add_plugins((view::plugin, board::plugin, pointers::plugin, keys::plugin));
    }
    if arguments.is_unattended() {
        app.add_plugins(mouse::by_itself);
    } else {
        app.add_plugins(mouse::by_hand);
    }
    app.insert_resource(server.with_company(cursor_company)?);
    Ok(app.run())
}
