//! Connections through an HTTP proxy.

use std::net::TcpListener;

use pusher_protocol::{protocol::AuthError, session::DialPhase};
use pusher_test_support::{Answer, ConnectProxy, ScriptedAuth};
use serde_json::json;

use super::*;
use crate::{auth::AuthEndpoint, config::Proxy};

/// A host that is nowhere but behind the proxy.
const HOST: &str = "game.test";

/// The same configuration, with the server at that host and behind that proxy.
fn behind(proxy: Proxy, config: PusherConfig, port: u16, tls: bool) -> PusherConfig {
    let endpoint = Endpoint::custom(HOST, port);
    let endpoint = if tls { endpoint.with_tls() } else { endpoint };
    PusherConfig { endpoint, ..config }.with_proxy(proxy)
}

#[test]
fn the_socket_and_the_requests_go_through_the_proxy_over_tls_and_without() {
    let authority = TestAuthority::new();
    let certificate = authority.for_host(HOST);
    for tls in [false, true] {
        let proxy = ConnectProxy::requiring("Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==");
        let answer = |_: &pusher_test_support::HttpRequest| Answer::json(&json!({"auth": "k:s"}));
        let (server, auth, scheme) = if tls {
            let server = ScriptedServer::start_tls(&certificate);
            (
                server,
                ScriptedAuth::start_tls(&certificate, answer),
                "https",
            )
        } else {
            (ScriptedServer::start(), ScriptedAuth::start(answer), "http")
        };
        let url = format!("{scheme}://{HOST}:{}/auth", auth.port());
        let through = Proxy::new("127.0.0.1", proxy.port()).with_credentials("user", "password");
        let config = behind(through, config(1), server.port(), tls)
            .with_ca_certificate(authority.pem())
            .with_auth_endpoint(AuthEndpoint::new(url).allow_insecure());
        let (client, connection) = Client::connected(&config, &server);
        client.subscribe("private-room");
        connection.expect_event("pusher:subscribe", SOON);
        let requests = proxy.expect_requests(2, SOON);
        for (request, port) in requests.iter().zip([server.port(), auth.port()]) {
            let target = format!("{HOST}:{port}");
            let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
            assert!(request.starts_with(&head), "{request}");
        }
        assert!(!format!("{config:?}").contains("password"));
    }
}

#[test]
fn a_proxy_that_makes_no_tunnel_says_why_to_the_socket_and_to_the_request() {
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused_port = refusing.local_addr().unwrap().port();
    drop(refusing);
    let locked = ConnectProxy::requiring("Proxy-Authorization: Basic other");
    let forbidding = ConnectProxy::answering("HTTP/1.1 403 Not this port\r\n\r\n");
    let nonsense = ConnectProxy::answering("220 mail.example.com ESMTP\r\n\r\n");
    let server = ScriptedServer::start();
    for (port, expected, words) in [
        (locked.port(), Some(407), "credentials"),
        (forbidding.port(), Some(403), "Not this port"),
        (nonsense.port(), None, "HTTP"),
        (refused_port, None, "refused"),
    ] {
        let proxy = Proxy::new("127.0.0.1", port).with_credentials("user", "password");
        let behind = behind(proxy.clone(), config(1), 6001, false);
        let error = Client::connecting(&behind).expect_loss();
        let ConnectionError::Proxy { status, reason, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*status, expected);
        assert!(reason.contains(words), "{error}");

        // The server is on this machine, so it is reached without the proxy, and the backend is not.
        let endpoint = AuthEndpoint::new(format!("https://{HOST}/auth"));
        let config = config(server.port())
            .with_proxy(proxy)
            .with_auth_endpoint(endpoint);
        let (client, _connection) = Client::connected(&config, &server);
        client.subscribe("private-room");
        let failed = client.expect_subscription("private-room").unwrap_err();
        let SubscriptionError::Authorization(error) = &failed else {
            panic!("{failed}")
        };
        let reason = error.to_string();
        assert!(
            reason.contains("proxy") && reason.contains(words),
            "{reason}"
        );
        let is_refusal = expected.is_some();
        assert_eq!(error.is_transient(), !is_refusal, "{reason}");
        assert!(!reason.contains("password"));
    }
}

#[test]
fn a_proxy_that_says_nothing_is_given_up_in_time() {
    let silent = ConnectProxy::silent();
    let proxy = || Proxy::new("127.0.0.1", silent.port());
    let allowed = Duration::from_millis(500);
    let begun = Instant::now();
    let behind = behind(proxy(), config(1), 443, true).with_timing(dial_timeout(allowed));
    let expected = ConnectionError::TimedOut {
        phase: DialPhase::Proxy,
        after: allowed,
    };
    assert_eq!(Client::connecting(&behind).expect_loss(), expected);
    assert_took(begun, allowed);

    let client = Client::connecting(&behind.with_timing(Timing::default()));
    silent.expect_requests(2, SOON);
    let begun = Instant::now();
    drop(client);
    assert_quick(begun);

    let server = ScriptedServer::start();
    let timing = Timing {
        authorization_timeout: allowed,
        ..Timing::default()
    };
    let config = config(server.port())
        .with_timing(timing)
        .with_proxy(proxy())
        .with_auth_endpoint(AuthEndpoint::new(format!("https://{HOST}/auth")));
    let (client, _connection) = Client::connected(&config, &server);
    client.subscribe("private-room");
    let failed = client.expect_subscription("private-room");
    let expected = SubscriptionError::Authorization(AuthError::TimedOut);
    assert_eq!(failed, Err(expected));
}

#[test]
fn another_proxy_holds_from_the_next_dial_on() {
    let (old, new) = (ConnectProxy::start(), ConnectProxy::start());
    let server = ScriptedServer::start();
    let through = |proxy: &ConnectProxy| {
        let proxy = Proxy::new("127.0.0.1", proxy.port());
        behind(proxy, config(1), server.port(), false)
    };
    assert!(through(&old).needs_redial(&through(&new)));
    let (client, _connection) = Client::connected(&through(&old), &server);
    client.driver.configure(&through(&new));
    client.command(Command::Redial);
    server.accept(SOON).establish("2.2", 120);
    client.expect_connected();
    assert_eq!((old.requests().len(), new.requests().len()), (1, 1));
}
