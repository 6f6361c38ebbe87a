//! Authorization by `fetch`, and by code of the game's own.

use std::time::{Duration, Instant};

use pusher_dev_server::{AuthPolicy, DevServer, ServerEvent};
use pusher_test_support::{Answer, AppCredentials, ScriptedAuth};
use pusher_web_tests::{AuthUrl, Authorize, Cookies, Request, Setup};
use serde_json::json;

use crate::{
    dev_server,
    page::{Place, SOON, as_user, setup_for},
};

#[test]
fn what_a_provider_gives_goes_along_after_a_preflight() {
    let server = dev_server();
    server.set_auth_policy(AuthPolicy::default().with_bearer_token("4711"));
    let events = server.events();
    let mut url = as_user(server.auth_endpoint(), "ann & co");
    url.headers = vec![("Authorization".into(), "Bearer 4711".into())];
    url.provided_params = vec![("user_info".into(), r#"{"name":"Zoë"}"#.into())];
    let place = Place::new();
    let page = place.play(&Setup {
        authorize: Authorize::ByUrl(url),
        ..setup_for(&server, "ann")
    });
    page.join("presence-room");
    page.sees("presence-room", &["ann & co"]);
    let answered = events.wait_for(SOON, |event| {
        matches!(event, ServerEvent::AuthorizationAnswered(_))
    });
    let Some(ServerEvent::AuthorizationAnswered(record)) = answered else {
        panic!("no authorization was answered");
    };
    let socket_id = page.connected();
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
fn each_failure_has_its_words() {
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
    let place = Place::new();
    let page = place.open();
    let cookie = vec![("Cookie".to_owned(), "a=4711".to_owned())];
    let no_header = vec![("X-Token".to_owned(), "4711\n".to_owned() + "x")];
    for (number, (url, headers, words)) in [
        (
            auth.url("/refusing"),
            vec![],
            "answered 403 (this user may not): banned",
        ),
        (auth.url("/redirecting"), vec![], "redirect"),
        (auth.url("/large"), vec![], "larger than 65536 bytes"),
        (auth.url("/page"), vec![], "not a JSON object"),
        (auth.url("/closed"), vec![], "CORS"),
        (auth.url("/broken"), vec![], "was not reached"),
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
            "the header Cookie is not the game's to set",
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
        let told = page.has_been_told_of(&format!("{channel} failed: "));
        assert!(told.contains(words), "{url}: {told}");
        assert!(!told.contains("4711"), "{url}: {told}");
    }
}

#[test]
fn cookies_go_to_another_origin_only_where_that_was_asked_for() {
    let server = dev_server();
    let auth = ScriptedAuth::start(|request| {
        let origin = request.header("Origin").unwrap_or_default();
        Answer::status(403)
            .with_header("Access-Control-Allow-Origin", origin)
            .with_header("Access-Control-Allow-Credentials", "true")
    });
    let place = Place::new();
    let with_cookie = place.open();
    with_cookie.script("document.cookie = 'session=4711'");
    let cases = [
        (Cookies::Unsaid, None),
        (Cookies::Omitted, None),
        (Cookies::Included, Some("session=4711")),
    ];
    for (credentials, cookie) in cases {
        let page = place.play(&Setup {
            authorize: Authorize::ByUrl(AuthUrl {
                url: auth.url("/"),
                credentials,
                ..AuthUrl::default()
            }),
            ..setup_for(&server, "ann")
        });
        page.ask(&Request::Join("private-room".into()));
        let request = auth.expect_request(SOON);
        assert_eq!(request.header("Cookie"), cookie, "{credentials:?}");
    }
}

#[test]
fn cookies_go_to_the_pages_own_origin_unless_that_was_ruled_out() {
    let server = dev_server();
    let place = Place::new();
    let with_cookie = place.open();
    with_cookie.script("document.cookie = 'session=4711'");
    for (number, (credentials, cookie)) in [
        (Cookies::Unsaid, Some("session=4711")),
        (Cookies::Omitted, None),
        (Cookies::Included, Some("session=4711")),
    ]
    .into_iter()
    .enumerate()
    {
        let page = place.play(&Setup {
            authorize: Authorize::ByUrl(AuthUrl {
                // Of the page's own origin.
                url: "/auth".into(),
                credentials,
                ..AuthUrl::default()
            }),
            ..setup_for(&server, "ann")
        });
        page.ask(&Request::Join("private-room".into()));
        page.has_been_told_of("private-room failed: ");
        let asked: Vec<_> = place
            .pages
            .requests()
            .into_iter()
            .filter(|request| request.path() == "/auth")
            .collect();
        assert_eq!(asked.len(), number + 1);
        let last = asked.last().unwrap();
        assert_eq!(last.header("Cookie"), cookie, "{credentials:?}");
    }
}

#[test]
fn a_request_ends_with_the_connection_that_it_was_for() {
    let server = dev_server();
    let auth = ScriptedAuth::always(Answer::never());
    let place = Place::new();
    let page = place.play(&Setup {
        authorize: Authorize::ByUrl(AuthUrl {
            url: auth.url("/"),
            ..AuthUrl::default()
        }),
        ..setup_for(&server, "ann")
    });
    page.ask(&Request::Join("private-room".into()));
    auth.expect_request(SOON);
    let begun = Instant::now();
    page.ask(&Request::Disconnect);
    auth.expect_open_connections(0, SOON);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_games_own_code_may_answer_later() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&Setup {
        authorize: Authorize::ByCode,
        ..setup_for(&server, "ann")
    });
    page.ask(&Request::Join("presence-room".into()));
    let state = page.until("being asked", |state| state.asked.is_some());
    let (channel, socket_id) = state.asked.unwrap();
    assert_eq!(channel, "presence-room");
    let credentials = credentials_of(&server);
    let channel_data = r#"{"user_id":"ann"}"#.to_owned();
    page.ask(&Request::Authorize {
        auth: credentials.channel_auth(&socket_id, &channel, Some(&channel_data)),
        channel_data: Some(channel_data),
    });
    page.has_been_told("presence-room subscribed");
    page.sees("presence-room", &["ann"]);
}

#[test]
fn the_games_own_code_may_vouch_for_the_user_later() {
    let server = dev_server();
    let place = Place::new();
    let page = place.play(&Setup {
        signs_in_by_code: true,
        ..setup_for(&server, "ann")
    });
    page.ask(&Request::SignIn);
    let state = page.until("being asked", |state| state.asked_for_user.is_some());
    let socket_id = state.asked_for_user.unwrap();
    let user_data = r#"{"id":"ann"}"#.to_owned();
    page.ask(&Request::Authenticate {
        auth: credentials_of(&server).user_auth(&socket_id, &user_data),
        user_data,
    });
    page.has_been_told_of("SignedIn { id: \"ann\"");
}

fn credentials_of(server: &DevServer) -> AppCredentials {
    AppCredentials {
        key: server.app_key().into(),
        secret: server.app_secret().into(),
        ..AppCredentials::for_tests()
    }
}
