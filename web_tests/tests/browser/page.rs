//! The test fixture: a browser, the server of its pages, and the app in a page.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use pusher_dev_server::DevServer;
use pusher_test_support::{Answer, ScriptedAuth, SigningAuth, Sockudo};
use pusher_web_tests::{
    AuthUrl, Authorize, Request, Setup, State,
    webdriver::{Browser, wait_for},
};
use serde_json::{Value, json};

/// Longer than any operation takes, also in a hidden tab, whose timers are throttled.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>A game</title>
<link rel="icon" href="data:,">
<script type="module">
import start from "./page.js";
await start();
</script>
"#;

/// A browser, and the server of its pages.
pub(crate) struct Fixture {
    pub(crate) browser: Arc<Browser>,
    pub(crate) pages: ScriptedAuth,
}

/// A tab with the app.
pub(crate) struct Page {
    browser: Arc<Browser>,
    pub(crate) tab: String,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let script = read("page.js");
        let module = read("page_bg.wasm");
        let pages = ScriptedAuth::start(move |request| match request.path() {
            "/" => with_type("text/html", PAGE),
            "/page.js" => with_type("text/javascript", script.clone()),
            "/page_bg.wasm" => with_type("application/wasm", module.clone()),
            "/auth" => Answer::status(403),
            "/elsewhere" => with_type("text/html", "<!doctype html><title>Elsewhere</title>"),
            _ => Answer::status(404),
        });
        Self {
            browser: Arc::new(Browser::start()),
            pages,
        }
    }

    /// Opens a tab with the app, which waits for its configuration.
    pub(crate) fn open(&self) -> Page {
        let tab = self.browser.open(&self.pages.url("/"));
        let page = Page {
            browser: self.browser.clone(),
            tab,
        };
        page.wait_for_load();
        page
    }

    /// Opens a tab with the app, and starts the client.
    pub(crate) fn open_and_start(&self, setup: &Setup) -> Page {
        let page = self.open();
        page.start(setup);
        page
    }

    /// Returns the URL of another page of the same origin.
    pub(crate) fn other_page_url(&self) -> String {
        self.pages.url("/elsewhere")
    }
}

impl Page {
    fn wait_for_load(&self) {
        wait_for(
            || "the page to load".into(),
            TIMEOUT,
            || {
                let loaded = self.script("return typeof window.game === 'function'");
                (loaded == json!(true)).then_some(())
            },
        );
    }

    /// Sends a request to the app. Returns its state.
    #[track_caller]
    pub(crate) fn ask(&self, request: &Request) -> State {
        let request = serde_json::to_string(request).unwrap();
        let body = "return window.game(arguments[0])";
        let answer = self.browser.script(&self.tab, body, &[request.into()]);
        let answer = answer.as_str().expect("the answer is not a string");
        serde_json::from_str(answer).unwrap_or_else(|_| panic!("unexpected answer: {answer}"))
    }

    pub(crate) fn start(&self, setup: &Setup) {
        self.ask(&Request::Start(Box::new(setup.clone())));
    }

    pub(crate) fn state(&self) -> State {
        self.ask(&Request::ReportState)
    }

    pub(crate) fn script(&self, body: &str) -> Value {
        self.browser.script(&self.tab, body, &[])
    }

