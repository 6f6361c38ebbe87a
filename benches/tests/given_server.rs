//! Tests of [`EventCount::of_server`] against scripted servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use pusher_benches::{
    frames::{CHANNEL, LobbyMessage, event_text},
    given_server::EventCount,
};
use tungstenite::{Message, WebSocket};

/// Longer than anything in these tests takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// The server's behaviour once its client has subscribed.
type Script = fn(&mut WebSocket<TcpStream>);

#[test]
fn events_that_come_with_the_confirmation_are_counted() {
    let count = count(100, LONG, |socket| {
        queue(socket, &confirmation());
        (0..100).for_each(|seq| queue(socket, &LobbyMessage::new(seq).on(CHANNEL)));
        socket.flush().unwrap();
    });
    assert_eq!(count.unwrap().events, 100);
}

#[test]
fn other_events_between_bursts_are_ignored() {
    let count = count(1_000, LONG, |socket| {
        socket.send(Message::text(confirmation())).unwrap();
        for burst in 0..10 {
            thread::sleep(Duration::from_millis(20));
            for seq in 0..100 {
                queue(
                    socket,
                    &LobbyMessage::new(burst * 100 + seq).on("elsewhere"),
                );
                queue(socket, &event_text(CHANNEL, "something-else", "[]"));
                queue(socket, &LobbyMessage::new(burst * 100 + seq).on(CHANNEL));
            }
            queue(socket, r#"{"event":"pusher:ping","data":{}}"#);
            socket.flush().unwrap();
        }
    });
    let count = count.unwrap();
    assert!(
        count.seconds >= 0.18,
        "shorter than the pauses between the bursts: {count:?}"
    );
}

#[test]
fn server_may_close_after_the_last_event() {
    let count = count(100, LONG, |socket| {
        queue(socket, &confirmation());
        (0..100).for_each(|seq| queue(socket, &LobbyMessage::new(seq).on(CHANNEL)));
        socket.close(None).unwrap();
    });
    assert_eq!(count.unwrap().events, 100);
}

#[test]
fn too_few_events_are_an_error_after_a_bounded_time() {
    let started = Instant::now();
    let count = count(100, Duration::from_secs(4), |socket| {
        queue(socket, &confirmation());
        (0..60).for_each(|seq| queue(socket, &LobbyMessage::new(seq).on(CHANNEL)));
        socket.flush().unwrap();
    });
    let why = count.unwrap_err();
    assert!(why.contains("no event arrived for 4s"), "{why}");
    assert!(why.contains("after 60 of 100"), "{why}");
    assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
}

#[test]
fn early_close_is_an_error_at_once() {
    let started = Instant::now();
    let count = count(100, LONG, |socket| {
        queue(socket, &confirmation());
        (0..60).for_each(|seq| queue(socket, &LobbyMessage::new(seq).on(CHANNEL)));
        socket.close(None).unwrap();
    });
    let why = count.unwrap_err();
    assert!(why.contains("the connection ended"), "{why}");
    assert!(why.contains("after 60 of 100"), "{why}");
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
}

#[test]
fn an_event_of_another_form_is_an_error() {
    let count = count(1, LONG, |socket| {
        queue(socket, &confirmation());
        queue(
            socket,
            &event_text(CHANNEL, "lobby-message", r#"{"from":7}"#),
        );
        socket.flush().unwrap();
    });
    let why = count.unwrap_err();
    assert!(why.contains("could not be decoded"), "{why}");
}

#[test]
fn unreachable_server_is_an_error_after_a_bounded_time() {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let why = EventCount::of_server("127.0.0.1", port, 1, Duration::from_secs(2)).unwrap_err();
    assert!(why.contains("after 0 of 1 events"), "{why}");
}

/// Counts the events of a server that runs the script.
fn count(events: u64, timeout: Duration, script: Script) -> Result<EventCount, String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || serve(&listener, script));
    EventCount::of_server("127.0.0.1", port, events, timeout)
}

fn serve(listener: &TcpListener, script: Script) {
    let (stream, _) = listener.accept().unwrap();
    let mut socket = tungstenite::accept(stream).unwrap();
    let established =
        r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\"}"}"#;
    socket.send(Message::text(established)).unwrap();
    let subscription = socket.read().unwrap();
    assert!(subscription.to_text().unwrap().contains(CHANNEL));
    script(&mut socket);
    while socket.read().is_ok() {}
}

fn queue(socket: &mut WebSocket<TcpStream>, text: &str) {
    socket.write(Message::text(text)).unwrap();
}

fn confirmation() -> String {
    event_text(CHANNEL, "pusher_internal:subscription_succeeded", "{}")
}
