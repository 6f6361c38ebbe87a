//! HTTP against servers that misbehave, and requests that are refused before they are sent.

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
            tls::TrustStore,
        },
    },
};

const SOON: Duration = Duration::from_secs(5);

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

fn ask(endpoint: &AuthEndpoint) -> Result<String, AuthError> {
    ask_within(endpoint, SOON)
}

fn ask_within(endpoint: &AuthEndpoint, time: Duration) -> Result<String, AuthError> {
    http(&resolver::SYSTEM, &[]).post(&request(endpoint), Instant::now() + time)
}

fn refused(status: u16, body: &str) -> Result<String, AuthError> {
    Err(AuthError::http(status, body))
}

#[test]
fn each_answer_has_its_meaning() {
    for (answer, expected) in [
        (Answer::text("{}"), Ok("{}".into())),
        (Answer::status(201).with_body("{}"), Ok("{}".into())),
        (Answer::status(204), Ok(String::new())),
        (Answer::text("\u{feff}null"), Ok("\u{feff}null".into())),
        (Answer::large(BODY_LIMIT), Ok(" ".repeat(BODY_LIMIT))),
        (
            Answer::large(5 << 20),
            Err(AuthError::TooLarge { limit: BODY_LIMIT }),
        ),
        (Answer::redirect("/login"), refused(302, "")),
        (Answer::status(401).with_body("who?"), refused(401, "who?")),
        (Answer::status(403).with_body("no"), refused(403, "no")),
        (Answer::status(419), refused(419, "")),
        (Answer::status(429), refused(429, "")),
        (
            Answer::status(500).with_body("x".repeat(1 << 20)),
            refused(500, &"x".repeat(1000)),
        ),
        (
            Answer::raw("HTTP/1.1 503 Broken\r\nContent-Length: 99\r\n\r\nhalf of it"),
            refused(503, "half of it"),
        ),
    ] {
        let auth = ScriptedAuth::always(answer.clone());
        assert_eq!(
            ask(&AuthEndpoint::new(auth.url("/"))),
            expected,
            "{answer:?}"
        );
    }
}

#[test]
fn what_is_no_answer_is_an_error_that_says_so() {
    for (answer, part) in [
        (Answer::raw("SSH-2.0-OpenSSH\r\n\r\n"), "HTTP"),
        (
            Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
            "",
        ),
        (Answer::close(), ""),
        (Answer::reset(), "reset"),
    ] {
        let auth = ScriptedAuth::always(answer.clone());
        let error = ask(&AuthEndpoint::new(auth.url("/"))).unwrap_err();
        assert!(
            matches!(&error, AuthError::Unreachable(reason) if reason.contains(part)),
            "{answer:?}: {error}"
        );
    }
    let large = format!(
        "HTTP/1.1 200 OK\r\nX-Large: {}\r\n\r\n",
        "x".repeat(1 << 17)
    );
    let auth = ScriptedAuth::always(Answer::raw(large));
    let error = ask(&AuthEndpoint::new(auth.url("/"))).unwrap_err();
    // Whether the limit or the server's end comes first is a matter of timing.
    let is_told = matches!(
        error,
        AuthError::TooLarge { .. } | AuthError::Unreachable(_)
    );
    assert!(is_told, "{error}");
    let refusing = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = ask(&AuthEndpoint::new(format!("http://{refusing}/"))).unwrap_err();
    assert!(
        matches!(&error, AuthError::Unreachable(reason) if reason.contains("refused")),
        "{error}"
    );
}

#[test]
fn slowness_of_any_kind_ends_at_the_deadline() {
    let time = Duration::from_millis(400);
    let drip = Duration::from_millis(20);
    let head = "HTTP/1.1 200 OK\r\nX-Slow: ";
    let answers = [
        Answer::never(),
        Answer::drip(drip * 5),
        Answer::drip_bytes(format!("{head}{}", "a".repeat(1000)), drip),
        Answer::text("{}").after(SOON),
    ];
    let black_hole = BlackHole::start();
    let servers: Vec<_> = answers.into_iter().map(ScriptedAuth::always).collect();
    let urls = servers.iter().map(|server| server.url("/"));
    for url in urls.chain([format!("http://{}/", black_hole.address())]) {
        let begun = Instant::now();
        let error = ask_within(&AuthEndpoint::new(url), time).unwrap_err();
        assert_eq!(error, AuthError::TimedOut);
        let elapsed = begun.elapsed();
        assert!(elapsed < time + Duration::from_millis(300), "{elapsed:?}");
    }
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", mute.local_addr().unwrap());
    let error = ask_within(&AuthEndpoint::new(url), time).unwrap_err();
    assert_eq!(error, AuthError::TimedOut);
}

