//! A test of a game: the server is in the same process, and the test controls the clock. Needs the feature `testing`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{prelude::*, testing::TestServer};

#[derive(Resource, Default)]
struct Score(u32);

/// The game, without any code for the test.
fn game(app: &mut App) {
    app.init_resource::<Score>()
        .add_pusher_event::<u32>("goals");
    app.world_mut().spawn(PusherChannel::new("private-match"));
    app.add_observer(|goals: On<PusherEvent<u32>>, mut score: ResMut<Score>| {
        score.0 += *goals.data()
    });
}

/// In a real game this is a function with `#[test]`.
fn main() {
    let server = TestServer::new();
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(server.config()), game));
    server.update_until(&mut app, |_| server.subscriber_count("private-match") == 1);
    server.publish("private-match", "goals", &2);
    app.update();
    assert_eq!(app.world().resource::<Score>().0, 2);

    server.go_offline();
    server.advance(Duration::from_secs(600));
    server.go_online();
    server.update_until(&mut app, |_| server.subscriber_count("private-match") == 1);
    server.publish("private-match", "goals", &1);
    app.update();
    assert_eq!(app.world().resource::<Score>().0, 3);
    println!("the game counts goals, and continues after ten minutes without a network");
}
