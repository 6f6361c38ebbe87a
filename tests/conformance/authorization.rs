//! Tests of channel authorization: the request, the possible responses, and what is sent to the server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bevy_pusher::{
    auth::{AuthEndpoint, AuthError},
    config::*,
};
use pusher_test_support::{Answer, ScriptedAuth};
use serde_json::{Value, json};

use super::*;

fn asking(config: PusherConfig, auth: &ScriptedAuth) -> PusherConfig {
    config.with_auth_endpoint(AuthEndpoint::new(auth.url("/pusher/auth")))
}

/// Signs for the socket id in the request, as a backend does.
fn signed(request: &pusher_test_support::HttpRequest) -> Answer {
    let socket_id = request.field("socket_id").unwrap();
    Answer::json(&json!({"auth": format!("key:{socket_id}")}))
}

// 11.24, 11.25
#[test]
fn signed_channel_data_is_sent_byte_for_byte() {
    let auth = ScriptedAuth::always(Answer::text(
        r#"{ "channel_data" : "{ \"user_id\" : \"a\\u00e4\\/b\",\n\t\"user_info\":{ } }", "auth":"278d:58df8b0c+/=\u00e9" }"#,
    ));
    let (mut harness, socket) = Harness::online_with(|config| asking(config, &auth));
    for channel in ["presence-room", "private-room"] {
        harness.spawn(channel);
        let data = &socket.expect_event("pusher:subscribe", TIMEOUT)["data"];
        assert_eq!(data["channel"], channel);
        assert_eq!(data["auth"], "278d:58df8b0c+/=é");
        assert_eq!(
            data["channel_data"],
            "{ \"user_id\" : \"a\\u00e4\\/b\",\n\t\"user_info\":{ } }"
        );
    }
}

// 11.26
#[test]
fn auth_request_is_a_form_with_provider_values_of_that_moment() {
    let auth = ScriptedAuth::start(signed);
    let tokens = Arc::new(AtomicU32::new(0));
    let spent = tokens.clone();
    let endpoint = AuthEndpoint::new(auth.url("/broadcasting/auth?app=1"))
        .with_header("X-CSRF-TOKEN", "fixed")
        .with_header("Authorization", "overridden")
        .with_param("language", "de & en")
        .with_header_provider(move || {
            let number = spent.fetch_add(1, Ordering::SeqCst);
            vec![("Authorization".into(), format!("Bearer {number}"))]
        })
        .with_param_provider(|| vec![("level".into(), "7".into())]);
    let (mut harness, socket) = Harness::online_with(|config| config.with_auth_endpoint(endpoint));
    let channels = ["private-a@b;c=1,2", "presence-x.y"];
    for (number, channel) in channels.into_iter().enumerate() {
        harness.spawn(channel);
        let request = auth.expect_request(TIMEOUT);
        assert_eq!(
            (request.method(), request.target()),
            ("POST", "/broadcasting/auth?app=1")
        );
        let kind = request.header("Content-Type").unwrap();
        assert!(
            kind.starts_with("application/x-www-form-urlencoded"),
            "{kind}"
        );
        assert_eq!(request.header("X-CSRF-TOKEN"), Some("fixed"));
        let bearer = format!("Bearer {number}");
        assert_eq!(request.header("Authorization"), Some(&*bearer));
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            field("socket_id", "1.1"),
            field("channel_name", channel),
            field("language", "de & en"),
            field("level", "7"),
        ];
        assert_eq!(request.form(), expected);
        let body = String::from_utf8_lossy(request.body()).into_owned();
        assert!(!body.contains(['@', ';', ' ']), "percent-encoded: {body}");
    }
    // The response is complete for the private channel; the presence channel lacks `channel_data`.
    let data = &socket.expect_event("pusher:subscribe", TIMEOUT)["data"];
    assert_eq!(data["channel"], channels[0]);
    socket.expect_nothing(QUIET_PERIOD);
}

