//! Dials: against every kind of refusal, and peers that hang in each phase.

use std::{
    net::{Ipv6Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use pusher_protocol::session::{DialId, DialPhase};
use pusher_test_support::{Answer, BlackHole, Ended, ScriptedAuth};

use super::{
    super::{
        cancel::{Cancel, CancelToken, Stopped},
        connector::{Connector, Deadline},
        dial::{Dial, DialRequest},
        headers::HandshakeHeaders,
        messages::{Message, MessageReceiver, MessageSender},
        resolver::DnsResolver,
    },
    *,
};
use crate::auth::AuthEndpoint;

const BRIEFLY: Duration = Duration::from_millis(1000);

#[test]
fn a_client_connects_and_hears_plain_and_over_tls() {
    let authority = TestAuthority::new();
    for tls in [false, true] {
        let (server, config) = if tls {
            let server = ScriptedServer::start_tls(&authority.localhost());
            let config = tls_config(server.port(), &authority);
            (server, config)
        } else {
            let server = ScriptedServer::start();
            let config = config(server.port());
            (server, config)
        };
        let (client, connection) = Client::connected(&config, &server);
        assert_eq!(connection.request().path(), "/app/key");
        let host = if tls { "localhost" } else { "127.0.0.1" };
        let expected = format!("{host}:{}", server.port());
        assert_eq!(connection.request().header("host"), Some(&*expected));
        client.subscribe("room");
        connection.expect_event("pusher:subscribe", SOON);
        connection.subscribed("room");
        connection.event("room", "news", &serde_json::json!({"a": 1}));
        assert_eq!(client.expect_subscription("room"), Ok(()));
        assert_eq!(client.expect_event(), ("news".into(), r#"{"a":1}"#.into()));
    }
}

#[test]
fn what_comes_in_one_segment_with_the_upgrade_is_read() {
    let server = ScriptedServer::start();
    let client = Client::connecting(&config(server.port()));
    let pending = server.accept_tcp(SOON);
    let request = pending.read_request(SOON);
    let text = r#"{"event":"pusher:connection_established","data":{"socket_id":"1.1"}}"#;
    let mut bytes = request.agreement().into_bytes();
    bytes.extend([0x81, u8::try_from(text.len()).unwrap()]);
    bytes.extend(text.as_bytes());
    pending.respond_raw(bytes);
    client.expect_connected();
}

#[test]
fn a_refusal_says_what_was_refused() {
    let refusing = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = Client::connecting(&config(refusing)).expect_loss();
    assert!(
        matches!(&error, ConnectionError::Tcp { port, reason, .. } if *port == refusing && reason.contains("refused")),
        "{error}"
    );

    let server = ScriptedServer::start();
    let client = Client::connecting(&config(server.port()));
    let pending = server.accept_tcp(SOON);
    pending.refuse(503, &[], "try\nlater", SOON);
    let error = client.expect_loss();
    let expected = ConnectionError::Upgrade {
        status: Some(503),
        reason: "try later".into(),
    };
    assert_eq!(error, expected);

    for (answer, part) in [
        ("", "closed the connection"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "httparse"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "Upgrade"),
    ] {
        let client = Client::connecting(&config(server.port()));
        let pending = server.accept_tcp(SOON);
        pending.read_request(SOON);
        pending.respond_raw(answer);
        pending.close();
        let error = client.expect_loss();
        assert!(
            matches!(&error, ConnectionError::Upgrade { status: None, reason } if reason.contains(part)),
            "{error}"
        );
    }
}

#[test]
fn an_endpoint_that_cannot_be_dialled_fails_at_once() {
    let client = Client::connecting(&PusherConfig::new("", Endpoint::cluster("eu")));
    assert!(matches!(
        client.expect_loss(),
        ConnectionError::InvalidEndpoint(_)
    ));
}

#[test]
fn an_ipv6_address_is_a_host_for_the_socket_and_for_the_backend_over_tls_and_without() {
    let loopback = Ipv6Addr::LOCALHOST;
    let authority = TestAuthority::new();
    let certificate = authority.localhost();
    for (tls, host) in [(false, "::1"), (false, "[::1]"), (true, "::1")] {
        let (builder, certificate) = match tls {
            true => (
                ScriptedServer::builder().tls(&certificate),
                Some(&certificate),
            ),
            false => (ScriptedServer::builder(), None),
        };
        let server = builder.host(loopback.into()).start();
        let auth = ScriptedAuth::start_on(loopback.into(), certificate, |_| {
            Answer::json(&serde_json::json!({"auth": "k:s"}))
        });
        let endpoint = Endpoint::custom(host, server.port()).with_path("/behind/a/path/");
        let endpoint = if tls { endpoint.with_tls() } else { endpoint };
        let scheme = if tls { "https" } else { "http" };
        let url = format!("{scheme}://[::1]:{}/auth", auth.port());
        let config = PusherConfig {
            endpoint,
            ..config(1)
        }
        .with_ca_certificate(authority.pem())
        .with_auth_endpoint(AuthEndpoint::new(url));
        let (client, connection) = Client::connected(&config, &server);
        assert_eq!(connection.request().path(), "/behind/a/path/app/key");
        let named = format!("[::1]:{}", server.port());
        assert_eq!(connection.request().header("host"), Some(&*named));
        client.subscribe("private-room");
        connection.expect_event("pusher:subscribe", SOON);
        let named = format!("[::1]:{}", auth.port());
        assert_eq!(auth.expect_request(SOON).header("host"), Some(&*named));
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn the_handshake_carries_the_games_headers_asked_for_at_each_dial() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = ScriptedServer::start();
    let config = config(server.port())
        .with_handshake_header("X-Gateway", "fixed-4711")
        .with_handshake_header("Cookie", "a=1")
        .with_handshake_header_provider(|| {
            let number = ASKED.fetch_add(1, Ordering::SeqCst);
            assert_ne!(number, 2, "told to panic");
            vec![("x-gateway".into(), format!("fresh-{number}"))]
        });
    assert!(!format!("{config:?}").contains("4711"));
    let client = Client::connecting(&config);
    for number in 0..2 {
        let connection = server.accept(SOON);
        let header = |name| connection.request().header(name).map(str::to_owned);
        assert_eq!(header("x-gateway"), Some(format!("fresh-{number}")));
        assert_eq!(header("cookie").as_deref(), Some("a=1"));
        assert_eq!(header("upgrade").as_deref(), Some("websocket"));
        connection.establish("1.1", 120);
        client.expect_connected();
        client.command(Command::Redial);
    }
    let error = client.expect_loss();
    assert!(error.to_string().contains("panicked"), "{error}");
    client.command(Command::Connect);
    server.accept(SOON);
}

#[test]
fn a_header_that_would_break_the_handshake_is_refused_without_its_value() {
    let server = ScriptedServer::start();
    for (name, value) in [
        ("Host", "secret-4711"),
        ("Connection", "secret-4711"),
        ("upgrade", "secret-4711"),
        ("Content-Length", "4711"),
        ("Transfer-Encoding", "secret-4711"),
        ("Sec-WebSocket-Key", "secret-4711"),
        ("Sec-WebSocket-Protocol", "secret-4711"),
        ("", "secret-4711"),
        ("a b", "secret-4711"),
        ("X-Token", "secret-4711\r\nHost: elsewhere"),
    ] {
        let config = config(server.port()).with_handshake_header(name, value);
        let client = Client::connecting(&config);
        let error = client.expect("Failed", |told| match told {
            Told::Notice(Notice::State(ConnectionState::Failed { error })) => Some(error.clone()),
            _ => None,
        });
        assert!(
            matches!(&error, ConnectionError::InvalidHeader { name: told, .. } if told == name),
            "{name}: {error}"
        );
        assert!(!format!("{error} {error:?}").contains("4711"), "{error}");
    }
    assert_eq!(server.connections_so_far(), 0);
}

#[test]
fn only_the_certificates_that_are_trusted_are_taken() {
    let authority = TestAuthority::new();
    let stranger = TestAuthority::new();
    let bundle = format!("{}\n{}", stranger.pem(), authority.pem());
    for (what, certificate, trusted) in [
        ("unknown", authority.localhost(), stranger.pem()),
        (
            "wrong name",
            authority.for_host("example.com"),
            bundle.clone(),
        ),
        ("expired", authority.expired(), bundle.clone()),
        ("no PEM", authority.localhost(), "no PEM at all".into()),
        ("empty", authority.localhost(), String::new()),
    ] {
        let server = ScriptedServer::start_tls(&certificate);
        server.handle_each(|pending, _| {
            let _ = pending.try_secure(SOON);
        });
        let config = tls_config(server.port(), &stranger).with_ca_certificate(trusted);
        let error = Client::connecting(&config).expect_loss();
        assert!(
            matches!(&error, ConnectionError::Tls { host, reason } if host == "localhost" && reason.contains("certificate")),
            "{what}: {error}"
        );
    }
    let server = ScriptedServer::start_tls(&authority.localhost());
    let config = tls_config(server.port(), &stranger).with_ca_certificate(bundle);
    drop(Client::connected(&config, &server));
}

/// A peer that gets stuck in some phase, and the phase.
struct Stuck {
    phase: DialPhase,
    config: PusherConfig,
    server: Option<ScriptedServer>,
    _black_hole: Option<BlackHole>,
}

/// A peer for each phase in which one can stick, mute or dripping.
fn stuck_in_each_phase() -> Vec<Stuck> {
    let authority = TestAuthority::new();
    let certificate = authority.localhost();
    let black_hole = BlackHole::start();
    let drip = Duration::from_millis(30);
    let mut all = vec![Stuck {
        phase: DialPhase::Tcp,
        config: config(black_hole.port()),
        server: None,
        _black_hole: Some(black_hole),
    }];
    let mut add =
        |phase, tls: bool, handler: fn(pusher_test_support::PendingConnection, Duration)| {
            let (server, config) = if tls {
                let server = ScriptedServer::start_tls(&certificate);
                let config = tls_config(server.port(), &authority);
                (server, config)
            } else {
                let server = ScriptedServer::start();
                let config = config(server.port());
                (server, config)
            };
            server.handle_each(move |pending, _| handler(pending, drip));
            all.push(Stuck {
                phase,
                config,
                server: Some(server),
                _black_hole: None,
            });
        };
    add(DialPhase::Tls, true, |pending, _| pending.hold());
    add(DialPhase::Tls, true, |pending, drip| {
        pending.drip_tls(drip);
        pending.hold();
    });
    add(DialPhase::Upgrade, true, |pending, _| {
        let _ = pending.try_secure(SOON);
        pending.hold();
    });
    add(DialPhase::Upgrade, false, |pending, _| pending.hold());
    add(DialPhase::Upgrade, false, |pending, drip| {
        pending.drip_response(drip, SOON);
        pending.hold();
    });
    add(DialPhase::Establishment, false, |pending, _| {
        pending.upgrade(SOON).hold();
    });
    all
}

#[test]
fn a_peer_that_sticks_in_any_phase_is_given_up_in_time_and_the_error_names_the_phase() {
    for stuck in stuck_in_each_phase() {
        let config = stuck.config.with_timing(dial_timeout(BRIEFLY));
        let begun = Instant::now();
        let client = Client::connecting(&config);
        let error = client.expect_loss();
        let expected = ConnectionError::TimedOut {
            phase: stuck.phase,
            after: BRIEFLY,
        };
        assert_eq!(error, expected);
        assert_took(begun, BRIEFLY);
        if let Some(server) = stuck.server {
            server.expect_open_connections(0, SOON);
        }
    }
}

#[test]
fn a_disconnect_in_any_phase_lets_go_at_once() {
    for stuck in stuck_in_each_phase() {
        let client = Client::connecting(&stuck.config);
        if let Some(server) = &stuck.server {
            server.expect_connections_so_far(1, SOON);
        }
        thread::sleep(Duration::from_millis(150));
        let begun = Instant::now();
        client.command(Command::Disconnect);
        if let Some(server) = &stuck.server {
            server.expect_open_connections(0, SOON);
        }
        assert_quick(begun);
    }
}

#[test]
fn closing_in_any_phase_ends_well_under_a_second() {
    for stuck in stuck_in_each_phase() {
        let mut client = Client::connecting(&stuck.config);
        if let Some(server) = &stuck.server {
            server.expect_connections_so_far(1, SOON);
        }
        thread::sleep(Duration::from_millis(150));
        let begun = Instant::now();
        client.driver.close(Duration::from_secs(1));
        assert_quick(begun);
        if let Some(server) = &stuck.server {
            server.expect_open_connections(0, SOON);
        }
        assert_quick(begun);
    }
}

/// A request to dial a host that this resolver resolves.
fn request(
    resolver: &'static DnsResolver,
    host: &str,
    port: u16,
    allowed: Duration,
) -> DialRequest {
    let config = config(port);
    DialRequest {
        connector: Connector::new(&config, resolver),
        target: Endpoint::custom(host, port).target("key").unwrap(),
        headers: HandshakeHeaders::new(&config, &Arc::new(HandshakeHeaders::threads())),
        deadline: Deadline {
            at: Instant::now() + allowed,
            allowed,
        },
        inbound_message_bytes: 1000,
    }
}

const DIAL: DialId = DialId(1);

/// Waits for the outcome of a dial.
fn outcome(receiver: &MessageReceiver) -> Result<(), ConnectionError> {
    let deadline = Instant::now() + SOON;
    loop {
        assert!(Instant::now() < deadline, "waited for the dial's end");
        match receiver.take() {
            Some(Message::Dialled(_, outcome)) => return outcome.map(drop),
            _ => thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[test]
fn a_look_up_that_hangs_is_given_up_in_time_and_can_be_cut() {
    static HUNG: DnsResolver = DnsResolver::new(|_| {
        thread::sleep(Duration::from_secs(3));
        Ok(Vec::new())
    });
    let poll = mio::Poll::new().unwrap();
    let (sender, receiver) = MessageSender::new(poll.registry(), mio::Token(0)).unwrap();
    let request = || request(&HUNG, "hung.test", 80, BRIEFLY);
    let token = CancelToken::default();
    let begun = Instant::now();
    let dial = Dial::start(DIAL, request(), sender.clone(), &token).unwrap();
    let outcome = outcome(&receiver);
    assert_took(begun, BRIEFLY);
    assert!(matches!(
        outcome,
        Err(ConnectionError::TimedOut {
            phase: DialPhase::LookUp,
            ..
        })
    ));
    drop(dial);

    let begun = Instant::now();
    let dial = Dial::start(DIAL, request(), sender, &token).unwrap();
    drop(dial);
    let own = CancelToken::default();
    own.cancel();
    let deadline = Instant::now() + SOON;
    assert_eq!(
        HUNG.resolve("hung.test", deadline, &own),
        Err(Stopped::Cancelled)
    );
    assert_quick(begun);
    assert!(receiver.take().is_none(), "a cancelled dial answers");
}

#[test]
fn a_dead_ipv6_address_before_a_live_ipv4_one_costs_next_to_nothing() {
    static DUAL: DnsResolver =
        DnsResolver::new(|_| Ok(vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()]));
    let server = ScriptedServer::start();
    let poll = mio::Poll::new().unwrap();
    let (sender, receiver) = MessageSender::new(poll.registry(), mio::Token(0)).unwrap();
    let request = request(&DUAL, "dual.test", server.port(), SOON);
    let begun = Instant::now();
    let _dial = Dial::start(DIAL, request, sender, &CancelToken::default()).unwrap();
    let connection = server.accept(SOON);
    assert_quick(begun);
    assert_eq!(outcome(&receiver), Ok(()));
    assert_eq!(connection.expect_end(SOON), Ended::ByClient);
}

#[cfg(not(feature = "native-tls"))]
#[test]
fn without_the_feature_tls_is_refused_with_advice() {
    let endpoint = Endpoint::custom("127.0.0.1", 1).with_tls();
    let error = Client::connecting(&PusherConfig::new("key", endpoint)).expect_loss();
    assert!(error.to_string().contains("native-tls"), "{error}");
}
