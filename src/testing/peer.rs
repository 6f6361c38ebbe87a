//! The other clients of the server.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use pusher_dev_server::core::{ConnectionId, Identity};
use serde::Serialize;
use serde_json::{Value, json};

use super::TestServer;
use crate::sync::lock;

/// Who somebody is. The user's id alone is enough: `"bob"`.
#[derive(Clone, Debug)]
pub struct TestUser {
    id: String,
    info: Option<String>,
    watchlist: Vec<String>,
}

impl TestUser {
    /// A user with this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            info: None,
            watchlist: Vec::new(),
        }
    }

    /// What others see of the user on presence channels: [`Member::info`](crate::Member::info).
    ///
    /// # Panics
    /// If it cannot be written as JSON.
    #[must_use]
    pub fn with_info(mut self, info: &impl Serialize) -> Self {
        self.info = Some(super::server::json_of(info));
        self
    }

    /// Whom the user watches once signed in.
    #[must_use]
    pub fn with_watchlist(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.watchlist = ids.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn identity(&self) -> Identity {
        Identity {
            user_id: Some(self.id.clone()),
            user_info: self.info.clone(),
            watchlist: self.watchlist.clone(),
            ..Identity::default()
        }
    }
}

impl From<&str> for TestUser {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

/// An event as somebody got it from the server, or gave it to the server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TestEvent {
    /// The channel.
    pub channel: String,
    /// The event's name.
    pub name: String,
    /// Its data: as JSON if it is that, else the text.
    pub data: Value,
    /// The sender, of a client event on a presence channel.
    pub user_id: Option<String>,
}

impl TestEvent {
    pub(super) fn new(channel: String, name: String, data: &str, user_id: Option<String>) -> Self {
        let data = serde_json::from_str(data).unwrap_or_else(|_| Value::from(data));
        Self {
            channel,
            name,
            data,
            user_id,
        }
    }

    fn from_frame(frame: &str) -> Option<Self> {
        let frame: Value = serde_json::from_str(frame).ok()?;
        let text = |field: &str| frame.get(field).and_then(Value::as_str).map(str::to_owned);
        let name = text("event").filter(|name| !name.starts_with("pusher"))?;
        Some(Self::new(
            text("channel")?,
            name,
            &text("data").unwrap_or_default(),
            text("user_id"),
        ))
    }
}

/// Another client of the same server: whoever the game plays with. Dropping it disconnects it.
///
/// What it does has been done when the call returns.
pub struct TestPeer {
    server: TestServer,
    connection: ConnectionId,
    user: TestUser,
    frames: Frames,
}

/// What a peer was sent.
pub(super) type Frames = Arc<Mutex<Vec<Arc<str>>>>;

impl TestPeer {
    pub(super) fn new(
        server: TestServer,
        connection: ConnectionId,
        user: TestUser,
        frames: Frames,
    ) -> Self {
        Self {
            server,
            connection,
            user,
            frames,
        }
    }

    /// Subscribes to a channel, on a presence channel as this user. The server lets it in, whatever it
    /// [refuses](TestServer::refuse) to the game.
    ///
    /// # Panics
    /// If there can be no such channel.
    pub fn subscribe(&self, channel: &str) {
        let data = self
            .server
            .subscription(self.connection, channel, &self.user.identity());
        self.send_frame(&json!({"event": "pusher:subscribe", "data": data}));
    }

    /// Leaves a channel.
    pub fn unsubscribe(&self, channel: &str) {
        self.send_frame(&json!({"event": "pusher:unsubscribe", "data": {"channel": channel}}));
    }

    /// Signs in.
    pub fn sign_in(&self) {
        let data = self.server.sign_in(self.connection, &self.user.identity());
        self.send_frame(&json!({"event": "pusher:signin", "data": data}));
    }

    /// Sends a client event on a channel that it is subscribed to.
    ///
    /// # Panics
    /// If the data cannot be written as JSON.
    pub fn send(&self, channel: &str, event: &str, data: &impl Serialize) {
        let data: Value = serde_json::from_str(&super::server::json_of(data)).unwrap_or_default();
        self.send_frame(&json!({"event": event, "channel": channel, "data": data}));
    }

    /// The events it got since this was asked last, without those of the protocol itself.
    #[must_use]
    pub fn take_events(&self) -> Vec<TestEvent> {
        let mut frames = lock(&self.frames);
        frames
            .drain(..)
            .filter_map(|frame| TestEvent::from_frame(&frame))
            .collect()
    }

    fn send_frame(&self, frame: &Value) {
        self.server.receive(self.connection, &frame.to_string());
    }
}

impl Drop for TestPeer {
    fn drop(&mut self) {
        self.server.disconnected(self.connection);
    }
}

impl fmt::Debug for TestPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPeer")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
