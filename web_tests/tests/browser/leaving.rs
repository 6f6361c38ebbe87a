//! Tabs that are closed, pages that are left, clients that end.

use std::time::Duration;

use pusher_test_support::{ScriptedConnection, ScriptedServer, polite};
use pusher_web_tests::{Request, webdriver::wait_for};

use crate::{
    dev_server,
    page::{Page, Place, SOON, setup, setup_for},
};

/// Far less than a heartbeat, and than a server's patience with a client that says nothing.
const AT_ONCE: Duration = Duration::from_secs(5);

fn accept(server: &ScriptedServer, socket_id: &str) -> ScriptedConnection {
    let connection = server.accept(SOON);
    connection.reply_with(polite);
    connection.establish(socket_id, 120);
    connection
}

#[test]
fn a_closed_tab_is_gone_from_the_server_at_once() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&setup_for(&server, "ann"));
    page.join("presence-room");
    assert_eq!(server.members("presence-room"), ["ann"]);
    page.close();
    wait_for(
        || "the member to be gone".into(),
        AT_ONCE,
        || server.members("presence-room").is_empty().then_some(()),
    );
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn a_closed_tab_says_goodbye() {
    let server = ScriptedServer::start();
    let place = Place::new();
    let page = place.play(&setup(server.port(), "key"));
    let connection = accept(&server, "1.1");
    page.connected();
    page.close();
    let close = connection.expect_close(AT_ONCE);
    assert_eq!(
        (close.code, &*close.reason),
        (Some(1000), "the page was left")
    );
}

#[test]
fn a_page_that_is_left_says_goodbye_and_comes_back_connected() {
    let server = ScriptedServer::start();
    let place = Place::new();
    let page = place.play(&setup(server.port(), "key"));
    let first = accept(&server, "1.1");
    page.join("lobby");
    place.browser.go(&page.tab, &place.elsewhere());
    let close = first.expect_close(AT_ONCE);
    assert_eq!(
        (close.code, &*close.reason),
        (Some(1000), "the page was left")
    );

    place.browser.go_back(&page.tab);
    was_kept(&page);
    let second = accept(&server, "1.2");
    page.has_been_told("lobby subscribed again");
    page.ask(&Request::End);
    second.expect_close(AT_ONCE);
}

/// The browser keeps pages of the history as they were, if nothing speaks against it: such as an open connection.
fn was_kept(page: &Page) {
    let state = page.until("the page that was left", |state| !state.told.is_empty());
    assert!(state.told.iter().any(|told| told == "lobby subscribed"));
}

#[test]
fn an_ended_client_says_goodbye_and_stays_silent() {
    let server = ScriptedServer::start();
    let place = Place::new();
    let page = place.play(&setup(server.port(), "key"));
    let connection = accept(&server, "1.1");
    page.connected();
    page.ask(&Request::End);
    let close = connection.expect_close(SOON);
    assert_eq!(close.code, Some(1000));
    page.has_been_told("connection Disconnected");
    page.script("dispatchEvent(new Event('online'))");
    server.expect_no_connection(Duration::from_secs(1));

    page.start(&setup(server.port(), "key"));
    let _next = accept(&server, "1.2");
    page.connected();
}

#[test]
fn a_dropped_app_says_goodbye() {
    let server = ScriptedServer::start();
    let place = Place::new();
    let page = place.play(&setup(server.port(), "key"));
    let connection = accept(&server, "1.1");
    page.connected();
    page.ask(&Request::Drop);
    let close = connection.expect_close(SOON);
    assert_eq!(close.code, Some(1000));
    server.expect_no_connection(Duration::from_secs(1));
}
