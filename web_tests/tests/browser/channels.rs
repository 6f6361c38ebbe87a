//! All kinds of channels, client events, and signed-in users.

use pusher_test_support::{SigningAuth, Sockudo};
use pusher_web_tests::{Request, Setup};
use serde_json::json;

use crate::{
    dev_server,
    page::{Fixture, Page, setup_for, setup_for_sockudo},
};

const CHANNELS: [&str; 3] = ["lobby", "private-room", "presence-room"];

#[test]
fn every_channel_kind_works() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup_for(&server, "ann"));
    for channel in CHANNELS.into_iter().chain(["private-encrypted-room"]) {
        page.join(channel);
        server
            .publish(channel, "greeting", &json!({"to": "Zoë"}))
            .unwrap();
        page.wait_for_log(&format!(r#"{channel} greeting {{"to":"Zoë"}}"#));
    }
    page.wait_for_members("presence-room", &["ann"]);
    page.join("cache-room");
    page.wait_for_log("cache-room cache miss");
    page.ask(&Request::Leave("lobby".into()));
    page.wait_until("leaving", |_| server.subscriber_count("lobby") == 0);
}

fn check_with_sockudo(server: &Sockudo) {
    let auth = SigningAuth::start(&server.credentials());
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup_for_sockudo(server, &auth, "ann"));
    for channel in CHANNELS {
        page.join(channel);
        server.publish(channel, "greeting", &json!({"to": channel}));
        page.wait_for_log(&format!(r#"{channel} greeting {{"to":"{channel}"}}"#));
    }
    page.ask(&Request::SignIn);
    page.wait_for_log_containing("SignedIn { id: \"ann\"");
    server.publish_to_user("ann", "invitation", &json!({"from": "ben"}));
    page.wait_for_log(r#"user invitation {"from":"ben"}"#);
}

#[test]
fn custom_transport_carries_every_channel_kind() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        custom_transport: true,
        ..setup_for(&server, "ann")
    });
    page.join("presence-room");
    server.publish("presence-room", "greeting", &1).unwrap();
    page.wait_for_log("presence-room greeting 1");
    server.set_accepting(false).unwrap();
    page.wait_until("the loss", |state| state.socket_id.is_none());
    server.set_accepting(true).unwrap();
    page.wait_for_log("presence-room subscribed again");
    page.ask(&Request::End);
    page.wait_until("the end", |_| server.connection_count() == 0);
}

#[test]
fn sockudo_works_over_ws() {
    check_with_sockudo(&Sockudo::start());
}

#[test]
fn sockudo_works_over_wss() {
    check_with_sockudo(&Sockudo::start_tls());
}

#[test]
fn user_signs_in_and_receives_user_events() {
    let server = dev_server();
    let fixture = Fixture::new();
    let mut setup = setup_for(&server, "ann");
    if let Some(user) = &mut setup.user_auth {
        user.params.push(("watchlist".into(), "ben".into()));
    }
    let ann = fixture.open_and_start(&setup);
    ann.ask(&Request::SignIn);
    ann.wait_for_log_containing("SignedIn { id: \"ann\"");
    server
        .publish_to_user("ann", "invitation", &json!({"from": "ben"}))
        .unwrap();
    ann.wait_for_log(r#"user invitation {"from":"ben"}"#);
    let ben = fixture.open_and_start(&setup_for(&server, "ben"));
    ben.ask(&Request::SignIn);
    ann.show();
    ann.wait_for_log("watchlist online ben");
}

fn send_to_each_other(ann: &Page, ben: &Page) {
    ann.show();
    ann.join("presence-room");
    ben.show();
    ben.join("presence-room");
    ben.send("presence-room", "client-wave", json!({"hand": "left"}));
    ann.show();
    ann.wait_for_log(r#"presence-room client-wave {"hand":"left"} from ben"#);
}

#[test]
fn pages_exchange_client_events() {
    let server = dev_server();
    let fixture = Fixture::new();
    let ann = fixture.open_and_start(&setup_for(&server, "ann"));
    let ben = fixture.open_and_start(&setup_for(&server, "ben"));
    send_to_each_other(&ann, &ben);
}
