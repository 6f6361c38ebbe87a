//! What a test or the HTTP API may ask.

use super::name::USER_CHANNEL_PREFIX;
use super::{ConnectionId, ServerCore};

impl ServerCore {
    /// How many clients are connected.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// The socket ids of all clients, the oldest first.
    #[must_use]
    pub fn socket_ids(&self) -> Vec<String> {
        self.connections
            .values()
            .map(|connection| connection.socket_id.clone())
            .collect()
    }

    /// All connections, the oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// The channels that somebody is subscribed to, sorted. Users' own channels are not among them.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.channels
            .keys()
            .filter(|name| !name.starts_with(USER_CHANNEL_PREFIX))
            .cloned()
            .collect()
    }

    /// How many connections are subscribed to this channel.
    #[must_use]
    pub fn subscriber_count(&self, channel: &str) -> usize {
        self.channels
            .get(channel)
            .map_or(0, |channel| channel.subscribers.len())
    }

    /// The user ids on this presence channel, in the order in which they came.
    #[must_use]
    pub fn members(&self, channel: &str) -> Vec<String> {
        self.channels
            .get(channel)
            .map(|channel| {
                channel
                    .members
                    .iter()
                    .map(|member| member.key.clone())
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The user as whom the connection with this socket id is signed in.
    #[must_use]
    pub fn signed_in_user(&self, socket_id: &str) -> Option<&str> {
        let connection = self.connections.get(&self.connection(socket_id)?)?;
        connection.user.as_ref().map(|user| user.id.as_str())
    }
}
