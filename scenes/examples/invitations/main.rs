//! Friends who are online, and invitations to them and from them; one that is accepted leads to a private room.
//!
//! `cargo run --example invitations` brings its own server and friends; `-- --help` tells how to use another server, and
//! `-- --headless` prints what happens as lines.

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
    invitations::{FRIENDS, invitation_company},
    scene::{DisplayMode, Place, run_scene, say, scene_app},
    server::{Scene, SceneServer},
};

use model::Wish;

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

    /// Friends of yours, besides the simulated ones, separated by commas
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
    say(&server.first_words());
    let mut app = scene_app("Invitations", scene, mode)?;
    app.insert_resource(Place(server.place(&format!("{} and friends", scene.name))))
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
        app.add_plugins(by_itself(server.own().is_some()));
    }
    let guest = scene.name.clone();
    let company = |own| invitation_company(own, guest);
    app.insert_resource(server.with_company(company)?);
    Ok(app.run())
}

/// What one does when nobody is at the keys: accepts on one's own server, and invites on another's.
fn by_itself(is_own_server: bool) -> impl Fn(&mut App) {
    autopilot(if is_own_server {
        vec![
            (4500, Wish::Accept),
            (
                2500,
                Wish::Say("Hello Mira! Which car do you take?".to_owned()),
            ),
            (2500, Wish::Say("Then I take the blue one.".to_owned())),
            (3500, Wish::Accept),
            (3000, Wish::Say("On to the next one.".to_owned())),
        ]
    } else {
        vec![(2500, Wish::Invite)]
    })
}
