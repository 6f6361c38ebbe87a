//! Pictures of a page that draws: `web_picture URL FILE.png [LATER.png…]`, the first once it has drawn for a while, each other one
//! three seconds later. Used by `scripts/test.sh`.
#![allow(clippy::expect_used, reason = "a tool: what fails ends it")]

use std::{fs, thread, time::Duration};

use pusher_web_tests::webdriver::{Browser, wait_for};
use serde_json::json;

/// Without a GPU a frame takes a tenth of a second, on a busy machine many times that.
const PATIENCE: Duration = Duration::from_secs(240);

/// By then a scene is connected, and what moves in has arrived.
const FRAMES: u64 = 100;

const BETWEEN: Duration = Duration::from_secs(3);

const COUNT_FRAMES: &str = "
    window.framesSeen = 0;
    const count = () => { window.framesSeen += 1; requestAnimationFrame(count); };
    requestAnimationFrame(count);
";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("usage: web_picture URL FILE…");
    let browser = Browser::start_drawing();
    let tab = browser.open("about:blank");
    browser.command(
        &tab,
        "Emulation.setDeviceMetricsOverride",
        &json!({"width": 1280, "height": 720, "deviceScaleFactor": 1, "mobile": false}),
    );
    browser.go(&tab, &url);
    let script = |body| browser.script(&tab, body, &[]);
    wait_for(
        || format!("a canvas in {}", script("return document.body.innerText")),
        PATIENCE,
        || (script("return document.querySelector('canvas') !== null") == true).then_some(()),
    );
    script(COUNT_FRAMES);
    wait_for(
        || format!("{FRAMES} frames, of {}", script("return window.framesSeen")),
        PATIENCE,
        || (script("return window.framesSeen").as_u64() >= Some(FRAMES)).then_some(()),
    );
    for (number, file) in arguments.enumerate() {
        if number > 0 {
            thread::sleep(BETWEEN);
        }
        fs::write(file, browser.picture(&tab)).expect("the picture is saved");
    }
}
