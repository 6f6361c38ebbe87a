//! The connection state as a Bevy state, and a system that runs only while connected. Needs the feature `states`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_pusher::{PusherState, PusherStatesPlugin, config::Endpoint, prelude::*};
use pusher_dev_server::DevServer;

#[derive(Resource)]
struct Server(DevServer);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = DevServer::start(default())?;
    let endpoint = Endpoint::custom("localhost", server.port());
    let config = PusherConfig::new(server.app_key(), endpoint);
    App::new()
        .add_plugins((MinimalPlugins, StatesPlugin, PusherPlugin::new(config)))
        .add_plugins(PusherStatesPlugin)
        .insert_resource(Server(server))
        .add_systems(OnEnter(PusherState::Connected), || println!("connected"))
        .add_systems(OnEnter(PusherState::Waiting), restore_network)
        .add_systems(Update, play.run_if(pusher_connected))
        .run();
    Ok(())
}

fn play(server: Res<Server>, mut frames: Local<u32>, mut exit: MessageWriter<AppExit>) {
    *frames += 1;
    if *frames == 100 {
        println!("100 frames while connected; now the network fails");
        server.0.set_accepting(false).ok();
    } else if *frames == 200 {
        exit.write(AppExit::Success);
    }
}

fn restore_network(server: Res<Server>, connection: Res<PusherConnection>) {
    println!("waiting: {:?}", connection.last_error());
    server.0.set_accepting(true).ok();
}
