//! Tests of the scripted server with a plain tungstenite client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use native_tls::{Certificate, TlsConnector};
use pusher_test_support::{
    BlackHole, ClientFrame, Ended, ScriptedConnection, ScriptedServer, TestAuthority,
    TestCertificate, standard_reply,
};
use serde_json::{Value, json};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

const SOON: Duration = Duration::from_secs(10);
const A_WHILE: Duration = Duration::from_millis(100);

fn connect(server: &ScriptedServer) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn client(server: &ScriptedServer) -> WebSocket<TcpStream> {
    let url = server.url("/app/key?protocol=7&client=test");
    let (client, _) = tungstenite::client(url, connect(server)).expect("the upgrade succeeds");
    client
}

fn pair(server: &ScriptedServer) -> (WebSocket<TcpStream>, ScriptedConnection) {
    thread::scope(|scope| {
        let client = scope.spawn(|| client(server));
        let connection = server.accept(SOON);
        (client.join().expect("the client connects"), connection)
    })
}

fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

fn has_timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Waits for the end of the connection, and returns all recorded actions of the client.
fn frames_until_the_end(connection: &ScriptedConnection) -> Vec<ClientFrame> {
    let deadline = Instant::now() + SOON;
    loop {
        let received = connection.received().into_iter();
        let frames: Vec<_> = received.map(|received| received.frame).collect();
        match frames.last() {
            Some(ClientFrame::Broken(_) | ClientFrame::Ended(_)) => return frames,
            _ => assert!(Instant::now() < deadline, "no end after {frames:?}"),
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn trusting(authority: &TestAuthority) -> TlsConnector {
    TlsConnector::builder()
        .add_root_certificate(Certificate::from_pem(authority.pem().as_bytes()).unwrap())
        .build()
        .unwrap()
}

fn tls_error(authority: &TestAuthority, certificate: &TestCertificate) -> String {
    let server = ScriptedServer::start_tls(certificate);
    server.handle_each(|pending, _| drop(pending.try_secure(SOON)));
    let connected = trusting(authority).connect("localhost", connect(&server));
    connected.expect_err("the handshake fails").to_string()
}

#[test]
fn scripted_frames_are_exchanged() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    assert_eq!(connection.request().path(), "/app/key");
    assert_eq!(
        connection.request().query("client").as_deref(),
        Some("test")
    );
    assert_eq!(connection.request().header("upgrade"), Some("websocket"));

    connection.establish("1.1", 120);
    let hello: Value = serde_json::from_str(client.read().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(hello["event"], "pusher:connection_established");
    let data: Value = serde_json::from_str(hello["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, json!({"socket_id": "1.1", "activity_timeout": 120}));

    let subscribe = json!({"event": "pusher:subscribe", "data": {"channel": "room"}});
    client.send(subscribe.to_string().into()).unwrap();
    assert_eq!(connection.expect_event("pusher:subscribe", SOON), subscribe);
    connection.expect_nothing(A_WHILE);
    assert_eq!(server.connections_so_far(), 1);
    assert_eq!(server.open_connections(), 1);
}

#[test]
fn the_server_closes_with_a_code_and_sees_the_answer() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    connection.close(4200, "again");
    let Message::Close(Some(CloseFrame { code, reason })) = client.read().unwrap() else {
        panic!("expected a close frame with a code");
    };
    assert_eq!((u16::from(code), reason.as_str()), (4200, "again"));
    assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
    assert_eq!(connection.expect_close(SOON).code, Some(4200));
    drop(client);
    assert_eq!(connection.expect_end(SOON), Ended::ByClient);
    server.expect_open_connections(0, SOON);
}

#[test]
fn close_of_the_client_is_recorded_and_answered() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    client.close(None).unwrap();
    assert_eq!(connection.expect_close(SOON).code, None);
    assert!(matches!(client.read(), Ok(Message::Close(None))));
    assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn tcp_reset_and_tcp_close_are_distinguished() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    connection.reset();
    let Err(Error::Io(error)) = client.read() else {
        panic!("expected an I/O error");
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let (mut client, connection) = pair(&server);
    connection.cut();
    assert!(matches!(client.read(), Err(Error::Protocol(_))));
    drop((client, connection));
    assert_eq!(server.connections_so_far(), 2);
}

#[test]
fn websocket_pings_are_answered() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    connection.ping(b"are you there");
    assert!(matches!(client.read(), Ok(Message::Ping(_))));
    client.flush().unwrap();
    assert_eq!(connection.expect_pong(SOON), b"are you there");

    client.send(Message::Ping("1".into())).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong("1".into()));
}

#[test]
fn frames_can_be_answered_by_a_function() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    connection.reply_with(standard_reply);
    client.send(r#"{"event":"pusher:ping"}"#.into()).unwrap();
    let pong: Value = serde_json::from_str(client.read().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(pong["event"], "pusher:pong");
    assert_eq!(
        connection.expect_event("pusher:ping", SOON)["event"],
        "pusher:ping"
    );
}

#[test]
fn frames_are_sent_unchanged_even_malformed_ones() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    connection.send_binary([1, 2]);
    connection.send_texts_at_once(["a", "b"]);
    connection.send_text_bytes([0xff]);
    assert_eq!(client.read().unwrap(), Message::binary(vec![1, 2]));
    assert_eq!(client.read().unwrap(), Message::text("a"));
    assert_eq!(client.read().unwrap(), Message::text("b"));
    assert!(matches!(client.read(), Err(Error::Utf8(_))));
}

#[test]
fn an_upgrade_can_be_refused() {
    let server = ScriptedServer::start();
    server.handle_each(|pending, _| {
        pending.refuse(503, &[("Retry-After", "7")], "later", SOON);
    });
    let url = server.url("/app/key");
    let error = tungstenite::client(url, connect(&server)).expect_err("the upgrade fails");
    let tungstenite::HandshakeError::Failure(Error::Http(response)) = error else {
        panic!("expected an HTTP response, got {error:?}");
    };
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "7");
}

#[test]
fn silent_server_notices_that_a_client_ends_before_the_upgrade() {
    let server = ScriptedServer::start();
    let mut stream = connect(&server);
    let pending = server.accept_tcp(SOON);
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(server.open_connections(), 1);
    assert_eq!(pending.ended(), None);
    drop(stream);
    assert_eq!(pending.expect_end(SOON), Ended::ByClient);
    server.expect_open_connections(0, SOON);
}

#[test]
fn bytes_drip_one_at_a_time() {
    let server = ScriptedServer::start();
    let mut stream = connect(&server);
    let pending = server.accept_tcp(SOON);
    let started = Instant::now();
    pending.drip(*b"HTTP", Duration::from_millis(20));
    assert_eq!(read(&mut stream, 4), b"HTTP");
    assert!(started.elapsed() >= Duration::from_millis(60));
}

#[test]
fn a_response_header_drips_without_end() {
    let server = ScriptedServer::start();
    server.handle_each(|pending, _| {
        pending.drip_response(Duration::from_millis(1), SOON);
        pending.hold();
    });
    let mut stream = connect(&server);
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let header = b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: aaaa";
    assert_eq!(read(&mut stream, header.len()), header);
}

#[test]
fn a_server_that_does_not_read_stops_the_client() {
    let server = ScriptedServer::builder().receive_buffer(4096).start();
    let (mut client, connection) = pair(&server);
    connection.stop_reading();
    let stream = client.get_mut();
    stream.set_write_timeout(Some(A_WHILE)).unwrap();
    let text = format!("{:8000}", 7);
    let mut sent = 0;
    let error = loop {
        match client.send(text.as_str().into()) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 10_000, "the server took everything");
    };
    assert!(
        matches!(&error, Error::Io(error) if has_timed_out(error)),
        "{error}"
    );
    connection.read_again();
    for _ in 0..sent {
        assert_eq!(connection.expect_text(SOON), text);
    }
}

