//! The reference client, as a foreign user.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::scratch::ScratchFolder;
use crate::signing::SigningAuth;
use crate::sockudo::Sockudo;
use crate::watched::Watched;

/// pusher-js in a node process, driven by `tests/node/client.js`, which lists the commands and what it prints.
///
/// The process ends with this value.
pub struct PusherJs {
    child: Child,
    commands: ChildStdin,
    output: Arc<Watched<Output>>,
    _folder: ScratchFolder,
}

#[derive(Default)]
struct Output {
    lines: Vec<Value>,
    read: usize,
    over: bool,
}

/// Whom pusher-js connects to, and as whom.
#[derive(Debug, Clone, Default)]
pub struct PusherJsOptions {
    /// The server's host.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// Whether to speak wss.
    pub tls: bool,
    /// The app key.
    pub key: String,
    /// Where channels are authorized.
    pub auth: Option<String>,
    /// Where users are authenticated.
    pub user_auth: Option<String>,
    /// Fields that go with each authorization, such as `user_id` for [`SigningAuth`].
    pub params: Vec<(String, String)>,
    /// An authority to trust, as PEM.
    pub authority_pem: Option<String>,
    /// App id, app secret and the Base64 master key, for the command `publish`.
    pub server: Option<(String, String, String)>,
    /// Laid over the options of pusher-js.
    pub extra: Value,
}

impl PusherJsOptions {
    /// A client of a server without TLS at 127.0.0.1.
    pub fn new(port: u16, key: &str) -> Self {
        Self {
            host: "127.0.0.1".into(),
            port,
            key: key.into(),
            ..Self::default()
        }
    }

    /// A client of a Sockudo server, with all that the command `publish` needs.
    pub fn for_sockudo(server: &Sockudo) -> Self {
        let credentials = server.credentials();
        Self {
            tls: server.has_tls(),
            authority_pem: server.authority_pem(),
            server: Some((
                "app-id".into(),
                credentials.secret.clone(),
                credentials.master_key_base64(),
            )),
            ..Self::new(server.port(), &credentials.key)
        }
    }

    /// Authorizes channels and users there.
    #[must_use]
    pub fn with_auth(mut self, auth: &SigningAuth) -> Self {
        self.auth = Some(auth.channel_url());
        self.user_auth = Some(auth.user_url());
        self
    }

    /// Sends a field with each authorization.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }
}

impl PusherJs {
    /// Starts node and has pusher-js connect.
    pub fn spawn(options: &PusherJsOptions) -> Self {
        let scripts = scripts();
        assert!(
            scripts.join("node_modules/pusher-js").is_dir(),
            "this test needs pusher-js: run scripts/test.sh, or npm install in tests/node"
        );
        let folder = ScratchFolder::new("pusher_js");
        let mut command = Command::new("node");
        command
            .arg(scripts.join("client.js"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env_remove(proxy);
        }
        if let Some(pem) = &options.authority_pem {
            command.env("NODE_EXTRA_CA_CERTS", folder.write("authority.pem", pem));
        }
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("this test needs node: run scripts/test.sh, or install node ({error})")
        });
        let commands = child.stdin.take().expect("standard input is piped");
        let lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
        let output = Arc::new(Watched::<Output>::default());
        let noting = output.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // pusher-js warns on standard output; such lines are no objects.
                if let Ok(value) = serde_json::from_str(&line) {
                    noting.update(|output| output.lines.push(value));
                }
            }
            noting.update(|output| output.over = true);
        });
        let mut client = Self {
            child,
            commands,
            output,
            _folder: folder,
        };
        client.send(&options.to_json());
        client
    }

    /// Sends a command, such as `{"command": "subscribe", "channel": "room"}`.
    #[track_caller]
    pub fn send(&mut self, command: &Value) {
        writeln!(self.commands, "{command}")
            .and_then(|()| self.commands.flush())
            .unwrap_or_else(|error| panic!("pusher-js takes no command any more: {error}"));
    }

    /// Subscribes, and waits until it has succeeded.
    #[track_caller]
    pub fn subscribe(&mut self, channel: &str, within: Duration) {
        self.send(&json!({"command": "subscribe", "channel": channel}));
        self.expect(&format!("{channel} subscribed"), within, |line| {
            line["type"] == "subscribed" && line["channel"] == channel
        });
    }

    /// Waits until it is connected, and returns its socket id.
    #[track_caller]
    pub fn expect_connected(&self, within: Duration) -> String {
        let line = self.expect("the state connected", within, |line| {
            line["type"] == "connection" && line["state"] == "connected"
        });
        line["socket_id"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for an event on a channel, and returns its data.
    #[track_caller]
    pub fn expect_event(&self, channel: &str, event: &str, within: Duration) -> Value {
        let what = format!("the event {event:?} on {channel:?}");
        let mut line = self.expect(&what, within, |line| {
            line["type"] == "event" && line["channel"] == channel && line["event"] == event
        });
        line["data"].take()
    }

    /// Waits for a line that `wanted` accepts; lines before it are passed over.
    #[track_caller]
    pub fn expect(&self, what: &str, within: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        self.output
            .wait(Some(Instant::now() + within), |output| {
                while let Some(line) = output.lines.get(output.read).cloned() {
                    output.read += 1;
                    if wanted(&line) {
                        return Some(Some(line));
                    }
                }
                output.over.then_some(None)
            })
            .flatten()
            .unwrap_or_else(|| {
                panic!(
                    "pusher-js did not tell of {what} within {within:?}; it said: {}",
                    json!(self.lines())
                )
            })
    }

    /// All that it said so far.
    pub fn lines(&self) -> Vec<Value> {
        self.output.read(|output| output.lines.clone())
    }
}

impl Drop for PusherJs {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl PusherJsOptions {
    fn to_json(&self) -> Value {
        let params: Map<String, Value> = self
            .params
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        let mut options = json!({
            "host": self.host,
            "port": self.port,
            "tls": self.tls,
            "key": self.key,
            "auth": self.auth,
            "userAuth": self.user_auth,
            "params": params,
            "extra": self.extra,
        });
        if let Some((app_id, secret, master_key)) = &self.server {
            options["appId"] = app_id.as_str().into();
            options["secret"] = secret.as_str().into();
            options["masterKey"] = master_key.as_str().into();
        }
        options
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/node")
        .canonicalize()
        .expect("tests/node exists in the checkout")
}
