//! The subscribers and the members of one channel. A channel exists while it has subscribers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ConnectionId;

/// The subscribed connections and, on a presence channel, the members.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    /// Each subscribed connection with, on a presence channel, the key of its member.
    pub(crate) subscribers: BTreeMap<ConnectionId, Option<String>>,
    /// In join order. One user on several connections is one member.
    pub(crate) members: Vec<Member>,
}

/// A member of a presence channel.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The id as a string: `51169` and `"51169"` are the same user.
    pub(crate) key: String,
    /// The id as signed: a number stays a number.
    pub(crate) user_id: Box<RawValue>,
    pub(crate) user_info: Option<Box<RawValue>>,
    /// The number of connections of this user.
    connections: usize,
}

/// A JSON string or number.
#[derive(Deserialize)]
#[serde(untagged)]
enum IdText {
    Text(String),
    Number(serde_json::Number),
}

impl Member {
    /// Returns `None` if the id is neither a string nor a number, or is empty or too long.
    pub(crate) fn new(user_id: Box<RawValue>, user_info: Option<Box<RawValue>>) -> Option<Self> {
        let key = match serde_json::from_str(user_id.get()).ok()? {
            IdText::Text(text) => text,
            IdText::Number(number) => number.to_string(),
        };
        super::name::is_user_id(&key).then_some(Self {
            key,
            user_id,
            user_info,
            connections: 0,
        })
    }
}

impl Channel {
    pub(crate) fn is_member(&self, key: &str) -> bool {
        self.members.iter().any(|member| member.key == key)
    }

    /// Adds a connection. Returns the member if this is its first connection.
    pub(crate) fn join(
        &mut self,
        connection: ConnectionId,
        member: Option<Member>,
    ) -> Option<Member> {
        let key = member.as_ref().map(|member| member.key.clone());
        self.subscribers.insert(connection, key);
        let mut member = member?;
        if let Some(known) = self
            .members
            .iter_mut()
            .find(|known| known.key == member.key)
        {
            known.connections += 1;
            return None;
        }
        member.connections = 1;
        self.members.push(member.clone());
        Some(member)
    }

    /// Removes a connection. Returns the member if this was its last connection.
    pub(crate) fn leave(&mut self, connection: ConnectionId) -> Option<Member> {
        // `None` for an unknown connection, or on a channel without members.
        let key = self.subscribers.remove(&connection)??;
        let position = self.members.iter().position(|member| member.key == key)?;
        let member = self.members.get_mut(position)?;
        member.connections -= 1;
        (member.connections == 0).then(|| self.members.remove(position))
    }
}