#[test]
fn server_that_never_accepts_completes_tcp_and_sends_nothing() {
    let server = ScriptedServer::builder().never_accepts().start();
    let mut stream = connect(&server);
    stream.set_read_timeout(Some(A_WHILE)).unwrap();
    let error = stream.read(&mut [0]).expect_err("nothing comes");
    assert!(has_timed_out(&error), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn black_hole_neither_accepts_nor_refuses() {
    let hole = BlackHole::start();
    let error = TcpStream::connect_timeout(&hole.address(), Duration::from_millis(300))
        .expect_err("no connection is made");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_server_can_stop_and_listen_again_on_its_port() {
    let server = ScriptedServer::start();
    let (_client, _connection) = pair(&server);
    server.stop_listening();
    let error = TcpStream::connect(server.address()).expect_err("the server has stopped listening");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    server.listen_again();
    let (_second, _connection) = pair(&server);
}

#[test]
fn tls_works_with_the_authority_and_many_frames_at_once() {
    let authority = TestAuthority::new();
    let server = ScriptedServer::start_tls(&authority.localhost());
    let stream = connect(&server);
    let url = server.url("/app/key");
    let connector = trusting(&authority);
    let client = thread::spawn(move || {
        let stream = connector.connect("localhost", stream).unwrap();
        let (mut client, _) = tungstenite::client(url, stream).unwrap();
        client.send("hello".into()).unwrap();
        let texts: Vec<_> = (0..100)
            .map(|_| client.read().unwrap().to_text().unwrap().to_owned())
            .collect();
        assert!(matches!(client.read(), Ok(Message::Close(_))));
        assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
        texts
    });
    let connection = server.accept(SOON);
    assert_eq!(connection.expect_text(SOON), "hello");
    let texts: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    connection.send_texts_at_once(&texts);
    connection.close(1000, "");
    assert_eq!(client.join().unwrap(), texts);
    connection.expect_end(SOON);
}

#[test]
fn wrong_certificates_are_refused_for_their_fault() {
    let authority = TestAuthority::new();
    let expired = tls_error(&authority, &authority.expired());
    let other_host = tls_error(&authority, &authority.for_host("elsewhere.example"));
    let stranger = tls_error(&authority, &TestAuthority::new().localhost());
    assert!(!expired.is_empty() && !other_host.is_empty() && !stranger.is_empty());
    #[cfg(target_os = "linux")]
    {
        assert!(expired.contains("expired"), "{expired}");
        assert!(other_host.contains("mismatch"), "{other_host}");
    }
}

#[test]
fn a_tls_handshake_can_drip() {
    let authority = TestAuthority::new();
    let server = ScriptedServer::start_tls(&authority.localhost());
    let mut stream = connect(&server);
    let pending = server.accept_tcp(SOON);
    pending.drip_tls(Duration::from_millis(1));
    assert_eq!(read(&mut stream, 20)[..5], [0x16, 3, 3, 0x40, 0]);
}

#[test]
#[should_panic(expected = "expected the event \"pusher:subscribe\", got Text(\"surprise\")")]
fn failed_expectation_reports_what_was_received() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    client.send("surprise".into()).unwrap();
    connection.expect_event("pusher:subscribe", SOON);
}

#[test]
#[should_panic(
    expected = "a connection's handler failed: no request for an upgrade within 10s: the TLS handshake failed: "
)]
fn a_failure_in_a_handler_fails_the_test() {
    let server = ScriptedServer::start_tls(&TestAuthority::new().localhost());
    server.handle_each(|pending, _| drop(pending.upgrade(SOON)));
    let mut stream = connect(&server);
    stream.write_all(b"this is no TLS\r\n\r\n").unwrap();
    while stream.read(&mut [0; 64]).is_ok_and(|length| length > 0) {}
    server.expect_open_connections(0, SOON);
}

