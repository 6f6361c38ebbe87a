//! The game in its page, as a test sees it.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use pusher_dev_server::DevServer;
use pusher_test_support::{Answer, ScriptedAuth, SigningAuth, Sockudo};
use pusher_web_tests::{
    AuthUrl, Authorize, Request, Setup, State,
    webdriver::{Browser, wait_for},
};
use serde_json::{Value, json};

/// Longer than anything takes, so that what does not happen fails the test. A hidden tab takes its time.
pub(crate) const SOON: Duration = Duration::from_secs(30);

const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>A game</title>
<link rel="icon" href="data:,">
<script type="module">
import start from "./page.js";
await start();
</script>
"#;

/// A browser, and the place where its pages come from.
pub(crate) struct Place {
    pub(crate) browser: Arc<Browser>,
    pub(crate) pages: ScriptedAuth,
}

/// One tab with the game in it.
pub(crate) struct Page {
    browser: Arc<Browser>,
    pub(crate) tab: String,
}

impl Place {
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

    /// Opens a tab with the game, which waits for its configuration.
    pub(crate) fn open(&self) -> Page {
        let tab = self.browser.open(&self.pages.url("/"));
        let page = Page {
            browser: self.browser.clone(),
            tab,
        };
        page.has_loaded();
        page
    }

    /// Opens a tab with the game, and starts it.
    pub(crate) fn play(&self, setup: &Setup) -> Page {
        let page = self.open();
        page.start(setup);
        page
    }

    /// Where another page is, of the same origin.
    pub(crate) fn elsewhere(&self) -> String {
        self.pages.url("/elsewhere")
    }
}

impl Page {
    fn has_loaded(&self) {
        wait_for(
            || "the game to load".into(),
            SOON,
            || {
                let loaded = self.script("return typeof window.game === 'function'");
                (loaded == json!(true)).then_some(())
            },
        );
    }

    /// Asks something of the game.
    #[track_caller]
    pub(crate) fn ask(&self, request: &Request) -> State {
        let request = serde_json::to_string(request).unwrap();
        let body = "return window.game(arguments[0])";
        let answer = self.browser.script(&self.tab, body, &[request.into()]);
        let answer = answer.as_str().expect("the game answers with a text");
        serde_json::from_str(answer).unwrap_or_else(|_| panic!("the game says: {answer}"))
    }

    pub(crate) fn start(&self, setup: &Setup) {
        self.ask(&Request::Start(Box::new(setup.clone())));
    }

    pub(crate) fn state(&self) -> State {
        self.ask(&Request::Tell)
    }

    pub(crate) fn script(&self, body: &str) -> Value {
        self.browser.script(&self.tab, body, &[])
    }

    /// Waits until the game's state is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&State) -> bool) -> State {
        let mut last = State::default();
        wait_for(
            || format!("{what}; the game's last state: {:#?}", self.state()),
            SOON,
            || {
                last = self.state();
                is_so(&last).then(|| last.clone())
            },
        )
    }

    /// Waits for the connection; returns its name.
    #[track_caller]
    pub(crate) fn connected(&self) -> String {
        let state = self.until("a connection", |state| state.socket_id.is_some());
        state.socket_id.unwrap()
    }

    /// Waits until the game was told this.
    #[track_caller]
    pub(crate) fn has_been_told(&self, words: &str) -> State {
        self.until(&format!("being told {words:?}"), |state| {
            state.told.iter().any(|told| told == words)
        })
    }

    /// Waits until the game was told something with these words in it; returns all of it.
    #[track_caller]
    pub(crate) fn has_been_told_of(&self, words: &str) -> String {
        let is_it = |told: &&String| told.contains(words);
        let state = self.until(&format!("being told of {words:?}"), |state| {
            state.told.iter().any(|told| is_it(&told))
        });
        state.told.iter().find(is_it).unwrap().clone()
    }

    /// Joins a channel and waits for it.
    #[track_caller]
    pub(crate) fn join(&self, channel: &str) {
        self.ask(&Request::Join(channel.into()));
        self.has_been_told(&format!("{channel} subscribed"));
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
    pub(crate) fn sees(&self, channel: &str, expected: &[&str]) {
        self.until(&format!("{channel} to have {expected:?}"), |state| {
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

    /// Hides it behind another tab, for as long as no other page is asked anything. Returns how many frames it had.
    #[track_caller]
    pub(crate) fn hide_behind(&self, other: &Page) -> u64 {
        self.browser.put_before(&self.tab, &other.tab);
        wait_for(
            || "the page to be hidden".into(),
            SOON,
            || self.is_hidden().then_some(()),
        );
        // The frame that was under way.
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

/// A client of a server without TLS at 127.0.0.1, with patience as in a real game but for dialling again.
pub(crate) fn setup(port: u16, key: &str) -> Setup {
    Setup {
        host: "127.0.0.1".into(),
        port,
        tls: false,
        key: key.into(),
        authorize: Authorize::Never,
        own_transport: false,
        user_auth: None,
        signs_in_by_code: false,
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

/// A file of the page that `scripts/test.sh` builds.
fn read(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("PUSHER_WEB_PAGE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/web/page"),
        PathBuf::from,
    );
    let path = folder.join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{} is needed: scripts/test.sh builds it ({error})",
            path.display()
        )
    })
}
