//! A game's lobby: who is here, what they say, who is ready, and what the server has to tell.
//!
//! `cargo run --example lobby` brings its own server and players, and shows the lobby in the terminal; with
//! `--features windowed` in a window. `-- --help` tells how to use another server, and `-- --headless` prints the lobby as lines.

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
    lobby::{LOBBY_CHANNEL, LOBBY_PLAYERS, lobby_company},
    scene::{DisplayMode, Place, run_scene, say, scene_app},
    server::{Scene, SceneServer},
};

use model::LobbyRequest;

const SCENE: Scene = Scene {
    name: "lobby",
    players: LOBBY_PLAYERS,
    has_backend: false,
    has_terminal_view: true,
};

fn main() -> ExitCode {
    run_scene(run)
}

fn run(arguments: &SceneArguments) -> Result<AppExit, String> {
    let mode = DisplayMode::of(&SCENE, arguments)?;
    let server = SceneServer::start(SCENE, arguments)?;
    say(&server.first_words());
    let mut app = scene_app("Lobby", arguments, mode)?;
    app.insert_resource(Place(server.place(LOBBY_CHANNEL)))
        .add_message::<LobbyRequest>()
        .add_plugins(network::plugin(&server, &arguments.name));
    if mode != DisplayMode::Lines {
        app.add_plugins(keys::plugin);
    }
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.add_plugins(view::plugin);
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(autopilot([
            (
                2500,
                LobbyRequest::Say("Hello! One lap before the race?".to_owned()),
            ),
            (2000, LobbyRequest::ToggleReady),
        ]));
    }
    app.insert_resource(server.with_company(lobby_company)?);
    Ok(app.run())
}
