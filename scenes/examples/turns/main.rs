//! Noughts and crosses over a private channel, which goes on after a lost connection where it was.
//!
//! `cargo run --example turns` brings its own server and an opponent; `-- --help` tells how to use another server, and
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
    link::ToggleNetwork,
    scene::{DisplayMode, Place, run_scene, say, scene_app},
    server::{Scene, SceneServer},
    turns::{ROBOTS, TABLE_CHANNEL, turns_company},
};

use model::Wish;

const SCENE: Scene = Scene {
    name: "turns",
    players: ROBOTS,
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
    let mut app = scene_app("Turns", arguments, mode)?;
    app.insert_resource(Place(server.place(TABLE_CHANNEL)))
        .add_plugins((network::plugin(&server, &arguments.name), model::plugin));
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.add_plugins((view::plugin, board::plugin, keys::plugin));
    }
    if mode.is_unattended(arguments) {
        // In the middle of the game the network fails for a while.
        app.add_plugins(autopilot([
            (2500, Wish::PlayWell),
            (2000, Wish::PlayWell),
            (3500, Wish::PlayWell),
            (2000, Wish::PlayWell),
            (2000, Wish::PlayWell),
        ]));
        if server.own().is_some() {
            app.add_plugins(autopilot([(4800, ToggleNetwork), (1700, ToggleNetwork)]));
        }
    }
    app.insert_resource(server.with_company(turns_company)?);
    Ok(app.run())
}
