//! The events that a game receives, undecoded and decoded, and the reports about events that were lost or could not be decoded.

mod decode_failed;
mod extra_fields;
mod lagged;
mod raw_data;

pub use decode_failed::PusherDecodeFailed;
pub use lagged::{LagCause, PusherLagged};
pub use raw_data::RawData;

pub(crate) use decode_failed::DecodeFailure;
pub(crate) use extra_fields::ExtraFields;
pub(crate) use lagged::Losses;

use std::{fmt, sync::Arc};

use bevy_ecs::prelude::*;
use pusher_protocol::{ChannelKind, session::EventTarget};

/// An event on a channel.
///
/// Every event of every subscribed channel is delivered undecoded, as `PusherEvent`, which is `PusherEvent<RawData>`. Events whose name is
/// registered with [`add_pusher_event`](crate::PusherAppExt::add_pusher_event) are also delivered decoded, as `PusherEvent<T>`.
/// [`with_raw_for_typed(false)`](crate::config::PusherConfig::with_raw_for_typed) switches the undecoded ones off for registered names.
///
/// It is both a [`Message`], for systems, and an [`EntityEvent`], for observers:
///
/// - The message is written once, however many entities have subscribed to the channel. [`entity`](Self::entity) is the entity that
///   subscribed first.
/// - The entity event is triggered once for each of these entities, in the order in which they subscribed, within
///   [`PusherSystems::Receive`](crate::PusherSystems::Receive) and before the message is written.
///
/// Events are delivered in the order in which the server sent them.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// # #[derive(serde::Deserialize)]
/// # struct Chat { text: String }
/// fn chat_log(mut events: MessageReader<PusherEvent<Chat>>) {
///     for event in events.read() {
///         info!("{} on {}: {}", event.user_id().unwrap_or("somebody"), event.channel(), event.data().text);
///     }
/// }
///
/// fn greet(mut commands: Commands) {
///     commands
///         .spawn(PusherChannel::from("presence-lobby"))
///         .observe(|chat: On<PusherEvent<Chat>>| info!("{}", chat.data().text));
/// }
/// # App::new().add_pusher_event::<Chat>("client-chat").add_systems(Update, (chat_log, greet));
/// ```
#[derive(Message, EntityEvent, Clone)]
pub struct PusherEvent<T: Send + Sync + 'static = RawData> {
    pub(crate) entity: Entity,
    pub(crate) kind: Arc<EventKind>,
    pub(crate) user_id: Option<Arc<str>>,
    pub(crate) extras: Option<ExtraFields>,
    pub(crate) data: T,
}

impl<T: Send + Sync + 'static> PusherEvent<T> {
    /// Returns the subscribed entity: in an observer the observed one, in a message the one that subscribed first.
    #[must_use]
    pub fn entity(&self) -> Entity {
        self.entity
    }

    /// Returns the channel's name.
    #[must_use]
    pub fn channel(&self) -> &str {
        self.kind.channel()
    }

    /// Returns the user id of the sender, set by the server. Only client events on presence channels have one. A sender in the payload
    /// is not verified.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }
}

impl<T: fmt::Debug + Send + Sync + 'static> fmt::Debug for PusherEvent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PusherEvent")
            .field("entity", &self.entity)
            .field("channel", &self.channel())
            .field("event", &self.name())
            .field("user_id", &self.user_id)
            .field("data", &self.data)
            .finish()
    }
}

/// An event of the server that belongs to no channel and is not part of the protocol, such as an extension of some server.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherGlobalEvent {
    pub(crate) kind: Arc<EventKind>,
    pub(crate) extras: Option<ExtraFields>,
    pub(crate) data: RawData,
}

/// Implements the getters that all events of the server have.
macro_rules! server_event {
    ([$($generics:tt)*] $event:ty, $data:ty) => {
        impl<$($generics)*> $event {
            /// Returns the event's name. It is not called `event`, because an observer's `On` has a method of that name.
            #[must_use]
            pub fn name(&self) -> &str {
                &self.kind.name
            }

            /// Returns the payload.
            #[must_use]
            pub fn data(&self) -> &$data {
                &self.data
            }

            /// Returns the fields of its message that are not part of the protocol, in their order, such as Sockudo's `serial` and
            /// `message_id`. Most servers send none.
            pub fn extras(&self) -> impl Iterator<Item = (&str, &$crate::event::RawData)> {
                self.extras.iter().flat_map($crate::event::ExtraFields::iter)
            }

            /// Returns one of the [`extras`](Self::extras) by its key.
            #[must_use]
            pub fn extra(&self, key: &str) -> Option<&$crate::event::RawData> {
                self.extras()
                    .find_map(|(other, value)| (other == key).then_some(value))
            }
        }
    };
}

pub(crate) use server_event;

server_event!([T: Send + Sync + 'static] PusherEvent<T>, T);
server_event!([] PusherGlobalEvent, RawData);

/// All events of one name and one target, and how they are delivered. Events share it, so that each holds one reference instead of its
/// names.
#[derive(Debug)]
pub(crate) struct EventKind {
    pub(crate) target: EventTarget,
    pub(crate) name: Arc<str>,
    /// The columns into which the payload is decoded, by their index in the registry. The column of undecoded payloads, if any, comes
    /// first.
    pub(crate) columns: Box<[usize]>,
}

impl EventKind {
    /// The name of the channel, empty for other targets.
    pub(crate) fn channel(&self) -> &str {
        self.target.channel_name().unwrap_or_default()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(&self.target, EventTarget::Channel(channel) if channel.kind() == ChannelKind::PrivateEncrypted)
    }
}

/// An event without its payload.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) kind: &'a Arc<EventKind>,
    pub(crate) user_id: Option<&'a Arc<str>>,
    pub(crate) extras: Option<&'a ExtraFields>,
}

/// An entity event that is triggered for each entity of a channel, one after the other.
pub(crate) trait ForEntity: EntityEvent + Message {
    fn set_entity(&mut self, entity: Entity);
}

/// Implements [`ForEntity`] and the getters that all events of a channel have.
macro_rules! channel_event {
    ($($event:ident),*) => { $(
        impl $event {
            /// Returns the entity: in an observer the observed one, in a message the one that subscribed first.
            #[must_use]
            pub fn entity(&self) -> bevy_ecs::entity::Entity {
                self.entity
            }

            /// Returns the channel's name.
            #[must_use]
            pub fn channel(&self) -> &str {
                &self.channel
            }
        }

        impl $crate::event::ForEntity for $event {
            fn set_entity(&mut self, entity: bevy_ecs::entity::Entity) {
                self.entity = entity;
            }
        }
    )* };
}

pub(crate) use channel_event;

impl<T: Send + Sync + 'static> ForEntity for PusherEvent<T> {
    fn set_entity(&mut self, entity: Entity) {
        self.entity = entity;
    }
}
