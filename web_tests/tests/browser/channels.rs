//! Channels of every kind, client events, the signed-in user.

use pusher_test_support::{SigningAuth, Sockudo};
use pusher_web_tests::{Request, Setup};
use serde_json::json;

use crate::{
    dev_server,
    page::{Page, Place, setup_for, setup_for_sockudo},
};

const CHANNELS: [&str; 3] = ["lobby", "private-room", "presence-room"];

#[test]
fn every_kind_of_channel_works() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&setup_for(&server, "ann"));
    for channel in CHANNELS.into_iter().chain(["private-encrypted-room"]) {
        page.join(channel);
        server
            .publish(channel, "greeting", &json!({"to": "Zoë"}))
            .unwrap();
        page.has_been_told(&format!(r#"{channel} greeting {{"to":"Zoë"}}"#));
    }
    page.sees("presence-room", &["ann"]);
    page.join("cache-room");
    page.has_been_told("cache-room cache miss");
    page.ask(&Request::Leave("lobby".into()));
    page.until("leaving", |_| server.subscriber_count("lobby") == 0);
}

fn works_with_sockudo(server: &Sockudo) {
    let auth = SigningAuth::start(&server.credentials());
    let place = Place::new();
    let page = place.play(&setup_for_sockudo(server, &auth, "ann"));
    for channel in CHANNELS {
        page.join(channel);
        server.publish(channel, "greeting", &json!({"to": channel}));
        page.has_been_told(&format!(r#"{channel} greeting {{"to":"{channel}"}}"#));
    }
    page.ask(&Request::SignIn);
    page.has_been_told_of("SignedIn { id: \"ann\"");
    server.publish_to_user("ann", "invitation", &json!({"from": "ben"}));
    page.has_been_told(r#"user invitation {"from":"ben"}"#);
}

#[test]
fn a_transport_of_the_games_own_carries_all_of_it() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&Setup {
        own_transport: true,
        ..setup_for(&server, "ann")
    });
    page.join("presence-room");
    server.publish("presence-room", "greeting", &1).unwrap();
    page.has_been_told("presence-room greeting 1");
    server.set_accepting(false).unwrap();
    page.until("the loss", |state| state.socket_id.is_none());
    server.set_accepting(true).unwrap();
    page.has_been_told("presence-room subscribed again");
    page.ask(&Request::End);
    page.until("the end", |_| server.connection_count() == 0);
}

#[test]
fn sockudo_works_over_ws() {
    works_with_sockudo(&Sockudo::start());
}

#[test]
fn sockudo_works_over_wss() {
    works_with_sockudo(&Sockudo::start_tls());
}

#[test]
fn a_user_signs_in_and_hears_what_is_for_them() {
    let server = dev_server();
    let place = Place::new();
    let mut setup = setup_for(&server, "ann");
    if let Some(user) = &mut setup.user_auth {
        user.params.push(("watchlist".into(), "ben".into()));
    }
    let ann = place.play(&setup);
    ann.ask(&Request::SignIn);
    ann.has_been_told_of("SignedIn { id: \"ann\"");
    server
        .publish_to_user("ann", "invitation", &json!({"from": "ben"}))
        .unwrap();
    ann.has_been_told(r#"user invitation {"from":"ben"}"#);
    let ben = place.play(&setup_for(&server, "ben"));
    ben.ask(&Request::SignIn);
    ann.show();
    ann.has_been_told("watchlist online ben");
}

fn send_to_each_other(ann: &Page, ben: &Page) {
    ann.show();
    ann.join("presence-room");
    ben.show();
    ben.join("presence-room");
    ben.send("presence-room", "client-wave", json!({"hand": "left"}));
    ann.show();
    ann.has_been_told(r#"presence-room client-wave {"hand":"left"} from ben"#);
}

#[test]
fn pages_send_to_each_other() {
    let server = dev_server();
    let place = Place::new();
    let ann = place.play(&setup_for(&server, "ann"));
    let ben = place.play(&setup_for(&server, "ben"));
    send_to_each_other(&ann, &ben);
}
