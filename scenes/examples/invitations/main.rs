//! Friends who are online, and invitations between them. An accepted invitation opens a private room.
//!
//! `cargo run --example invitations` starts its own server and friends; `-- --help` shows how to use another server, and
//! `-- --headless` prints events as lines.

#[cfg(feature = "windowed")]
mod cards;
#[cfg(feature = "windowed")]
mod keys;
mod model;
mod network;
#[cfg(feature = "windowed")]
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
use clap::Parser;
use pusher_scenes::{
    arguments::SceneArguments,
    autopilot::autopilot,
    invitations::{FRIENDS, start_friends},
    scene::{DisplayMode, ServerLabel, print_line, run_scene, scene_app},
    server::{Scene, SceneServer},
};

use model::Request;

const SCENE: Scene = Scene {
    name: "invitations",
    players: FRIENDS.len(),
    has_backend: true,
    has_terminal_view: false,
};

#[derive(Parser)]
#[command(about = None, long_about = None)]
struct Arguments {
    #[command(flatten)]
    scene: SceneArguments,

    /// Your friends, in addition to the simulated ones, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    friends: Vec<String>,
}

fn main() -> ExitCode {
    run_scene(run)
}

fn run(arguments: &Arguments) -> Result<AppExit, String> {
    let Arguments { scene, friends } = arguments;
    let mode = DisplayMode::of(&SCENE, scene)?;
    let server = SceneServer::start(SCENE, scene)?;
    print_line(&server.startup_message());
    let mut app = scene_app("Invitations", scene, mode)?;
    app.insert_resource(ServerLabel(
        server.label(&format!("{} and friends", scene.name)),
    ))
    .insert_resource(server.backend())
    .add_plugins((
        model::plugin,
        network::plugin(&server, &scene.name, friends),
    ));
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        app.add_plugins((view::plugin, cards::plugin, keys::plugin));
    }
    if mode.is_unattended(scene) {
        app.add_plugins(unattended_plugin(server.own().is_some()));
    }
    let guest = scene.name.clone();
    let start_players = |own| start_friends(own, guest);
    app.insert_resource(server.with_simulated_players(start_players)?);
    Ok(app.run())
}

/// Plays the scene when nobody controls it: accepts invitations on its own server, and invites somebody on another one.
fn unattended_plugin(is_own_server: bool) -> impl Fn(&mut App) {
    autopilot(if is_own_server {
        vec![
            (4500, Request::Accept),
            (
                2500,
                Request::Say("Hello Mira! Which car do you take?".to_owned()),
            ),
            (2500, Request::Say("Then I take the blue one.".to_owned())),
            (3500, Request::Accept),
            (3000, Request::Say("On to the next one.".to_owned())),
        ]
    } else {
        vec![(2500, Request::Invite)]
    })
}
