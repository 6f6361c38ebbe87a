//! [`TestPeer`]: another client of the server, which the test controls; the users, and the events that a test inspects.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use pusher_dev_server::core::{ConnectionId, Identity};
use serde::Serialize;
use serde_json::{Value, json};

use super::TestServer;
use crate::sync::lock;

/// A user of a game or a peer. Converts from a user id such as `"bob"`.
#[derive(Clone, Debug)]
pub struct TestUser {
    id: String,
    info: Option<String>,
    watchlist: Vec<String>,
}

impl TestUser {
    /// Creates a user with this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            info: None,
            watchlist: Vec::new(),
        }
    }

    /// Sets what other members of presence channels see of the user: [`Member::info`](crate::Member::info).
    ///
    /// # Panics
    /// Panics if `info` cannot be serialized as JSON.
    #[must_use]
    pub fn with_info(mut self, info: &impl Serialize) -> Self {
        self.info = Some(super::server::json_of(info));
        self
    }

    /// Sets the ids of the users on this user's watchlist, which applies while the user is signed in.
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

/// An event that a peer has received, or that a game has sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TestEvent {
    /// The channel.
    pub channel: String,
    /// The event's name.
    pub name: String,
    /// The data: the JSON value if the data is JSON, otherwise the text as a JSON string.
    pub data: Value,
    /// The sender's user id, if this is a client event on a presence channel.
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

/// Another client of the same server, such as another player. Dropping it disconnects it.
///
/// Every call takes effect before it returns.
pub struct TestPeer {
    server: TestServer,
    connection: ConnectionId,
    user: TestUser,
    frames: Frames,
}

/// The messages that a peer has received and the test has not taken yet.
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

    /// Subscribes to a channel, on a presence channel as this user. The server always authorizes it:
    /// [`TestServer::refuse`] applies to games only.
    ///
    /// # Panics
    /// Panics if the channel needs an authorization and its name is invalid.
    pub fn subscribe(&self, channel: &str) {
        let data = self
            .server
            .subscription(self.connection, channel, &self.user.identity());
        self.send_frame(&json!({"event": "pusher:subscribe", "data": data}));
    }

    /// Unsubscribes from a channel.
    pub fn unsubscribe(&self, channel: &str) {
        self.send_frame(&json!({"event": "pusher:unsubscribe", "data": {"channel": channel}}));
    }

    /// Signs in as this user.
    pub fn sign_in(&self) {
        let data = self.server.sign_in(self.connection, &self.user.identity());
        self.send_frame(&json!({"event": "pusher:signin", "data": data}));
    }

    /// Sends a client event on a channel to which the peer is subscribed.
    ///
    /// # Panics
    /// Panics if the data cannot be serialized as JSON.
    pub fn send(&self, channel: &str, event: &str, data: &impl Serialize) {
        let data: Value = serde_json::from_str(&super::server::json_of(data)).unwrap_or_default();
        self.send_frame(&json!({"event": event, "channel": channel, "data": data}));
    }

    /// Returns the events that the peer has received since the last call, without the protocol's own events.
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
