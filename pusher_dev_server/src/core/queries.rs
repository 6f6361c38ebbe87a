//! Queries for tests and the HTTP API: connections, channels, members.

use super::name::USER_CHANNEL_PREFIX;
use super::{ConnectionId, ServerCore};

impl ServerCore {
    /// Returns the number of connected clients.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Returns the socket ids of all clients, oldest first.
    #[must_use]
    pub fn socket_ids(&self) -> Vec<String> {
        self.connections
            .values()
            .map(|connection| connection.socket_id.clone())
            .collect()
    }

    /// Returns all connections, oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// Returns the channels with subscribers, sorted. The channels of users are not included.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.channels
            .keys()
            .filter(|name| !name.starts_with(USER_CHANNEL_PREFIX))
            .cloned()
            .collect()
    }

    /// Returns the number of connections that are subscribed to this channel.
    #[must_use]
    pub fn subscriber_count(&self, channel: &str) -> usize {
        self.channels
            .get(channel)
            .map_or(0, |channel| channel.subscribers.len())
    }

    /// Returns the user ids on this presence channel, in join order.
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

    /// Returns the user that the connection with this socket id is signed in as.
    #[must_use]
    pub fn signed_in_user(&self, socket_id: &str) -> Option<&str> {
        let connection = self.connections.get(&self.connection(socket_id)?)?;
        connection.user.as_ref().map(|user| user.id.as_str())
    }
}
