//! Tests of the scripted endpoint with a plain HTTP client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use native_tls::{Certificate, TlsConnector};
use pusher_test_support::{Answer, AppCredentials, ScriptedAuth, SigningAuth, TestAuthority};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

fn request(stream: &mut impl Write, path: &str, body: &str) {
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: a\r\nX-Token: t\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
}

fn connect(auth: &ScriptedAuth) -> TcpStream {
    let stream = TcpStream::connect(auth.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn read_until(stream: &mut impl Read, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the response goes on");
        text.push(char::from(byte[0]));
    }
    text
}

#[test]
fn requests_are_recorded_and_answered_in_order() {
    let auth = ScriptedAuth::sequence(vec![
        Answer::status(403).with_body("no"),
        Answer::json(&json!({"auth": "key:signature"})).with_header("X-Seen", "yes"),
    ]);
    let mut stream = connect(&auth);
    request(
        &mut stream,
        "/auth?a=b",
        "socket_id=1.1&channel_name=private-a%40b",
    );
    let refusal = read_until(&mut stream, "no");
    assert!(refusal.starts_with("HTTP/1.1 403 "), "{refusal}");
    request(&mut stream, "/auth", "");
    let granted = read_until(&mut stream, "signature\"}");
    assert!(granted.contains("X-Seen: yes"), "{granted}");

    let first = auth.expect_request(SOON);
    assert_eq!(first.method(), "POST");
    assert_eq!(first.path(), "/auth");
    assert_eq!(first.query("a").as_deref(), Some("b"));
    assert_eq!(first.header("x-token"), Some("t"));
    assert_eq!(first.field("channel_name").as_deref(), Some("private-a@b"));
    assert_eq!(auth.expect_request(SOON).number(), 1);
    auth.expect_no_request(Duration::from_millis(50));
    assert_eq!(auth.connections_so_far(), 1);
    drop(stream);
    auth.expect_open_connections(0, SOON);
}

#[test]
fn an_answer_can_be_late_slow_large_broken_or_missing() {
    let auth = ScriptedAuth::sequence(vec![
        Answer::status(204).after(Duration::from_millis(80)),
        Answer::drip(Duration::from_millis(1)),
        Answer::large(5 << 20),
        Answer::raw("no HTTP"),
        Answer::reset(),
        Answer::never(),
    ]);
    let mut stream = connect(&auth);
    let started = Instant::now();
    request(&mut stream, "/", "");
    read_until(&mut stream, "\r\n\r\n");
    assert!(started.elapsed() >= Duration::from_millis(80));

    request(&mut stream, "/", "");
    read_until(&mut stream, "{\"auth\":\"key:signature\"}");

    request(&mut stream, "/", "");
    read_until(&mut stream, "\r\n\r\n");
    let mut body = vec![0; 5 << 20];
    stream.read_exact(&mut body).unwrap();

    request(&mut stream, "/", "");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "no HTTP");

    let mut stream = connect(&auth);
    request(&mut stream, "/", "");
    let error = stream.read(&mut [0]).expect_err("the connection is reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let mut stream = connect(&auth);
    stream
        .set_read_timeout(Some(Duration::from_millis(80)))
        .unwrap();
    request(&mut stream, "/", "");
    assert!(stream.read(&mut [0]).is_err());
}

#[test]
fn client_that_drops_a_late_request_is_detected() {
    let auth = ScriptedAuth::always(Answer::status(200).after(SOON));
    let mut stream = connect(&auth);
    request(&mut stream, "/", "");
    auth.expect_request(SOON);
    assert_eq!(auth.open_connections(), 1);
    drop(stream);
    auth.expect_open_connections(0, Duration::from_secs(5));
}

#[test]
fn https_works_with_the_authority() {
    let authority = TestAuthority::new();
    let answer = Answer::redirect("https://elsewhere.example/");
    let auth = ScriptedAuth::start_tls(&authority.localhost(), move |_| answer.clone());
    assert!(auth.url("/auth").starts_with("https://127.0.0.1:"));
    let mut stream = TlsConnector::builder()
        .add_root_certificate(Certificate::from_pem(authority.pem().as_bytes()).unwrap())
        .build()
        .unwrap()
        .connect("127.0.0.1", connect(&auth))
        .unwrap();
    request(&mut stream, "/auth", "");
    let response = read_until(&mut stream, "\r\n\r\n");
    assert!(response.contains("302 "), "{response}");
    assert!(
        response.contains("Location: https://elsewhere.example/"),
        "{response}"
    );
}

#[test]
fn the_signing_endpoint_signs_for_the_user_of_the_form() {
    let credentials = AppCredentials::for_tests();
    let auth = SigningAuth::start(&credentials);
    assert!(auth.channel_url().ends_with("/pusher/auth"));
    assert!(auth.user_url().ends_with("/pusher/user-auth"));
    let ask = |path: &str, body: &str| -> Value {
        let mut stream = connect(&auth);
        request(&mut stream, path, body);
        read_until(&mut stream, "\r\n\r\n");
        let mut values = serde_json::Deserializer::from_reader(stream).into_iter();
        values.next().expect("there is a body").unwrap()
    };
    let private = ask("/pusher/auth", "socket_id=1.1&channel_name=private-a");
    assert_eq!(
        private["auth"],
        credentials.channel_auth("1.1", "private-a", None)
    );
    let presence = ask(
        "/pusher/auth",
        "socket_id=1.1&channel_name=presence-a&user_id=7",
    );
    assert_eq!(presence["channel_data"], r#"{"user_id":"7"}"#);
    let encrypted = ask(
        "/pusher/auth",
        "socket_id=1.1&channel_name=private-encrypted-a",
    );
    assert_eq!(
        encrypted["shared_secret"],
        credentials.shared_secret("private-encrypted-a")
    );
    // With this socket id, the signature for a channel would be valid for the sign-in of a user.
    let mut stream = connect(&auth);
    let attack = "socket_id=1.1::user::{}&channel_name=private-a";
    request(&mut stream, "/pusher/auth", attack);
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let user = ask("/pusher/user-auth", "socket_id=1.1&user_id=7&watchlist=8,9");
    assert_eq!(user["user_data"], r#"{"id":"7","watchlist":["8","9"]}"#);
}
