//! Traffic on an open connection.

use std::{fs, path::PathBuf, thread};

use pusher_protocol::{
    protocol::ChannelAuthorization,
    session::{SendError, SendOutcome},
};
use pusher_test_support::{Ended, polite};
use serde_json::json;

use super::*;
use crate::auth::authorize_with;

/// A client that is subscribed to `private-room`, whatever the server is told to do next.
fn subscribed(config: PusherConfig, server: &ScriptedServer) -> (Client, ScriptedConnection) {
    let config = config.with_authorizer(authorize_with(|_| Ok(ChannelAuthorization::new("k:s"))));
    let (client, connection) = Client::connected(&config, server);
    client.subscribe("private-room");
    connection.expect_event("pusher:subscribe", SOON);
    connection.subscribed("private-room");
    assert_eq!(client.expect_subscription("private-room"), Ok(()));
    (client, connection)
}

fn frame(number: usize) -> String {
    json!({"event": "news", "channel": "private-room", "data": number.to_string()}).to_string()
}

#[test]
fn many_frames_in_one_record_of_tls_all_arrive() {
    let authority = TestAuthority::new();
    let server = ScriptedServer::start_tls(&authority.localhost());
    let (client, connection) = subscribed(tls_config(server.port(), &authority), &server);
    let begun = Instant::now();
    connection.send_texts_at_once((0..150).map(frame));
    connection.send_texts_at_once((150..5000).map(frame));
    for number in 0..5000 {
        assert_eq!(client.expect_event().1, number.to_string());
    }
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_batch_is_told_as_one() {
    let server = ScriptedServer::start();
    let (client, connection) = subscribed(config(server.port()), &server);
    while client.told.try_recv().is_ok() {}
    connection.send_texts_at_once((0..200).map(frame));
    let mut told = Vec::new();
    while told
        .iter()
        .filter(|told| matches!(told, Told::Event { .. }))
        .count()
        < 200
    {
        told.push(client.told.recv_timeout(SOON).unwrap());
    }
    let flushes = told.iter().filter(|told| matches!(told, Told::Flush));
    assert!(flushes.count() < 20);
    assert!(matches!(client.told.recv_timeout(SOON), Ok(Told::Flush)));
}

#[test]
fn a_flood_starves_neither_commands_nor_timers() {
    let server = ScriptedServer::start();
    let timing = Timing {
        subscribe_timeout: Duration::from_millis(300),
        ..Timing::default()
    };
    let (client, connection) = subscribed(config(server.port()).with_timing(timing), &server);
    client.subscribe("unanswered");
    connection.expect_event("pusher:subscribe", SOON);
    thread::scope(|scope| {
        let (stop, stopped) = unbounded::<()>();
        let flooding = &connection;
        scope.spawn(move || {
            let frames: Vec<String> = (0..500).map(frame).collect();
            while stopped.try_recv() != Err(crossbeam_channel::TryRecvError::Disconnected) {
                flooding.send_texts_at_once(&frames);
            }
        });
        thread::sleep(Duration::from_millis(100));
        let begun = Instant::now();
        client.command(client_event(1, "{}"));
        connection.expect_event("client-move", SOON);
        let elapsed = begun.elapsed();
        assert!(elapsed < Duration::from_millis(500), "{elapsed:?}");
        let failed = client.expect_subscription("unanswered");
        assert_eq!(failed, Err(SubscriptionError::TimedOut));
        drop(stop);
    });
}

#[test]
fn pings_of_the_websocket_are_answered_at_once_without_anything_else_to_send() {
    let authority = TestAuthority::new();
    let server = ScriptedServer::start_tls(&authority.localhost());
    let (_client, connection) = Client::connected(&tls_config(server.port(), &authority), &server);
    for number in 0..10_u8 {
        connection.ping(&[number]);
        assert_eq!(connection.expect_pong(SOON), [number]);
    }
}

#[test]
fn the_servers_close_is_told_with_its_code_and_answered() {
    let server = ScriptedServer::start();
    for (code, reason) in [(Some(4200), "please"), (Some(1000), ""), (None, "")] {
        let (client, connection) = Client::connected(&config(server.port()), &server);
        match code {
            Some(code) => connection.close(code, reason),
            None => connection.close_without_code(),
        }
        let expected = ConnectionError::Closed {
            code,
            reason: reason.into(),
        };
        assert_eq!(client.expect_loss(), expected);
        assert_eq!(connection.expect_close(SOON).code, code);
        connection.expect_end(SOON);
    }
}

#[test]
fn data_before_the_close_comes_before_it() {
    let server = ScriptedServer::start();
    let (client, connection) = subscribed(config(server.port()), &server);
    connection.send_texts_at_once((0..1000).map(frame));
    connection.close(4200, "please");
    for number in 0..1000 {
        assert_eq!(client.expect_event().1, number.to_string());
    }
    assert_eq!(client.expect_loss().code(), Some(4200));
}

#[test]
fn an_end_without_a_close_is_a_loss() {
    let authority = TestAuthority::new();
    let plain = ScriptedServer::start();
    let secure = ScriptedServer::start_tls(&authority.localhost());
    for (server, config) in [
        (&plain, config(plain.port())),
        (&secure, tls_config(secure.port(), &authority)),
    ] {
        let (client, connection) = Client::connected(&config, server);
        connection.cut();
        let error = client.expect_loss();
        assert!(matches!(error, ConnectionError::Lost { .. }), "{error}");
        let (client, connection) = Client::connected(&config, server);
        connection.reset();
        let error = client.expect_loss();
        assert!(matches!(error, ConnectionError::Lost { .. }), "{error}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_connection_with_the_code_that_says_why() {
    let server = ScriptedServer::start();
    let limits = Limits {
        inbound_message_bytes: 1000,
        ..Limits::default()
    };
    let config = config(server.port()).with_limits(limits);
    let fragments = [
        [&[0x01, 126, 2, 88], &[b'a'; 600][..]].concat(),
        [&[0x80, 126, 2, 88], &[b'a'; 600][..]].concat(),
    ]
    .concat();
    let large = [&[0x81, 127, 0, 0, 0, 0, 1, 0, 0, 0], &[b'a'; 5000][..]].concat();
    for (what, bytes, code) in [
        ("a large frame", large, 1009),
        ("a large message in fragments", fragments, 1009),
        ("invalid UTF-8", vec![0x81, 2, 0xc3, 0x28], 1007),
        ("reserved bits", vec![0xf1, 0], 1002),
        ("a masked frame", vec![0x81, 0x80, 1, 2, 3, 4], 1002),
    ] {
        let (client, connection) = Client::connected(&config, &server);
        connection.send_raw(bytes);
        let error = client.expect_loss();
        assert!(
            matches!(error, ConnectionError::Unreadable { .. }),
            "{what}: {error}"
        );
        assert_eq!(connection.expect_close(SOON).code, Some(code), "{what}");
        connection.expect_end(SOON);
    }
    let (client, connection) = Client::connected(&config, &server);
    connection.send_binary([1, 2, 3]);
    client.expect("an error about a binary message", |told| match told {
        Told::Notice(Notice::Error { .. }) => Some(()),
        _ => None,
    });
    connection.expect_nothing(Duration::from_millis(50));
}

#[test]
fn a_server_that_does_not_read_gets_client_events_refused_and_the_rest_in_order_when_it_reads_again()
 {
    let server = ScriptedServer::builder().receive_buffer(4096).start();
    let limits = Limits {
        client_events_per_second: None,
        outbound_bytes: 100_000,
        ..Limits::default()
    };
    let mut config = config(server.port()).with_limits(limits);
    config.answer_sent = true;
    let (client, connection) = subscribed(config, &server);
    connection.stop_reading();
    let filling = "x".repeat(9_000);
    let mut sent = Vec::new();
    let mut is_refused = false;
    for id in 0..5_000 {
        client.command(client_event(id, &json!([id, filling]).to_string()));
        let outcome = client.expect("an answer", |told| match told {
            Told::Notice(Notice::SendAnswered { outcome, .. }) => Some(outcome.clone()),
            _ => None,
        });
        match outcome {
            SendOutcome::Sent => sent.push(id),
            outcome => {
                assert_eq!(outcome, SendOutcome::Rejected(SendError::Backlogged));
                is_refused = true;
                break;
            }
        }
    }
    assert!(is_refused, "{} were taken", sent.len());
    // The protocol itself still has its say.
    client.command(Command::Unsubscribe(name("private-room")));
    thread::sleep(Duration::from_millis(50));
    connection.read_again();
    for id in sent {
        assert_eq!(connection.expect_event("client-move", SOON)["data"][0], id);
    }
    connection.expect_event("pusher:unsubscribe", SOON);
}

#[test]
fn a_new_dial_does_not_wait_for_the_old_connections_goodbye() {
    let server = ScriptedServer::start();
    let (client, old) = Client::connected(&config(server.port()), &server);
    old.leave_closes_unanswered();
    let begun = Instant::now();
    client.command(Command::Redial);
    let new = server.accept(SOON);
    new.establish("2.2", 120);
    client.expect_connected();
    assert_quick(begun);
    assert_eq!(old.expect_close(SOON).code, Some(1000));
    assert_eq!(old.expect_end(SOON), Ended::ByClient);
    assert_took(begun, Timing::default().close_timeout);
    new.expect_nothing(Duration::from_millis(50));
}

#[test]
fn a_dead_link_is_dropped_without_ado() {
    let server = ScriptedServer::start();
    let timing = Timing {
        activity_timeout: Duration::from_millis(100),
        pong_timeout: Duration::from_millis(100),
        ..Timing::default()
    };
    let (client, connection) =
        Client::connected(&config(server.port()).with_timing(timing), &server);
    connection.expect_event("pusher:ping", SOON);
    let error = client.expect_loss();
    assert!(
        matches!(error, ConnectionError::PongTimedOut { .. }),
        "{error}"
    );
    connection.expect_end(SOON);
}

#[test]
fn another_configuration_holds_from_the_next_dial_on() {
    let (old, new) = (ScriptedServer::start(), ScriptedServer::start());
    let (client, connection) = Client::connected(&config(old.port()), &old);
    client.driver.configure(&config(new.port()));
    connection.expect_nothing(Duration::from_millis(50));
    client.command(Command::Redial);
    new.accept(SOON).establish("2.2", 120);
    client.expect_connected();
    connection.expect_close(SOON);
}

/// Counts how often the network thread of a client went to sleep.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_client_does_not_wake() {
    struct Tracing(Sender<PathBuf>, Recorder);

    impl Sink for Tracing {
        fn received(&mut self, _bytes: usize) {}

        fn event(&mut self, event: &ReceivedEvent<'_>) {
            self.1.event(event);
        }

        fn notice(&mut self, notice: Notice) {
            let _ = self.0.send(fs::canonicalize("/proc/thread-self").unwrap());
            self.1.notice(notice);
        }

        fn flush(&mut self) {
            self.1.flush();
        }
    }

    let server = ScriptedServer::start();
    let (sender, told) = unbounded();
    let (trace, thread) = unbounded();
    let sink = Tracing(trace, Recorder(sender));
    let driver = super::super::start(&config(server.port()), Box::new(sink)).unwrap();
    let client = Client { driver, told };
    client.command(Command::Connect);
    let connection = server.accept(SOON);
    connection.reply_with(polite);
    connection.establish("1.1", 120);
    client.expect_connected();
    thread::sleep(Duration::from_millis(200));
    let path = thread.recv_timeout(SOON).unwrap().join("status");
    let switches = || {
        let status = fs::read_to_string(&path).unwrap();
        let line = |line: &&str| line.starts_with("voluntary_ctxt_switches");
        status.lines().find(line).unwrap().to_owned()
    };
    let before = switches();
    thread::sleep(Duration::from_secs(2));
    assert_eq!(switches(), before);
}

#[test]
fn a_command_is_on_the_wire_at_once() {
    let server = ScriptedServer::start();
    let limits = Limits {
        client_events_per_second: None,
        ..Limits::default()
    };
    let (client, connection) = subscribed(config(server.port()).with_limits(limits), &server);
    let mut times = Vec::new();
    for id in 0..200 {
        thread::sleep(Duration::from_millis(2));
        let begun = Instant::now();
        client.command(client_event(id, "{}"));
        connection.expect_event("client-move", SOON);
        times.push(begun.elapsed());
    }
    times.sort();
    assert!(
        times[100] < Duration::from_millis(5),
        "median {:?}",
        times[100]
    );
    eprintln!(
        "command to the server's reading: median {:?}, p99 {:?}",
        times[100], times[197]
    );
}
