//! A real server of the protocol.

mod config;
mod http_api;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::authority::{TestAuthority, TestCertificate};
use crate::scratch::ScratchFolder;
use crate::signing::AppCredentials;
use http_api::HttpApi;

/// The version that `scripts/test.sh` installs and the tests were written against.
const VERSION: &str = "5.2.0";

/// How long it may take to start. It takes below a second on an idle machine.
const START: Duration = Duration::from_secs(20);

/// A Sockudo server of the test's own, with one app and all of its features on. It ends with the test.
#[derive(Debug)]
pub struct Sockudo {
    options: SockudoOptions,
    port: u16,
    authority: Option<TestAuthority>,
    certificate: Option<TestCertificate>,
    folder: ScratchFolder,
    child: Option<Child>,
}

/// How a [`Sockudo`] is configured.
#[derive(Debug, Clone)]
pub struct SockudoOptions {
    /// Serves wss and https with a certificate of the test's own authority.
    pub tls: bool,
    /// The server's own limit for its HTTP API; it answers 429 after about 100 requests.
    pub rate_limiter: bool,
    /// What the server tells clients, in seconds.
    pub activity_timeout: u64,
    /// How many client events a connection may send a second.
    pub client_events_per_second: u32,
    /// A JSON object laid over the configuration; see Sockudo's documentation.
    pub configuration: Value,
}

impl Default for SockudoOptions {
    fn default() -> Self {
        Self {
            tls: false,
            rate_limiter: false,
            activity_timeout: 120,
            client_events_per_second: 100,
            configuration: Value::Null,
        }
    }
}

impl Sockudo {
    /// Starts one on a free port of 127.0.0.1.
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

    /// Starts one with options.
    pub fn start_with(options: SockudoOptions) -> Self {
        let authority = options.tls.then(TestAuthority::new);
        let certificate = authority.as_ref().map(TestAuthority::localhost);
        let mut server = Self {
            options,
            port: free_port(),
            authority,
            certificate,
            folder: ScratchFolder::new("sockudo"),
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

    /// The host to connect to: `localhost`, for which its certificate is made too.
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
            // It may have ended by itself.
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

    /// Publishes an event through the HTTP API. Data that is a string goes as it is, other data as its JSON.
    #[track_caller]
    pub fn publish(&self, channel: &str, event: &str, data: &Value) {
        self.api().publish(&[channel], event, data, None);
    }

    /// As [`publish`](Self::publish), to all but one connection.
    #[track_caller]
    pub fn publish_except(&self, channel: &str, event: &str, data: &Value, socket_id: &str) {
        self.api().publish(&[channel], event, data, Some(socket_id));
    }

    /// Publishes many events, ten a request, in order.
    #[track_caller]
    pub fn publish_batch<'a>(&self, events: impl IntoIterator<Item = (&'a str, &'a str, Value)>) {
        let events: Vec<_> = events.into_iter().collect();
        let api = self.api();
        for batch in events.chunks(10) {
            api.publish_batch(batch);
        }
    }

    /// Publishes an event to a signed-in user.
    #[track_caller]
    pub fn publish_to_user(&self, user_id: &str, event: &str, data: &Value) {
        let channel = format!("#server-to-user-{user_id}");
        self.publish(&channel, event, data);
    }

    /// Ends all connections of a signed-in user.
    #[track_caller]
    pub fn terminate_user(&self, user_id: &str) {
        self.api().post(
            &format!("/users/{user_id}/terminate_connections"),
            &Value::Object(serde_json::Map::new()),
        );
    }

    /// The names of the channels that someone is subscribed to.
    #[track_caller]
    pub fn channels(&self) -> Vec<String> {
        let answer = self.api().get("/channels", &[]);
        let channels = answer["channels"].as_object();
        channels
            .map(|channels| channels.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// The ids of a presence channel's members.
    #[track_caller]
    pub fn users(&self, channel: &str) -> Vec<String> {
        let answer = self.api().get(&format!("/channels/{channel}/users"), &[]);
        let users = answer["users"].as_array().cloned().unwrap_or_default();
        users
            .iter()
            .map(|user| user["id"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Any signed GET of the HTTP API below `/apps/app-id`.
    #[track_caller]
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        self.api().get(path, query)
    }

    /// Any signed POST of the HTTP API below `/apps/app-id`.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.api().post(path, body)
    }

    /// What it wrote to its standard output and error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn api(&self) -> HttpApi {
        HttpApi::new(self.port, self.authority_pem(), self.credentials())
    }

    fn try_run(&mut self) -> Result<(), String> {
        let configuration = config::configuration(
            self.port,
            &self.options,
            self.certificate.as_ref(),
            &self.folder,
        );
        let file = self.folder.write("config.json", configuration.to_string());
        let log = File::create(self.folder.path().join("log")).expect("a log can be written");
        let mut child = Command::new(binary())
            .arg("--config")
            .arg(file)
            .current_dir(self.folder.path())
            // It reads PORT, HOST and many more.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be cloned"))
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        let api = self.api();
        let deadline = Instant::now() + START;
        let mut started = false;
        while !started && Instant::now() < deadline {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("it ended with {status}; its log: {}", self.log()));
            }
            started = api.is_up();
            thread::sleep(Duration::from_millis(20));
        }
        self.child = Some(child);
        if started {
            Ok(())
        } else {
            self.stop();
            Err(format!(
                "GET /up did not answer within {START:?}; its log: {}",
                self.log()
            ))
        }
    }
}

impl Drop for Sockudo {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `SOCKUDO_BIN`, or what `scripts/test.sh` has put into its cache.
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
