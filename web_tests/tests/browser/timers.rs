//! The browser's timer: how it is set, and what becomes of it in a hidden tab.

use std::time::Duration;

use pusher_dev_server::{DevServer, DevServerConfig, ServerEvent};
use pusher_test_support::{Answer, ScriptedAuth, ScriptedServer, polite};
use pusher_web_tests::{AuthUrl, Authorize, FOREVER, Setup};
use serde_json::json;

use crate::page::{Page, Place, SOON, setup, setup_for};

/// The longest wait of a browser's timer, in milliseconds: one that is longer is over at once.
const LONGEST_WAIT: f64 = 2_147_483_647.0;

/// One that is later than this was held back, in milliseconds.
const LATE: f64 = 150.0;

/// Keeps account of each timer in milliseconds: the wait, and once it called back, how late it was.
const WATCH_TIMERS: &str = "
    window.timers = [];
    const set = window.setTimeout;
    window.setTimeout = (act, wait) => {
        const timer = { wait, begun: performance.now() };
        window.timers.push(timer);
        return set(() => { timer.late = performance.now() - timer.begun - wait; act(); }, wait);
    };
";

/// The waits of all timers so far.
fn waits(page: &Page) -> Vec<f64> {
    numbers(page, "return window.timers.map(timer => timer.wait)")
}

/// How late those were that called back.
fn delays(page: &Page) -> Vec<f64> {
    numbers(
        page,
        "return window.timers.filter(timer => 'late' in timer).map(timer => timer.late)",
    )
}

fn numbers(page: &Page, script: &str) -> Vec<f64> {
    let numbers = page.script(script);
    let numbers = numbers.as_array().unwrap();
    numbers
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

#[test]
fn times_without_end_are_not_over_at_once() {
    let server = ScriptedServer::start();
    let auth = ScriptedAuth::always(
        Answer::json(&json!({"auth": "key:signature"}))
            .with_header("Access-Control-Allow-Origin", "*")
            .after(Duration::from_secs(1)),
    );
    let place = Place::new();
    let page = place.open();
    page.script(WATCH_TIMERS);
    page.start(&Setup {
        authorize: Authorize::ByUrl(AuthUrl {
            url: auth.url("/"),
            ..AuthUrl::default()
        }),
        activity_timeout: FOREVER,
        pong_timeout: FOREVER,
        authorization_timeout: FOREVER,
        min_delay: FOREVER,
        ..setup(server.port(), "key")
    });
    let connection = server.accept(SOON);
    connection.reply_with(polite);
    connection.establish("1.1", u64::MAX);
    page.connected();
    page.join("private-room");
    connection.event("private-room", "greeting", &json!({}));
    let state = page.has_been_told("private-room greeting {}");
    assert!(!state.told.iter().any(|told| told.contains("error")));
    let texts = connection.received_texts();
    assert!(!texts.iter().any(|text| text.contains("pusher:ping")));

    connection.cut();
    page.until("the loss", |state| state.socket_id.is_none());
    server.expect_no_connection(Duration::from_secs(1));

    let waits = waits(&page);
    assert!(waits.contains(&LONGEST_WAIT), "{waits:?}");
    assert!(waits.iter().all(|wait| (1.0..=LONGEST_WAIT).contains(wait)));
    // One that is over at once is set again and again.
    assert!(waits.len() < 20, "{waits:?}");
}

#[test]
fn a_hidden_tab_waits_once_for_its_timer() {
    let server =
        DevServer::start(DevServerConfig::default().with_activity_timeout(Duration::from_secs(1)))
            .unwrap();
    let place = Place::new();
    let page = place.open();
    page.script(WATCH_TIMERS);
    page.start(&setup_for(&server, "ann"));
    page.join("lobby");
    page.hide_behind(&place.open());
    let events = server.events();
    let ping = || {
        let ping = events.wait_for(SOON, |event| {
            matches!(event, ServerEvent::PingReceived { .. })
        });
        assert!(ping.is_some(), "no ping came");
    };
    ping();
    page.script("window.timers = []");
    for _ in 0..4 {
        ping();
    }
    let delays = delays(&page);
    let late = delays.iter().filter(|late| **late > LATE).count();
    assert!(late >= 2, "nothing held the timers back: {delays:?}");
    assert!(delays.len() <= 5, "{delays:?}");
}
