//! The smallest client: one channel, one event, no window. It connects to a development server in the same process.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use bevy::prelude::*;
use bevy_pusher::{config::Endpoint, prelude::*};
use pusher_dev_server::DevServer;

#[derive(serde::Deserialize)]
struct Chat {
    from: String,
    text: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = DevServer::start(default())?;
    let config = PusherConfig::new(
        server.app_key(),
        Endpoint::custom("localhost", server.port()),
    );
    App::new()
        .add_plugins(MinimalPlugins)
        .add_plugins(PusherPlugin::new(config))
        .add_pusher_event::<Chat>("chat")
        .add_systems(Startup, |mut commands: Commands| {
            commands.spawn(PusherChannel::new("lobby"));
        })
        .add_observer(move |_: On<Add<PusherSubscribed>>| {
            let hello = serde_json::json!({"from": "the server", "text": "hello, Bevy"});
            server.publish("lobby", "chat", &hello).ok();
        })
        .add_observer(
            |chat: On<PusherEvent<Chat>>, mut exit: MessageWriter<AppExit>| {
                println!("{}: {}", chat.data().from, chat.data().text);
                exit.write(AppExit::Success);
            },
        )
        .run();
    Ok(())
}
