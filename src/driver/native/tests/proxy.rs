//! Connections through an HTTP proxy.

use std::net::Ipv4Addr;

use pusher_protocol::{protocol::AuthError, session::DialPhase};
use pusher_test_support::{Answer, ConnectProxy, ScriptedAuth};
use serde_json::json;

use super::*;
use crate::{auth::AuthEndpoint, config::Proxy};

/// A host name that only the proxy resolves.
const HOST: &str = "game.test";

/// A configuration for a server at [`HOST`] behind this proxy.
fn behind(proxy: Proxy, port: u16, tls: bool) -> PusherConfig {
    let endpoint = Endpoint::custom(HOST, port);
    let endpoint = if tls { endpoint.with_tls() } else { endpoint };
    PusherConfig {
        endpoint,
        ..config(1)
    }
    .with_proxy(proxy)
}

fn proxy_at(port: u16) -> Proxy {
    Proxy::new("127.0.0.1", port)
}

#[test]
fn socket_and_requests_use_the_proxy_with_and_without_tls() {
    let authority = TestAuthority::new();
    let certificate = authority.for_host(HOST);
    for (scheme, certificate) in [("http", None), ("https", Some(&certificate))] {
        let proxy = ConnectProxy::requiring("Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==");
        let loopback = Ipv4Addr::LOCALHOST.into();
        let server = server_at(loopback, certificate);
        let auth = ScriptedAuth::start_on(loopback, certificate, |_| {
            Answer::json(&json!({"auth": "k:s"}))
        });
        let url = format!("{scheme}://{HOST}:{}/auth", auth.port());
        let through = proxy_at(proxy.port()).with_credentials("user", "password");
        let config = behind(through, server.port(), certificate.is_some())
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
fn proxy_refusal_is_reported_to_the_socket_and_the_request() {
    let locked = ConnectProxy::requiring("Proxy-Authorization: Basic other");
    let forbidding = ConnectProxy::answering("HTTP/1.1 403 Not this port\r\n\r\n");
    let nonsense = ConnectProxy::answering("220 mail.example.com ESMTP\r\n\r\n");
    for (port, expected, part) in [
        (locked.port(), Some(407), "credentials"),
        (forbidding.port(), Some(403), "Not this port"),
        (nonsense.port(), None, "HTTP"),
        (1, None, "refused"),
    ] {
        let proxy = proxy_at(port).with_credentials("user", "password");
        let error = Client::connecting(&behind(proxy.clone(), 6001, false)).expect_loss();
        let ConnectionError::Proxy { status, reason, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*status, expected);
        assert!(reason.contains(part), "{error}");

        // The server is on this machine, so the client reaches it without the proxy. The auth endpoint is not.
        let endpoint = AuthEndpoint::new(format!("https://{HOST}/auth"));
        let (_server, client, _connection) =
            connected(|config| config.with_proxy(proxy).with_auth_endpoint(endpoint));
        client.subscribe("private-room");
        let failed = client.expect_subscription("private-room").unwrap_err();
        let SubscriptionError::Authorization(error) = &failed else {
            panic!("{failed}")
        };
        let reason = error.to_string();
        assert!(reason.contains("proxy"), "{reason}");
        assert!(reason.contains(part), "{reason}");
        // A refusal by the proxy is final.
        assert_eq!(error.is_transient(), expected.is_none(), "{reason}");
        assert!(!reason.contains("password"));
    }
}

#[test]
fn silent_proxy_times_out() {
    let silent = ConnectProxy::silent();
    let allowed = Duration::from_millis(500);
    let begun = Instant::now();
    let behind = behind(proxy_at(silent.port()), 443, true)
        .with_timing(changed(|timing: &mut Timing| timing.dial_timeout = allowed));
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

    let (_server, client, _connection) = connected(|config| {
        config
            .with_timing(changed(|timing: &mut Timing| {
                timing.authorization_timeout = allowed
            }))
            .with_proxy(proxy_at(silent.port()))
            .with_auth_endpoint(AuthEndpoint::new(format!("https://{HOST}/auth")))
    });
    let begun = Instant::now();
    client.subscribe("private-room");
    let failed = client.expect_subscription("private-room");
    let expected = SubscriptionError::Authorization(AuthError::TimedOut);
    assert_eq!(failed, Err(expected));
    assert_took(begun, allowed);
}

#[test]
fn changed_proxy_applies_to_the_next_dial() {
    let (old, new) = (ConnectProxy::start(), ConnectProxy::start());
    let server = ScriptedServer::start();
    let through = |proxy: &ConnectProxy| behind(proxy_at(proxy.port()), server.port(), false);
    assert!(through(&old).needs_redial(&through(&new)));
    let (client, _connection) = Client::connected(&through(&old), &server);
    client.driver.configure(&through(&new));
    client.command(Command::Redial);
    client.accept(&server);
    assert_eq!((old.requests().len(), new.requests().len()), (1, 1));
}
