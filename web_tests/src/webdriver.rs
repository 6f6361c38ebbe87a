//! Controls a real browser through chromedriver and the WebDriver protocol (<https://www.w3.org/TR/webdriver2/>).
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// The timeout of the driver, the browser and each command. On an idle machine they take less than two seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// chromedriver's default switches that turn timer throttling off. They are excluded, since a user's browser throttles the
/// timers of hidden tabs.
const EXCLUDED_SWITCHES: [&str; 3] = [
    "disable-background-timer-throttling",
    "disable-backgrounding-occluded-windows",
    "disable-renderer-backgrounding",
];

/// A headless browser. Dropping it ends the browser.
pub struct Browser {
    agent: ureq::Agent,
    session: String,
    driver: Child,
    /// The handle of the current tab. Locked during a command, since a session has only one current tab.
    tab: Mutex<String>,
}

impl Browser {
    /// Starts a browser with a new profile, without drawing.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["--disable-gpu"])
    }

    /// Starts a browser that draws with WebGL in software, for machines without a GPU.
    #[must_use]
    pub fn start_drawing() -> Self {
        Self::start_with(&["--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
    }

    fn start_with(more_arguments: &[&str]) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed: scripts/test.sh installs it");
        let port = port_of(&mut driver);
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .build()
            .into();
        let mut browser = Self {
            agent,
            session: format!("http://127.0.0.1:{port}/session"),
            driver,
            tab: Mutex::default(),
        };
        let mut arguments = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ];
        arguments.extend(more_arguments);
        let session = browser.post(
            "",
            &json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "acceptInsecureCerts": true,
                "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"args": arguments, "excludeSwitches": EXCLUDED_SWITCHES},
            }}}),
        );
        let id = session["sessionId"]
            .as_str()
            .expect("the response has no session id");
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    /// Opens a tab in front at this URL. Returns its handle.
    pub fn open(&self, url: &str) -> String {
        let opened = self.post("/window/new", &json!({"type": "tab"}));
        let tab = opened["handle"]
            .as_str()
            .expect("the response has no window handle")
            .to_owned();
        self.go(&tab, url);
        tab
    }

    /// Brings a tab to the front, which hides the others.
    pub fn show(&self, tab: &str) {
        self.activate_other(tab, tab);
    }

    /// Brings the tab `other` to the front, without changing the current tab. A command to another tab than the current one
    /// would bring that one to the front.
    pub fn activate_other(&self, tab: &str, other: &str) {
        self.command(tab, "Target.activateTarget", &json!({"targetId": other}));
    }

    /// Navigates to another page.
    pub fn go(&self, tab: &str, url: &str) {
        self.in_tab(tab, |browser| browser.post("/url", &json!({"url": url})));
    }

    /// Navigates back.
    pub fn go_back(&self, tab: &str) {
        self.in_tab(tab, |browser| browser.post("/back", &json!({})));
    }

    /// Closes a tab, as a user would.
    pub fn close(&self, tab: &str) {
        self.in_tab(tab, |browser| browser.delete("/window"));
        // Commands fail while the current tab is a closed one, so another one becomes current.
        let others = self.get("/window/handles");
        if let Some(other) = others[0].as_str() {
            *self.tab.lock().unwrap_or_else(PoisonError::into_inner) = String::new();
            self.in_tab(other, |_| Value::Null);
        }
    }

    /// Runs a function body in a tab. Returns its value.
    pub fn script(&self, tab: &str, body: &str, arguments: &[Value]) -> Value {
        self.in_tab(tab, |browser| {
            browser.post("/execute/sync", &json!({"script": body, "args": arguments}))
        })
    }

    /// Sends a command of the Chrome DevTools Protocol (<https://chromedevtools.github.io/devtools-protocol>) to a tab.
    pub fn command(&self, tab: &str, command: &str, parameters: &Value) -> Value {
        self.in_tab(tab, |browser| {
            browser.post(
                "/goog/cdp/execute",
                &json!({"cmd": command, "params": parameters}),
            )
        })
    }

    /// Returns a screenshot of a tab, as PNG.
    #[must_use]
    pub fn picture(&self, tab: &str) -> Vec<u8> {
        let picture = self.in_tab(tab, |browser| browser.get("/screenshot"));
        let picture = picture.as_str().expect("the screenshot is not a string");
        BASE64_STANDARD
            .decode(picture)
            .expect("the screenshot is not base64")
    }

    /// Drags the mouse from one position in a tab to another, in pixels.
    pub fn drag(&self, tab: &str, from: (u32, u32), to: (u32, u32)) {
        let go = |(x, y): (u32, u32), milliseconds: u64| json!({"type": "pointerMove", "x": x, "y": y, "duration": milliseconds});
        let drag = json!([
            go(from, 0),
            {"type": "pointerDown", "button": 0},
            go(to, 500),
            {"type": "pointerUp", "button": 0},
        ]);
        self.perform_actions(
            tab,
            &json!({"type": "pointer", "id": "mouse", "actions": drag}),
        );
    }

    /// Types into a tab. A line feed is the key Enter, U+001B is Escape.
    pub fn type_keys(&self, tab: &str, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .map(|key| match key {
                '\n' => '\u{e007}',
                '\u{1b}' => '\u{e00c}',
                key => key,
            })
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|stroke| json!({"type": stroke, "value": key}))
            })
            .collect();
        self.perform_actions(
            tab,
            &json!({"type": "key", "id": "keyboard", "actions": strokes}),
        );
    }

    fn perform_actions(&self, tab: &str, source: &Value) {
        let actions = json!({"actions": [source]});
        self.in_tab(tab, |browser| browser.post("/actions", &actions));
    }

    /// Returns the errors in a tab's console since the last call.
    #[must_use]
    pub fn errors(&self, tab: &str) -> Vec<String> {
        let log = self.in_tab(tab, |browser| {
            browser.post("/se/log", &json!({"type": "browser"}))
        });
        let lines = log.as_array().expect("the log is not an array").iter();
        lines
            .filter(|line| line["level"] == "SEVERE")
            .map(|line| line["message"].to_string())
            .collect()
    }

    fn in_tab<R>(&self, tab: &str, run: impl FnOnce(&Self) -> R) -> R {
        let mut current = self.tab.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != tab {
            // Switching to a tab also brings it to the front.
            self.post("/window", &json!({"handle": tab}));
            tab.clone_into(&mut current);
        }
        run(self)
    }

    fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.session);
        value_of(path, self.agent.get(url).call())
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self
            .agent
            .post(format!("{}{path}", self.session))
            .header("Content-Type", "application/json");
        value_of(path, request.send(body.to_string()))
    }

    fn delete(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.session);
        value_of(path, self.agent.delete(url).call())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser and deletes its profile.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Reads the port that the driver has chosen from its output.
