//! Closed tabs, navigation to another page, and stopped clients.

use std::time::Duration;

use pusher_test_support::{ScriptedConnection, ScriptedServer, standard_reply};
use pusher_web_tests::{Request, webdriver::wait_for};

use crate::{
    dev_server,
    page::{Fixture, Page, TIMEOUT, setup, setup_for},
};

/// Much shorter than a heartbeat or a server's timeout.
const SHORT_TIMEOUT: Duration = Duration::from_secs(5);

fn accept(server: &ScriptedServer, socket_id: &str) -> ScriptedConnection {
    let connection = server.accept(TIMEOUT);
    connection.reply_with(standard_reply);
    connection.establish(socket_id, 120);
    connection
}

#[test]
fn closed_tab_disconnects_at_once() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup_for(&server, "ann"));
    page.join("presence-room");
    assert_eq!(server.members("presence-room"), ["ann"]);
    page.close();
    wait_for(
        || "the member to leave".into(),
        SHORT_TIMEOUT,
        || server.members("presence-room").is_empty().then_some(()),
    );
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn closed_tab_sends_a_close_frame() {
    let server = ScriptedServer::start();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup(server.port(), "key"));
    let connection = accept(&server, "1.1");
    page.wait_for_connection();
    page.close();
    let close = connection.expect_close(SHORT_TIMEOUT);
    assert_eq!(
        (close.code, &*close.reason),
        (Some(1000), "the user left the page")
    );
}

#[test]
fn page_that_is_left_closes_and_reconnects_on_return() {
    let server = ScriptedServer::start();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup(server.port(), "key"));
    let first = accept(&server, "1.1");
    page.join("lobby");
    fixture.browser.go(&page.tab, &fixture.other_page_url());
    let close = first.expect_close(SHORT_TIMEOUT);
    assert_eq!(
        (close.code, &*close.reason),
        (Some(1000), "the user left the page")
    );

    fixture.browser.go_back(&page.tab);
    assert_was_kept(&page);
    let second = accept(&server, "1.2");
    page.wait_for_log("lobby subscribed again");
    page.ask(&Request::End);
    second.expect_close(SHORT_TIMEOUT);
}

/// The browser keeps a page in its back/forward cache if nothing prevents it, such as an open connection. A restored page still
/// has its log.
fn assert_was_kept(page: &Page) {
    let state = page.wait_until("the page that was left", |state| !state.log.is_empty());
    assert!(state.log.iter().any(|entry| entry == "lobby subscribed"));
}

#[test]
fn stopped_client_sends_a_close_frame_and_nothing_more() {
    let server = ScriptedServer::start();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup(server.port(), "key"));
    let connection = accept(&server, "1.1");
    page.wait_for_connection();
    page.ask(&Request::End);
    let close = connection.expect_close(TIMEOUT);
    assert_eq!(close.code, Some(1000));
    page.wait_for_log("connection Disconnected");
    page.script("dispatchEvent(new Event('online'))");
    server.expect_no_connection(Duration::from_secs(1));

    page.start(&setup(server.port(), "key"));
    let _next = accept(&server, "1.2");
    page.wait_for_connection();
}

#[test]
fn dropped_app_sends_a_close_frame() {
    let server = ScriptedServer::start();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&setup(server.port(), "key"));
    let connection = accept(&server, "1.1");
    page.wait_for_connection();
    page.ask(&Request::Drop);
    let close = connection.expect_close(TIMEOUT);
    assert_eq!(close.code, Some(1000));
    server.expect_no_connection(Duration::from_secs(1));
}
