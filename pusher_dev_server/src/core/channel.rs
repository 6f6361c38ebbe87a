//! A channel while somebody is subscribed to it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ConnectionId;

/// Who is subscribed, and on a presence channel: who is there.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    /// With the key of the member that each is on a presence channel.
    pub(crate) subscribers: BTreeMap<ConnectionId, Option<String>>,
    /// In the order in which they came. One user on several connections is one member.
    pub(crate) members: Vec<Member>,
}

/// A member of a presence channel.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The id as text: `51169` and `"51169"` are one user.
    pub(crate) key: String,
    /// The id as it was signed: a number stays a number.
    pub(crate) user_id: Box<RawValue>,
    pub(crate) user_info: Option<Box<RawValue>>,
    /// On how many connections.
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
    /// `None` if the id is neither text nor a number, or empty.
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

    /// Returns the member if it was not there before.
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

    /// Returns the member if it is there no longer.
    pub(crate) fn leave(&mut self, connection: ConnectionId) -> Option<Member> {
        let key = self.subscribers.remove(&connection)??;
        let position = self.members.iter().position(|member| member.key == key)?;
        let member = self.members.get_mut(position)?;
        member.connections -= 1;
        (member.connections == 0).then(|| self.members.remove(position))
    }
}
