//! Channels as components, the status of their subscriptions, and the messages about it. The events of a channel are in `event`, its
//! members in `presence`.

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

/// Asks for a subscription to the channel with this name, as long as the entity has this component.
///
/// # Lifecycle
/// - Inserting it subscribes, now or as soon as there is a connection, and again after every reconnect.
/// - Removing it, replacing it with another name, or despawning the entity unsubscribes.
/// - Entities with the same name share one subscription. It ends when the last of them unsubscribes.
/// - An invalid name, such as the empty one, fails immediately with
///   [`SubscriptionError::InvalidName`].
///
/// The plugin writes further components on the entity: [`PusherSubscription`] is the status of the subscription,
/// [`PusherSubscribed`] marks it while it is active, and [`PusherMembers`] lists the members of a presence channel. Events of the
/// channel arrive as [`PusherEvent`](crate::PusherEvent).
///
/// To send additional fields to a server with extensions, insert [`PusherSubscribeExtras`] on the same entity.
///
/// The prefix of the name decides the kind of channel: `private-`, `presence-` or `private-encrypted-`; all others are public. With
/// `cache-` after the prefix, or alone, the server keeps the channel's last event.
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
/// The component is immutable, so that the plugin sees every change of the name. To change the channel, insert a new one. This does
/// not compile:
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
    /// Creates the component for the channel with this name.
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

/// The status of the subscription of an entity's [`PusherChannel`]. Only the plugin writes it; it is added and removed with the
/// channel.
///
/// Each change of the status inserts the component again, so that both `Changed<PusherSubscription>` and
/// `On<Insert<PusherSubscription>>` work. [`PusherSubscriptionChanged`] has more details.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq, Reflect)]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(opaque)]
#[reflect(Component, Default, Debug, Clone, PartialEq)]
pub enum PusherSubscription {
    /// Waits for a connection.
    #[default]
    Pending,
    /// Waits for the authorization or for the server's response. This includes retries after a transient failure of the game's
    /// backend ([`RetryPolicy`](crate::config::RetryPolicy)); each such failure is a
    /// [`PusherErrorReported`](crate::PusherErrorReported).
    Subscribing,
    /// The server confirmed the subscription: events arrive.
    Subscribed,
    /// Failed. The plugin retries after a reconnect, after [`PusherConnection::retry`](crate::PusherConnection::retry), when the channel
    /// is inserted again after no entity had it, when its [`PusherSubscribeExtras`] change and, if the backend did not authorize it, when
    /// the settings of its authorization change. Exceptions:
    ///
    /// - [`SubscriptionError::SignedOut`]: not after a reconnect or a change of extras, but after the next
    ///   [`sign_in`](crate::PusherConnection::sign_in).
    /// - [`SubscriptionError::NoIdentity`]: after the next sign-in, but not after a change of extras.
    /// - [`SubscriptionError::InvalidName`]: never with this name, unless the [`NameRules`](crate::config::NameRules) change.
    /// - [`SubscriptionError::EncryptionDisabled`]: never in this build; it needs the feature `encrypted`.
    Failed {
        /// The cause.
        error: SubscriptionError,
    },
}

impl PusherSubscription {
    /// Whether the channel is subscribed.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        matches!(self, Self::Subscribed)
    }

    /// Returns the cause of a failure.
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

/// Marks an entity while its [`PusherChannel`] is subscribed, for query filters: `Query<&PusherChannel, With<PusherSubscribed>>`.
/// Only the plugin writes it.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component, Default, Debug, PartialEq)]
pub struct PusherSubscribed;

/// The status of a subscription has changed, for example because it failed or because the connection was lost.
///
/// It is a [`Message`], once for each change, and an [`EntityEvent`] for each entity of the channel. If an entity is added to an
/// existing subscription, another message and an entity event for this entity report the current status.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherSubscriptionChanged {
    pub(crate) entity: Entity,
    pub(crate) channel: Box<str>,
    pub(crate) status: PusherSubscription,
    pub(crate) gap: Option<Duration>,
}

impl PusherSubscriptionChanged {
    /// Returns the new status.
    #[must_use]
    pub fn status(&self) -> &PusherSubscription {
        &self.status
    }

    /// Whether the channel is subscribed again after an interruption: a lost connection, or a change of
    /// [`PusherSubscribeExtras`]. The client has missed the events that were published in between, so this is the moment to fetch
    /// the current state from the game's backend.
    #[must_use]
    pub fn is_resubscription(&self) -> bool {
        self.gap.is_some()
    }

    /// Returns, on a [resubscription](Self::is_resubscription), the time since the plugin noticed the interruption.
    ///
    /// A dead connection is noticed with a delay: by default up to 40 s after the last message
    /// ([`Timing::activity_timeout`](crate::config::Timing::activity_timeout) plus
    /// [`pong_timeout`](crate::config::Timing::pong_timeout)). So events from shortly before the gap may be missing too.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        self.gap
    }

    /// Returns the cause of a failure.
    #[must_use]
    pub fn error(&self) -> Option<&SubscriptionError> {
        self.status.error()
    }

    /// Returns the HTTP status of a failed authorization, or the status that the server sent with its error.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.error()?.status()
    }
}

/// The server has no last event of a cache channel (`pusher:cache_miss`). A game that needs one should ask its backend.
///
/// It is a [`Message`], and an [`EntityEvent`] for each entity of the channel.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherCacheMissed {
    pub(crate) entity: Entity,
    pub(crate) channel: ChannelName,
}

/// The number of connections that are subscribed to a channel has changed. Only some servers report it
/// (`pusher_internal:subscription_count`).
///
/// It is a [`Message`], and an [`EntityEvent`] for each entity of the channel.
#[derive(Message, EntityEvent, Clone, Debug)]
pub struct PusherSubscriptionCountChanged {
    pub(crate) entity: Entity,
    pub(crate) channel: ChannelName,
    pub(crate) count: u64,
}

impl PusherSubscriptionCountChanged {
    /// Returns the number of connections.
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
