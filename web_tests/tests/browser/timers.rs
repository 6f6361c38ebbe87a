//! The browser's timers: their delays, and throttling in a hidden tab.

use std::time::Duration;

use pusher_dev_server::{DevServer, DevServerConfig, ServerEvent};
use pusher_test_support::{Answer, ScriptedAuth, ScriptedServer, standard_reply};
use pusher_web_tests::{AuthUrl, Authorize, FOREVER, Setup};
use serde_json::json;

use crate::page::{Fixture, Page, TIMEOUT, setup, setup_for};

/// The maximum delay of a browser's timer, in milliseconds. With a longer delay a timer fires at once.
const MAX_DELAY: f64 = 2_147_483_647.0;

/// A timer that is later than this, in milliseconds, was throttled.
const LATE_MILLISECONDS: f64 = 150.0;

/// Records each timer in milliseconds: its delay, and once it has fired, how late that was.
const WATCH_TIMERS: &str = "
    window.timers = [];
    const set = window.setTimeout;
    window.setTimeout = (run, wait) => {
        const timer = { wait, started: performance.now() };
        window.timers.push(timer);
        return set(() => { timer.late = performance.now() - timer.started - wait; run(); }, wait);
    };
";

/// Returns the delays of all timers so far.
fn timer_delays(page: &Page) -> Vec<f64> {
    numbers(page, "return window.timers.map(timer => timer.wait)")
}

/// Returns how late the timers fired.
fn timer_lateness(page: &Page) -> Vec<f64> {
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
fn huge_timer_durations_do_not_fire_at_once() {
    let server = ScriptedServer::start();
    let auth = ScriptedAuth::always(
        Answer::json(&json!({"auth": "key:signature"}))
            .with_header("Access-Control-Allow-Origin", "*")
            .after(Duration::from_secs(1)),
    );
    let fixture = Fixture::new();
    let page = fixture.open();
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
    let connection = server.accept(TIMEOUT);
    connection.reply_with(standard_reply);
    connection.establish("1.1", u64::MAX);
    page.wait_for_connection();
    page.join("private-room");
    connection.event("private-room", "greeting", &json!({}));
    let state = page.wait_for_log("private-room greeting {}");
    assert!(!state.log.iter().any(|entry| entry.contains("error")));
    let texts = connection.received_texts();
    assert!(!texts.iter().any(|text| text.contains("pusher:ping")));

    connection.cut();
    page.wait_until("the loss", |state| state.socket_id.is_none());
    server.expect_no_connection(Duration::from_secs(1));

    let timer_delays = timer_delays(&page);
    assert!(timer_delays.contains(&MAX_DELAY), "{timer_delays:?}");
    assert!(
        timer_delays
            .iter()
            .all(|wait| (1.0..=MAX_DELAY).contains(wait))
    );
    // A timer that fires at once would be set again and again.
    assert!(timer_delays.len() < 20, "{timer_delays:?}");
}

#[test]
fn hidden_tab_waits_for_one_timer() {
    let server =
        DevServer::start(DevServerConfig::default().with_activity_timeout(Duration::from_secs(1)))
            .unwrap();
    let fixture = Fixture::new();
    let page = fixture.open();
    page.script(WATCH_TIMERS);
    page.start(&setup_for(&server, "ann"));
    page.join("lobby");
    page.hide_behind(&fixture.open());
    let events = server.events();
    let ping = || {
        let ping = events.wait_for(TIMEOUT, |event| {
            matches!(event, ServerEvent::PingReceived { .. })
        });
        assert!(ping.is_some(), "no ping came");
    };
    ping();
    page.script("window.timers = []");
    for _ in 0..4 {
        ping();
    }
    let timer_lateness = timer_lateness(&page);
    let late = timer_lateness
        .iter()
        .filter(|late| **late > LATE_MILLISECONDS)
        .count();
    assert!(
        late >= 2,
        "the timers were not throttled: {timer_lateness:?}"
    );
    assert!(timer_lateness.len() <= 5, "{timer_lateness:?}");
}
