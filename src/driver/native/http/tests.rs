//! Tests of HTTP: servers that misbehave, and requests that are refused before they are sent.

use std::{
    io::Write,
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use pusher_test_support::{Answer, BlackHole, ScriptedAuth, TestAuthority};

use pusher_protocol::{ChannelName, NameRules, session::RequestId};

use super::*;
use crate::{
    config::Pem,
    driver::{
        AuthQuery,
        native::{
            resolver::{self, DnsResolver},
            tests::{DUAL_STACK, SOON, assert_quick, run_soon},
            tls::TrustStore,
        },
    },
};

fn http(resolver: &'static DnsResolver, authorities: &[&TestAuthority]) -> Http {
    let authorities = authorities
        .iter()
        .map(|authority| Pem(authority.pem().into()));
    let connector = Connector {
        resolver,
        trust_store: Arc::new(TrustStore::new(authorities.collect())),
        proxy: None,
    };
    Http::new(connector, &CancelToken::default())
}

/// A request about the channel `private-a@b`.
fn request(endpoint: &AuthEndpoint) -> EndpointRequest {
    let channel = ChannelName::new("private-a@b", NameRules::Strict).unwrap();
    EndpointRequest {
        query: AuthQuery::channel(RequestId(1), &channel, "1.1".into()),
        endpoint: endpoint.clone(),
    }
}

fn post(endpoint: &AuthEndpoint) -> Result<String, AuthError> {
    post_within(endpoint, SOON)
}

fn post_within(endpoint: &AuthEndpoint, time: Duration) -> Result<String, AuthError> {
    http(&resolver::SYSTEM, &[]).post(&request(endpoint), Instant::now() + time)
}

fn refused(status: u16, body: &str) -> Result<String, AuthError> {
    Err(AuthError::http(status, body))
}

#[test]
fn http_responses_map_to_results() {
    let too_large = Err(AuthError::TooLarge { limit: BODY_LIMIT });
    let long = Answer::status(500).with_body("x".repeat(1 << 20));
    let half = "HTTP/1.1 503 Broken\r\nContent-Length: 99\r\n\r\nhalf of it";
    for (answer, expected) in [
        (Answer::text("{}"), Ok("{}".into())),
        (Answer::status(201).with_body("{}"), Ok("{}".into())),
        (Answer::status(204), Ok(String::new())),
        (Answer::text("\u{feff}null"), Ok("\u{feff}null".into())),
        (Answer::large(BODY_LIMIT), Ok(" ".repeat(BODY_LIMIT))),
        (Answer::large(5 << 20), too_large),
        (Answer::redirect("/login"), refused(302, "")),
        (Answer::status(401).with_body("who?"), refused(401, "who?")),
        (Answer::status(403).with_body("no"), refused(403, "no")),
        (Answer::status(419), refused(419, "")),
        (Answer::status(429), refused(429, "")),
        (long, refused(500, &"x".repeat(1000))),
        (Answer::raw(half), refused(503, "half of it")),
    ] {
        let auth = ScriptedAuth::always(answer.clone());
        let outcome = post(&AuthEndpoint::new(auth.url("/")));
        assert_eq!(outcome, expected, "{answer:?}");
    }
}

#[test]
fn invalid_http_response_is_an_error() {
    let large = "x".repeat(1 << 17);
    let large = format!("HTTP/1.1 200 OK\r\nX-Large: {large}\r\n\r\n");
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{";
    let auth = ScriptedAuth::always;
    let refusing = auth(Answer::close());
    refusing.stop_listening();
    for (what, auth, part) in [
        ("SSH", auth(Answer::raw("SSH-2.0-OpenSSH\r\n\r\n")), "HTTP"),
        ("half", auth(Answer::raw(half)), ""),
        ("large header", auth(Answer::raw(large)), ""),
        ("close", auth(Answer::close()), ""),
        ("reset", auth(Answer::reset()), "reset"),
        ("refusal", refusing, "refused"),
    ] {
        let error = post(&AuthEndpoint::new(auth.url("/"))).unwrap_err();
        let is_expected = match &error {
            AuthError::Unreachable(reason) => reason.contains(part),
            // The limit and the server's end of the connection race.
            AuthError::TooLarge { .. } => what == "large header",
            _ => false,
        };
        assert!(is_expected, "{what}: {error}");
    }
}

#[test]
fn slow_request_of_any_kind_ends_at_the_deadline() {
    let time = Duration::from_millis(400);
    let drip = Duration::from_millis(20);
    let slow = format!("HTTP/1.1 200 OK\r\nX-Slow: {}", "a".repeat(1000));
    let servers = [
        Answer::never(),
        Answer::drip(drip * 5),
        Answer::drip_bytes(slow, drip),
        Answer::text("{}").after(SOON),
    ]
    .map(ScriptedAuth::always);
    let black_hole = BlackHole::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = [
        format!("http://{}/", black_hole.address()),
        format!("https://{}/", silent.local_addr().unwrap()),
    ];
    for url in servers.iter().map(|server| server.url("/")).chain(dead) {
        let begun = Instant::now();
        let error = post_within(&AuthEndpoint::new(&*url), time).unwrap_err();
        assert_eq!(error, AuthError::TimedOut, "{url}");
        let elapsed = begun.elapsed();
        assert!(elapsed < time + Duration::from_millis(300), "{elapsed:?}");
    }
    for server in servers {
        server.expect_open_connections(0, SOON);
    }
}

#[test]
fn auth_request_is_a_form_and_later_headers_override_earlier() {
    let auth = ScriptedAuth::always(Answer::text("{}"));
    let calls = AtomicUsize::new(0);
    let endpoint = AuthEndpoint::new(auth.url("/auth?game=1"))
        .with_header("X-Token", "fixed")
        .with_header("x-kept", "é")
        .with_param("fixed", "1")
        .with_header_provider(move || {
            let number = calls.fetch_add(1, Ordering::SeqCst);
            vec![("X-TOKEN".into(), format!("fresh-{number}"))]
        })
        .with_param_provider(|| vec![("fixed".into(), "2".into())]);
    for number in 0..2 {
        post(&endpoint).unwrap();
        let received = auth.expect_request(SOON);
        assert_eq!(received.method(), "POST");
        assert_eq!(received.target(), "/auth?game=1");
        for (name, value) in [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
            ("x-token", &format!("fresh-{number}")),
            ("x-kept", "é"),
            ("host", &auth.address().to_string()),
        ] {
            assert_eq!(received.header(name), Some(value), "{name}");
        }
        assert_eq!(
            received.body(),
            b"socket_id=1.1&channel_name=private-a%40b&fixed=1&fixed=2"
        );
    }
}

#[test]
fn only_the_configured_certificate_authority_is_trusted() {
    let (authority, other) = (TestAuthority::new(), TestAuthority::new());
    let auth = ScriptedAuth::start_tls(&authority.localhost(), |_| Answer::text("{}"));
    let endpoint = AuthEndpoint::new(format!("https://localhost:{}/", auth.port()));
    let post = |trusted: &[&TestAuthority]| {
        http(&resolver::SYSTEM, trusted).post(&request(&endpoint), Instant::now() + SOON)
    };
    assert_eq!(post(&[&other, &authority]), Ok("{}".into()));
    let error = post(&[&other]).unwrap_err();
    assert!(
        matches!(&error, AuthError::Tls(reason) if reason.contains("certificate")),
        "{error}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn https_to_a_plain_http_port_reports_that_it_is_not_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(refusal).unwrap();
    });
    let error = post(&AuthEndpoint::new(url)).unwrap_err();
    assert!(
        matches!(&error, AuthError::Tls(reason) if reason.contains("does not speak TLS")),
        "{error}"
    );
    server.join().unwrap();
}

#[test]
fn a_connection_serves_many_requests_until_the_server_ends_it() {
    let authority = TestAuthority::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = AuthEndpoint::new(format!("http://{}/", listener.local_addr().unwrap()));
    // Answers two requests, then ends the connection; twice.
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            for _ in 0..2 {
                let mut received = [0; 4096];
                while !received.windows(4).any(|part| part == b"%40b") {
                    assert_ne!(stream.read(&mut received).unwrap(), 0);
                }
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                    .unwrap();
            }
        }
    });
    let client = http(&resolver::SYSTEM, &[&authority]);
    let deadline = Instant::now() + SOON;
    for _ in 0..4 {
        assert_eq!(client.post(&request(&plain), deadline), Ok("{}".into()));
        thread::sleep(Duration::from_millis(30));
    }
    server.join().unwrap();

    let auth = ScriptedAuth::start_tls(&authority.localhost(), |_| Answer::text("{}"));
    let secure = AuthEndpoint::new(auth.url("/"));
    for _ in 0..4 {
        assert_eq!(client.post(&request(&secure), deadline), Ok("{}".into()));
    }
    assert!(auth.connections_so_far() <= 4);
}

