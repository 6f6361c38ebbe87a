//! A harness for the tests of the core: the core, its clients and the frames that they have received.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{ConnectRequest, ConnectionId, CoreConfig, DisconnectCause, Output, ServerCore};

pub(crate) struct TestCore {
    pub(crate) core: ServerCore,
    pub(crate) now: Duration,
    frames: BTreeMap<ConnectionId, Vec<Value>>,
    closes: BTreeMap<ConnectionId, u16>,
    socket_ids: BTreeMap<ConnectionId, String>,
}

impl TestCore {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut CoreConfig)) -> Self {
        let mut config = CoreConfig::default();
        change(&mut config);
        Self {
            core: ServerCore::new(config),
            now: Duration::ZERO,
            frames: BTreeMap::new(),
            closes: BTreeMap::new(),
            socket_ids: BTreeMap::new(),
        }
    }

    pub(crate) fn connect_with(&mut self, app_key: &str, protocol: Option<&str>) -> ConnectionId {
        let client = self.core.connect(&ConnectRequest { app_key, protocol });
        let socket_id = self.core.socket_id(client).unwrap_or_default().to_owned();
        self.socket_ids.insert(client, socket_id);
        client
    }

    pub(crate) fn connect(&mut self) -> ConnectionId {
        self.connect_with("app-key", Some("7"))
    }

    /// Connects a client and reads its `connection_established`.
    pub(crate) fn connected(&mut self) -> ConnectionId {
        let client = self.connect();
        self.frame(client);
        client
    }

    pub(crate) fn socket_id(&self, client: ConnectionId) -> String {
        self.socket_ids[&client].clone()
    }

    pub(crate) fn disconnect(&mut self, client: ConnectionId) {
        self.core.connection_closed(client, DisconnectCause::Client);
    }

    pub(crate) fn text(&mut self, client: ConnectionId, text: &str) {
        self.core.receive_text(client, text, self.now);
    }

    pub(crate) fn sign(
        &self,
        client: ConnectionId,
        channel: &str,
        channel_data: Option<&str>,
    ) -> String {
        self.core
            .config()
            .app
            .sign_channel(&self.socket_id(client), channel, channel_data)
    }

    /// Subscribes with a valid signature, even where none is needed.
    pub(crate) fn subscribe(&mut self, client: ConnectionId, channel: &str) {
        let auth = self.sign(client, channel, None);
        self.subscribe_with(client, json!({"channel": channel, "auth": auth}));
    }

    /// Subscribes and reads `subscription_succeeded` and the frames that came with it.
    pub(crate) fn subscribed(&mut self, client: ConnectionId, channel: &str) {
        self.subscribe(client, channel);
        let frames = self.frames(client);
        assert_eq!(frames[0]["event"], "pusher_internal:subscription_succeeded");
    }

    pub(crate) fn join(&mut self, client: ConnectionId, channel: &str, channel_data: &str) {
        let auth = self.sign(client, channel, Some(channel_data));
        self.subscribe_with(
            client,
            json!({"channel": channel, "auth": auth, "channel_data": channel_data}),
        );
    }

    pub(crate) fn subscribe_with(&mut self, client: ConnectionId, data: Value) {
        self.text(
            client,
            &json!({"event": "pusher:subscribe", "data": data}).to_string(),
        );
    }

    pub(crate) fn unsubscribe(&mut self, client: ConnectionId, channel: &str) {
        let frame = json!({"event": "pusher:unsubscribe", "data": {"channel": channel}});
        self.text(client, &frame.to_string());
    }

    pub(crate) fn sign_in(&mut self, client: ConnectionId, user_data: &str) {
        let auth = self
            .core
            .config()
            .app
            .sign_user(&self.socket_id(client), user_data);
        let frame =
            json!({"event": "pusher:signin", "data": {"auth": auth, "user_data": user_data}});
        self.text(client, &frame.to_string());
    }

    pub(crate) fn publish(&mut self, channel: &str, event: &str, data: &str) -> usize {
        self.core
            .publish(channel, event, data, None, self.now)
            .unwrap()
    }

    /// Returns all unread frames of a client.
    pub(crate) fn frames(&mut self, client: ConnectionId) -> Vec<Value> {
        self.drain();
        self.frames.remove(&client).unwrap_or_default()
    }

    /// Returns the only unread frame of a client.
    pub(crate) fn frame(&mut self, client: ConnectionId) -> Value {
        let mut frames = self.frames(client);
        assert_eq!(frames.len(), 1, "{frames:?}");
        frames.remove(0)
    }

    pub(crate) fn close_code(&mut self, client: ConnectionId) -> Option<u16> {
        self.drain();
        self.closes.get(&client).copied()
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { connection, text } => {
                    assert!(
                        !self.closes.contains_key(&connection),
                        "sent after the close: {text}"
                    );
                    let frame = serde_json::from_str(&text).unwrap();
                    self.frames.entry(connection).or_default().push(frame);
                }
                Output::Close {
                    connection, code, ..
                } => {
                    let before = self.closes.insert(connection, code);
                    assert_eq!(before, None, "closed twice");
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// Loads the signature and encryption test vectors of the workspace.
pub(crate) fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/vectors.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
