//! A leaderboard on a cache channel: whoever joins late sees its state at once, and then each push of the server.
//!
//! `cargo run --example leaderboard` brings its own server and a race; `-- --help` tells how to use another server, and
//! `-- --headless` prints what happens as lines.

#[cfg(feature = "windowed")]
mod keys;
mod model;
mod network;
#[cfg(feature = "windowed")]
mod rows;
#[cfg(feature = "windowed")]
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
use pusher_scenes::{
    arguments::SceneArguments,
    autopilot::autopilot,
    leaderboard::{LEADERBOARD_CHANNEL, RACERS, leaderboard_company},
    scene::{DisplayMode, Place, run_scene, say, scene_app},
    server::{Scene, SceneServer},
};

use model::Wish;
#[cfg(feature = "windowed")]
use rows::You;

const SCENE: Scene = Scene {
    name: "leaderboard",
    players: RACERS,
    has_backend: true,
    has_terminal_view: false,
};

fn main() -> ExitCode {
    run_scene(run)
}

fn run(arguments: &SceneArguments) -> Result<AppExit, String> {
    let mode = DisplayMode::of(&SCENE, arguments)?;
    let server = SceneServer::start(SCENE, arguments)?;
    say(&server.first_words());
    let mut app = scene_app("Leaderboard", arguments, mode)?;
    app.insert_resource(Place(server.place(LEADERBOARD_CHANNEL)))
        .insert_resource(server.backend())
        .add_plugins((model::plugin, network::plugin(&server, &arguments.name)));
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.insert_resource(You(arguments.name.clone()))
            .add_plugins((view::plugin, rows::plugin, keys::plugin));
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(autopilot([
            (1500, Wish::Score),
            (700, Wish::Score),
            (1500, Wish::ComeLate),
            (4500, Wish::Score),
        ]));
    }
    app.insert_resource(server.with_company(leaderboard_company)?);
    Ok(app.run())
}