#[test]
fn dead_ipv6_address_does_not_delay_a_live_ipv4_address() {
    let auth = ScriptedAuth::always(Answer::text("{}"));
    let url = format!("http://dual.test:{}/", auth.port());
    let begun = Instant::now();
    let request = request(&AuthEndpoint::new(url).allow_insecure());
    let answer = http(&DUAL_STACK, &[]).post(&request, begun + SOON);
    assert_eq!(answer, Ok("{}".into()));
    assert_quick(begun);
}

#[test]
fn cancel_ends_a_request_in_each_phase() {
    static HUNG: DnsResolver = DnsResolver::new(|_| {
        thread::sleep(Duration::from_secs(1));
        Ok(Vec::new())
    });
    let auth = ScriptedAuth::always(Answer::never());
    let black_hole = BlackHole::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for url in [
        "https://hung.test/".into(),
        format!("http://{}/", black_hole.address()),
        format!("https://{}/", silent.local_addr().unwrap()),
        auth.url("/"),
    ] {
        let client = Arc::new(http(&HUNG, &[]));
        let canceller = client.clone();
        run_soon(move || canceller.cancel());
        let begun = Instant::now();
        let request = request(&AuthEndpoint::new(&*url));
        let error = client.post(&request, begun + SOON).unwrap_err();
        assert!(matches!(error, AuthError::Unreachable(_)), "{url}: {error}");
        assert_quick(begun);
    }
}

