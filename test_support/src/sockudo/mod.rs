//! Starts and stops Sockudo, a complete Pusher server, and publishes through its HTTP API.

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

/// The version that `scripts/test.sh` installs and that the tests require.
const VERSION: &str = "5.2.0";

/// The timeout for the start. On an idle machine it takes less than a second.
const START: Duration = Duration::from_secs(20);

/// A Sockudo server for one test, with one app that has all features enabled. Dropping this value stops the server.
#[derive(Debug)]
pub struct Sockudo {
    options: SockudoOptions,
    port: u16,
    authority: Option<TestAuthority>,
    certificate: Option<TestCertificate>,
    folder: TempDir,
    child: Option<Child>,
}

/// The options of a [`Sockudo`].
#[derive(Debug, Clone)]
pub struct SockudoOptions {
    /// Whether to serve `wss` and `https`, with a certificate of a [`TestAuthority`].
    pub tls: bool,
    /// The number of client events that a connection may send per second.
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

    /// Like [`start`](Self::start), with TLS.
    pub fn start_tls() -> Self {
        Self::start_with(SockudoOptions {
            tls: true,
            ..SockudoOptions::default()
        })
    }

    /// Starts a server with these options.
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
        // Another process may take the port between its choice and its use.
        for attempts_left in (0..5).rev() {
            match server.try_run() {
                Ok(()) => return server,
                Err(error) if attempts_left == 0 => panic!("Sockudo does not start: {error}"),
                Err(_) => server.port = free_port(),
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    /// Returns the host to connect to, for which the certificate is valid.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Returns the port, which serves both WebSocket and HTTP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether it serves `wss` and `https`.
    pub fn has_tls(&self) -> bool {
        self.options.tls
    }

    /// Returns the credentials of its app.
    pub fn credentials(&self) -> AppCredentials {
        AppCredentials::for_tests()
    }

    /// Returns the certificate that a client must trust, if it serves TLS.
    pub fn authority_pem(&self) -> Option<String> {
        self.authority.as_ref().map(TestAuthority::pem)
    }

    /// Kills the process, like a crash.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails if the process has exited already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Restarts the server on the same port.
    pub fn start_again(&mut self) {
        self.stop();
        if let Err(error) = self.try_run() {
            panic!("Sockudo does not start again: {error}");
        }
    }

    /// Publishes an event through the HTTP API. A string is sent unchanged, other data as JSON.
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

    /// Terminates all connections of a signed-in user.
    #[track_caller]
    pub fn terminate_user(&self, user_id: &str) {
        let path = format!("/users/{user_id}/terminate_connections");
        self.post(&path, &json!({}));
    }

    /// Returns the names of the channels with subscribers.
    #[track_caller]
    pub fn channels(&self) -> Vec<String> {
        let answer = self.get("/channels", &[]);
        let channels = answer["channels"].as_object().into_iter().flatten();
        channels.map(|(name, _)| name.clone()).collect()
    }

    /// Returns the ids of a presence channel's members.
    #[track_caller]
    pub fn users(&self, channel: &str) -> Vec<String> {
        let answer = self.get(&format!("/channels/{channel}/users"), &[]);
        let users = answer["users"].as_array().into_iter().flatten();
        let ids = users.filter_map(|user| user["id"].as_str());
        ids.map(ToOwned::to_owned).collect()
    }

    /// Sends a signed `GET` to a path below `/apps/app-id`.
    #[track_caller]
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        self.api().call(path, query, None)
    }

    /// Sends a signed `POST` to a path below `/apps/app-id`.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.api().call(path, &[], Some(body))
    }

    /// Returns the server's standard output and standard error so far.
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
            // The server reads environment variables such as PORT and HOST, which must not affect the test.
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
                break format!("it exited with {status}");
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

/// Returns the path in `SOCKUDO_BIN`, or the server in the cache of `scripts/test.sh`.
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

/// Returns the data as a string, which it is on the wire.
fn as_text(data: &Value) -> String {
    match data {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
