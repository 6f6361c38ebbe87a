//! A leaderboard on a cache channel: a late subscriber receives the last event at once, and then each new one.
//!
//! `cargo run --example leaderboard` starts its own server and a race; `-- --help` shows how to use another server, and
//! `-- --headless` prints events as lines.

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
    leaderboard::{LEADERBOARD_CHANNEL, RACERS, start_race},
    scene::{DisplayMode, ServerLabel, print_line, run_scene, scene_app},
    server::{Scene, SceneServer},
};

use model::Request;
#[cfg(feature = "windowed")]
use rows::OwnName;

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
    print_line(&server.startup_message());
    let mut app = scene_app("Leaderboard", arguments, mode)?;
    app.insert_resource(ServerLabel(server.label(LEADERBOARD_CHANNEL)))
        .insert_resource(server.backend())
        .add_plugins((model::plugin, network::plugin(&server, &arguments.name)));
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.insert_resource(OwnName(arguments.name.clone()))
            .add_plugins((view::plugin, rows::plugin, keys::plugin));
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(autopilot([
            (1500, Request::Score),
            (700, Request::Score),
            (1500, Request::RejoinLate),
            (4500, Request::Score),
        ]));
    }
    app.insert_resource(server.with_simulated_players(start_race)?);
    Ok(app.run())
}
