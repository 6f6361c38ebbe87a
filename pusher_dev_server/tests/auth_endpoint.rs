//! Tests of the auth endpoints: which requests they sign, refuse and delay.

#![allow(
    clippy::expect_used,
    reason = "a helper of a test may fail as a test does"
)]

mod support;

use std::time::{Duration, Instant};

use pusher_dev_server::{AnswerTo, AuthPolicy, DevServer, DevServerConfig};
use serde_json::{Value, json};
use support::{Client, agent, post_form};

fn start() -> DevServer {
    DevServer::start(DevServerConfig::default()).expect("the server starts")
}

#[test]
fn every_kind_of_channel_can_be_joined_with_its_answer() {
    let server = start();
    let mut client = Client::connect(&server);
    for channel in [
        "private-a",
        "private-cache-a",
        "private-encrypted-a",
        "presence-a",
        "presence-cache-a",
    ] {
        let frame = client.subscribe_authorized(&server, channel, &[("name", "Ann")]);
        assert_eq!(
            frame["event"], "pusher_internal:subscription_succeeded",
            "{channel}"
        );
        if channel.contains("cache") {
            assert_eq!(client.frame()["event"], "pusher:cache_miss");
        }
    }
    assert_eq!(server.members("presence-a"), ["Ann"]);
}

#[test]
fn the_identity_comes_from_params_or_headers() {
    let server = start();
    let ask = |params: &[(&str, &str)], headers: &[(&str, &str)]| -> Value {
        let own = [("socket_id", "1.2"), ("channel_name", "presence-a")];
        let form: Vec<_> = own.iter().chain(params).copied().collect();
        let (status, body) = post_form(&server.auth_endpoint(), &form, headers);
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).expect("valid JSON");
        serde_json::from_str(answer["channel_data"].as_str().expect("a string"))
            .expect("valid JSON")
    };
    assert_eq!(
        ask(
            &[
                ("user_id", "u1"),
                ("user_info", r#"{"colour":"röd & blå"}"#)
            ],
            &[]
        ),
        json!({"user_id": "u1", "user_info": {"colour": "röd & blå"}})
    );
    assert_eq!(
        ask(&[("name", "Ann")], &[]),
        json!({"user_id": "Ann", "user_info": {"name": "Ann"}})
    );
    assert_eq!(
        ask(&[], &[("X-User-Id", "u2"), ("X-User-Name", "Bo")]),
        json!({"user_id": "u2", "user_info": {"name": "Bo"}})
    );
    assert_eq!(ask(&[], &[]), json!({"user_id": "guest-1-2"}));
}

#[test]
fn a_sign_in_is_authenticated_with_its_watchlist() {
    let server = start();
    let mut client = Client::connect(&server);
    let form = [
        ("socket_id", client.socket_id.as_str()),
        ("user_id", "u1"),
        ("watchlist", "u2,u3"),
    ];
    let (status, body) = post_form(&server.user_auth_endpoint(), &form, &[]);
    assert_eq!(status, 200, "{body}");
    let data: Value = serde_json::from_str(&body).expect("valid JSON");
    client.send(&json!({"event": "pusher:signin", "data": data}));
    assert_eq!(client.frame()["event"], "pusher:signin_success");
    assert_eq!(
        client.frame()["data"]["events"],
        json!([{"name": "offline", "user_ids": ["u2", "u3"]}])
    );
    client.subscribe("#server-to-user-u1");
    assert_eq!(server.publish_to_user("u1", "note", "hello"), Ok(1));
    assert_eq!(client.frame()["event"], "note");
    assert_eq!(server.terminate_user("u1"), 1);
}

#[test]
fn invalid_auth_request_is_refused_with_an_explanation() {
    let server = start();
    for (form, expected) in [
        (vec![], 400),
        (vec![("channel_name", "private-a")], 400),
        (
            vec![("channel_name", "private-a"), ("socket_id", "1.2:x")],
            400,
        ),
        (vec![("channel_name", "news"), ("socket_id", "1.2")], 403),
    ] {
        let (status, body) = post_form(&server.auth_endpoint(), &form, &[]);
        assert_eq!(status, expected, "{form:?}: {body}");
        assert!(!body.is_empty());
    }
}

#[test]
fn a_bearer_token_can_be_required() {
    let policy = AuthPolicy::default().with_bearer_token("secret-token");
    let server = DevServer::start(DevServerConfig::default().with_auth_policy(policy))
        .expect("the server starts");
    let form = [("socket_id", "1.2"), ("channel_name", "private-a")];
    for (headers, expected) in [
        (vec![], 401),
        (vec![("Authorization", "Bearer other")], 401),
        (vec![("Authorization", "Bearer secret-token")], 200),
    ] {
        assert_eq!(
            post_form(&server.auth_endpoint(), &form, &headers).0,
            expected
        );
    }
}

#[test]
fn answers_can_be_set_from_code_for_all_requests_or_some() {
    let server = start();
    let ask = |channel: &str| {
        let form = [("socket_id", "1.2"), ("channel_name", channel)];
        post_form(&server.auth_endpoint(), &form, &[])
    };
    let sign_in = || post_form(&server.user_auth_endpoint(), &[("socket_id", "1.2")], &[]).0;
    server.set_auth_policy(AuthPolicy::answering(403, "no"));
    assert_eq!(ask("private-a"), (403, "no".to_owned()));
    assert_eq!(sign_in(), 403);

    let nonsense = AuthPolicy::default()
        .with_answer(AnswerTo::Channel("private-a".to_owned()), 200, "nonsense")
        .with_answer(AnswerTo::SignIn, 500, "");
    server.set_auth_policy(nonsense);
    assert_eq!(ask("private-a"), (200, "nonsense".to_owned()));
    assert_eq!(ask("private-b").0, 200);
    assert_eq!(sign_in(), 500);

    server.set_auth_policy(AuthPolicy::default());
    assert!(ask("private-a").1.contains("auth"));
}

#[test]
fn answers_can_be_held_back() {
    let server = start();
    let delay = Duration::from_millis(300);
    server.set_auth_policy(AuthPolicy::default().with_delay(delay));
    let before = Instant::now();
    let form = [("socket_id", "1.2"), ("channel_name", "private-a")];
    assert_eq!(post_form(&server.auth_endpoint(), &form, &[]).0, 200);
    assert!(before.elapsed() >= delay);
}

#[test]
fn auth_endpoint_allows_cross_origin_requests() {
    let server = start();
    let mut preflight = agent()
        .options(server.auth_endpoint())
        .header("Origin", "http://game.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization")
        .call()
        .expect("a response");
    assert_eq!(preflight.status().as_u16(), 204);
    assert_eq!(
        preflight.headers()["access-control-allow-origin"],
        "http://game.example"
    );
    assert_eq!(
        preflight.headers()["access-control-allow-credentials"],
        "true"
    );
    assert_eq!(
        preflight.headers()["access-control-allow-headers"],
        "authorization"
    );
    assert_eq!(
        preflight
            .body_mut()
            .read_to_string()
            .expect("a response body"),
        ""
    );
}
