use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::protocol::{EventData, UserId};

/// One member of a presence channel: a user, however many connections they have. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    id: Arc<str>,
    info: Arc<str>,
}

impl Member {
    /// A member with `info` as JSON; `null` where the backend gave none.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>, info: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            info: info.into(),
        }
    }

    /// The user's id. Numeric ids come as their digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the backend says about the user (`user_info`), as JSON; `null` where it says nothing.
    #[must_use]
    pub fn info_json(&self) -> &str {
        &self.info
    }

    /// The same, decoded.
    pub fn info<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.info)
    }

    /// Reads `{"user_id":…,"user_info":…}`, the form of `channel_data` and of `member_added`.
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

/// The members of a presence channel, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    me: Option<Arc<str>>,
    members: BTreeMap<Arc<str>, Member>,
}

/// What a membership event did to the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MemberChange {
    Joined(Member),
    Left(Member),
}

impl Roster {
    /// The signed-in user's own entry.
    #[must_use]
    pub fn me(&self) -> Option<&Member> {
        self.members.get(self.me.as_ref()?)
    }

    /// The own id, known from the authorization even before the server lists it.
    #[must_use]
    pub fn my_id(&self) -> Option<&str> {
        self.me.as_deref()
    }

    /// The member with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Member> {
        self.members.get(id)
    }

    /// All members, in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    /// How many users are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A roster of these members; a later one replaces an earlier one with the same id.
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

    /// Reads the data of `subscription_succeeded`: `{"presence":{"ids":[…],"hash":{…},"count":n}}`. Each part may be
    /// missing; an empty `hash` comes as `[]` from some servers; ids may be numbers.
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
        let mut members = BTreeMap::new();
        if let Ok(Wire { presence }) = data.parse() {
            let read = |raw: &Option<Box<RawValue>>| {
                raw.as_deref().map_or("null", RawValue::get).to_owned()
            };
            let ids: Vec<Box<RawValue>> =
                serde_json::from_str(&read(&presence.ids)).unwrap_or_default();
            let hash: HashMap<String, Box<RawValue>> =
                serde_json::from_str(&read(&presence.hash)).unwrap_or_default();
            let unknown = ids
                .iter()
                .filter_map(|id| UserId::parse(id.get()))
                .map(|id| Member::new(&*id, "null"));
            let known = hash.iter().map(|(id, info)| Member::new(&**id, info.get()));
            members.extend(
                unknown
                    .chain(known)
                    .map(|member| (member.id.clone(), member)),
            );
        }
        Self { me, members }
    }

    /// A user came, or came again with other info. A known id is not a second member, so that it is no news if a user
    /// opens a second connection on a server that tells of each.
    pub(crate) fn add(&mut self, member: Member) -> Option<MemberChange> {
        match self.members.insert(member.id.clone(), member.clone()) {
            None => Some(MemberChange::Joined(member)),
            Some(_) => None,
        }
    }

    /// A user left; `None` if they were not there.
    pub(crate) fn remove(&mut self, id: &str) -> Option<MemberChange> {
        self.members.remove(id).map(MemberChange::Left)
    }

    /// What happened between `before` and this roster: who left, then who joined.
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
    fn numeric_and_textual_ids_are_one_member() {
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
    fn an_empty_hash_may_be_a_list_and_anything_may_be_missing() {
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
    fn the_second_connection_of_a_user_is_no_news() {
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
    fn the_difference_of_two_rosters_tells_who_left_and_who_joined() {
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
