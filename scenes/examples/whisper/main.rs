//! An encrypted channel: what the players see of a whisper, and beside it what the server sees.
//!
//! `cargo run --example whisper` brings its own server and players; `-- --help` tells how to use another server, and
//! `-- --headless` prints what happens as lines.

mod keys;
mod model;
mod network;
mod view;
mod wire;

use std::process::ExitCode;

use bevy::prelude::*;
use pusher_scenes::{
    arguments::SceneArguments,
    autopilot::autopilot,
    frame::Place,
    scene::{is_headless, run_scene, say, scene_app},
    server::{Scene, SceneServer},
    whisper::{WHISPER_CHANNEL, WHISPERERS, whisper_company},
};

use model::Wish;

const SCENE: Scene = Scene {
    name: "whisper",
    players: WHISPERERS,
    has_backend: true,
};

fn main() -> ExitCode {
    run_scene(run)
}

fn run(arguments: &SceneArguments) -> Result<AppExit, String> {
    let server = SceneServer::start(SCENE, arguments)?;
    say(&server.first_words());
    let mut app = scene_app("Whisper", arguments)?;
    app.insert_resource(Place(server.place(WHISPER_CHANNEL)))
        .insert_resource(server.backend())
        .add_message::<Wish>()
        .add_plugins((
            network::plugin(&server, &arguments.name),
            wire::plugin(&server),
        ));
    if is_headless(arguments) {
        app.add_plugins(wire::lines);
    } else {
        app.add_plugins((view::plugin, keys::plugin));
    }
    if arguments.is_unattended() {
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
