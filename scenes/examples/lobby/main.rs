//! A game's lobby: the players, their chat, a ready check, and news from the server.
//!
//! `cargo run --example lobby` starts its own server and players, and shows the lobby in the terminal; with
//! `--features windowed`, in a window. `-- --help` shows how to use another server, and `-- --headless` prints events as lines.

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
    lobby::{LOBBY_CHANNEL, LOBBY_PLAYERS, start_lobby_players},
    scene::{DisplayMode, ServerLabel, print_line, run_scene, scene_app},
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
    print_line(&server.startup_message());
    let mut app = scene_app("Lobby", arguments, mode)?;
    app.insert_resource(ServerLabel(server.label(LOBBY_CHANNEL)))
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
    app.insert_resource(server.with_simulated_players(start_lobby_players)?);
    Ok(app.run())
}
