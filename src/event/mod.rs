//! What a game receives: events as they came, and decoded into its own types.

mod decode_failed;
mod extra_fields;
mod lagged;
mod raw_data;
mod stream;

pub use decode_failed::PusherDecodeFailed;
pub use lagged::{LagCause, PusherLagged};
pub use raw_data::RawData;

pub(crate) use decode_failed::DecodeFailure;
pub(crate) use extra_fields::{ExtraFields, has_extras};
pub(crate) use lagged::Losses;
pub(crate) use stream::{Audience, Stream};

use std::{fmt, sync::Arc};

use bevy_ecs::prelude::*;

/// An event on a channel.
///
/// Undecoded, as `PusherEvent` (which is `PusherEvent<RawData>`), every event of every subscribed channel arrives. Decoded,
/// as `PusherEvent<T>`, arrive those whose name was registered with
/// [`add_pusher_event`](crate::PusherAppExt::add_pusher_event). Registering a type never silences the undecoded event,
/// [`with_raw_for_typed(false)`](crate::config::PusherConfig::with_raw_for_typed) does.
///
/// It is both a [`Message`], for systems, and an [`EntityEvent`], for observers:
///
/// - As a message it arrives once, however many entities have subscribed to the channel, and [`entity`](Self::entity) is
///   the one that did so first.
/// - As an entity event it arrives once for each of these entities, in the order in which they subscribed, within
///   [`PusherSystems::Receive`](crate::PusherSystems::Receive) and before the message.
///
/// All arrive in the order in which the server sent them.
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
    entity: Entity,
    stream: Arc<Stream>,
    user_id: Option<Arc<str>>,
    extras: Option<ExtraFields>,
    data: T,
}

impl<T: Send + Sync + 'static> PusherEvent<T> {
    /// The subscribed entity: in an observer the one that is observed, in a message the one that subscribed first.
    #[must_use]
    pub fn entity(&self) -> Entity {
        self.entity
    }

    /// The channel's name.
    #[must_use]
    pub fn channel(&self) -> &str {
        self.stream.audience.channel().unwrap_or_default()
    }

    /// The event's name. (Not `event`: that is what an observer's [`On`] calls the whole event.)
    #[must_use]
    pub fn name(&self) -> &str {
        &self.stream.event
    }

    /// The payload.
    #[must_use]
    pub fn data(&self) -> &T {
        &self.data
    }

    /// Who sent it, vouched for by the server. Only client events on presence channels have it; whatever a payload says
    /// about its sender, the sender says.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }
}

impl<T: Send + Sync + 'static> PusherEvent<T> {
    pub(crate) fn stream(&self) -> &Arc<Stream> {
        &self.stream
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

/// An event of the server that belongs to no channel and is none of the protocol's own: an extension of some server's.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherGlobalEvent {
    stream: Arc<Stream>,
    extras: Option<ExtraFields>,
    data: RawData,
}

impl PusherGlobalEvent {
    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.stream.event
    }

    /// The payload.
    #[must_use]
    pub fn data(&self) -> &RawData {
        &self.data
    }
}

has_extras!([T: Send + Sync + 'static] PusherEvent<T>);
has_extras!([] PusherGlobalEvent);

/// Where an event came from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) stream: &'a Arc<Stream>,
    pub(crate) user_id: Option<&'a Arc<str>>,
    pub(crate) extras: Option<&'a ExtraFields>,
}

/// An event that can be made of what came over the wire. One kind of column holds the payloads of one of these.
pub(crate) trait Received: Message {
    type Data: Send + Sync + 'static;

    fn new(origin: Origin<'_>, data: Self::Data) -> Self;
}

impl<T: Send + Sync + 'static> Received for PusherEvent<T> {
    type Data = T;

    fn new(origin: Origin<'_>, data: T) -> Self {
        Self {
            entity: Entity::PLACEHOLDER,
            stream: origin.stream.clone(),
            user_id: origin.user_id.cloned(),
            extras: origin.extras.cloned(),
            data,
        }
    }
}

impl Received for PusherGlobalEvent {
    type Data = RawData;

    fn new(origin: Origin<'_>, data: RawData) -> Self {
        Self {
            stream: origin.stream.clone(),
            extras: origin.extras.cloned(),
            data,
        }
    }
}

/// An entity event that goes to every entity of a channel in turn.
pub(crate) trait ForEntity: EntityEvent + Message {
    fn set_entity(&mut self, entity: Entity);
}

impl<T: Send + Sync + 'static> ForEntity for PusherEvent<T> {
    fn set_entity(&mut self, entity: Entity) {
        self.entity = entity;
    }
}
