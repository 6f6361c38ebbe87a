//! Tests of the public API of `DevServer`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test may fail as a test does"
)]

mod support;

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use pusher_dev_server::{
    CoreConfig, DevServer, DevServerConfig, DisconnectCause, ServerError, ServerEvent,
};
use serde_json::json;
use support::{Client, DEADLINE, Received, get, wait_until};

fn start() -> DevServer {
    DevServer::start(DevServerConfig::default()).expect("the server starts")
}

#[test]
fn server_can_be_used_from_every_thread() {
    fn check<T: Send + Sync>() {}
    check::<DevServer>();
    check::<pusher_dev_server::ServerEvents>();
}

#[test]
fn server_listens_on_loopback_when_start_returns() {
    let server = start();
    assert!(server.address().ip().is_loopback());
    assert_eq!(
        get(&format!("http://{}/up", server.address())),
        (200, "OK".to_owned())
    );
}

#[test]
fn a_published_event_reaches_its_subscribers() {
    let server = start();
    let mut client = Client::connect(&server);
    client.subscribe("news");
    assert_eq!(server.channels(), ["news"]);
    assert_eq!(server.subscriber_count("news"), 1);
    assert_eq!(server.publish("news", "headline", &json!({"a": 1})), Ok(1));
    assert_eq!(
        client.frame(),
        json!({"event": "headline", "channel": "news", "data": r#"{"a":1}"#})
    );
    assert_eq!(server.publish_raw("news", "headline", "not JSON"), Ok(1));
    assert_eq!(client.frame()["data"], "not JSON");
}

#[test]
fn a_burst_of_events_arrives_whole_and_in_order() {
    let server = start();
    let mut client = Client::connect(&server);
    client.subscribe("news");
    for number in 0..20_000 {
        assert_eq!(server.publish("news", "n", &number), Ok(1));
    }
    for number in 0..20_000 {
        assert_eq!(client.frame()["data"], number.to_string());
    }
}

#[test]
fn a_wrong_key_gets_an_error_and_a_close_of_4001() {
    let server = start();
    let mut client = Client::open(&server, "/app/nope?protocol=7");
    assert_eq!(client.frame()["data"]["code"], 4001);
    assert!(matches!(client.receive(), Received::Close(Some(4001))));
}

#[test]
fn unknown_path_closes_with_4005_or_answers_404() {
    let server = start();
    for path in ["/", "/app/", "/app/app-key/more", "/other/app/app-key"] {
        let mut client = Client::open(&server, path);
        assert!(
            matches!(client.receive(), Received::Close(Some(4005))),
            "{path}"
        );
    }
    assert_eq!(get(&format!("http://{}/nowhere", server.address())).0, 404);
    assert_eq!(
        get(&format!("http://{}/app/app-key", server.address())).0,
        426
    );
}

#[test]
fn websocket_path_may_have_a_prefix() {
    for path in ["/deep/ws", "deep/ws/"] {
        let server = DevServer::start(DevServerConfig::default().with_path(path))
            .expect("the server starts");
        assert!(server.websocket_url().ends_with("/deep/ws/app/app-key"));
        let mut client = Client::open(&server, "/deep/ws/app/app-key?protocol=7");
        assert_eq!(client.frame()["event"], "pusher:connection_established");
    }
}

#[test]
fn closing_from_code_gives_the_client_code_and_reason() {
    let server = start();
    let (mut first, mut second) = (Client::connect(&server), Client::connect(&server));
    assert!(server.disconnect(&first.socket_id, 4200, "restart"));
    assert!(matches!(first.receive(), Received::Close(Some(4200))));
    assert!(!server.disconnect(&first.socket_id, 4200, "again"));
    let long_reason = "ü".repeat(200);
    assert_eq!(server.disconnect_all(4100, &long_reason), 1);
    assert!(matches!(second.receive(), Received::Close(Some(4100))));
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn server_events_report_client_actions_in_order() {
    let server = start();
    let events = server.events();
    let mut client = Client::connect(&server);
    let socket_id = client.socket_id.clone();
    client.subscribe_authorized(&server, "presence-a", &[("user_id", "u1")]);
    client
        .send(&json!({"event": "client-wave", "channel": "presence-a", "data": {"hand": "left"}}));
    client.send(&json!({"event": "pusher:unsubscribe", "data": {"channel": "presence-a"}}));
    client.send(&json!({"event": "pusher:ping"}));
    assert_eq!(client.frame()["event"], "pusher:pong");
    drop(client);

    let next = || events.next_within(DEADLINE).expect("an event");
    assert_eq!(
        next(),
        ServerEvent::Connected {
            socket_id: socket_id.clone()
        }
    );
    let ServerEvent::AuthorizationAnswered(record) = next() else {
        panic!("the authorization comes second");
    };
    assert_eq!(
        (record.channel.as_deref(), record.status),
        (Some("presence-a"), 200)
    );
    assert!(
        record
            .params
            .contains(&("user_id".to_owned(), "u1".to_owned()))
    );
    assert_eq!(
        next(),
        ServerEvent::Subscribed {
            socket_id: socket_id.clone(),
            channel: "presence-a".to_owned(),
            user_id: Some("u1".to_owned())
        }
    );
    assert_eq!(
        next(),
        ServerEvent::ClientEvent {
            socket_id: socket_id.clone(),
            channel: "presence-a".to_owned(),
            event: "client-wave".to_owned(),
            data: r#"{"hand":"left"}"#.to_owned(),
            user_id: Some("u1".to_owned())
        }
    );
    assert!(matches!(next(), ServerEvent::Unsubscribed { .. }));
    assert!(matches!(next(), ServerEvent::PingReceived { .. }));
    assert_eq!(
        next(),
        ServerEvent::Disconnected {
            socket_id,
            cause: DisconnectCause::Client
        }
    );
}

#[test]
fn switching_accepting_off_cuts_clients_and_keeps_the_port() {
    let server = start();
    let events = server.events();
    let mut client = Client::connect(&server);
    client.subscribe("news");
    server.set_accepting(false).expect("stops accepting");
    assert!(matches!(client.receive(), Received::Cut));
    assert_eq!(server.connection_count(), 0);
    assert!(server.channels().is_empty());
    assert!(TcpStream::connect(server.address()).is_err());
    server.set_accepting(false).expect("stops accepting twice");

    server.set_accepting(true).expect("accepts again");
    server.set_accepting(true).expect("accepts again twice");
    let mut client = Client::connect(&server);
    client.subscribe("news");
    let cut = events.wait_for(DEADLINE, |event| {
        matches!(
            event,
            ServerEvent::Disconnected {
                cause: DisconnectCause::NetworkDown,
                ..
            }
        )
    });
    assert!(cut.is_some());
}

#[test]
fn dropping_the_server_ends_all_threads_within_a_second() {
    let server = start();
    let address = server.address();
    let events = server.events();
    let mut client = Client::connect(&server);
    let before = Instant::now();
    drop(server);
    assert!(before.elapsed() < Duration::from_secs(1));
    assert!(matches!(client.receive(), Received::Cut));
    assert!(TcpStream::connect(address).is_err());
    assert!(
        matches!(events.last(), Some(ServerEvent::Disconnected { .. })),
        "the stream of events ends"
    );
}

#[test]
fn a_taken_port_is_an_error_that_names_the_address() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let result = DevServer::start(DevServerConfig::default().with_address(address));
    let Err(error @ ServerError::Bind { .. }) = result else {
        panic!("{result:?}");
    };
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn client_that_does_not_read_is_disconnected() {
    let config = DevServerConfig {
        outbox_bytes: 1024 * 1024,
        ..DevServerConfig::default()
    };
    let server = DevServer::start(config).expect("the server starts");
    let events = server.events();
    let mut slow = Client::connect(&server);
    slow.subscribe("flood");
    let mut other = Client::connect(&server);
    other.subscribe("news");

    let data = "x".repeat(10_000);
    wait_until("the slow client is cut", || {
        server
            .publish("flood", "drop", &data)
            .expect("a valid event")
            == 0
    });
    let cut = events.wait_for(DEADLINE, |event| {
        matches!(
            event,
            ServerEvent::Disconnected {
                cause: DisconnectCause::TooSlow,
                ..
            }
        )
    });
    assert!(cut.is_some());
    server
        .publish("news", "headline", "hello")
        .expect("a valid event");
    assert_eq!(other.frame()["event"], "headline");
}

#[test]
fn hostile_bytes_do_not_stop_the_server() {
    use std::io::Write as _;
    let mut config = CoreConfig::default();
    config.limits.message_bytes = 10_000;
    let server = DevServer::start(DevServerConfig {
        core: config,
        ..DevServerConfig::default()
    })
    .expect("the server starts");

    let mut raw = TcpStream::connect(server.address()).expect("the server listens");
    raw.write_all(b"\x00\xff\r\n\r\nGET / nonsense")
        .expect("the write succeeds");
    drop(raw);

    let mut client = Client::connect(&server);
    client
        .socket()
        .get_mut()
        .write_all(b"\xff\xff\xff\xff not a frame")
        .expect("the write succeeds");
    wait_until("the broken client is removed", || {
        server.connection_count() == 0
    });

    let mut client = Client::connect(&server);
    // The write may fail, because the server may cut the connection before it is complete.
    let _ = client
        .socket()
        .send(tungstenite::Message::text("x".repeat(100_000)));
    wait_until("the oversized client is removed", || {
        server.connection_count() == 0
    });

    let mut client = Client::connect(&server);
    client.subscribe("news");
}

#[test]
fn a_ping_from_the_server_and_odd_frames_can_be_sent_from_code() {
    let server = start();
    let mut client = Client::connect(&server);
    server.ping_all();
    assert_eq!(client.frame()["event"], "pusher:ping");
    assert!(server.send_frame(&client.socket_id, r#"{"event":"odd"}"#));
    assert_eq!(client.frame(), json!({"event": "odd"}));
    assert!(!server.send_frame("1.1", "{}"));
}

#[test]
fn server_events_show_encrypted_data_as_on_the_wire() {
    let server = start();
    let events = server.events();
    server
        .publish("private-encrypted-a", "secret", "the plaintext")
        .unwrap();
    let Some(ServerEvent::Published { data, .. }) = events.next_within(DEADLINE) else {
        panic!("the published event was not reported");
    };
    assert!(data.contains("ciphertext"), "{data}");
    assert!(!data.contains("plaintext"), "{data}");
}
