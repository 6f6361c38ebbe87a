//! The members of a presence channel, and who joins.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use bevy::prelude::*;
use bevy_pusher::{auth::AuthEndpoint, config::Endpoint, prelude::*};
use pusher_dev_server::DevServer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = DevServer::start(default())?;
    let (mut ann, mut ben) = (player(&server, "ann"), player(&server, "ben"));
    ann.add_systems(Update, show).add_observer(
        |_: On<PusherMemberJoined>, mut exit: MessageWriter<AppExit>| {
            exit.write(AppExit::Success);
        },
    );
    while ann.should_exit().is_none() {
        ann.update();
        if !server.members("presence-lobby").is_empty() {
            ben.update(); // Ben joins after Ann
        }
    }
    Ok(())
}

fn show(lobby: Single<&PusherMembers, Changed<PusherMembers>>) {
    let names: Vec<_> = lobby.iter().map(|member| member.id()).collect();
    println!("I am {:?} of {names:?}", lobby.me().map(|me| me.id()));
}

fn player(server: &DevServer, name: &str) -> App {
    // A real backend takes the user from a login session; the development server accepts any.
    let auth = AuthEndpoint::new(server.auth_endpoint()).with_param("user_id", name);
    let endpoint = Endpoint::custom("localhost", server.port());
    let config = PusherConfig::new(server.app_key(), endpoint).with_auth_endpoint(auth);
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(config)));
    app.world_mut().spawn(PusherChannel::new("presence-lobby"));
    app
}