#[test]
fn frames_are_recorded_in_order_with_their_time() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    let before = Instant::now();
    client.send("one".into()).unwrap();
    client.send(Message::binary(vec![2])).unwrap();
    client.send(Message::Ping("3".into())).unwrap();
    drop(client);
    assert_eq!(
        frames_until_the_end(&connection),
        [
            ClientFrame::Text("one".into()),
            ClientFrame::Binary(vec![2]),
            ClientFrame::Ping(b"3".to_vec()),
            ClientFrame::Ended(Ended::ByClient),
        ]
    );
    let received = connection.received();
    assert!(received.iter().all(|received| received.at >= before));
}

#[test]
fn bytes_that_break_rfc_6455_are_recorded() {
    let server = ScriptedServer::start();
    for bytes in [
        // An unmasked frame.
        &[0x81, 1, b'a'][..],
        // A text message that is not UTF-8.
        &[0x81, 0x81, 0, 0, 0, 0, 0xff],
        // A continuation frame without a message.
        &[0x80, 0x80, 0, 0, 0, 0],
    ] {
        let (mut client, connection) = pair(&server);
        client.get_mut().write_all(bytes).unwrap();
        let frames = frames_until_the_end(&connection);
        let last = frames.last();
        assert!(matches!(last, Some(ClientFrame::Broken(_))), "{frames:?}");
    }
}
