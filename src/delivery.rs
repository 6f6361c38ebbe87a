//! Handing things over to the game: to the observers of each entity at once, and as messages.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use crate::{
    PusherConnectionEvent, PusherEvent, PusherUserEvent,
    channel::Subscribers,
    event::{Audience, ForEntity, Origin, RawData, Received},
    handover::write_messages,
};

/// An event on its way to whom it is for.
pub(crate) trait Deliverable: Received {
    fn audience(&self) -> &Audience;

    /// Runs the observers. Returns whether anybody is there to hear of it, and so whether it is to become a message.
    fn deliver(&mut self, delivery: &mut Delivery<'_>) -> bool;
}

impl<T: Send + Sync + 'static> Deliverable for PusherEvent<T> {
    fn audience(&self) -> &Audience {
        &self.stream().audience
    }

    fn deliver(&mut self, delivery: &mut Delivery<'_>) -> bool {
        let stream = self.stream().clone();
        delivery.trigger_for(stream.audience.channel().unwrap_or_default(), self)
    }
}

impl<T: Send + Sync + 'static> Deliverable for PusherUserEvent<T> {
    fn audience(&self) -> &Audience {
        &Audience::User
    }

    fn deliver(&mut self, delivery: &mut Delivery<'_>) -> bool {
        delivery.trigger(self);
        true
    }
}

impl Deliverable for PusherConnectionEvent {
    fn audience(&self) -> &Audience {
        &Audience::Connection
    }

    fn deliver(&mut self, delivery: &mut Delivery<'_>) -> bool {
        delivery.trigger(self);
        true
    }
}

/// One frame's handing over.
pub(crate) struct Delivery<'w> {
    pub(crate) world: &'w mut World,
    listeners: Listeners,
    raw: RawEvents,
}

/// Who listens to the channel of the last event: events of one channel often come in runs.
#[derive(Default)]
struct Listeners {
    channel: String,
    version: Option<u64>,
    entities: Arc<[Entity]>,
}

/// Undecoded events that were handed over to observers, but not written as messages yet.
#[derive(Default)]
struct RawEvents {
    of_channels: Vec<PusherEvent>,
    of_user: Vec<PusherUserEvent>,
    of_connection: Vec<PusherConnectionEvent>,
}

impl<'w> Delivery<'w> {
    pub(crate) fn new(world: &'w mut World) -> Self {
        Self {
            world,
            listeners: Listeners::default(),
            raw: RawEvents::default(),
        }
    }

    /// Hands an undecoded event over.
    pub(crate) fn deliver_raw(&mut self, origin: Origin<'_>, data: RawData) {
        match origin.stream.audience {
            Audience::Channel(_) => {
                let mut event = PusherEvent::new(origin, data);
                if event.deliver(self) {
                    self.raw.of_channels.push(event);
                }
            }
            Audience::User => {
                let mut event = PusherUserEvent::new(origin, data);
                event.deliver(self);
                self.raw.of_user.push(event);
            }
            Audience::Connection => {
                let mut event = PusherConnectionEvent::new(origin, data);
                event.deliver(self);
                self.raw.of_connection.push(event);
            }
        }
    }

    /// Writes the undecoded events as messages.
    pub(crate) fn write_raw_messages(&mut self) {
        write_messages(&mut self.raw.of_channels, self.world);
        write_messages(&mut self.raw.of_user, self.world);
        write_messages(&mut self.raw.of_connection, self.world);
    }

    /// Writes a message; a game that took its store away does without.
    pub(crate) fn write(&mut self, message: impl Message) {
        self.world.write_message(message);
    }

    /// Runs the observers of an event that is for the app as a whole.
    pub(crate) fn trigger<'a, E: Event<Trigger<'a>: Default>>(&mut self, event: &mut E) {
        self.world.trigger_ref(event);
        self.world.flush();
    }

    /// Runs the observers of an event that is for the app as a whole, and writes it as a message.
    pub(crate) fn tell<'a, E: Event<Trigger<'a>: Default> + Message>(&mut self, mut event: E) {
        self.trigger(&mut event);
        self.write(event);
    }

    /// Runs the observers of every entity that wants a channel, and writes one message.
    pub(crate) fn tell_channel<'a, E>(&mut self, channel: &str, mut event: E)
    where
        E: ForEntity + EntityEvent + Event<Trigger<'a>: Default>,
    {
        if self.trigger_for(channel, &mut event) {
            self.write(event);
        }
    }

    /// Runs the observers of every entity that wants a channel. The event is left with the oldest of them; `false` if there
    /// is none.
    fn trigger_for<'a, E>(&mut self, channel: &str, event: &mut E) -> bool
    where
        E: ForEntity + EntityEvent + Event<Trigger<'a>: Default>,
    {
        let entities = self.listeners(channel);
        let Some(oldest) = entities.first().copied() else {
            return false;
        };
        for &entity in &*entities {
            // An observer may have despawned it, or given it another channel, a moment ago.
            if self.listens(entity, channel) {
                event.set_entity(entity);
                self.trigger(event);
            }
        }
        event.set_entity(oldest);
        true
    }

    fn listeners(&mut self, channel: &str) -> Arc<[Entity]> {
        let Some(subscribers) = self.world.get_resource::<Subscribers>() else {
            return Arc::default();
        };
        let version = subscribers.version();
        if self.listeners.version != Some(version) || self.listeners.channel != channel {
            self.listeners.entities = subscribers.entities(channel).into();
            self.listeners.version = Some(version);
            channel.clone_into(&mut self.listeners.channel);
        }
        self.listeners.entities.clone()
    }

    fn listens(&self, entity: Entity, channel: &str) -> bool {
        let Some(subscribers) = self.world.get_resource::<Subscribers>() else {
            return false;
        };
        self.listeners.version == Some(subscribers.version())
            || subscribers.entities(channel).contains(&entity)
    }
}
