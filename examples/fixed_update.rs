//! Events in `FixedUpdate`: each event is read exactly once, whatever the ratio of frames and fixed steps.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use bevy::prelude::*;
use bevy_pusher::{config::Endpoint, prelude::*};

#[derive(serde::Deserialize)]
struct Push(f32);

#[derive(Resource, Default)]
struct Speed(f32);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = pusher_dev_server::DevServer::start(default())?;
    let endpoint = Endpoint::custom("localhost", server.port());
    let config = PusherConfig::new(server.app_key(), endpoint);
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(config)))
        .add_pusher_event::<Push>("push")
        .init_resource::<Speed>()
        .add_systems(FixedUpdate, (push, roll).chain());
    app.world_mut().spawn(PusherChannel::new("field"));
    app.add_observer(move |_: On<Add<PusherSubscribed>>| {
        server.publish("field", "push", &3.0).ok();
    });
    app.run();
    Ok(())
}

fn push(mut pushes: MessageReader<PusherEvent<Push>>, mut speed: ResMut<Speed>) {
    speed.0 += pushes.read().map(|push| push.data().0).sum::<f32>();
}

fn roll(time: Res<Time>, speed: Res<Speed>, mut at: Local<f32>, mut commands: Commands) {
    *at += speed.0 * time.delta_secs();
    if *at > 1.0 {
        println!("the ball is over the line, at a speed of {}", speed.0);
        commands.write_message(AppExit::Success);
    }
}
