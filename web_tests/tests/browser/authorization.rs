//! Authorization by `fetch` and by callbacks in user code.

use std::time::{Duration, Instant};

use pusher_dev_server::{AuthPolicy, DevServer, ServerEvent};
use pusher_test_support::{Answer, AppCredentials, ScriptedAuth};
use pusher_web_tests::{AuthUrl, Authorize, Cookies, Request, Setup};
use serde_json::json;

use crate::{
    dev_server,
    page::{Fixture, TIMEOUT, as_user, setup_for},
};

#[test]
fn provider_headers_are_sent_after_a_cors_preflight() {
    let server = dev_server();
    server.set_auth_policy(AuthPolicy::default().with_bearer_token("4711"));
    let events = server.events();
    let mut url = as_user(server.auth_endpoint(), "ann & co");
    url.headers = vec![("Authorization".into(), "Bearer 4711".into())];
    url.provided_params = vec![("user_info".into(), r#"{"name":"Zoë"}"#.into())];
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        authorize: Authorize::ByUrl(url),
        ..setup_for(&server, "ann")
    });
    page.join("presence-room");
    page.wait_for_members("presence-room", &["ann & co"]);
    let answered = events.wait_for(TIMEOUT, |event| {
        matches!(event, ServerEvent::AuthorizationAnswered(_))
    });
    let Some(ServerEvent::AuthorizationAnswered(record)) = answered else {
        panic!("no authorization was answered");
    };
    let socket_id = page.wait_for_connection();
    let expected = [
        ("socket_id", &*socket_id),
        ("channel_name", "presence-room"),
        ("user_id", "ann & co"),
        ("user_info", r#"{"name":"Zoë"}"#),
    ];
    assert_eq!(
        record.params,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn each_authorization_failure_has_its_own_message() {
    let server = dev_server();
    let from_any = |answer: Answer| answer.with_header("Access-Control-Allow-Origin", "*");
    let auth = ScriptedAuth::start(move |request| match request.path() {
        "/refusing" => from_any(Answer::status(403).with_body("banned")),
        "/redirecting" => from_any(Answer::redirect("/login")),
        "/large" => from_any(Answer::large(5 << 20)),
        "/page" => from_any(Answer::text("<html>")),
        "/closed" => Answer::json(&json!({"auth": "key:signature"})),
        "/broken" => Answer::reset(),
        _ => Answer::never(),
    });
    let fixture = Fixture::new();
    let page = fixture.open();
    let cookie = vec![("Cookie".to_owned(), "a=4711".to_owned())];
    let no_header = vec![("X-Token".to_owned(), "4711\n".to_owned() + "x")];
    for (number, (url, headers, expected)) in [
        (
            auth.url("/refusing"),
            vec![],
            "answered 403 (this user is not allowed): banned",
        ),
        (auth.url("/redirecting"), vec![], "redirect"),
        (auth.url("/large"), vec![], "larger than 65536 bytes"),
        (auth.url("/page"), vec![], "not a JSON object"),
        (auth.url("/closed"), vec![], "CORS"),
        (
            auth.url("/broken"),
            vec![],
            "failed to reach the auth endpoint",
        ),
        (auth.url("/hanging"), vec![], "in time"),
        (
            "http://192.0.2.1/".into(),
            vec![],
            "plain http on another machine",
        ),
        ("https://".into(), vec![], "its URL cannot be requested"),
        (
            "ftp://127.0.0.1/".into(),
            vec![],
            "must start with https://",
        ),
        (
            auth.url("/refusing"),
            cookie,
            "the header Cookie is reserved for the browser",
        ),
        (auth.url("/refusing"), no_header, "cannot be sent"),
    ]
    .into_iter()
    .enumerate()
    {
        page.start(&Setup {
            authorize: Authorize::ByUrl(AuthUrl {
                url: url.clone(),
                headers,
                ..AuthUrl::default()
            }),
            authorization_timeout: 3000,
            ..setup_for(&server, "ann")
        });
        let channel = format!("private-{number}");
        page.ask(&Request::Join(channel.clone()));
        let entry = page.wait_for_log_containing(&format!("{channel} failed: "));
        assert!(entry.contains(expected), "{url}: {entry}");
        assert!(!entry.contains("4711"), "{url}: {entry}");
    }
}

#[test]
fn cookies_are_sent_cross_origin_only_if_configured() {
    let server = dev_server();
    let auth = ScriptedAuth::start(|request| {
        let origin = request.header("Origin").unwrap_or_default();
        Answer::status(403)
            .with_header("Access-Control-Allow-Origin", origin)
            .with_header("Access-Control-Allow-Credentials", "true")
    });
    let fixture = Fixture::new();
    let with_cookie = fixture.open();
    with_cookie.script("document.cookie = 'session=4711'");
    let cases = [
        (Cookies::Default, None),
        (Cookies::Omit, None),
        (Cookies::Include, Some("session=4711")),
    ];
    for (credentials, cookie) in cases {
        let page = fixture.open_and_start(&Setup {
            authorize: Authorize::ByUrl(AuthUrl {
                url: auth.url("/"),
                credentials,
                ..AuthUrl::default()
            }),
            ..setup_for(&server, "ann")
        });
        page.ask(&Request::Join("private-room".into()));
        let request = auth.expect_request(TIMEOUT);
        assert_eq!(request.header("Cookie"), cookie, "{credentials:?}");
    }
}

#[test]
fn cookies_are_sent_same_origin_unless_switched_off() {
    let server = dev_server();
    let fixture = Fixture::new();
    let with_cookie = fixture.open();
    with_cookie.script("document.cookie = 'session=4711'");
    for (number, (credentials, cookie)) in [
        (Cookies::Default, Some("session=4711")),
        (Cookies::Omit, None),
        (Cookies::Include, Some("session=4711")),
    ]
    .into_iter()
    .enumerate()
    {
        let page = fixture.open_and_start(&Setup {
            authorize: Authorize::ByUrl(AuthUrl {
                // The origin of the page.
                url: "/auth".into(),
                credentials,
                ..AuthUrl::default()
            }),
            ..setup_for(&server, "ann")
        });
        page.ask(&Request::Join("private-room".into()));
        page.wait_for_log_containing("private-room failed: ");
        let requests: Vec<_> = fixture
            .pages
            .requests()
            .into_iter()
            .filter(|request| request.path() == "/auth")
            .collect();
        assert_eq!(requests.len(), number + 1);
        let last = requests.last().unwrap();
        assert_eq!(last.header("Cookie"), cookie, "{credentials:?}");
    }
}

#[test]
fn request_is_cancelled_with_its_connection() {
    let server = dev_server();
    let auth = ScriptedAuth::always(Answer::never());
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        authorize: Authorize::ByUrl(AuthUrl {
            url: auth.url("/"),
            ..AuthUrl::default()
        }),
        ..setup_for(&server, "ann")
    });
    page.ask(&Request::Join("private-room".into()));
    auth.expect_request(TIMEOUT);
    let started = Instant::now();
    page.ask(&Request::Disconnect);
    auth.expect_open_connections(0, TIMEOUT);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn user_authorizer_may_answer_later() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        authorize: Authorize::ByCallback,
        ..setup_for(&server, "ann")
    });
    page.ask(&Request::Join("presence-room".into()));
    let state = page.wait_until("a pending authorization", |state| {
        state.pending_authorization.is_some()
    });
    let (channel, socket_id) = state.pending_authorization.unwrap();
    assert_eq!(channel, "presence-room");
    let credentials = credentials_of(&server);
    let channel_data = r#"{"user_id":"ann"}"#.to_owned();
    page.ask(&Request::Authorize {
        auth: credentials.channel_auth(&socket_id, &channel, Some(&channel_data)),
        channel_data: Some(channel_data),
    });
    page.wait_for_log("presence-room subscribed");
    page.wait_for_members("presence-room", &["ann"]);
}

#[test]
fn user_authenticator_may_answer_later() {
    let server = dev_server();
    let fixture = Fixture::new();
    let page = fixture.open_and_start(&Setup {
        signs_in_by_callback: true,
        ..setup_for(&server, "ann")
    });
    page.ask(&Request::SignIn);
    let state = page.wait_until("a pending sign-in", |state| state.pending_sign_in.is_some());
    let socket_id = state.pending_sign_in.unwrap();
    let user_data = r#"{"id":"ann"}"#.to_owned();
    page.ask(&Request::Authenticate {
        auth: credentials_of(&server).user_auth(&socket_id, &user_data),
        user_data,
    });
    page.wait_for_log_containing("SignedIn { id: \"ann\"");
}

fn credentials_of(server: &DevServer) -> AppCredentials {
    AppCredentials {
        key: server.app_key().into(),
        secret: server.app_secret().into(),
        ..AppCredentials::for_tests()
    }
}
