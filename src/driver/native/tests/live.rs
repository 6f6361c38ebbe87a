//! Traffic on an open connection.

use pusher_protocol::{protocol::ChannelAuthorization, session::SendError};
use pusher_test_support::Ended;
use serde_json::json;

use super::*;
use crate::auth::authorize_with;

/// A client that is subscribed to `private-room`.
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
fn batch_of_events_is_flushed_once() {
    let server = ScriptedServer::start();
    let (client, connection) = subscribed(config(server.port()), &server);
    while client.calls.try_recv().is_ok() {}
    connection.send_texts_at_once((0..200).map(frame));
    let (mut events, mut flushes) = (0, 0);
    while events < 200 {
        match client.calls.recv_timeout(SOON).unwrap() {
            SinkCall::Event { .. } => events += 1,
            SinkCall::Flush => flushes += 1,
            SinkCall::Notice(_) => {}
        }
    }
    assert!(flushes < 20);
    assert!(matches!(
        client.calls.recv_timeout(SOON),
        Ok(SinkCall::Flush)
    ));
}

#[test]
fn a_flood_starves_neither_commands_nor_timers() {
    let server = ScriptedServer::start();
    let timing =
        changed(|timing: &mut Timing| timing.subscribe_timeout = Duration::from_millis(300));
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
fn server_close_follows_its_data_and_is_answered_with_its_code() {
    let server = ScriptedServer::start();
    for (code, reason) in [(Some(4200), "please"), (Some(1000), ""), (None, "")] {
        let (client, connection) = subscribed(config(server.port()), &server);
        connection.send_texts_at_once((0..1000).map(frame));
        match code {
            Some(code) => connection.close(code, reason),
            None => connection.close_without_code(),
        }
        for number in 0..1000 {
            assert_eq!(client.expect_event().1, number.to_string());
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
fn tcp_end_without_a_close_frame_is_a_lost_connection() {
    for (server, config) in plain_and_tls() {
        for end in [ScriptedConnection::cut, ScriptedConnection::reset] {
            let (client, connection) = Client::connected(&config, &server);
            end(&connection);
            let error = client.expect_loss();
            assert!(matches!(error, ConnectionError::Lost { .. }), "{error}");
        }
    }
}

#[test]
fn unreadable_message_closes_with_the_matching_code() {
    let server = ScriptedServer::start();
    let limits = changed(|limits: &mut Limits| limits.inbound_message_bytes = 1000);
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
}

#[test]
fn full_send_buffer_refuses_client_events_and_keeps_order() {
    let server = ScriptedServer::builder().receive_buffer(4096).start();
    let limits = changed(|limits: &mut Limits| {
        limits.client_events_per_second = None;
        limits.outbound_bytes = 100_000;
    });
    let mut config = config(server.port()).with_limits(limits);
    config.answer_sent = true;
    let (client, connection) = subscribed(config, &server);
    connection.stop_reading();
    let filling = "x".repeat(9_000);
    let mut sent = 0;
    let refused = loop {
        let data = json!([sent, filling]).to_string();
        match client.outcome_of(client_event(sent, &data)) {
            SendOutcome::Sent => sent += 1,
            outcome => break outcome,
        }
        assert!(sent < 5_000, "all were accepted");
    };
    assert_eq!(refused, SendOutcome::Rejected(SendError::Backlogged));
    // The limit does not apply to messages of the protocol itself.
    client.command(Command::Unsubscribe(name("private-room")));
    thread::sleep(Duration::from_millis(50));
    connection.read_again();
    for id in 0..sent {
        assert_eq!(connection.expect_event("client-move", SOON)["data"][0], id);
    }
    connection.expect_event("pusher:unsubscribe", SOON);
}

#[test]
fn new_dial_does_not_wait_for_the_old_close_handshake() {
    let (server, client, old) = connected(|config| config);
    old.leave_closes_unanswered();
    let begun = Instant::now();
    client.command(Command::Redial);
    let new = client.accept(&server);
    assert_quick(begun);
    assert_eq!(old.expect_close(SOON).code, Some(1000));
    assert_eq!(old.expect_end(SOON), Ended::ByClient);
    assert_took(begun, Timing::default().close_timeout);
    new.expect_nothing(Duration::from_millis(50));
}

/// Counts how often the network thread of a client goes to sleep.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_client_does_not_wake() {
    let server = ScriptedServer::start();
    let (sender, threads) = unbounded();
    let client = Client::with_hook(&config(server.port()), move |_| {
        let _ = sender.send(std::fs::canonicalize("/proc/thread-self").unwrap());
    });
    client.command(Command::Connect);
    let _connection = client.accept(&server);
    thread::sleep(Duration::from_millis(200));
    let path = threads.recv_timeout(SOON).unwrap().join("status");
    let switches = || {
        let status = std::fs::read_to_string(&path).unwrap();
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
    let limits = changed(|limits: &mut Limits| limits.client_events_per_second = None);
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
    let median = times[100];
    assert!(median < Duration::from_millis(5), "median {median:?}");
    let p99 = times[197];
    eprintln!("from a command to the server: median {median:?}, p99 {p99:?}");
}
