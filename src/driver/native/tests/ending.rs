//! Closing and dropping the driver.

use pusher_test_support::Ended;

use super::*;

#[test]
fn closing_sends_a_close_frame_and_ends_the_thread() {
    for (server, config) in plain_and_tls() {
        let (mut client, connection) = Client::connected(&config, &server);
        client.close_at_once();
        assert_eq!(connection.expect_close(SOON).code, Some(1000));
        assert_eq!(connection.expect_end(SOON), Ended::ByClient);
        // The sink is dropped at the end of the network thread.
        expect_disconnect(&client.calls);
        client.command(Command::Connect);
        client.driver.close(Duration::from_secs(1));
    }
}

#[test]
fn dropping_the_driver_sends_a_close_frame() {
    let (_server, client, connection) = connected(|config| config);
    drop(client);
    assert_eq!(connection.expect_close(SOON).code, Some(1000));
    connection.expect_end(SOON);
}

#[test]
fn unanswered_close_delays_the_end_by_close_timeout_at_most() {
    let close_timeout = Timing::default().close_timeout;
    let ms = Duration::from_millis;
    for (within, at_least) in [
        (ms(2000), close_timeout),
        (close_timeout, close_timeout),
        (ms(100), ms(100)),
    ] {
        let (_server, mut client, connection) = connected(|config| config);
        connection.leave_closes_unanswered();
        let begun = Instant::now();
        client.driver.close(within);
        let elapsed = begun.elapsed();
        let expected = at_least..at_least + ms(400);
        assert!(expected.contains(&elapsed), "{within:?}: {elapsed:?}");
        connection.expect_end(SOON);
    }
}

#[test]
fn a_client_that_waits_or_never_connected_ends_at_once() {
    let mut idle = Client::start(&config(1));
    let mut waiting = Client::connecting(&config(1));
    let error = waiting.expect_loss();
    assert!(
        matches!(&error, ConnectionError::Tcp { port: 1, reason, .. } if reason.contains("refused")),
        "{error}"
    );
    for client in [&mut idle, &mut waiting] {
        let elapsed = client.close_at_once().elapsed();
        assert!(elapsed < Duration::from_millis(100), "{elapsed:?}");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panic_in_user_code_ends_the_client_with_an_error() {
    let server = ScriptedServer::start();
    let mut client = Client::with_hook(&config(server.port()), panic_on_event);
    client.command(Command::Connect);
    let connection = client.accept(&server);
    connection.send(serde_json::json!({"event": "panic", "data": "{}"}));
    let error = client.expect_notice("error", |notice| match notice {
        Notice::Error { error, .. } => Some(error.clone()),
        _ => None,
    });
    assert!(error.to_string().contains("panicked"), "{error}");
    assert_eq!(client.driver.exit_error().map(Into::into), Some(error));
    connection.expect_end(SOON);
    client.command(Command::Connect);
    client.close_at_once();
}

#[test]
fn hanging_user_code_does_not_keep_the_socket_open() {
    let server = ScriptedServer::start();
    let (call, calls) = unbounded();
    let (release, released) = unbounded::<()>();
    let mut client = Client::with_hook(&config(server.port()), move |event| {
        if event.is_some() {
            let _ = call.send(());
            let _ = released.recv();
        }
    });
    client.command(Command::Connect);
    let connection = client.accept(&server);
    connection.send(serde_json::json!({"event": "hang", "data": "{}"}));
    calls.recv_timeout(SOON).expect("a call of user code");
    let begun = Instant::now();
    client.driver.close(Duration::from_millis(200));
    assert_quick(begun);
    connection.expect_end(SOON);
    assert_quick(begun);
    drop(release);
    // The sink is dropped at the end of the network thread.
    expect_disconnect(&client.calls);
}
