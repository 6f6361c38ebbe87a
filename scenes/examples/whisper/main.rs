//! An encrypted channel: the players see the messages, the server only sees the ciphertext.
//!
//! `cargo run --example whisper` starts its own server and players; `-- --help` shows how to use another server, and
//! `-- --headless` prints events as lines.

#[cfg(feature = "windowed")]
mod keys;
mod model;
mod network;
#[cfg(feature = "windowed")]
mod view;
mod wire;

use std::process::ExitCode;

use bevy::prelude::*;
use pusher_scenes::{
    arguments::SceneArguments,
    autopilot::autopilot,
    scene::{DisplayMode, ServerLabel, print_line, run_scene, scene_app},
    server::{Scene, SceneServer},
    whisper::{WHISPER_CHANNEL, WHISPERERS, start_whisper_players},
};

use model::Request;

const SCENE: Scene = Scene {
    name: "whisper",
    players: WHISPERERS,
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
    let mut app = scene_app("Whisper", arguments, mode)?;
    app.insert_resource(ServerLabel(server.label(WHISPER_CHANNEL)))
        .insert_resource(server.backend())
        .add_message::<Request>()
        .add_plugins((
            network::plugin(&server, &arguments.name),
            wire::plugin(&server),
        ));
    if mode == DisplayMode::Lines {
        app.add_plugins(wire::print_entries);
    }
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.add_plugins((view::plugin, keys::plugin));
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(autopilot([
            (
                3000,
                Request::Whisper("I have the key to the lighthouse.".to_owned()),
            ),
            (4000, Request::Forge),
        ]));
    }
    app.insert_resource(server.with_simulated_players(start_whisper_players)?);
    Ok(app.run())
}
