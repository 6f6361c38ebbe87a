//! A game's lobby: who is here, what they say, who is ready, and what the server has to tell.
//!
//! `cargo run --example lobby` brings its own server and players; `-- --help` tells how to use another server, and
//! `-- --headless` prints the lobby as lines.
#![allow(
    clippy::print_stderr,
    reason = "a program says on the terminal why it cannot start"
)]

mod keys;
mod model;
mod network;
mod server;
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
use clap::Parser;
use pusher_scenes::{
    arguments::SceneArguments,
    scene::{is_headless, say, scene_app},
};

use model::{Lobby, LobbyRequest};
use server::Server;
use view::Place;

fn main() -> ExitCode {
    match run(&SceneArguments::parse()) {
        Ok(AppExit::Success) => ExitCode::SUCCESS,
        Ok(AppExit::Error(_)) => ExitCode::FAILURE,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &SceneArguments) -> Result<AppExit, String> {
    let server = Server::new(arguments)?;
    say(&server.first_words());
    let mut app = scene_app("Lobby", arguments)?;
    app.insert_resource(Place(server.place()))
        .init_resource::<Lobby>()
        .add_message::<LobbyRequest>()
        .add_plugins(network::plugin(server.config(&arguments.name)));
    if !is_headless(arguments) {
        app.add_plugins((view::plugin, keys::plugin));
    }
    // After the app has set up its task pools, so that it is not one of the simulated players that does.
    app.insert_resource(server.with_company()?);
    Ok(app.run())
}
