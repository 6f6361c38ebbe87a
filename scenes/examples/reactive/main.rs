//! An app that costs next to nothing: it sleeps until somebody touches it or the network wakes it, and counts its frames.
//!
//! `cargo run --example reactive` brings its own server and news; `-- --help` tells how to use another server, and
//! `-- --headless` does the same without a window.

#[cfg(feature = "windowed")]
mod keys;
mod model;
mod network;
mod sleeper;
#[cfg(feature = "windowed")]
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
#[cfg(feature = "windowed")]
use bevy::winit::WinitSettings;
use pusher_scenes::{
    arguments::SceneArguments,
    autopilot::autopilot,
    reactive::{DESKS, NEWS_CHANNEL, news_company},
    scene::{DisplayMode, Place, run_scene, say, scene_app},
    server::{Scene, SceneServer},
};

#[cfg(feature = "windowed")]
use pusher_scenes::window::pace::Idle;

use model::Publish;

const SCENE: Scene = Scene {
    name: "reactive",
    players: DESKS,
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
    let mut app = scene_app("Reactive", arguments, mode)?;
    app.insert_resource(Place(server.place(NEWS_CHANNEL)))
        .insert_resource(server.backend())
        .add_plugins((model::plugin, network::plugin(&server, &arguments.name)));
    if mode == DisplayMode::Lines {
        app.add_plugins(sleeper::plugin(arguments.run_for));
    }
    #[cfg(feature = "windowed")]
    if mode == DisplayMode::Window {
        // The whole secret: Bevy sleeps, and the plugin's feature `winit` wakes it when something has come.
        app.insert_resource(Idle(WinitSettings::desktop_app()))
            .add_plugins((view::plugin, keys::plugin));
    }
    if mode.is_unattended(arguments) {
        app.add_plugins(autopilot([(3000, Publish)]));
    }
    app.insert_resource(server.with_company(news_company)?);
    Ok(app.run())
}
