//! Tests of the HTTP API with requests that are signed here; `pusher_js.rs` tests it with the official library.

#![allow(
    clippy::expect_used,
    reason = "a helper of a test may fail as a test does"
)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use md5::{Digest as _, Md5};
use pusher_dev_server::{App, DevServer, DevServerConfig};
use serde_json::{Value, json};
use support::{Client, get, post_json};

fn start() -> DevServer {
    DevServer::start(DevServerConfig::default()).expect("the server starts")
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}

/// Returns the URL of a request that is signed with this timestamp and secret.
fn signed(
    server: &DevServer,
    method: &str,
    path: &str,
    query: &str,
    body: &str,
    time: u64,
    secret: &str,
) -> String {
    let mut params = vec![
        "auth_key=app-key".to_owned(),
        format!("auth_timestamp={time}"),
        "auth_version=1.0".to_owned(),
    ];
    if !body.is_empty() {
        params.push(format!("body_md5={}", hex::encode(Md5::digest(body))));
    }
    params.extend(
        query
            .split('&')
            .filter(|param| !param.is_empty())
            .map(str::to_owned),
    );
    params.sort();
    let query = params.join("&");
    let app = App {
        secret: secret.to_owned(),
        ..App::default()
    };
    let signature = app.signature(&format!("{method}\n{path}\n{query}"));
    format!(
        "http://{}{path}?{query}&auth_signature={signature}",
        server.address()
    )
}

fn post(server: &DevServer, path: &str, body: &Value) -> (u16, String) {
    let body = body.to_string();
    let url = signed(server, "POST", path, "", &body, now(), "app-secret");
    post_json(&url, &body)
}

fn ask(server: &DevServer, path: &str, query: &str) -> (u16, Value) {
    let (status, body) = get(&signed(server, "GET", path, query, "", now(), "app-secret"));
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[test]
fn unsigned_events_are_published_only_where_allowed() {
    let event = json!({"name": "headline", "channel": "news", "data": {"a": 1}}).to_string();
    let path = "/apps/app-id/events";
    let strict = start();
    let (status, _) = post_json(&format!("http://{}{path}", strict.address()), &event);
    assert_eq!(status, 401);
    let config = DevServerConfig::default().with_unsigned_requests(true);
    let server = DevServer::start(config).expect("the server starts");
    let mut client = Client::connect(&server);
    client.subscribe("news");
    let (status, body) = post_json(&format!("http://{}{path}", server.address()), &event);
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        client.frame(),
        json!({"event": "headline", "channel": "news", "data": "{\"a\":1}"})
    );
    let wrong = signed(&server, "POST", path, "", &event, now(), "another-secret");
    assert_eq!(post_json(&wrong, &event).0, 401);
}

#[test]
fn a_signed_event_is_published_but_not_to_the_excluded_socket() {
    let server = start();
    let (mut first, mut second) = (Client::connect(&server), Client::connect(&server));
    first.subscribe("news");
    second.subscribe("news");
    let event = json!({"name": "headline", "channels": ["news"], "data": "{\"a\":1}", "socket_id": first.socket_id});
    assert_eq!(
        post(&server, "/apps/app-id/events", &event),
        (200, "{}".to_owned())
    );
    assert_eq!(
        second.frame(),
        json!({"event": "headline", "channel": "news", "data": "{\"a\":1}"})
    );
    server.publish("news", "after", "").expect("a valid event");
    assert_eq!(first.frame()["event"], "after");
}