fn port_of(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("the output is piped");
    let (found, port) = channel();
    // Reads to the end, so that the driver never blocks on a full pipe.
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let port = line
                .strip_suffix('.')
                .and_then(|line| line.rsplit_once("started successfully on port "))
                .and_then(|(_, port)| port.parse().ok());
            if let Some(port) = port {
                let _ = found.send(port);
            }
        }
    });
    match port.recv_timeout(TIMEOUT) {
        Ok(port) => port,
        Err(RecvTimeoutError::Timeout) => panic!("chromedriver did not start within {TIMEOUT:?}"),
        Err(RecvTimeoutError::Disconnected) => panic!("chromedriver ended"),
    }
}

fn value_of(path: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let mut answer = answer.unwrap_or_else(|error| panic!("chromedriver, {path}: {error}"));
    let text = answer.body_mut().read_to_string();
    let text = text.unwrap_or_else(|error| panic!("chromedriver, {path}: {error}"));
    let mut body: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("chromedriver, {path}: {error}: {text}"));
    let value = body["value"].take();
    assert!(answer.status().is_success(), "the browser, {path}: {value}");
    value
}

/// Waits until `ready` returns a value; `what` completes "waited … for".
#[track_caller]
pub fn wait_for<R>(
    what: impl FnOnce() -> String,
    within: Duration,
    mut ready: impl FnMut() -> Option<R>,
) -> R {
    let started = Instant::now();
    loop {
        if let Some(result) = ready() {
            return result;
        }
        assert!(
            started.elapsed() < within,
            "waited {within:?} for {}",
            what()
        );
        thread::sleep(Duration::from_millis(20));
    }
}
