//! Two tabs and a native game in one presence channel.

use bevy_app::App;
use bevy_pusher::{
    auth::AuthEndpoint,
    config::{Endpoint, PusherConfig},
    prelude::*,
};
use pusher_test_support::{SigningAuth, Sockudo, update_until};
use pusher_web_tests::{Authorize, Setup};
use serde_json::json;

use crate::{
    dev_server,
    page::{Place, SOON, setup_for, setup_for_sockudo},
};

const ROOM: &str = "presence-room";

/// A native game, as the client of the same server.
fn native_game(setup: &Setup) -> App {
    let mut config = PusherConfig::new(&setup.key, Endpoint::custom(&setup.host, setup.port));
    if let Authorize::ByUrl(url) = &setup.authorize {
        let mut endpoint = AuthEndpoint::new(&url.url);
        for (name, value) in &url.params {
            endpoint = endpoint.with_param(name, value);
        }
        config = config.with_auth_endpoint(endpoint);
    }
    let mut app = App::new();
    app.add_plugins(PusherPlugin::new(config));
    app.world_mut().spawn(PusherChannel::new(ROOM));
    app
}

fn sees(game: &mut App, expected: &[&str]) {
    update_until(game, &format!("seeing {expected:?}"), SOON, |world| {
        let mut members = world.query::<&PusherMembers>();
        let Ok(members) = members.single(world) else {
            return false;
        };
        let mut ids: Vec<&str> = members.iter().map(|member| member.id()).collect();
        ids.sort_unstable();
        ids == expected
    });
}

fn meet(as_user: impl Fn(&str) -> Setup) {
    let place = Place::new();
    let ann = place.play(&as_user("ann"));
    let ben = place.play(&as_user("ben"));
    let mut cat = native_game(&as_user("cat"));
    ann.show();
    ann.join(ROOM);
    ben.show();
    ben.join(ROOM);
    let all = ["ann", "ben", "cat"];
    sees(&mut cat, &all);
    ben.sees(ROOM, &all);

    // Sockudo does not say from whom.
    let wave = format!(r#"{ROOM} client-wave {{"hand":"left"}}"#);
    let connection = cat.world().resource::<PusherConnection>();
    connection
        .send(ROOM, "client-wave", &json!({"hand": "left"}))
        .unwrap();
    ben.has_been_told_of(&wave);
    // Hidden all the while, and behind by nothing.
    ann.show();
    ann.sees(ROOM, &all);
    ann.has_been_told_of(&wave);

    ben.close();
    sees(&mut cat, &["ann", "cat"]);
    ann.sees(ROOM, &["ann", "cat"]);
    drop(cat);
    ann.sees(ROOM, &["ann"]);
}

#[test]
fn two_tabs_and_a_native_game_meet() {
    let server = dev_server();
    meet(|user| setup_for(&server, user));
}

#[test]
fn two_tabs_and_a_native_game_meet_at_sockudo() {
    let server = Sockudo::start();
    let auth = SigningAuth::start(&server.credentials());
    meet(|user| setup_for_sockudo(&server, &auth, user));
}
