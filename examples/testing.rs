//! A game that tests itself: the server is in the same process, and no time passes. Needs the feature `testing`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{prelude::*, testing::TestServer};

#[derive(Resource, Default)]
struct Score(u32);

/// The game, which knows nothing of its test.
fn game(app: &mut App) {
    app.init_resource::<Score>()
        .add_pusher_event::<u32>("goals");
    app.world_mut().spawn(PusherChannel::new("private-match"));
    app.add_observer(|goals: On<PusherEvent<u32>>, mut score: ResMut<Score>| {
        score.0 += *goals.data()
    });
}

/// Such as stands under `#[test]` in a game.
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
    println!("the game counts goals, and goes on after ten minutes without a network");
}
