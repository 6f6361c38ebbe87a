//! Client events: sent from one client to the others on a channel, and rejected by the rate limit.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use bevy::prelude::*;
use bevy_pusher::{SendOutcome, auth::AuthEndpoint, config::Endpoint, prelude::*};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = pusher_dev_server::DevServer::start(default())?;
    let endpoint = Endpoint::custom("localhost", server.port());
    let config = PusherConfig::new(server.app_key(), endpoint)
        .with_auth_endpoint(AuthEndpoint::new(server.auth_endpoint()))
        .with_sent_answers(true); // by default, only rejected events are reported
    App::new()
        .add_plugins((MinimalPlugins, PusherPlugin::new(config)))
        .add_systems(Startup, |mut commands: Commands| {
            commands.spawn(PusherChannel::new("private-table"));
        })
        .add_observer(wave)
        .add_systems(Update, show)
        .run();
    Ok(())
}

fn wave(_: On<Add<PusherSubscribed>>, connection: Res<PusherConnection>) -> Result {
    for hand in 0..11 {
        // One more than the ten events per second that the hosted service allows.
        connection.send("private-table", "client-wave", &hand)?;
    }
    Ok(())
}

fn show(mut answers: MessageReader<PusherSendAnswered>, mut exit: MessageWriter<AppExit>) {
    for answer in answers.read() {
        println!("{:?}", answer.outcome());
        if matches!(answer.outcome(), SendOutcome::Rejected(_)) {
            exit.write(AppExit::Success);
        }
    }
}
