//! Plays a scene in a page: `web_picture URL FILE.png KEYS LATER.png`. Takes a screenshot once the page has drawn for a while.
//! Then, twice, waits for other players to join, drags the mouse and types the keys; then takes the other screenshot. Fails if
//! the console has errors. Used by `scripts/test.sh` and `scripts/web.sh`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a command-line tool: a failure ends it"
)]

use std::{fs, thread, time::Duration};

use pusher_web_tests::webdriver::{Browser, wait_for};
use serde_json::json;

/// Without a GPU a frame takes a tenth of a second, and much longer on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(240);

/// By then a scene is connected and its animations are over.
const MIN_FRAMES: u64 = 100;

const PAUSE: Duration = Duration::from_secs(3);

const COUNT_FRAMES: &str = "
    window.framesSeen = 0;
    const count = () => { window.framesSeen += 1; requestAnimationFrame(count); };
    requestAnimationFrame(count);
";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, first, keys, later] = &*arguments else {
        panic!("usage: web_picture URL FILE KEYS LATER");
    };
    let browser = Browser::start_drawing();
    let tab = browser.open("about:blank");
    browser.command(
        &tab,
        "Emulation.setDeviceMetricsOverride",
        &json!({"width": 1280, "height": 720, "deviceScaleFactor": 1, "mobile": false}),
    );
    browser.go(&tab, url);
    let script = |body| browser.script(&tab, body, &[]);
    let has_no_errors = || {
        let errors = browser.errors(&tab);
        assert!(errors.is_empty(), "the console has errors: {errors:#?}");
    };
    wait_for(
        || format!("a canvas in {}", script("return document.body.innerText")),
        TIMEOUT,
        || {
            has_no_errors();
            (script("return document.querySelector('canvas') !== null") == true).then_some(())
        },
    );
    script(COUNT_FRAMES);
    wait_for(
        || {
            format!(
                "{MIN_FRAMES} frames, of {}",
                script("return window.framesSeen")
            )
        },
        TIMEOUT,
        || {
            has_no_errors();
            (script("return window.framesSeen").as_u64() >= Some(MIN_FRAMES)).then_some(())
        },
    );
    let save_picture = |file| {
        fs::write(file, browser.picture(&tab)).expect("the picture is saved");
    };
    save_picture(first);
    for _ in 0..2 {
        thread::sleep(PAUSE);
        browser.drag(&tab, (300, 300), (500, 400));
        browser.type_keys(&tab, keys);
    }
    thread::sleep(PAUSE);
    save_picture(later);
    has_no_errors();
}
