//! Two tabs and a native client on one presence channel.

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
    page::{Fixture, TIMEOUT, setup_for, setup_for_sockudo},
};

const ROOM: &str = "presence-room";

/// A native app, as a client of the same server.
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

fn wait_for_members(game: &mut App, expected: &[&str]) {
    update_until(game, &format!("seeing {expected:?}"), TIMEOUT, |world| {
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
    let fixture = Fixture::new();
    let ann = fixture.open_and_start(&as_user("ann"));
    let ben = fixture.open_and_start(&as_user("ben"));
    let mut cat = native_game(&as_user("cat"));
    ann.show();
    ann.join(ROOM);
    ben.show();
    ben.join(ROOM);
    let all = ["ann", "ben", "cat"];
    wait_for_members(&mut cat, &all);
    ben.wait_for_members(ROOM, &all);

    // Without the sender's user id, which Sockudo does not send.
    let wave = format!(r#"{ROOM} client-wave {{"hand":"left"}}"#);
    let connection = cat.world().resource::<PusherConnection>();
    connection
        .send(ROOM, "client-wave", &json!({"hand": "left"}))
        .unwrap();
    ben.wait_for_log_containing(&wave);
    // The page was hidden all the time, and has missed nothing.
    ann.show();
    ann.wait_for_members(ROOM, &all);
    ann.wait_for_log_containing(&wave);

    ben.close();
    wait_for_members(&mut cat, &["ann", "cat"]);
    ann.wait_for_members(ROOM, &["ann", "cat"]);
    drop(cat);
    ann.wait_for_members(ROOM, &["ann"]);
}

#[test]
fn two_tabs_and_a_native_game_share_a_channel() {
    let server = dev_server();
    meet(|user| setup_for(&server, user));
}

#[test]
fn two_tabs_and_a_native_game_share_a_channel_on_sockudo() {
    let server = Sockudo::start();
    let auth = SigningAuth::start(&server.credentials());
    meet(|user| setup_for_sockudo(&server, &auth, user));
}
