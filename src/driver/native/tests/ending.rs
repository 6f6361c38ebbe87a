//! Closing and dropping the driver.

use std::thread;

use pusher_test_support::Ended;

use super::*;

#[test]
fn closing_says_goodbye_and_ends_the_thread() {
    let authority = TestAuthority::new();
    let plain = ScriptedServer::start();
    let secure = ScriptedServer::start_tls(&authority.localhost());
    for (server, config) in [
        (&plain, config(plain.port())),
        (&secure, tls_config(secure.port(), &authority)),
    ] {
        let (mut client, connection) = Client::connected(&config, server);
        let begun = Instant::now();
        client.driver.close(Duration::from_secs(1));
        assert_quick(begun);
        assert_eq!(connection.expect_close(SOON).code, Some(1000));
        assert_eq!(connection.expect_end(SOON), Ended::ByClient);
        // The sink went with the thread.
        while client.told.recv_timeout(SOON).is_ok() {}
        assert!(client.told.recv().is_err());
        client.command(Command::Connect);
        client.driver.close(Duration::from_secs(1));
    }
}

#[test]
fn dropping_the_driver_says_goodbye_too() {
    let server = ScriptedServer::start();
    let (client, connection) = Client::connected(&config(server.port()), &server);
    drop(client);
    assert_eq!(connection.expect_close(SOON).code, Some(1000));
    connection.expect_end(SOON);
}

#[test]
fn a_server_that_answers_no_close_delays_the_end_by_the_close_timeout_and_no_more() {
    let server = ScriptedServer::start();
    let (mut client, connection) = Client::connected(&config(server.port()), &server);
    connection.leave_closes_unanswered();
    let begun = Instant::now();
    client.driver.close(Duration::from_secs(2));
    assert_took(begun, Timing::default().close_timeout);
    connection.expect_end(SOON);

    let (mut client, connection) = Client::connected(&config(server.port()), &server);
    connection.leave_closes_unanswered();
    let begun = Instant::now();
    client.driver.close(Duration::from_millis(100));
    assert!(
        begun.elapsed() < Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
    connection.expect_end(SOON);
}

#[test]
fn a_client_that_waits_or_never_connected_ends_at_once() {
    let mut idle = Client::start(&config(1));
    let mut waiting = Client::connecting(&config(1));
    waiting.expect_loss();
    for client in [&mut idle, &mut waiting] {
        let begun = Instant::now();
        client.driver.close(Duration::from_secs(1));
        assert!(
            begun.elapsed() < Duration::from_millis(100),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn a_panic_of_the_games_code_ends_the_client_with_a_word() {
    let server = ScriptedServer::start();
    let (mut client, connection) = Client::connected(&config(server.port()), &server);
    connection.send(serde_json::json!({"event": "panic", "data": "{}"}));
    let error = client.expect("an error", |told| match told {
        Told::Notice(Notice::Error { error, .. }) => Some(error.clone()),
        _ => None,
    });
    assert!(error.to_string().contains("panicked"), "{error}");
    assert_eq!(client.driver.exit_error().map(Into::into), Some(error));
    connection.expect_end(SOON);
    client.command(Command::Connect);
    let begun = Instant::now();
    client.driver.close(Duration::from_secs(1));
    assert_quick(begun);
}

#[test]
fn the_games_code_hanging_on_the_network_thread_does_not_keep_the_socket() {
    struct Hanging(crossbeam_channel::Receiver<()>, Recorder);

    impl Sink for Hanging {
        fn received(&mut self, _bytes: usize) {}

        fn event(&mut self, _event: &ReceivedEvent<'_>) {
            let _ = self.0.recv();
        }

        fn notice(&mut self, notice: Notice) {
            self.1.notice(notice);
        }

        fn flush(&mut self) {}
    }

    let server = ScriptedServer::start();
    let (release, released) = unbounded();
    let (sender, told) = unbounded();
    let sink = Hanging(released, Recorder(sender));
    let driver = super::super::start(&config(server.port()), Box::new(sink)).unwrap();
    let mut client = Client { driver, told };
    client.command(Command::Connect);
    let connection = server.accept(SOON);
    connection.establish("1.1", 120);
    client.expect_connected();
    connection.send(serde_json::json!({"event": "hang", "data": "{}"}));
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    client.driver.close(Duration::from_millis(200));
    assert_quick(begun);
    connection.expect_end(SOON);
    assert_quick(begun);
    drop(release);
    while client.told.recv_timeout(SOON).is_ok() {}
    assert!(client.told.recv().is_err(), "the thread ends when it can");
}

#[test]
fn a_hundred_cycles_leave_nothing_behind() {
    let server = ScriptedServer::start();
    for _ in 0..20 {
        let client = Client::start(&config(server.port()));
        // As many as one client may have without a wait.
        for _ in 0..5 {
            client.command(Command::Connect);
            let connection = server.accept(SOON);
            connection.establish("1.1", 120);
            client.expect_connected();
            client.command(Command::Disconnect);
            assert_eq!(connection.expect_close(SOON).code, Some(1000));
            connection.expect_end(SOON);
        }
    }
    server.expect_open_connections(0, SOON);
}
