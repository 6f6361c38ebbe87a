//! A real browser, driven by chromedriver over WebDriver's HTTP (<https://www.w3.org/TR/webdriver2/>).
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

/// How long the driver, the browser and each command may take. They take below two seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the driver would switch off, and a user's browser does: it holds back the timers of hidden tabs.
const UNLIKE_A_USERS: [&str; 3] = [
    "disable-background-timer-throttling",
    "disable-backgrounding-occluded-windows",
    "disable-renderer-backgrounding",
];

/// A browser without a window on the screen. It ends with this value.
pub struct Browser {
    agent: ureq::Agent,
    session: String,
    driver: Child,
    /// The tab that commands go to; one browser is driven by one thread at a time.
    tab: Mutex<String>,
}

impl Browser {
    /// Starts one, with a profile of its own, that draws nothing.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["--disable-gpu"])
    }

    /// Starts one that draws by WebGL on a machine without a GPU.
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
            .timeout_global(Some(PATIENCE))
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
                "goog:chromeOptions": {"args": arguments, "excludeSwitches": UNLIKE_A_USERS},
            }}}),
        );
        let id = session["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    /// Opens a tab, before all others, at this URL. Returns its name.
    pub fn open(&self, url: &str) -> String {
        let opened = self.post("/window/new", &json!({"type": "tab"}));
        let tab = opened["handle"]
            .as_str()
            .expect("a tab has a name")
            .to_owned();
        self.go(&tab, url);
        tab
    }

    /// Brings a tab before all others, which hides them.
    pub fn show(&self, tab: &str) {
        self.put_before(tab, tab);
    }

    /// Brings another tab before this one, to which commands go from here on: a command to any other tab shows that one.
    pub fn put_before(&self, tab: &str, other: &str) {
        self.command(tab, "Target.activateTarget", &json!({"targetId": other}));
    }

    /// Goes to another page.
    pub fn go(&self, tab: &str, url: &str) {
        self.in_tab(tab, |browser| browser.post("/url", &json!({"url": url})));
    }

    /// Goes back to the page before.
    pub fn go_back(&self, tab: &str) {
        self.in_tab(tab, |browser| browser.post("/back", &json!({})));
    }

    /// Closes a tab, as its user would.
    pub fn close(&self, tab: &str) {
        self.in_tab(tab, |browser| browser.delete("/window"));
        // Commands of a session go to a tab that exists.
        let others = self.get("/window/handles");
        if let Some(other) = others[0].as_str() {
            *self.tab.lock().unwrap_or_else(PoisonError::into_inner) = String::new();
            self.in_tab(other, |_| Value::Null);
        }
    }

    /// The value of a function's body in a tab.
    pub fn script(&self, tab: &str, body: &str, arguments: &[Value]) -> Value {
        self.in_tab(tab, |browser| {
            browser.post("/execute/sync", &json!({"script": body, "args": arguments}))
        })
    }

    /// A command of Chromium's own protocol (<https://chromedevtools.github.io/devtools-protocol>) to a tab.
    pub fn command(&self, tab: &str, command: &str, parameters: &Value) -> Value {
        self.in_tab(tab, |browser| {
            browser.post(
                "/goog/cdp/execute",
                &json!({"cmd": command, "params": parameters}),
            )
        })
    }

    /// A picture of what a tab shows, as a PNG.
    #[must_use]
    pub fn picture(&self, tab: &str) -> Vec<u8> {
        let picture = self.in_tab(tab, |browser| browser.get("/screenshot"));
        let picture = picture.as_str().expect("a picture is a text");
        BASE64_STANDARD
            .decode(picture)
            .expect("a picture is in base64")
    }

    /// Drags the mouse from one place of a tab to another, in pixels.
    pub fn drag(&self, tab: &str, from: (u32, u32), to: (u32, u32)) {
        let go = |(x, y): (u32, u32), milliseconds: u64| json!({"type": "pointerMove", "x": x, "y": y, "duration": milliseconds});
        let drag = json!([
            go(from, 0),
            {"type": "pointerDown", "button": 0},
            go(to, 500),
            {"type": "pointerUp", "button": 0},
        ]);
        self.act(
            tab,
            &json!({"type": "pointer", "id": "mouse", "actions": drag}),
        );
    }

    /// Types into a tab; a line break is the key Enter, U+001B is Escape.
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
        self.act(
            tab,
            &json!({"type": "key", "id": "keyboard", "actions": strokes}),
        );
    }

    fn act(&self, tab: &str, source: &Value) {
        let actions = json!({"actions": [source]});
        self.in_tab(tab, |browser| browser.post("/actions", &actions));
    }

    /// The errors in a tab's console since they were asked for.
    #[must_use]
    pub fn errors(&self, tab: &str) -> Vec<String> {
        let log = self.in_tab(tab, |browser| {
            browser.post("/se/log", &json!({"type": "browser"}))
        });
        let lines = log.as_array().expect("the log has lines").iter();
        lines
            .filter(|line| line["level"] == "SEVERE")
            .map(|line| line["message"].to_string())
            .collect()
    }

    fn in_tab<R>(&self, tab: &str, act: impl FnOnce(&Self) -> R) -> R {
        let mut current = self.tab.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != tab {
            // This brings it before all others as well.
            self.post("/window", &json!({"handle": tab}));
            tab.clone_into(&mut current);
        }
        act(self)
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
        // Ends the browser, and takes its profile away.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port that the driver chose, which it prints.
fn port_of(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("its output is piped");
    let (found, port) = channel();
    // Reads on to the end, so that the driver is never held up.
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
    match port.recv_timeout(PATIENCE) {
        Ok(port) => port,
        Err(RecvTimeoutError::Timeout) => panic!("chromedriver did not start within {PATIENCE:?}"),
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

/// Waits until `ready` gives something; `what` completes "waited … for".
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
