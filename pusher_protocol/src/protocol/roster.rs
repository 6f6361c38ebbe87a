//! Members of presence channels.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::protocol::{EventData, UserId};

/// A member of a presence channel: one user, with any number of connections. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    id: Arc<str>,
    info: Arc<str>,
}

impl Member {
    /// Creates a member with `info` as JSON, `null` for none.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>, info: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            info: info.into(),
        }
    }

    /// Returns the user's id. A numeric id is returned as its digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the `user_info` that the backend gave the user, as JSON; `null` if there is none.
    #[must_use]
    pub fn info_json(&self) -> &str {
        &self.info
    }

    /// Deserializes [`info_json`](Self::info_json).
    ///
    /// # Errors
    ///
    /// Fails if it does not match `T`.
    pub fn info<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.info)
    }

    /// Parses `{"user_id":…,"user_info":…}`, the format of `channel_data` and of `member_added`.
    pub(crate) fn parse(data: &EventData<'_>) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire {
            user_id: Box<RawValue>,
            #[serde(default)]
            user_info: Option<Box<RawValue>>,
        }
        let wire: Wire = data.parse().ok()?;
        let id = UserId::parse(wire.user_id.get())?;
        let info = wire.user_info.as_deref().map_or("null", RawValue::get);
        Some(Self::new(&*id, info))
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.info)
    }
}

/// The members of a presence channel, ordered by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    me: Option<Arc<str>>,
    members: BTreeMap<Arc<str>, Member>,
}

/// The effect of a membership event on the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MemberChange {
    Joined(Member),
    Left(Member),
}

impl Roster {
    /// Returns this client's own entry.
    #[must_use]
    pub fn me(&self) -> Option<&Member> {
        self.members.get(self.me.as_ref()?)
    }

    /// Returns this client's own id, which the authorization contains even before the server lists it.
    #[must_use]
    pub fn my_id(&self) -> Option<&str> {
        self.me.as_deref()
    }

    /// Returns the member with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Member> {
        self.members.get(id)
    }

    /// Iterates over all members, ordered by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    /// Returns the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Creates a roster of these members. If an id occurs twice, the later member replaces the earlier one.
    #[must_use]
    pub fn from_members(me: Option<&str>, members: impl IntoIterator<Item = Member>) -> Self {
        Self {
            me: me.map(Arc::from),
            members: members
                .into_iter()
                .map(|member| (member.id.clone(), member))
                .collect(),
        }
    }

    /// Parses the data of `subscription_succeeded`: `{"presence":{"ids":[…],"hash":{…},"count":n}}`. Each part may be missing;
    /// some servers send an empty `hash` as `[]`; ids may be numbers.
    pub(crate) fn parse(data: &EventData<'_>, me: Option<Arc<str>>) -> Self {
        #[derive(Deserialize)]
        struct Wire {
            presence: Presence,
        }
        #[derive(Deserialize)]
        struct Presence {
            #[serde(default)]
            ids: Option<Box<RawValue>>,
            #[serde(default)]
            hash: Option<Box<RawValue>>,
        }
        fn read<T: DeserializeOwned + Default>(raw: Option<Box<RawValue>>) -> T {
            raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
                .unwrap_or_default()
        }
        let Ok(Wire { presence }) = data.parse() else {
            return Self {
                me,
                ..Self::default()
            };
        };
        let ids: Vec<Box<RawValue>> = read(presence.ids);
        let hash: HashMap<String, Box<RawValue>> = read(presence.hash);
        let without_info = ids
            .iter()
            .filter_map(|id| UserId::parse(id.get()))
            .map(|id| Member::new(&*id, "null"));
        let with_info = hash.iter().map(|(id, info)| Member::new(&**id, info.get()));
        // In this order: an id that is in both keeps its info.
        Self {
            me,
            ..Self::from_members(None, without_info.chain(with_info))
        }
    }

    /// Adds a member or updates its info. Returns `None` for a known id: some servers report each connection of a user, but a
    /// second connection is not a second member.
    pub(crate) fn add(&mut self, member: Member) -> Option<MemberChange> {
        match self.members.insert(member.id.clone(), member.clone()) {
            None => Some(MemberChange::Joined(member)),
            Some(_) => None,
        }
    }

    /// Removes a member. Returns `None` if there was none with this id.
    pub(crate) fn remove(&mut self, id: &str) -> Option<MemberChange> {
        self.members.remove(id).map(MemberChange::Left)
    }

    /// Returns the changes from `before` to this roster: first those who left, then those who joined.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<MemberChange> {
        let left = before
            .iter()
            .filter(|member| self.get(&member.id).is_none());
        let joined = self
            .iter()
            .filter(|member| before.get(&member.id).is_none());
        left.cloned()
            .map(MemberChange::Left)
            .chain(joined.cloned().map(MemberChange::Joined))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn roster(data: &str) -> Roster {
        Roster::parse(&EventData::Text(Cow::Borrowed(data)), Some("7".into()))
    }

    #[test]
    fn numeric_and_string_ids_are_one_member() {
        let mut roster = roster(
            r#"{"presence":{"count":2,"ids":[7,"8",9007199254740993],"hash":{"7":{"name":"A"},"8":null}}}"#,
        );
        assert_eq!(roster.me().unwrap().info_json(), r#"{"name":"A"}"#);
        assert_eq!(roster.get("8").unwrap().info_json(), "null");
        assert!(roster.get("9007199254740993").is_some());
        let again = Member::parse(&EventData::Json(Cow::Borrowed(
            r#"{"user_id":7,"user_info":{"name":"B"}}"#,
        )))
        .unwrap();
        assert_eq!(roster.add(again), None);
        assert_eq!(roster.len(), 3);
        assert_eq!(roster.me().unwrap().info_json(), r#"{"name":"B"}"#);
    }

    #[test]
    fn an_empty_hash_may_be_a_list_and_fields_may_be_missing() {
        for data in [
            r#"{"presence":{"count":0,"ids":[],"hash":[]}}"#,
            r#"{"presence":{}}"#,
            r#"{"presence":null}"#,
            "{}",
            "",
            "[]",
        ] {
            assert!(roster(data).is_empty(), "{data}");
        }
    }

    #[test]
    fn a_second_connection_of_a_user_is_not_a_join() {
        let member = |id: &str| Member::new(id, "null");
        let mut roster = Roster::default();
        assert_eq!(
            roster.add(member("a")),
            Some(MemberChange::Joined(member("a")))
        );
        assert_eq!(roster.add(member("a")), None);
        assert_eq!(roster.remove("a"), Some(MemberChange::Left(member("a"))));
        assert_eq!(roster.remove("a"), None);
    }

    #[test]
    fn the_difference_of_two_rosters_is_leaves_then_joins() {
        let of = |ids: &[&str]| {
            Roster::from_members(None, ids.iter().map(|id| Member::new(*id, "null")))
        };
        let changes = of(&["a", "c"]).changes_since(&of(&["a", "b"]));
        assert_eq!(
            changes,
            [
                MemberChange::Left(Member::new("b", "null")),
                MemberChange::Joined(Member::new("c", "null"))
            ]
        );
    }
}
