//! Queries to the game's backend: endpoints and user code, slow and broken.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::{AUTHORIZATIONS_AT_ONCE, SignInState},
};
use pusher_test_support::{Answer, ScriptedAuth};
use serde_json::json;

use super::*;
use crate::auth::{
    AuthEndpoint, AuthReply, AuthRequest, Authorizer, authenticate_with, authorize_with,
};

fn authorization(error: AuthError) -> Result<(), SubscriptionError> {
    Err(SubscriptionError::Authorization(error))
}

/// An authorizer made of a closure that gets the reply too.
struct Custom<F>(F);

impl<F: Fn(AuthRequest, AuthReply) + Send + Sync + 'static> Authorizer for Custom<F> {
    fn authorize(&self, request: AuthRequest, reply: AuthReply) {
        (self.0)(request, reply);
    }
}

#[test]
fn an_endpoint_authorizes_channels_and_vouches_for_the_user() {
    let auth = ScriptedAuth::start(|request| match request.path() {
        "/channel" => {
            Answer::json(&json!({"auth": "key:channel", "channel_data": "{\"user_id\": 1}"}))
        }
        _ => Answer::json(&json!({"auth": "key:user", "user_data": "{\"id\":\"u\"}"})),
    });
    let server = ScriptedServer::start();
    let config = config(server.port())
        .with_auth_endpoint(AuthEndpoint::new(auth.url("/channel")).with_param("a b", "c&d"))
        .with_user_auth_endpoint(AuthEndpoint::new(auth.url("/user")));
    let (client, connection) = Client::connected(&config, &server);
    client.subscribe("presence-room");
    let subscribe = connection.expect_event("pusher:subscribe", SOON);
    assert_eq!(subscribe["data"]["auth"], "key:channel");
    assert_eq!(subscribe["data"]["channel_data"], "{\"user_id\": 1}");
    let request = auth.expect_request(SOON);
    assert_eq!(
        request.body(),
        b"socket_id=1.1&channel_name=presence-room&a%20b=c%26d"
    );
    client.command(Command::SignIn);
    let sign_in = connection.expect_event("pusher:signin", SOON);
    assert_eq!(sign_in["data"]["user_data"], "{\"id\":\"u\"}");
    assert_eq!(auth.expect_request(SOON).body(), b"socket_id=1.1");
}