#[test]
fn invalid_requests_are_refused_without_showing_the_value() {
    let secret = "secret-4711\n";
    let at = |url: &str| AuthEndpoint::new(url);
    for endpoint in [
        at(""),
        at("game.example.com/auth"),
        at("/auth"),
        at("ftp://game.example.com/"),
        at("https:///auth"),
        at("https://a b/?secret-4711"),
        at("https://h/").with_header("a b", secret),
        at("https://h/").with_header("", secret),
        at("https://h/").with_header("x", secret),
        at("https://h/").with_header("Content-Length", "4711"),
        at("https://h/").with_header("Transfer-Encoding", "chunked"),
    ] {
        let error = to_http(&request(&endpoint)).unwrap_err();
        assert!(matches!(error, AuthError::InvalidEndpoint(_)), "{error}");
        assert!(!error.to_string().contains("4711"), "{error}");
        let is_urls_fault = endpoint.headers.0.is_empty();
        assert_eq!(error.to_string().contains("https://"), is_urls_fault);
    }
}

#[test]
fn plain_http_to_another_host_must_be_allowed() {
    for (url, is_insecure) in [
        ("http://game.example.com/", true),
        ("http://192.168.1.1/", true),
        ("http://localhost.example.com/", true),
        ("http://localhost:1/", false),
        ("http://127.9.9.9:1/", false),
        ("http://[::1]:1/", false),
        ("https://game.example.com/", false),
    ] {
        let outcome = super::url(&AuthEndpoint::new(url));
        assert_eq!(outcome == Err(AuthError::Insecure), is_insecure, "{url}");
        assert!(super::url(&AuthEndpoint::new(url).allow_insecure()).is_ok());
    }
}
