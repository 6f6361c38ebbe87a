//! Dials: refused, invalid, and to peers that get stuck in each phase.

use std::{
    net::Ipv6Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use pusher_protocol::session::{DialId, DialPhase};
use pusher_test_support::{Answer, BlackHole, Ended, PendingConnection, ScriptedAuth};

use super::{
    super::{
        cancel::CancelToken,
        connector::{Connector, Deadline},
        dial::{Dial, Dialler},
        headers::HandshakeHeaders,
        messages::{Message, MessageReceiver, MessageSender},
        resolver::DnsResolver,
    },
    *,
};
use crate::auth::AuthEndpoint;

const DIAL_TIMEOUT: Duration = Duration::from_millis(1000);

#[test]
fn frame_in_one_segment_with_the_upgrade_is_read() {
    let server = ScriptedServer::start();
    let client = Client::connecting(&config(server.port()));
    let pending = server.accept_tcp(SOON);
    let request = pending.read_request(SOON);
    let text = r#"{"event":"pusher:connection_established","data":{"socket_id":"1.1"}}"#;
    let mut bytes = request.upgrade_response().into_bytes();
    bytes.extend([0x81, u8::try_from(text.len()).unwrap()]);
    bytes.extend(text.as_bytes());
    pending.respond_raw(bytes);
    client.expect_connected();
}

#[test]
fn refused_upgrade_reports_status_and_body() {
    let server = ScriptedServer::start();
    let http = |response: &str| format!("HTTP/1.1 {response}");
    let busy = "503 Busy\r\nContent-Length: 9\r\n\r\ntry\nlater";
    for (answer, expected, part) in [
        (http(busy), Some(503), "try later"),
        (String::new(), None, "closed the connection"),
        ("SSH-2.0-OpenSSH\r\n\r\n".into(), None, "httparse"),
        (http("101 Switch\r\n\r\n"), None, "Upgrade"),
    ] {
        let client = Client::connecting(&config(server.port()));
        let pending = server.accept_tcp(SOON);
        pending.read_request(SOON);
        pending.respond_raw(&answer);
        pending.close();
        let error = client.expect_loss();
        let ConnectionError::Upgrade { status, reason } = &error else {
            panic!("{answer:?}: {error}")
        };
        assert_eq!(*status, expected, "{answer:?}");
        let is_exact = status.is_none() || reason == part;
        assert!(is_exact && reason.contains(part), "{answer:?}: {error}");
    }
}

#[test]
fn ipv6_host_works_for_socket_and_backend_with_and_without_tls() {
    let loopback = Ipv6Addr::LOCALHOST.into();
    let authority = TestAuthority::new();
    let certificate = authority.localhost();
    for (host, certificate) in [("::1", None), ("[::1]", None), ("::1", Some(&certificate))] {
        let server = server_at(loopback, certificate);
        let auth = ScriptedAuth::start_on(loopback, certificate, |_| {
            Answer::json(&serde_json::json!({"auth": "k:s"}))
        });
        let endpoint = Endpoint::custom(host, server.port()).with_path("/behind/a/path/");
        let config = PusherConfig {
            endpoint: match certificate {
                Some(_) => endpoint.with_tls(),
                None => endpoint,
            },
            ..config(1)
        }
        .with_ca_certificate(authority.pem())
        .with_auth_endpoint(AuthEndpoint::new(auth.url("/auth")));
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
fn handshake_headers_are_fetched_for_each_dial() {
    let calls = AtomicUsize::new(0);
    let server = ScriptedServer::start();
    let config = config(server.port())
        .with_handshake_header("X-Gateway", "fixed-4711")
        .with_handshake_header("Cookie", "a=1")
        .with_handshake_header_provider(move || {
            let number = calls.fetch_add(1, Ordering::SeqCst);
            assert_ne!(number, 2, "the test requests a panic");
            vec![("x-gateway".into(), format!("fresh-{number}"))]
        });
    assert!(!format!("{config:?}").contains("4711"));
    let client = Client::connecting(&config);
    for number in 0..2 {
        let connection = client.accept(&server);
        let header = |name| connection.request().header(name).map(str::to_owned);
        assert_eq!(header("x-gateway"), Some(format!("fresh-{number}")));
        assert_eq!(header("cookie").as_deref(), Some("a=1"));
        assert_eq!(header("upgrade").as_deref(), Some("websocket"));
        client.command(Command::Redial);
    }
    let error = client.expect_loss();
    assert!(error.to_string().contains("panicked"), "{error}");
    client.command(Command::Connect);
    server.accept(SOON);
}

#[test]
fn invalid_handshake_header_is_refused_without_its_value() {
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
        let error = Client::connecting(&config).expect_failure();
        assert!(
            matches!(&error, ConnectionError::InvalidHeader { name: named, .. } if named == name),
            "{name}: {error}"
        );
        assert!(!format!("{error} {error:?}").contains("4711"), "{error}");
    }
    assert_eq!(server.connections_so_far(), 0);
}

#[test]
fn only_trusted_certificates_are_accepted() {
    let authority = TestAuthority::new();
    let other = TestAuthority::new();
    let bundle = format!("{}\n{}", other.pem(), authority.pem());
    for (what, certificate, trusted) in [
        ("unknown", authority.localhost(), other.pem()),
        ("name", authority.for_host("example.com"), bundle.clone()),
        ("expired", authority.expired(), bundle.clone()),
        ("no PEM", authority.localhost(), "no PEM at all".into()),
        ("empty", authority.localhost(), String::new()),
    ] {
        let server = ScriptedServer::start_tls(&certificate);
        server.handle_each(|pending, _| {
            let _ = pending.try_secure(SOON);
        });
        let config = tls_config(server.port(), &other).with_ca_certificate(trusted);
        let error = Client::connecting(&config).expect_loss();
        assert!(
            matches!(&error, ConnectionError::Tls { host, reason } if host == "localhost" && reason.contains("certificate")),
            "{what}: {error}"
        );
    }
    let server = ScriptedServer::start_tls(&authority.localhost());
    let config = tls_config(server.port(), &other).with_ca_certificate(bundle);
    drop(Client::connected(&config, &server));
}

/// A peer that gets stuck in some phase.
struct Stuck {
    phase: DialPhase,
    config: PusherConfig,
    server: Option<ScriptedServer>,
    _black_hole: Option<BlackHole>,
}

impl Stuck {
    /// A black hole never has a connection.
    fn expect_open_connections(&self, count: usize) {
        if let Some(server) = &self.server {
            server.expect_open_connections(count, SOON);
        }
    }
}

/// A peer for each phase in which one can get stuck, sending nothing or single bytes.
fn stuck_in_each_phase() -> Vec<Stuck> {
    let black_hole = BlackHole::start();
    let mut all = vec![Stuck {
        phase: DialPhase::Tcp,
        config: config(black_hole.port()),
        server: None,
        _black_hole: Some(black_hole),
    }];
    let drip = Duration::from_millis(30);
    let mut add = |phase, tls: bool, handler: fn(PendingConnection, Duration)| {
        let [plain, secure] = plain_and_tls();
        let (server, config) = if tls { secure } else { plain };
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
fn dial_timeout_names_the_phase_that_is_stuck() {
    for stuck in stuck_in_each_phase() {
        let timing = changed(|timing: &mut Timing| timing.dial_timeout = DIAL_TIMEOUT);
        let begun = Instant::now();
        let client = Client::connecting(&stuck.config.clone().with_timing(timing));
        let expected = ConnectionError::TimedOut {
            phase: stuck.phase,
            after: DIAL_TIMEOUT,
        };
        assert_eq!(client.expect_loss(), expected);
        assert_took(begun, DIAL_TIMEOUT);
        stuck.expect_open_connections(0);
    }
}

#[test]
fn disconnect_and_close_end_a_dial_in_any_phase_at_once() {
    let disconnect = |client: &mut Client| client.command(Command::Disconnect);
    let close = |client: &mut Client| client.driver.close(Duration::from_secs(1));
    for end in [disconnect as fn(&mut Client), close] {
        for stuck in stuck_in_each_phase() {
            let mut client = Client::connecting(&stuck.config);
            stuck.expect_open_connections(1);
            thread::sleep(Duration::from_millis(150));
            let begun = Instant::now();
            end(&mut client);
            assert_quick(begun);
            stuck.expect_open_connections(0);
            assert_quick(begun);
        }
    }
}

/// Dials a host that this resolver resolves.
fn dial(
    resolver: &'static DnsResolver,
    port: u16,
    allowed: Duration,
    sender: &MessageSender,
) -> Dial {
    let config = config(port);
    let request = Dialler {
        connector: Connector::new(&config, resolver),
        target: Endpoint::custom("game.test", port).target("key").unwrap(),
        headers: HandshakeHeaders::new(&config, &Arc::new(HandshakeHeaders::threads())),
        deadline: Deadline {
            at: Instant::now() + allowed,
            allowed,
        },
        inbound_message_bytes: 1000,
    };
    Dial::start(DialId(1), request, sender.clone(), &CancelToken::default()).unwrap()
}

fn messages() -> (mio::Poll, MessageSender, MessageReceiver) {
    let poll = mio::Poll::new().unwrap();
    let (sender, receiver) = MessageSender::new(poll.registry(), mio::Token(0)).unwrap();
    (poll, sender, receiver)
}

/// Waits for the outcome of a dial.
fn outcome(receiver: &MessageReceiver) -> Result<(), ConnectionError> {
    let deadline = Instant::now() + SOON;
    loop {
        assert!(Instant::now() < deadline, "the dial has no outcome");
        match receiver.take() {
            Some(Message::Dialled(_, outcome)) => return outcome.map(drop),
            _ => thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[test]
fn hanging_dns_lookup_times_out_and_can_be_cancelled() {
    static HUNG: DnsResolver = DnsResolver::new(|_| {
        thread::sleep(Duration::from_secs(3));
        Ok(Vec::new())
    });
    let (_poll, sender, receiver) = messages();
    let begun = Instant::now();
    let timed_out = dial(&HUNG, 80, DIAL_TIMEOUT, &sender);
    let expected = ConnectionError::TimedOut {
        phase: DialPhase::LookUp,
        after: DIAL_TIMEOUT,
    };
    assert_eq!(outcome(&receiver), Err(expected));
    assert_took(begun, DIAL_TIMEOUT);
    drop(timed_out);

    let begun = Instant::now();
    drop(dial(&HUNG, 80, DIAL_TIMEOUT, &sender));
    assert_quick(begun);
    assert!(receiver.take().is_none(), "a cancelled dial has an outcome");
}

#[test]
fn dead_ipv6_address_does_not_delay_a_live_ipv4_address() {
    let server = ScriptedServer::start();
    let (_poll, sender, receiver) = messages();
    let begun = Instant::now();
    let _dial = dial(&DUAL_STACK, server.port(), SOON, &sender);
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