#[test]
fn without_an_authorizer_the_subscription_fails_at_once() {
    let server = ScriptedServer::start();
    let (client, _connection) = Client::connected(&config(server.port()), &server);
    client.subscribe("private-room");
    let failed = client.expect_subscription("private-room");
    assert_eq!(failed, authorization(AuthError::NoAuthorizer));
    client.command(Command::SignIn);
    client.expect("a failed sign-in", |told| match told {
        Told::Notice(Notice::SignIn(SignInState::Failed(_))) => Some(()),
        _ => None,
    });
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn the_games_own_code_may_answer_now_or_later_panic_or_forget() {
    let server = ScriptedServer::start();
    let custom = Custom(
        |request: AuthRequest, reply: AuthReply| match request.channel() {
            "private-now" => reply.send(Ok(ChannelAuthorization::new("k:now"))),
            "private-later" => drop(thread::spawn(move || {
                thread::sleep(Duration::from_millis(50));
                reply.send(Ok(ChannelAuthorization::new("k:later")));
            })),
            "private-forget" => drop(reply),
            _ => panic!("told to"),
        },
    );
    let config = config(server.port())
        .with_authorizer(custom)
        .with_authenticator(authenticate_with(|request| {
            Ok(UserAuthentication::new(
                request.socket_id(),
                "{\"id\":\"u\"}",
            ))
        }));
    let (client, connection) = Client::connected(&config, &server);
    for (channel, auth) in [("private-now", "k:now"), ("private-later", "k:later")] {
        client.subscribe(channel);
        let subscribe = connection.expect_event("pusher:subscribe", SOON);
        assert_eq!(subscribe["data"]["auth"], auth);
    }
    for (channel, error) in [
        ("private-forget", AuthError::Dropped),
        ("private-panic", AuthError::Panicked),
    ] {
        client.subscribe(channel);
        assert_eq!(client.expect_subscription(channel), authorization(error));
    }
    client.command(Command::SignIn);
    let sign_in = connection.expect_event("pusher:signin", SOON);
    assert_eq!(sign_in["data"]["auth"], "1.1");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn a_provider_that_panics_fails_its_request_alone() {
    let auth = ScriptedAuth::always(Answer::json(&json!({"auth": "k:s"})));
    let server = ScriptedServer::start();
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let endpoint = AuthEndpoint::new(auth.url("/")).with_header_provider(|| {
        assert_ne!(ASKED.fetch_add(1, Ordering::SeqCst), 0, "told to panic");
        Vec::new()
    });
    let (client, connection) =
        Client::connected(&config(server.port()).with_auth_endpoint(endpoint), &server);
    client.subscribe("private-a");
    assert_eq!(
        client.expect_subscription("private-a"),
        authorization(AuthError::Panicked)
    );
    client.subscribe("private-b");
    connection.expect_event("pusher:subscribe", SOON);
}

#[test]
fn authorizers_that_hang_are_replaced_and_hold_up_no_sign_in_by_http() {
    let auth = ScriptedAuth::always(Answer::json(
        &json!({"auth": "k:u", "user_data": "{\"id\":\"u\"}"}),
    ));
    let server = ScriptedServer::start();
    let (release, released) = unbounded::<()>();
    let timing = Timing {
        authorization_timeout: Duration::from_millis(300),
        ..Timing::default()
    };
    let config = config(server.port())
        .with_timing(timing)
        .with_user_auth_endpoint(AuthEndpoint::new(auth.url("/")))
        .with_authorizer(authorize_with(move |request| {
            if request.channel().starts_with("private-hang") {
                let _ = released.recv();
            }
            Ok(ChannelAuthorization::new("k:s"))
        }));
    let (mut client, connection) = Client::connected(&config, &server);
    for number in 0..4 {
        client.subscribe(&format!("private-hang-{number}"));
    }
    client.command(Command::SignIn);
    connection.expect_event("pusher:signin", SOON);
    let failed = client.expect_subscription("private-hang-0");
    assert_eq!(failed, authorization(AuthError::TimedOut));
    client.subscribe("private-fine");
    let subscribe = connection.expect_event("pusher:subscribe", SOON);
    assert_eq!(subscribe["data"]["channel"], "private-fine");
    let begun = Instant::now();
    client.driver.close(Duration::from_secs(1));
    assert_quick(begun);
    drop(release);
}

#[test]
fn the_end_of_the_connection_ends_its_requests_and_frees_their_workers() {
    let auth = ScriptedAuth::start(|request| match request.number() {
        number if number < AUTHORIZATIONS_AT_ONCE => Answer::never(),
        _ => Answer::json(&json!({"auth": "k:s"})),
    });
    let server = ScriptedServer::start();
    let config = config(server.port()).with_auth_endpoint(AuthEndpoint::new(auth.url("/")));
    let (mut client, connection) = Client::connected(&config, &server);
    for number in 0..AUTHORIZATIONS_AT_ONCE {
        client.subscribe(&format!("private-{number}"));
        auth.expect_request(SOON);
    }
    let begun = Instant::now();
    connection.cut();
    auth.expect_open_connections(0, SOON);
    assert_quick(begun);
    client.command(Command::Connect);
    let connection = server.accept(SOON);
    connection.establish("2.2", 120);
    for _ in 0..AUTHORIZATIONS_AT_ONCE {
        connection.expect_event("pusher:subscribe", SOON);
    }
    client.driver.close(Duration::from_secs(1));
}

#[test]
fn closing_with_a_request_in_flight_ends_at_once() {
    let authority = TestAuthority::new();
    for tls in [false, true] {
        let auth = if tls {
            ScriptedAuth::start_tls(&authority.localhost(), |_| Answer::never())
        } else {
            ScriptedAuth::always(Answer::never())
        };
        let server = ScriptedServer::start();
        let config = config(server.port())
            .with_auth_endpoint(AuthEndpoint::new(auth.url("/")))
            .with_ca_certificate(authority.pem());
        let (mut client, _connection) = Client::connected(&config, &server);
        client.subscribe("private-room");
        auth.expect_request(SOON);
        let begun = Instant::now();
        client.driver.close(Duration::from_secs(1));
        auth.expect_open_connections(0, SOON);
        assert_quick(begun);
    }
}

#[test]
fn a_slow_backend_is_told_by_the_requests_own_error() {
    let auth = ScriptedAuth::always(Answer::drip(Duration::from_millis(50)));
    let server = ScriptedServer::start();
    let allowed = Duration::from_millis(500);
    let timing = Timing {
        authorization_timeout: allowed,
        ..Timing::default()
    };
    let config = config(server.port())
        .with_timing(timing)
        .with_auth_endpoint(AuthEndpoint::new(auth.url("/")));
    let (client, _connection) = Client::connected(&config, &server);
    let begun = Instant::now();
    client.subscribe("private-room");
    let failed = client.expect_subscription("private-room");
    assert_eq!(failed, authorization(AuthError::TimedOut));
    assert_took(begun, allowed);
    auth.expect_open_connections(0, SOON);
}

#[test]
fn each_channel_is_authorized_by_whoever_is_most_specific_for_its_name() {
    let backend = |name: &'static str| {
        ScriptedAuth::start(move |_| Answer::json(&json!({"auth": format!("k:{name}")})))
    };
    let (all, shops, vip) = (backend("all"), backend("shops"), backend("vip"));
    let endpoint = |auth: &ScriptedAuth| AuthEndpoint::new(auth.url("/"));
    let own =
        |signature: &'static str| authorize_with(move |_| Ok(ChannelAuthorization::new(signature)));
    let server = ScriptedServer::start();
    let config = config(server.port())
        .with_authorizer_for("private-shop-7", own("k:replaced"))
        .with_auth_endpoint_for("private-shop-*", endpoint(&shops))
        .with_auth_endpoint(endpoint(&all))
        .with_auth_endpoint_for("private-shop-vip-*", endpoint(&vip))
        .with_authorizer_for("private-*", own("k:own"))
        .with_authorizer_for("private-shop-7", own("k:seven"));
    let (client, connection) = Client::connected(&config, &server);
    for (channel, expected) in [
        ("private-shop-1", "k:shops"),
        ("private-shop-7", "k:seven"),
        ("private-shop-77", "k:shops"),
        ("private-shop-vip-1", "k:vip"),
        ("private-lobby", "k:own"),
        ("presence-lobby", "k:all"),
    ] {
        client.subscribe(channel);
        if channel.starts_with("presence-") {
            // It says nothing about who this is, which the client does not send; but it was asked.
            all.expect_request(SOON);
        } else {
            let subscribe = connection.expect_event("pusher:subscribe", SOON);
            assert_eq!(subscribe["data"]["auth"], expected, "{channel}");
        }
    }
}
