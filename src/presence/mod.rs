//! Presence channels: the roster as a component, and events about members.

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

/// The members of a presence channel, on the entities that subscribe to it. Written by the plugin alone; each change inserts
/// it anew.
///
/// It comes with the first subscription. While the connection is lost it stays and is [stale](Self::is_stale), and after
/// the resubscription it is replaced, with a [`PusherMemberJoined`] or [`PusherMemberLeft`] for each difference.
///
/// A member is a user, however many connections they have. [`PusherSpawnMembers`] makes an entity of each.
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

    /// Whether it is the very same roster, which takes no look at its members.
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.roster, &other.roster) && self.is_stale == other.is_stale
    }

    /// This client's own entry.
    #[must_use]
    pub fn me(&self) -> Option<&Member> {
        self.roster.me()
    }

    /// The member with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Member> {
        self.roster.get(id)
    }

    /// All members, in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.roster.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roster.is_empty()
    }

    /// Whether the channel is not subscribed right now, so that others may have come or gone unseen.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }
}

/// A user came to a presence channel.
///
/// It is a [`Message`], and an [`EntityEvent`] for each entity of the channel. [`PusherMembers`] holds them already.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherMemberJoined {
    pub(crate) entity: Entity,
    pub(crate) channel: ChannelName,
    pub(crate) member: Member,
    pub(crate) while_away: bool,
}

/// A user left a presence channel, with their last connection.
///
/// It is a [`Message`], and an [`EntityEvent`] for each entity of the channel. [`PusherMembers`] holds them no more.
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
            /// The member.
            #[must_use]
            pub fn member(&self) -> &Member {
                &self.member
            }

            /// Whether it happened earlier, while the connection was lost or the game did not keep up, and was only detected now.
            #[must_use]
            pub fn while_away(&self) -> bool {
                self.while_away
            }
        }
    )* };
}

member_event!(PusherMemberJoined, PusherMemberLeft);
