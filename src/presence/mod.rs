//! Presence channels: the members of a channel as a component, and the messages about members who joined or left. Members as entities are
//! in `entities`.

mod entities;

pub use entities::{PusherMember, PusherMemberEntities, PusherMemberOf, PusherSpawnMembers};
pub(crate) use entities::{mirror, restore_members};

use std::sync::Arc;

use bevy_ecs::prelude::*;
use bevy_reflect::prelude::*;
use pusher_protocol::{
    ChannelName,
    protocol::{Member, Roster},
};

use crate::event::channel_event;
use entities::update_members;

/// The members of a presence channel, on the entities with this channel. Only the plugin writes it; each change inserts the
/// component again.
///
/// It is added when the channel is first subscribed. While the connection is lost it keeps its content and is
/// [stale](Self::is_stale). The resubscription replaces it, with a [`PusherMemberJoined`] or [`PusherMemberLeft`] for each
/// difference.
///
/// A member is a user, no matter how many connections they have. To spawn an entity for each member, insert
/// [`PusherSpawnMembers`].
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// fn roster(rosters: Query<&PusherMembers, Changed<PusherMembers>>) {
///     for members in &rosters {
///         for member in members.iter() {
///             info!("{} {}", member.id(), member.info_json());
///         }
///         info!("{} members, I am {:?}", members.len(), members.me().map(|me| me.id()));
///     }
/// }
/// # App::new().add_systems(Update, roster);
/// ```
#[derive(Component, Clone, Debug, Default, PartialEq, Reflect)]
#[component(immutable, clone_behavior = Ignore, on_insert = update_members, on_remove = update_members)]
#[reflect(opaque)]
#[reflect(Component, Default, Debug, Clone, PartialEq)]
pub struct PusherMembers {
    roster: Arc<Roster>,
    is_stale: bool,
}

impl PusherMembers {
    pub(crate) fn new(roster: Arc<Roster>) -> Self {
        Self {
            roster,
            is_stale: false,
        }
    }

    pub(crate) fn into_stale(self) -> Self {
        Self {
            is_stale: true,
            ..self
        }
    }

    /// Whether both share one roster. Cheap, because it does not compare the members.
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.roster, &other.roster) && self.is_stale == other.is_stale
    }

    /// Returns the member that is this client's own user.
    #[must_use]
    pub fn me(&self) -> Option<&Member> {
        self.roster.me()
    }

    /// Returns the member with this user id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Member> {
        self.roster.get(id)
    }

    /// Returns all members, in the order of their user ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.roster.iter()
    }

    /// Returns the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roster.is_empty()
    }

    /// Whether the channel is currently not subscribed, so that the list may be out of date.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }
}

/// A user joined a presence channel.
///
/// It is a [`Message`], and an [`EntityEvent`] for each entity of the channel. [`PusherMembers`] already contains the member.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherMemberJoined {
    pub(crate) entity: Entity,
    pub(crate) channel: ChannelName,
    pub(crate) member: Member,
    pub(crate) while_away: bool,
}

/// A user left a presence channel: the last connection of the user did.
///
/// It is a [`Message`], and an [`EntityEvent`] for each entity of the channel. [`PusherMembers`] no longer contains the member.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherMemberLeft {
    pub(crate) entity: Entity,
    pub(crate) channel: ChannelName,
    pub(crate) member: Member,
    pub(crate) while_away: bool,
}

channel_event!(PusherMemberJoined, PusherMemberLeft);

macro_rules! member_event {
    ($($event:ident),*) => { $(
        impl $event {
            pub(crate) fn new(channel: ChannelName, member: Member, while_away: bool) -> Self {
                Self {
                    entity: Entity::PLACEHOLDER,
                    channel,
                    member,
                    while_away,
                }
            }

            /// Returns the member.
            #[must_use]
            pub fn member(&self) -> &Member {
                &self.member
            }

            /// Whether it happened earlier, while the connection was lost or the game did not keep up with events, and was detected now.
            #[must_use]
            pub fn while_away(&self) -> bool {
                self.while_away
            }
        }
    )* };
}

member_event!(PusherMemberJoined, PusherMemberLeft);
