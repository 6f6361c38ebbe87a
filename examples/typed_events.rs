//! Typed events, and the error if a payload does not match the type.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use bevy::prelude::*;
use bevy_pusher::{config::Endpoint, prelude::*};

#[derive(serde::Deserialize)]
struct Goal {
    team: String,
    minute: u8,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = pusher_dev_server::DevServer::start(default())?;
    let endpoint = Endpoint::custom("localhost", server.port());
    let config = PusherConfig::new(server.app_key(), endpoint);
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(config)))
        .add_pusher_event::<Goal>("goal")
        .add_observer(|goal: On<PusherEvent<Goal>>| {
            let Goal { team, minute } = goal.data();
            println!("minute {minute}: {team} score");
        })
        .add_systems(Update, print_failures);
    app.world_mut().spawn(PusherChannel::new("final"));
    app.add_observer(move |_: On<Add<PusherSubscribed>>| {
        let score = |data| server.publish_raw("final", "goal", data).ok();
        score(r#"{"team": "Reds", "minute": 7}"#);
        score(r#"{"team": "Blues"}"#);
    });
    app.run();
    Ok(())
}

fn print_failures(mut failures: MessageReader<PusherDecodeFailed>, mut commands: Commands) {
    for failure in failures.read() {
        println!("no goal: {} in {:?}", failure.reason(), failure.raw());
        commands.write_message(AppExit::Success);
    }
}