#[test]
fn request_with_a_wrong_signature_is_refused() {
    let server = start();
    let path = "/apps/app-id/events";
    let body = r#"{"name":"a","channel":"news","data":"1"}"#;
    let good = signed(&server, "POST", path, "", body, now(), "app-secret");
    assert_eq!(post_json(&good, body).0, 200);
    assert_eq!(
        post_json(&good, &body.replace('1', "2")).0,
        401,
        "the body was changed"
    );
    assert_eq!(
        post_json(&format!("{good}&more=1"), body).0,
        401,
        "the query was changed"
    );
    let wrong_secret = signed(&server, "POST", path, "", body, now(), "other");
    assert_eq!(post_json(&wrong_secret, body).0, 401);
    let too_old = signed(&server, "POST", path, "", body, now() - 1_000, "app-secret");
    assert_eq!(post_json(&too_old, body).0, 401);
    let unsigned = format!("http://{}{path}", server.address());
    assert_eq!(post_json(&unsigned, body).0, 401);
    let other_app = signed(
        &server,
        "POST",
        "/apps/other/events",
        "",
        body,
        now(),
        "app-secret",
    );
    assert_eq!(post_json(&other_app, body).0, 404);
}

#[test]
fn request_with_an_invalid_event_publishes_nothing() {
    let server = start();
    let mut client = Client::connect(&server);
    client.subscribe("news");
    let path = "/apps/app-id/events";
    let large = "x".repeat(10_241);
    let many: Vec<String> = (0..101).map(|number| format!("c{number}")).collect();
    for (event, status) in [
        (
            json!({"name": "pusher:error", "channel": "news", "data": ""}),
            400,
        ),
        (
            json!({"name": "a", "channels": ["news", "a b"], "data": ""}),
            400,
        ),
        (json!({"name": "a", "channels": [], "data": ""}), 400),
        (json!({"name": "a", "channels": many, "data": ""}), 400),
        (json!({"name": "a", "channel": "news", "data": large}), 413),
        (json!({"name": "a"}), 400),
    ] {
        assert_eq!(post(&server, path, &event).0, status, "{event}");
    }
    server.publish("news", "good", "").expect("a valid event");
    assert_eq!(
        client.frame()["event"],
        "good",
        "no refused event was published"
    );
}

#[test]
fn a_batch_is_published_in_its_order() {
    let server = start();
    let mut client = Client::connect(&server);
    client.subscribe("news");
    let batch = json!({"batch": [
        {"channel": "news", "name": "first", "data": "1", "info": "subscription_count"},
        {"channel": "news", "name": "second", "data": "2"},
    ]});
    let (status, body) = post(&server, "/apps/app-id/batch_events", &batch);
    assert_eq!(
        (status, body.as_str()),
        (200, r#"{"batch":[{"subscription_count":1},{}]}"#)
    );
    assert_eq!(client.frame()["event"], "first");
    assert_eq!(client.frame()["event"], "second");
    let event = json!({"channel": "news", "name": "a", "data": ""});
    let eleven = json!({ "batch": vec![event; 11] });
    assert_eq!(post(&server, "/apps/app-id/batch_events", &eleven).0, 400);
}

#[test]
fn channels_and_users_can_be_queried() {
    let server = start();
    let mut client = Client::connect(&server);
    client.subscribe("news");
    client.subscribe_authorized(&server, "presence-a", &[("user_id", "u1")]);
    assert_eq!(
        ask(&server, "/apps/app-id/channels", ""),
        (200, json!({"channels": {"news": {}, "presence-a": {}}}))
    );
    assert_eq!(
        ask(
            &server,
            "/apps/app-id/channels",
            "filter_by_prefix=presence-&info=user_count"
        ),
        (200, json!({"channels": {"presence-a": {"user_count": 1}}}))
    );
    assert_eq!(
        ask(
            &server,
            "/apps/app-id/channels/presence-a",
            "info=user_count,subscription_count"
        ),
        (
            200,
            json!({"occupied": true, "user_count": 1, "subscription_count": 1})
        )
    );
    assert_eq!(
        ask(&server, "/apps/app-id/channels/empty", ""),
        (200, json!({"occupied": false}))
    );
    assert_eq!(
        ask(&server, "/apps/app-id/channels/presence-a/users", ""),
        (200, json!({"users": [{"id": "u1"}]}))
    );
    assert_eq!(ask(&server, "/apps/app-id/channels/news/users", "").0, 400);
    assert_eq!(ask(&server, "/apps/app-id/nothing", "").0, 404);
}
