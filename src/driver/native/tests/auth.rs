//! Authorization by endpoints and by user code that are slow or hang.

use std::net::Ipv4Addr;

use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization},
    session::{AUTHORIZATIONS_AT_ONCE, SignInState},
};
use pusher_test_support::{Answer, ScriptedAuth};
use serde_json::json;

use super::*;
use crate::auth::{AuthEndpoint, AuthReply, AuthRequest, Authorizer, authorize_with};

fn authorization(error: AuthError) -> Result<(), SubscriptionError> {
    Err(SubscriptionError::Authorization(error))
}

#[test]
fn without_an_authorizer_the_subscription_fails_at_once() {
    let (_server, client, _connection) = connected(|config| config);
    client.subscribe("private-room");
    let failed = client.expect_subscription("private-room");
    assert_eq!(failed, authorization(AuthError::NoAuthorizer));
    client.command(Command::SignIn);
    client.expect_notice("failed sign-in", |notice| match notice {
        Notice::SignIn(SignInState::Failed(_)) => Some(()),
        _ => None,
    });
}

#[test]
fn hanging_authorizers_do_not_block_http_sign_in() {
    let user_data = r#"{"id":"u"}"#;
    let answer = json!({"auth": "k:u", "user_data": user_data});
    let auth = ScriptedAuth::always(Answer::json(&answer));
    let (release, released) = unbounded::<()>();
    let (_server, mut client, connection) = connected(|config| {
        config
            .with_timing(changed(|timing: &mut Timing| {
                timing.authorization_timeout = Duration::from_millis(300);
            }))
            .with_user_auth_endpoint(AuthEndpoint::new(auth.url("/")))
            .with_authorizer(authorize_with(move |request| {
                if request.channel().starts_with("private-hang") {
                    let _ = released.recv();
                }
                Ok(ChannelAuthorization::new("k:s"))
            }))
    });
    for number in 0..4 {
        client.subscribe(&format!("private-hang-{number}"));
    }
    client.command(Command::SignIn);
    let sign_in = connection.expect_event("pusher:signin", SOON);
    assert_eq!(sign_in["data"], answer);
    assert_eq!(auth.expect_request(SOON).body(), b"socket_id=1.1");
    let failed = client.expect_subscription("private-hang-0");
    assert_eq!(failed, authorization(AuthError::TimedOut));
    client.subscribe("private-fine");
    let subscribe = connection.expect_event("pusher:subscribe", SOON);
    assert_eq!(subscribe["data"]["channel"], "private-fine");
    client.close_at_once();
    drop(release);
}

#[test]
fn lost_connection_cancels_its_requests_and_frees_workers() {
    let auth = ScriptedAuth::start(|request| match request.number() {
        number if number < AUTHORIZATIONS_AT_ONCE => Answer::never(),
        _ => Answer::json(&json!({"auth": "k:s"})),
    });
    let (server, mut client, connection) =
        connected(|config| config.with_auth_endpoint(AuthEndpoint::new(auth.url("/"))));
    for number in 0..AUTHORIZATIONS_AT_ONCE {
        client.subscribe(&format!("private-{number}"));
        auth.expect_request(SOON);
    }
    let begun = Instant::now();
    connection.cut();
    auth.expect_open_connections(0, SOON);
    assert_quick(begun);
    client.command(Command::Connect);
    let connection = client.accept(&server);
    for _ in 0..AUTHORIZATIONS_AT_ONCE {
        connection.expect_event("pusher:subscribe", SOON);
    }
    client.driver.close(Duration::from_secs(1));
}

#[test]
fn closing_with_a_request_in_flight_ends_at_once() {
    let authority = TestAuthority::new();
    let certificate = authority.localhost();
    for certificate in [None, Some(&certificate)] {
        let loopback = Ipv4Addr::LOCALHOST.into();
        let auth = ScriptedAuth::start_on(loopback, certificate, |_| Answer::never());
        let (_server, mut client, _connection) = connected(|config| {
            config
                .with_auth_endpoint(AuthEndpoint::new(auth.url("/")))
                .with_ca_certificate(authority.pem())
        });
        client.subscribe("private-room");
        auth.expect_request(SOON);
        let begun = client.close_at_once();
        auth.expect_open_connections(0, SOON);
        assert_quick(begun);
    }
}

/// An authorizer that answers with this signature from another thread.
struct Signature(&'static str);

impl Authorizer for Signature {
    fn authorize(&self, _request: AuthRequest, reply: AuthReply) {
        let authorization = ChannelAuthorization::new(self.0);
        thread::spawn(move || reply.send(Ok(authorization)));
    }
}

#[test]
fn most_specific_pattern_authorizes_the_channel() {
    let backend = |name: &'static str| {
        ScriptedAuth::start(move |_| Answer::json(&json!({"auth": format!("k:{name}")})))
    };
    let (all, shops, vip) = (backend("all"), backend("shops"), backend("vip"));
    let endpoint = |auth: &ScriptedAuth| AuthEndpoint::new(auth.url("/"));
    let (_server, client, connection) = connected(|config| {
        config
            .with_authorizer_for("private-shop-7", Signature("k:replaced"))
            .with_auth_endpoint_for("private-shop-*", endpoint(&shops))
            .with_auth_endpoint(endpoint(&all))
            .with_auth_endpoint_for("private-shop-vip-*", endpoint(&vip))
            .with_authorizer_for("private-*", Signature("k:own"))
            .with_authorizer_for("private-shop-7", Signature("k:seven"))
    });
    for (channel, expected) in [
        ("private-shop-1", "k:shops"),
        ("private-shop-7", "k:seven"),
        ("private-shop-77", "k:shops"),
        ("private-shop-vip-1", "k:vip"),
        ("private-lobby", "k:own"),
    ] {
        client.subscribe(channel);
        let subscribe = connection.expect_event("pusher:subscribe", SOON);
        assert_eq!(subscribe["data"]["auth"], expected, "{channel}");
    }
    // The answer names no member, so the client sends no subscription. Only the request shows which endpoint was used.
    client.subscribe("presence-lobby");
    all.expect_request(SOON);
}
