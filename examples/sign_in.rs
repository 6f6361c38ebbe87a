//! Sign-in: events for a single user, and the online status of friends.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use bevy::prelude::*;
use bevy_pusher::{auth::AuthEndpoint, config::Endpoint, prelude::*};
use pusher_dev_server::DevServer;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = DevServer::start(default())?;
    let auth = AuthEndpoint::new(server.user_auth_endpoint())
        .with_param("user_id", "ann")
        .with_param("watchlist", "ann,ben"); // a real backend knows both
    let endpoint = Endpoint::custom("localhost", server.port());
    let config = PusherConfig::new(server.app_key(), endpoint).with_user_auth_endpoint(auth);
    App::new()
        .add_plugins((MinimalPlugins, PusherPlugin::new(config)))
        .add_pusher_user_event::<Value>("invitation")
        .add_systems(Startup, |connection: Res<PusherConnection>| {
            connection.sign_in()
        })
        .add_observer(move |changed: On<PusherSignInChanged>| {
            println!("{:?}", changed.state());
            let data = json!({"from": "ben"});
            server.publish_to_user("ann", "invitation", &data).ok();
        })
        .add_observer(|change: On<PusherWatchlistChanged>| {
            let ids: Vec<_> = change.user_ids().collect();
            println!("{}: {ids:?}", change.change());
        })
        .add_observer(
            |event: On<PusherUserEvent<Value>>, mut exit: MessageWriter<AppExit>| {
                println!("{}: {}", event.name(), event.data());
                exit.write(AppExit::Success);
            },
        )
        .run();
    Ok(())
}
