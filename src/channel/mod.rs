//! Channels as components, and the events about their subscriptions.

mod extras;
mod follow;
mod subscribers;

pub use extras::PusherSubscribeExtras;

pub(crate) use follow::{adopt, has_rechecks, recheck, reconcile, write};
pub(crate) use subscribers::{ChannelSnapshot, Subscribers};

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_reflect::prelude::*;
use pusher_protocol::{
    ChannelName,
    session::{SubscriptionError, SubscriptionStatus},
};

use crate::event::channel_event;
use follow::{follow_discard, follow_insert, follow_remove};

/// Subscribes to a channel for as long as an entity has it.
///
/// # Lifecycle
/// - Inserting it subscribes, now or as soon as there is a connection, and again after every reconnect.
/// - Removing it, replacing it with another name and despawning the entity unsubscribe.
/// - Any number of entities may have the same name; they share one subscription, which ends with the last of them.
/// - A name that is none, such as the empty one, fails at once with
///   [`SubscriptionError::InvalidName`](crate::SubscriptionError::InvalidName).
///
/// [`PusherSubscription`] tells how far it is, [`PusherSubscribed`] is there while it stands, and [`PusherMembers`] lists
/// who is on a presence channel. The events come as [`PusherEvent`](crate::PusherEvent).
///
/// [`PusherSubscribeExtras`] beside it adds fields to its request, for servers that have more than Pusher's own.
///
/// The prefix says what kind of channel it is: `private-`, `presence-`, `private-encrypted-`, with `cache-` after it or
/// alone for channels that keep their last event; all others are public.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// # #[derive(Component)] struct Lobby;
/// fn enter_lobby(mut commands: Commands) {
///     commands
///         .spawn((Lobby, PusherChannel::from("presence-lobby")))
///         .observe(|subscription: On<PusherSubscriptionChanged>| info!("{:?}", subscription.status()));
/// }
///
/// fn leave_lobby(lobby: Single<Entity, With<Lobby>>, mut commands: Commands) {
///     commands.entity(*lobby).despawn();
/// }
/// # App::new().add_systems(Startup, (enter_lobby, leave_lobby));
/// ```
///
/// It is immutable, so that a change of the name cannot be missed; to go to another channel, insert it again:
///
/// ```compile_fail
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// fn rename(mut channels: Query<&mut PusherChannel>) {}
/// # App::new().add_systems(Update, rename);
/// ```
///
/// [`PusherMembers`]: crate::PusherMembers
#[derive(Component, Clone, Debug, Default, PartialEq, Eq, Hash, Reflect)]
#[component(immutable, on_add = follow_insert, on_insert = follow_insert, on_discard = follow_discard, on_remove = follow_remove)]
#[require(PusherSubscription)]
#[reflect(Component, Default, Debug, Clone, PartialEq, Hash)]
pub struct PusherChannel(pub String);

impl PusherChannel {
    /// The channel with this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<&str> for PusherChannel {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl From<String> for PusherChannel {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl AsRef<str> for PusherChannel {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// How far an entity's [`PusherChannel`] is. Comes and goes with it, and is written by the plugin alone.
///
/// Each change inserts it again, so both `Changed<PusherSubscription>` and `On<Insert<PusherSubscription>>` see it;
/// [`PusherSubscriptionChanged`] tells more.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq, Reflect)]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(opaque)]
#[reflect(Component, Default, Debug, Clone, PartialEq)]
pub enum PusherSubscription {
    /// Wanted; waits for a connection.
    #[default]
    Pending,
    /// Being authorized, or asked of the server. It stays so while the game's backend is asked again after a passing failure
    /// ([`RetryPolicy`](crate::config::RetryPolicy)); each of these is a
    /// [`PusherErrorReported`](crate::PusherErrorReported).
    Subscribing,
    /// The server confirmed it: events come.
    Subscribed,
    /// Refused. Tried again after a reconnect, by [`PusherConnection::retry`](crate::PusherConnection::retry), and when the
    /// channel is inserted again.
    Failed {
        /// Why.
        error: SubscriptionError,
    },
}

impl PusherSubscription {
    /// Whether the server confirmed it.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        matches!(self, Self::Subscribed)
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&SubscriptionError> {
        match self {
            Self::Failed { error } => Some(error),
            Self::Pending | Self::Subscribing | Self::Subscribed => None,
        }
    }
}

impl From<SubscriptionStatus> for PusherSubscription {
    fn from(status: SubscriptionStatus) -> Self {
        match status {
            SubscriptionStatus::Pending => Self::Pending,
            SubscriptionStatus::Subscribing => Self::Subscribing,
            SubscriptionStatus::Subscribed => Self::Subscribed,
            SubscriptionStatus::Failed(error) => Self::Failed { error },
        }
    }
}

/// On an entity whose [`PusherChannel`] is subscribed, for filters: `Query<&PusherChannel, With<PusherSubscribed>>`.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component, Default, Debug, PartialEq)]
pub struct PusherSubscribed;

/// A subscription got further, failed, or was lost with the connection.
///
/// It is a [`Message`], once for each change, and an [`EntityEvent`] for each entity of the channel. An entity that joins a
/// subscription that is already under way is told of its present status too.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherSubscriptionChanged {
    pub(crate) entity: Entity,
    pub(crate) channel: Box<str>,
    pub(crate) status: PusherSubscription,
    pub(crate) gap: Option<Duration>,
}

impl PusherSubscriptionChanged {
    /// How far it is now.
    #[must_use]
    pub fn status(&self) -> &PusherSubscription {
        &self.status
    }

    /// Whether it is subscribed once more after a loss of the connection. What was published in between is lost to this
    /// client, so this is the moment to ask the game's backend for the present state.
    #[must_use]
    pub fn is_resubscription(&self) -> bool {
        self.gap.is_some()
    }

    /// On a resubscription: for how long the channel heard nothing.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        self.gap
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&SubscriptionError> {
        self.status.error()
    }

    /// The HTTP status of a refused authorization, or the server's own code.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.error()?.status()
    }
}

/// A cache channel holds no event to begin with (`pusher:cache_miss`); a game that needs one asks its backend.
///
/// It is a [`Message`], and an [`EntityEvent`] for each entity of the channel.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherCacheMissed {
    pub(crate) entity: Entity,
    pub(crate) channel: ChannelName,
}

/// How many connections subscribe to a channel, on servers that tell.
///
/// It is a [`Message`], and an [`EntityEvent`] for each entity of the channel.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherSubscriptionCountChanged {
    pub(crate) entity: Entity,
    pub(crate) channel: ChannelName,
    pub(crate) count: u64,
}

impl PusherSubscriptionCountChanged {
    /// The number of connections.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

channel_event!(
    PusherSubscriptionChanged,
    PusherCacheMissed,
    PusherSubscriptionCountChanged
);
