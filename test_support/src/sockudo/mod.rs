//! A real server of the protocol: starts it, stops it, and publishes through its HTTP API.

mod config;
mod http_api;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authority::{TestAuthority, TestCertificate};
use crate::credentials::AppCredentials;
use http_api::HttpApi;

/// The version that `scripts/test.sh` installs and the tests were written against.
const VERSION: &str = "5.2.0";

/// How long it may take to start. On an idle machine it takes less than a second.
const START: Duration = Duration::from_secs(20);

/// A Sockudo server for one test, with one app that has all features on. It ends when the value is dropped.
#[derive(Debug)]
pub struct Sockudo {
    options: SockudoOptions,
    port: u16,
    authority: Option<TestAuthority>,
    certificate: Option<TestCertificate>,
    folder: TempDir,
    child: Option<Child>,
}

/// How a [`Sockudo`] is configured.
#[derive(Debug, Clone)]
pub struct SockudoOptions {
    /// Serves wss and https with a certificate of a [`TestAuthority`].
    pub tls: bool,
    /// How many client events a connection may send a second.
    pub client_events_per_second: u32,
}

impl Default for SockudoOptions {
    fn default() -> Self {
        Self {
            tls: false,
            client_events_per_second: 100,
        }
    }
}

impl Sockudo {
    /// Starts a server on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::start_with(SockudoOptions::default())
    }

    /// As [`start`](Self::start), with TLS.
    pub fn start_tls() -> Self {
        Self::start_with(SockudoOptions {
            tls: true,
            ..SockudoOptions::default()
        })
    }

    /// Starts a server with options.
    pub fn start_with(options: SockudoOptions) -> Self {
        let authority = options.tls.then(TestAuthority::new);
        let certificate = authority.as_ref().map(TestAuthority::localhost);
        let mut server = Self {
            options,
            port: free_port(),
            authority,
            certificate,
            folder: TempDir::new().expect("a folder can be created"),
            child: None,
        };
        // Between the choice of a port and its use another process may take it.
        for attempts_left in (0..5).rev() {
            match server.try_run() {
                Ok(()) => return server,
                Err(error) if attempts_left == 0 => panic!("Sockudo does not start: {error}"),
                Err(_) => server.port = free_port(),
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    /// The host to connect to. The certificate is valid for it.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The port for WebSocket and HTTP alike.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it serves wss and https.
    pub fn has_tls(&self) -> bool {
        self.options.tls
    }

    /// The key and the secrets of its app.
    pub fn credentials(&self) -> AppCredentials {
        AppCredentials::for_tests()
    }

    /// The certificate that a client must trust, if it serves TLS.
    pub fn authority_pem(&self) -> Option<String> {
        self.authority.as_ref().map(TestAuthority::pem)
    }

    /// Ends the process, as a crash would.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails if it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        self.stop();
        if let Err(error) = self.try_run() {
            panic!("Sockudo does not start again: {error}");
        }
    }

    /// Publishes an event through the HTTP API. Data that is a string is sent as it is, other data as its JSON.
    #[track_caller]
    pub fn publish(&self, channel: &str, event: &str, data: &Value) {
        let body = json!({"name": event, "channels": [channel], "data": as_text(data)});
        self.post("/events", &body);
    }

    /// Publishes many events, ten per request, in order.
    #[track_caller]
    pub fn publish_batch<'a>(&self, events: impl IntoIterator<Item = (&'a str, &'a str, Value)>) {
        let events = events.into_iter().map(|(channel, event, data)| {
            json!({"channel": channel, "name": event, "data": as_text(&data)})
        });
        for batch in events.collect::<Vec<_>>().chunks(10) {
            self.post("/batch_events", &json!({"batch": batch}));
        }
    }

    /// Publishes an event to a signed-in user.
    #[track_caller]
    pub fn publish_to_user(&self, user_id: &str, event: &str, data: &Value) {
        self.publish(&format!("#server-to-user-{user_id}"), event, data);
    }

    /// Ends all connections of a signed-in user.
    #[track_caller]
    pub fn terminate_user(&self, user_id: &str) {
        let path = format!("/users/{user_id}/terminate_connections");
        self.post(&path, &json!({}));
    }

    /// The names of the channels that have a subscriber.
    #[track_caller]
    pub fn channels(&self) -> Vec<String> {
        let answer = self.get("/channels", &[]);
        let channels = answer["channels"].as_object().into_iter().flatten();
        channels.map(|(name, _)| name.clone()).collect()
    }

    /// The ids of a presence channel's members.
    #[track_caller]
    pub fn users(&self, channel: &str) -> Vec<String> {
        let answer = self.get(&format!("/channels/{channel}/users"), &[]);
        let users = answer["users"].as_array().into_iter().flatten();
        let ids = users.filter_map(|user| user["id"].as_str());
        ids.map(ToOwned::to_owned).collect()
    }

    /// Any signed GET of the HTTP API below `/apps/app-id`.
    #[track_caller]
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        self.api().call(path, query, None)
    }

    /// Any signed POST of the HTTP API below `/apps/app-id`.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.api().call(path, &[], Some(body))
    }

    /// What it wrote to its standard output and error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn api(&self) -> HttpApi {
        HttpApi::new(self.port, self.authority_pem())
    }

    fn try_run(&mut self) -> Result<(), String> {
        let folder = self.folder.path();
        let certificate = self.certificate.as_ref();
        let configuration =
            config::configuration(self.port, &self.options, certificate, folder).to_string();
        let file = folder.join("config.json");
        std::fs::write(&file, configuration).expect("a file can be written");
        let log = File::create(folder.join("log")).expect("a log can be written");
        let child = Command::new(binary())
            .arg("--config")
            .arg(file)
            .current_dir(folder)
            // The server reads PORT, HOST and many more.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be cloned"))
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        let api = self.api();
        let deadline = Instant::now() + START;
        let child = self.child.insert(child);
        let failure = loop {
            if let Ok(Some(status)) = child.try_wait() {
                break format!("it ended with {status}");
            }
            if api.is_up() {
                return Ok(());
            }
            if Instant::now() > deadline {
                break format!("GET /up did not succeed within {START:?}");
            }
            thread::sleep(Duration::from_millis(20));
        };
        self.stop();
        Err(format!("{failure}; its log: {}", self.log()))
    }
}

impl Drop for Sockudo {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `SOCKUDO_BIN`, or the server that `scripts/test.sh` has put into its cache.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SOCKUDO_BIN") {
        return path.into();
    }
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = from("PUSHER_TEST_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|folder| folder.join("bevy_pusher")))
        .or_else(|| from("HOME").map(|folder| folder.join(".cache/bevy_pusher")));
    let path = cache
        .unwrap_or_default()
        .join(format!("sockudo-{VERSION}/bin/sockudo"));
    assert!(
        path.is_file(),
        "this test needs the Sockudo {VERSION} server: run scripts/test.sh, which installs it, \
         or set SOCKUDO_BIN ({} does not exist)",
        path.display()
    );
    path
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("loopback has a free port")
        .port()
}

/// The data of an event is a string on the wire.
fn as_text(data: &Value) -> String {
    match data {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
