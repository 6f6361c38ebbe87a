//! An encrypted channel: what the players see of a whisper, and beside it what the server sees.
//!
//! `cargo run --example whisper` brings its own server and players; `-- --help` tells how to use another server, and
//! `-- --headless` prints what happens as lines.

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
    scene::{DisplayMode, Place, run_scene, say, scene_app},
    server::{Scene, SceneServer},
    whisper::{WHISPER_CHANNEL, WHISPERERS, whisper_company},
};

use model::Wish;

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
    say(&server.first_words());
    let mut app = scene_app("Whisper", arguments, mode)?;
    app.insert_resource(Place(server.place(WHISPER_CHANNEL)))
        .insert_resource(server.backend())
        .add_message::<Wish>()
        .add_plugins((
            network::plugin(&server, &arguments.name),
            wire::plugin(&server),
        ));
    if mode == DisplayMode::Lines {
        app.add_plugins(wire::lines);
    }
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.add_plugins((view::plugin, keys::plugin));
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(autopilot([
            (
                3000,
                Wish::Whisper("I have the key to the lighthouse.".to_owned()),
            ),
            (4000, Wish::Forge),
        ]));
    }
    app.insert_resource(server.with_company(whisper_company)?);
    Ok(app.run())
}
