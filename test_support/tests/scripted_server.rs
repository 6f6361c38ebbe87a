//! The scripted server does what it says, as a plain tungstenite client sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use native_tls::{Certificate, TlsConnector};
use pusher_test_support::{
    BlackHole, ClientFrame, Ended, ScriptedServer, TestAuthority, TestCertificate, polite,
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
    try_client(server).expect("the upgrade succeeds")
}

fn try_client(server: &ScriptedServer) -> Result<WebSocket<TcpStream>, String> {
    let url = server.url("/app/key?protocol=7&client=test");
    tungstenite::client(url, connect(server))
        .map(|(client, _)| client)
        .map_err(|error| error.to_string())
}

fn in_background<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::spawn(run)
}

fn pair(
    server: &ScriptedServer,
) -> (
    WebSocket<TcpStream>,
    pusher_test_support::ScriptedConnection,
) {
    thread::scope(|scope| {
        let client = scope.spawn(|| client(server));
        let connection = server.accept(SOON);
        (client.join().expect("the client connects"), connection)
    })
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
fn a_conversation_goes_as_scripted() {
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
fn the_clients_close_is_seen_and_answered() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    client.close(None).unwrap();
    assert_eq!(connection.expect_close(SOON).code, None);
    assert!(matches!(client.read(), Ok(Message::Close(None))));
    assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn a_reset_is_a_reset_and_a_cut_is_an_end() {
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
fn pings_are_answered_unless_told_otherwise() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    connection.ping(b"are you there");
    assert!(matches!(client.read(), Ok(Message::Ping(_))));
    client.flush().unwrap();
    assert_eq!(connection.expect_pong(SOON), b"are you there");

    client.send(Message::Ping("1".into())).unwrap();
    assert_eq!(connection.expect_ping(SOON), b"1");
    assert_eq!(client.read().unwrap(), Message::Pong("1".into()));

    connection.leave_pings_unanswered();
    client.send(Message::Ping("2".into())).unwrap();
    assert_eq!(connection.expect_ping(SOON), b"2");
    client.get_ref().set_read_timeout(Some(A_WHILE)).unwrap();
    let Err(Error::Io(error)) = client.read() else {
        panic!("expected no answer");
    };
    assert!(matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
}

#[test]
fn replies_can_be_left_to_a_rule() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    connection.reply_with(polite);
    client.send(r#"{"event":"pusher:ping"}"#.into()).unwrap();
    let pong: Value = serde_json::from_str(client.read().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(pong["event"], "pusher:pong");
    assert_eq!(
        connection.expect_event("pusher:ping", SOON)["event"],
        "pusher:ping"
    );
}

#[test]
fn broken_frames_reach_the_client_broken() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    connection.send_fragments(&["one ", "two ", "three"], |connection| {
        connection.ping(b"!")
    });
    connection.send_binary([1, 2]);
    connection.send_texts_at_once(["a", "b"]);
    connection.send_text_bytes([0xff]);
    assert!(matches!(client.read(), Ok(Message::Ping(_))));
    assert_eq!(client.read().unwrap(), Message::text("one two three"));
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
fn a_mute_server_notices_the_end_of_a_client_in_every_phase() {
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
    let mut all = [0; 4];
    stream.read_exact(&mut all).unwrap();
    assert_eq!(&all, b"HTTP");
    assert!(started.elapsed() >= Duration::from_millis(60));
}

#[test]
fn a_response_header_and_a_frame_drip_without_end() {
    let server = ScriptedServer::start();
    server.handle_each(|pending, number| match number {
        0 => {
            pending.drip_response(Duration::from_millis(1), SOON);
            pending.hold();
        }
        _ => {
            let connection = pending.upgrade(SOON);
            connection.drip_frame(Duration::from_millis(1));
            connection.hold();
        }
    });
    let request = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: bm9uY2U=\r\n\r\n";
    let read = |length: usize| {
        let mut stream = connect(&server);
        stream.write_all(request).unwrap();
        let mut start = vec![0; length];
        stream.read_exact(&mut start).unwrap();
        start
    };
    assert!(read(60).starts_with(b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: aaaa"));
    let upgraded = read(300);
    let head = upgraded
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap()
        + 4;
    assert_eq!(upgraded[head..head + 5], [0x81, 126, 0xea, 0x60, b' ']);
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
    let Error::Io(error) = error else {
        panic!("expected an I/O error, got {error:?}");
    };
    assert!(matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    connection.read_again();
    for _ in 0..sent {
        assert_eq!(connection.expect_text(SOON), text);
    }
}

#[test]
fn a_deaf_server_lets_tcp_connect_and_says_nothing() {
    let server = ScriptedServer::builder().deaf().start();
    let mut stream = connect(&server);
    stream.set_read_timeout(Some(A_WHILE)).unwrap();
    let error: io::Error = stream.read(&mut [0]).expect_err("nothing comes");
    assert!(matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
}

#[cfg(target_os = "linux")]
#[test]
fn a_black_hole_swallows_connections() {
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
    let error = TcpStream::connect(server.address()).expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    server.listen_again();
    let (_second, _connection) = pair(&server);
}

#[test]
fn tls_works_with_the_authority_and_many_frames_share_a_record() {
    let authority = TestAuthority::new();
    let server = ScriptedServer::start_tls(&authority.localhost());
    let stream = connect(&server);
    let url = server.url("/app/key");
    let connector = trusting(&authority);
    let client = in_background(move || {
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
fn certificates_are_wrong_where_they_should_be() {
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
    let mut start = [0; 20];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(start[..5], [0x16, 3, 3, 0x40, 0]);
}

#[test]
#[should_panic(expected = "expected the event \"pusher:subscribe\", got Text(\"surprise\")")]
fn a_failed_expectation_says_what_came_instead() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    client.send("surprise".into()).unwrap();
    connection.expect_event("pusher:subscribe", SOON);
}

#[test]
#[should_panic(expected = "a connection's handler failed: the TLS handshake failed")]
fn a_failure_in_a_handler_fails_the_test() {
    let authority = TestAuthority::new();
    let server = ScriptedServer::start_tls(&authority.localhost());
    server.handle_each(|pending, _| pending.secure(SOON));
    let mut stream = connect(&server);
    stream.write_all(b"this is no TLS\r\n\r\n").unwrap();
    while stream.read(&mut [0; 64]).is_ok_and(|length| length > 0) {}
    server.expect_open_connections(0, SOON);
}

#[test]
fn frames_are_noted_in_order_with_their_time() {
    let server = ScriptedServer::start();
    let (mut client, connection) = pair(&server);
    let before = Instant::now();
    client.send("one".into()).unwrap();
    client.send(Message::binary(vec![2])).unwrap();
    drop(client);
    connection.expect_end(SOON);
    assert_eq!(
        connection.expect_any(SOON).frame,
        ClientFrame::Text("one".into())
    );
    assert_eq!(
        connection.expect_any(SOON).frame,
        ClientFrame::Binary(vec![2])
    );
    assert_eq!(
        connection.expect_any(SOON).frame,
        ClientFrame::Ended(Ended::ByClient)
    );
    assert!(
        connection
            .received()
            .iter()
            .all(|received| received.at >= before)
    );
}