    /// Waits until the condition is true for the app's state.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, condition: impl Fn(&State) -> bool) -> State {
        wait_for(
            || format!("{what}; the last state: {:#?}", self.state()),
            TIMEOUT,
            || {
                let state = self.state();
                condition(&state).then_some(state)
            },
        )
    }

    /// Waits until the client is connected. Returns the socket id.
    #[track_caller]
    pub(crate) fn wait_for_connection(&self) -> String {
        let state = self.wait_until("a connection", |state| state.socket_id.is_some());
        state.socket_id.unwrap()
    }

    /// Waits until the log contains this entry.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) -> State {
        self.wait_until(&format!("the log entry {text:?}"), |state| {
            state.log.iter().any(|entry| entry == text)
        })
    }

    /// Waits for a log entry that contains this text. Returns the entry.
    #[track_caller]
    pub(crate) fn wait_for_log_containing(&self, text: &str) -> String {
        let is_it = |entry: &&String| entry.contains(text);
        let state = self.wait_until(&format!("a log entry with {text:?}"), |state| {
            state.log.iter().any(|entry| is_it(&entry))
        });
        state.log.iter().find(is_it).unwrap().clone()
    }

    /// Subscribes to a channel, and waits for the subscription.
    #[track_caller]
    pub(crate) fn join(&self, channel: &str) {
        self.ask(&Request::Join(channel.into()));
        self.wait_for_log(&format!("{channel} subscribed"));
    }

    #[track_caller]
    pub(crate) fn send(&self, channel: &str, event: &str, data: Value) {
        self.ask(&Request::Send {
            channel: channel.into(),
            event: event.into(),
            data,
        });
    }

    /// Waits until these are the members of a channel, in any order.
    #[track_caller]
    pub(crate) fn wait_for_members(&self, channel: &str, expected: &[&str]) {
        self.wait_until(&format!("{channel} to have {expected:?}"), |state| {
            let mut members: Vec<&str> = state
                .members
                .get(channel)
                .map(|members| members.iter().map(String::as_str).collect())
                .unwrap_or_default();
            members.sort_unstable();
            members == expected
        });
    }

    /// Whether the browser hides the page.
    pub(crate) fn is_hidden(&self) -> bool {
        self.script("return document.hidden") == json!(true)
    }

    pub(crate) fn show(&self) {
        self.browser.show(&self.tab);
    }

    /// Hides the page behind another one. A request to a third page would change that. Returns the page's
    /// frame count.
    #[track_caller]
    pub(crate) fn hide_behind(&self, other: &Page) -> u64 {
        self.browser.activate_other(&self.tab, &other.tab);
        wait_for(
            || "the page to be hidden".into(),
            TIMEOUT,
            || self.is_hidden().then_some(()),
        );
        // Lets a frame that was under way finish.
        thread::sleep(Duration::from_millis(200));
        self.state().frames
    }

    pub(crate) fn close(&self) {
        self.browser.close(&self.tab);
    }

    pub(crate) fn command(&self, command: &str, parameters: &Value) {
        self.browser.command(&self.tab, command, parameters);
    }
}

/// A client of a server on localhost without TLS. The timeouts are realistic; the delay before a reconnect is short.
pub(crate) fn setup(port: u16, key: &str) -> Setup {
    Setup {
        host: "127.0.0.1".into(),
        port,
        tls: false,
        key: key.into(),
        authorize: Authorize::Never,
        custom_transport: false,
        user_auth: None,
        signs_in_by_callback: false,
        activity_timeout: 30_000,
        pong_timeout: 10_000,
        authorization_timeout: 10_000,
        min_delay: 100,
        inbound_message_bytes: 1 << 20,
        outbound_bytes: 1 << 20,
    }
}

/// A client of the development server, as this user.
pub(crate) fn setup_for(server: &DevServer, user_id: &str) -> Setup {
    Setup {
        authorize: Authorize::ByUrl(as_user(server.auth_endpoint(), user_id)),
        user_auth: Some(as_user(server.user_auth_endpoint(), user_id)),
        ..setup(server.port(), server.app_key())
    }
}

/// A client of Sockudo, as this user.
pub(crate) fn setup_for_sockudo(server: &Sockudo, auth: &SigningAuth, user_id: &str) -> Setup {
    Setup {
        tls: server.has_tls(),
        authorize: Authorize::ByUrl(as_user(auth.channel_url(), user_id)),
        user_auth: Some(as_user(auth.user_url(), user_id)),
        ..setup(server.port(), &server.credentials().key)
    }
}

pub(crate) fn as_user(url: String, user_id: &str) -> AuthUrl {
    AuthUrl {
        url,
        params: vec![("user_id".into(), user_id.into())],
        ..AuthUrl::default()
    }
}

fn with_type(content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    Answer::text(body).with_header("Content-Type", content_type)
}

/// Reads a file of the page that `scripts/test.sh` has built.
fn read(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("PUSHER_WEB_PAGE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/web/page"),
        PathBuf::from,
    );
    let path = folder.join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "could not read {}, which scripts/test.sh builds: {error}",
            path.display()
        )
    })
}
