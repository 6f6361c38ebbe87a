//! pusher-js, the reference client, as another user.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::json_process::JsonProcess;
use crate::signing_auth::SigningAuth;
use crate::sockudo::Sockudo;

/// pusher-js in a Node.js process. `tests/node/client.js` defines the commands and the output.
///
/// Dropping this value ends the process.
pub struct PusherJs {
    process: JsonProcess,
    _folder: TempDir,
}

/// The server to which pusher-js connects, and the user.
#[derive(Debug, Clone)]
pub struct PusherJsOptions {
    /// The first line that `client.js` reads.
    json: Value,
    authority_pem: Option<String>,
}

impl PusherJsOptions {
    /// A client of a Sockudo server, with the options that the command `publish` needs.
    pub fn for_sockudo(server: &Sockudo) -> Self {
        let credentials = server.credentials();
        Self {
            json: json!({
                "host": server.host(),
                "port": server.port(),
                "tls": server.has_tls(),
                "key": credentials.key,
                "appId": "app-id",
                "secret": credentials.secret,
                "masterKey": credentials.master_key_base64(),
                "params": {},
            }),
            authority_pem: server.authority_pem(),
        }
    }

    /// Authorizes channels and users at this endpoint.
    #[must_use]
    pub fn with_auth(mut self, auth: &SigningAuth) -> Self {
        self.json["auth"] = auth.channel_url().into();
        self.json["userAuth"] = auth.user_url().into();
        self
    }

    /// Sends a field with each authorization, such as `user_id` for [`SigningAuth`].
    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.json["params"][name] = value.into();
        self
    }
}

impl PusherJs {
    /// Starts Node.js and connects pusher-js.
    pub fn spawn(options: &PusherJsOptions) -> Self {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node");
        assert!(
            scripts.join("node_modules/pusher-js").is_dir(),
            "this test needs node and pusher-js: run scripts/test.sh, or npm install in tests/node"
        );
        let folder = TempDir::new().expect("a folder can be created");
        let mut command = Command::new("node");
        command.arg(scripts.join("client.js"));
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env_remove(proxy);
        }
        if let Some(pem) = &options.authority_pem {
            let path = folder.path().join("authority.pem");
            std::fs::write(&path, pem).expect("a file can be written");
            command.env("NODE_EXTRA_CA_CERTS", path);
        }
        let mut client = Self {
            process: JsonProcess::start("pusher-js", &mut command),
            _folder: folder,
        };
        client.send(&options.json);
        client
    }

    /// Sends a command, such as `{"command": "subscribe", "channel": "room"}`.
    #[track_caller]
    pub fn send(&mut self, command: &Value) {
        self.process.send_line(&command.to_string());
    }

    /// Subscribes, and waits for the confirmation.
    #[track_caller]
    pub fn subscribe(&mut self, channel: &str, within: Duration) {
        self.send(&json!({"command": "subscribe", "channel": channel}));
        self.expect(&format!("{channel} subscribed"), within, |line| {
            line["type"] == "subscribed" && line["channel"] == channel
        });
    }

    /// Waits for the connection, and returns the socket id.
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
}

impl Deref for PusherJs {
    type Target = JsonProcess;

    fn deref(&self) -> &JsonProcess {
        &self.process
    }
}