/// A response that refuses the channel, and the error that the game gets.
fn refusals() -> Vec<(&'static str, Answer, Option<u16>, &'static str)> {
    let html = "<!doctype html><title>Sign in</title>";
    let huge = json!({"auth": "k:s", "padding": "x".repeat(1 << 20)});
    let deep = format!(
        r#"{{"auth":{}1{}}}"#,
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    vec![
        (
            "private-401",
            Answer::status(401).with_body("who?"),
            Some(401),
            "missing or expired): who?",
        ),
        (
            "private-403",
            Answer::status(403).with_body(r#"{"error":"banned"}"#),
            Some(403),
            "banned",
        ),
        (
            "private-500",
            Answer::status(500).with_body("oops\r\n\0"),
            Some(500),
            "answered 500: oops",
        ),
        (
            "private-redirect",
            Answer::redirect("http://127.0.0.1:1/login"),
            Some(302),
            "a redirect, which is not followed",
        ),
        (
            "private-html",
            Answer::text(html),
            None,
            "a login page?): <!doctype html>",
        ),
        ("private-empty", Answer::text(""), None, "an empty body"),
        (
            "private-no-json",
            Answer::text("key:signature"),
            None,
            "not a JSON object",
        ),
        (
            "private-binary",
            Answer::text([0xff, 0xfe, 0, 1]),
            None,
            "not a JSON object",
        ),
        (
            "private-list",
            Answer::json(&json!(["key:signature"])),
            None,
            "not a JSON object",
        ),
        (
            "private-no-auth",
            Answer::json(&json!({"channel_data": "{}"})),
            None,
            "has no \"auth\"",
        ),
        (
            "private-number",
            Answer::json(&json!({"auth": 7})),
            None,
            "invalid \"auth\" in the auth response",
        ),
        (
            "private-deep",
            Answer::text(deep),
            None,
            "not a JSON object",
        ),
        (
            "private-huge",
            Answer::json(&huge),
            None,
            "larger than 65536 bytes",
        ),
        (
            "private-no-http",
            Answer::raw("220 smtp ready\r\n"),
            None,
            "does not speak HTTP",
        ),
        (
            "private-cut",
            Answer::close(),
            None,
            "failed to reach the auth endpoint",
        ),
        (
            "private-reset",
            Answer::reset(),
            None,
            "failed to reach the auth endpoint",
        ),
        (
            "private-never",
            Answer::never(),
            None,
            "the auth endpoint or authorizer did not respond in time",
        ),
        (
            "presence-stranger",
            Answer::json(&json!({"auth": "k:s"})),
            None,
            "no user is signed in",
        ),
        (
            "presence-nonsense",
            Answer::json(&json!({"auth": "k:s", "channel_data": "who, me?"})),
            None,
            "\"channel_data\"",
        ),
    ]
}

// 11.27, 11.56
#[test]
fn refused_authorization_fails_only_its_channel() {
    let is_repaired = Arc::new(AtomicU32::new(0));
    let repaired = is_repaired.clone();
    let auth = ScriptedAuth::start(move |request| {
        let channel = request.field("channel_name").unwrap();
        if repaired.load(Ordering::SeqCst) > 0 {
            return Answer::json(&json!({"auth": "k:s", "channel_data": r#"{"user_id":"ann"}"#}));
        }
        let mut all = refusals().into_iter();
        all.find(|refusal| refusal.0 == channel).unwrap().1
    });
    let (mut harness, socket) = Harness::online_with(|config| {
        asking(config, &auth)
            .with_auth_retry(RetryPolicy::never())
            .with_timing(Timing {
                authorization_timeout: Duration::from_secs(2),
                ..Timing::default()
            })
    });
    harness.join(&socket, "lobby");
    let refusals = refusals();
    let mut entities = vec![];
    for (channel, _, status, excerpt) in &refusals {
        let entity = harness.spawn(channel);
        let error = harness.expect_refusal(entity);
        assert_eq!(error.status(), *status, "{channel}");
        let text = error.to_string();
        assert!(text.contains(excerpt), "{channel}: {text}");
        assert!(
            text.len() < 500 && !text.contains(char::is_control),
            "{text:?}"
        );
        entities.push(entity);
    }
    harness.expect_delivery(&socket, "lobby", 1);
    harness.run_for(QUIET_PERIOD * 4);
    socket.expect_nothing(Duration::ZERO);
    assert_eq!(auth.requests().len(), refusals.len());
    assert_eq!(harness.server.connections_so_far(), 1);
    harness.assert_no_slow_frame();

    // A new connection retries each channel.
    is_repaired.store(1, Ordering::SeqCst);
    socket.cut();
    let socket = harness.greet();
    let requests = socket.expect_jsons(1 + refusals.len(), TIMEOUT);
    assert_eq!(auth.requests().len(), 2 * refusals.len());
    for frame in requests {
        let channel = frame["data"]["channel"].as_str().unwrap();
        if channel.starts_with("private-") {
            socket.subscribed(channel);
        }
    }
    for (entity, (channel, ..)) in entities.into_iter().zip(&refusals) {
        if channel.starts_with("private-") {
            harness.wait_until_subscribed(entity);
        }
    }
}

// 11.27
#[test]
fn renewed_token_authorizes_the_next_retry() {
    let auth = ScriptedAuth::start(|request| match request.header("Authorization") {
        Some("fresh") => signed(request),
        _ => Answer::status(401),
    });
    let token = Arc::new(AtomicU32::new(0));
    let current = token.clone();
    let endpoint = AuthEndpoint::new(auth.url("/auth")).with_header_provider(move || {
        let token = ["stale", "fresh"][current.load(Ordering::SeqCst) as usize];
        vec![("Authorization".into(), token.into())]
    });
    let (mut harness, socket) = Harness::online_with(|config| config.with_auth_endpoint(endpoint));
    let retried = harness.spawn("private-retried");
    let inserted = harness.spawn("private-inserted");
    for entity in [retried, inserted] {
        assert_eq!(harness.expect_refusal(entity).status(), Some(401));
    }
    token.store(1, Ordering::SeqCst);
    harness.connection().retry("private-retried");
    // Inserting the same name again changes nothing; removing and inserting it retries.
    let mut channel = harness.app.world_mut().entity_mut(inserted);
    channel.remove::<PusherChannel>();
    harness.frame();
    harness
        .app
        .world_mut()
        .entity_mut(inserted)
        .insert(PusherChannel::from("private-inserted"));
    for _ in 0..2 {
        harness.frame();
        let data = socket.expect_event("pusher:subscribe", TIMEOUT)["data"].clone();
        assert_eq!(data["auth"], "key:1.1");
        socket.subscribed(data["channel"].as_str().unwrap());
    }
    for entity in [retried, inserted] {
        harness.wait_until_subscribed(entity);
    }
    assert_eq!(auth.requests().len(), 4);
}

// 11.27
#[test]
fn unreachable_backend_fails_only_its_channel() {
    let closed = ScriptedAuth::start(signed);
    closed.stop_listening();
    let closed = closed.url("/auth");
    for (url, excerpt) in [
        (&*closed, "failed to reach the auth endpoint"),
        ("no url at all", "invalid auth endpoint"),
        ("ftp://127.0.0.1/auth", "must start with https://"),
        ("http://192.0.2.1/auth", "plain http on another machine"),
    ] {
        let endpoint = AuthEndpoint::new(url);
        let (mut harness, socket) = Harness::online_with(|config| {
            config
                .with_auth_endpoint(endpoint)
                .with_auth_retry(RetryPolicy::never())
        });
        let lobby = harness.join(&socket, "lobby");
        let private = harness.spawn("private-room");
        let error = harness.expect_refusal(private).to_string();
        assert!(error.contains(excerpt), "{url}: {error}");
        assert!(harness.status(lobby).is_subscribed());
        socket.expect_nothing(QUIET_PERIOD);
        harness.expect_delivery(&socket, "lobby", 1);
    }
}

// 11.27: user code may refuse with its own message.
#[test]
fn refusal_of_a_user_authorizer_keeps_its_message() {
    let (mut harness, socket) = Harness::online_with(|config| {
        config.with_authorizer(authorize_with(|request| {
            Err(AuthError::Refused {
                message: format!("{} is for friends", request.channel()),
                status: Some(418),
            })
        }))
    });
    let room = harness.spawn("private-room");
    let error = harness.expect_refusal(room);
    assert_eq!(error.to_string(), "private-room is for friends");
    assert_eq!(error.status(), Some(418));
    socket.expect_nothing(QUIET_PERIOD);
}

// 11.30
#[test]
fn late_authorization_is_not_used_on_the_next_connection() {
    let auth = ScriptedAuth::start(|request| match request.number() {
        0 => signed(request).after(Duration::from_millis(300)),
        _ => signed(request),
    });
    let (mut harness, socket) = Harness::online_with(|config| asking(config, &auth));
    let room = harness.spawn("private-room");
    assert_eq!(
        auth.expect_request(TIMEOUT).field("socket_id").unwrap(),
        "1.1"
    );
    socket.cut();
    let socket = harness.greet();
    let frame = socket.expect_json(TIMEOUT);
    let expected = json!({"channel": "private-room", "auth": "key:2.2"});
    assert_eq!(frame["data"], expected);
    socket.subscribed("private-room");
    harness.wait_until_subscribed(room);
    harness.run_for(Duration::from_millis(400));
    socket.expect_nothing(Duration::ZERO);
    assert_eq!(auth.requests().len(), 2);
    let frames: Vec<Value> = socket
        .received_texts()
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    assert_eq!(frames.len(), 1, "{frames:?}");
}