#[test]
fn the_request_is_a_form_with_the_games_headers_where_the_later_replaces_the_earlier() {
    let auth = ScriptedAuth::always(Answer::text("{}"));
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let endpoint = AuthEndpoint::new(auth.url("/auth?game=1"))
        .with_header("X-Token", "fixed")
        .with_header("x-kept", "é")
        .with_param("fixed", "1")
        .with_header_provider(|| {
            let number = ASKED.fetch_add(1, Ordering::SeqCst);
            vec![("X-TOKEN".into(), format!("fresh-{number}"))]
        })
        .with_param_provider(|| vec![("fixed".into(), "2".into())]);
    for number in 0..2 {
        ask(&endpoint).unwrap();
        let received = auth.expect_request(SOON);
        assert_eq!(received.method(), "POST");
        assert_eq!(received.target(), "/auth?game=1");
        let header = |name| received.header(name);
        assert_eq!(
            header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        assert_eq!(header("accept"), Some("application/json"));
        assert_eq!(header("x-token"), Some(&*format!("fresh-{number}")));
        assert_eq!(header("x-kept"), Some("é"));
        let host = auth.address().to_string();
        assert_eq!(header("host"), Some(&*host));
        assert_eq!(
            received.body(),
            b"socket_id=1.1&channel_name=private-a%40b&fixed=1&fixed=2"
        );
    }
}

#[test]
fn the_games_own_authority_is_trusted_and_no_other() {
    let (authority, stranger) = (TestAuthority::new(), TestAuthority::new());
    let auth = ScriptedAuth::start_tls(&authority.localhost(), |_| Answer::text("{}"));
    let endpoint = AuthEndpoint::new(format!("https://localhost:{}/", auth.port()));
    let deadline = Instant::now() + SOON;
    let trusting = http(&resolver::SYSTEM, &[&stranger, &authority]);
    assert_eq!(
        trusting.post(&request(&endpoint), deadline),
        Ok("{}".into())
    );
    let distrusting = http(&resolver::SYSTEM, &[&stranger]);
    let error = distrusting.post(&request(&endpoint), deadline).unwrap_err();
    assert!(
        matches!(&error, AuthError::Tls(reason) if reason.contains("certificate")),
        "{error}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn https_to_a_port_for_plain_http_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(refusal).unwrap();
    });
    let error = ask(&AuthEndpoint::new(url)).unwrap_err();
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
fn a_dead_ipv6_address_before_a_live_ipv4_one_costs_next_to_nothing() {
    static DUAL: DnsResolver =
        DnsResolver::new(|_| Ok(vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()]));
    let auth = ScriptedAuth::always(Answer::text("{}"));
    let url = format!("http://dual.test:{}/", auth.port());
    let begun = Instant::now();
    let answer = http(&DUAL, &[]).post(
        &request(&AuthEndpoint::new(url).allow_insecure()),
        Instant::now() + SOON,
    );
    assert_eq!(answer, Ok("{}".into()));
    assert!(begun.elapsed() < Duration::from_millis(500));
}

#[test]
fn a_cut_ends_a_request_in_each_phase() {
    static HUNG: DnsResolver = DnsResolver::new(|_| {
        thread::sleep(Duration::from_secs(1));
        Ok(Vec::new())
    });
    let auth = ScriptedAuth::always(Answer::never());
    let black_hole = BlackHole::start();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    for url in [
        "https://hung.test/".into(),
        format!("http://{}/", black_hole.address()),
        format!("https://{}/", mute.local_addr().unwrap()),
        auth.url("/"),
    ] {
        let client = Arc::new(http(&HUNG, &[]));
        let canceller = client.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            canceller.cancel();
        });
        let begun = Instant::now();
        let endpoint = AuthEndpoint::new(&*url);
        let error = client
            .post(&request(&endpoint), Instant::now() + SOON)
            .unwrap_err();
        assert!(matches!(error, AuthError::Unreachable(_)), "{url}: {error}");
        assert!(begun.elapsed() < Duration::from_millis(500), "{url}");
    }
}

#[test]
fn what_cannot_be_sent_is_refused_without_a_panic_and_without_its_value() {
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
fn plain_http_to_another_machine_takes_a_permission() {
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
