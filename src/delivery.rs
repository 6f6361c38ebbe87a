//! Handing things over to the game: to the observers of each entity at once, and as messages.

use std::{
    collections::HashSet,
    mem::{Discriminant, discriminant},
};

use bevy_ecs::prelude::*;

use crate::{
    PusherDecodeFailed, PusherEvent, PusherGlobalEvent, PusherSendAnswered, PusherUserEvent,
    SendError, SendOutcome,
    channel::Subscribers,
    event::{Audience, ForEntity, Origin, RawData, Received, Stream},
    handover::write_messages,
    user_code::UserCode,
};

/// An event on its way to whom it is for.
pub(crate) trait Deliverable: Received {
    fn audience(&self) -> &Audience;

    /// Runs the observers. Returns whether anybody is there to hear of it, and so whether it is to become a message.
    fn deliver(&mut self, stream: &Stream, delivery: &mut Delivery<'_>) -> bool;
}

impl<T: Send + Sync + 'static> Deliverable for PusherEvent<T> {
    fn audience(&self) -> &Audience {
        &self.stream().audience
    }

    fn deliver(&mut self, stream: &Stream, delivery: &mut Delivery<'_>) -> bool {
        delivery.trigger_for(stream.audience.channel().unwrap_or_default(), self)
    }
}

impl<T: Send + Sync + 'static> Deliverable for PusherUserEvent<T> {
    fn audience(&self) -> &Audience {
        &Audience::User
    }

    fn deliver(&mut self, _: &Stream, delivery: &mut Delivery<'_>) -> bool {
        delivery.trigger(self);
        true
    }
}

impl Deliverable for PusherGlobalEvent {
    fn audience(&self) -> &Audience {
        &Audience::Connection
    }

    fn deliver(&mut self, _: &Stream, delivery: &mut Delivery<'_>) -> bool {
        delivery.trigger(self);
        true
    }
}

/// One frame's handing over.
pub(crate) struct Delivery<'w> {
    pub(crate) world: &'w mut World,
    listeners: Listeners,
    raw: RawEvents,
    user_code: UserCode,
}

/// Who listens to the channel of the last event: events of one channel often come in runs.
#[derive(Default)]
struct Listeners {
    channel: String,
    version: Option<u64>,
    entities: Vec<Entity>,
}

/// Undecoded events that were handed over to observers, but not written as messages yet.
#[derive(Default)]
struct RawEvents {
    of_channels: Vec<PusherEvent>,
    of_user: Vec<PusherUserEvent>,
    of_connection: Vec<PusherGlobalEvent>,
}

/// How much of a decoder's words is logged.
const SHOWN_CHARACTERS: usize = 200;

/// What was logged once and is not again.
#[derive(Resource, Default)]
struct LoggedFailures {
    /// The names and types of events that could not be decoded. As many as were registered.
    decoding: HashSet<(Box<str>, &'static str)>,
    /// Why client events were not sent.
    sending: HashSet<Discriminant<SendError>>,
}

impl<'w> Delivery<'w> {
    pub(crate) fn new(world: &'w mut World) -> Self {
        Self {
            world,
            listeners: Listeners::default(),
            raw: RawEvents::default(),
            user_code: UserCode::default(),
        }
    }

    /// Runs what may call user code, such as observers.
    pub(crate) fn run_user_code(&mut self, code: impl FnOnce(&mut World)) {
        self.user_code.run(|| code(self.world));
    }

    /// Ends the delivery and resumes the panic, if user code panicked.
    pub(crate) fn finish(self) {
        self.user_code.resume();
    }

    /// Hands an undecoded event over.
    pub(crate) fn deliver_raw(&mut self, origin: Origin<'_>, data: RawData) {
        let stream = origin.stream;
        match stream.audience {
            Audience::Channel(_) => {
                let mut event = PusherEvent::new(origin, data);
                if event.deliver(stream, self) {
                    self.raw.of_channels.push(event);
                }
            }
            Audience::User => {
                let mut event = PusherUserEvent::new(origin, data);
                event.deliver(stream, self);
                self.raw.of_user.push(event);
            }
            Audience::Connection => {
                let mut event = PusherGlobalEvent::new(origin, data);
                event.deliver(stream, self);
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
        if self.is_observed::<E>() {
            self.run_observers(event);
        }
    }

    fn run_observers<'a, E: Event<Trigger<'a>: Default>>(&mut self, event: &mut E) {
        self.run_user_code(|world| world.trigger_ref(event));
        self.run_user_code(World::flush);
    }

    /// Whether anybody observes this kind of event. Often nobody does, and then there is nothing to look up for each.
    fn is_observed<E: Event>(&self) -> bool {
        let key = self.world.event_key::<E>();
        let observers = key.and_then(|key| self.world.observers().try_get_observers(key));
        observers.is_some_and(|observers| {
            !observers.global_observers().is_empty()
                || !observers.entity_observers().is_empty()
                || !observers.component_observers().is_empty()
        })
    }

    /// Runs the observers of an event that is for the app as a whole, and writes it as a message.
    pub(crate) fn tell<'a, E: Event<Trigger<'a>: Default> + Message>(&mut self, mut event: E) {
        self.trigger(&mut event);
        self.write(event);
    }

    /// Tells of an event that could not be decoded, and logs the first of its kind: without that, somebody who misspelled a
    /// field sees nothing at all.
    pub(crate) fn tell_decode_failed(&mut self, failed: PusherDecodeFailed) {
        let mut logged = self.world.get_resource_or_init::<LoggedFailures>();
        let kind = (failed.name().into(), failed.type_name());
        if logged.decoding.insert(kind) {
            let (name, type_name) = (failed.name(), failed.type_name());
            // The decoder's words may hold what the event says, which is nobody else's where it came encrypted.
            let is_encrypted = failed.stream.audience.is_encrypted();
            let reason: String = if is_encrypted {
                "PusherDecodeFailed says why".into()
            } else {
                failed.reason().chars().take(SHOWN_CHARACTERS).collect()
            };
            let place = match failed.path() {
                "" | "." => String::new(),
                path => format!(" at {path}"),
            };
            log::warn!("the event {name} does not fit {type_name}{place}: {reason}");
        }
        self.tell(failed);
    }

    /// Tells what became of a client event, and logs the first that was not sent for a reason: a game need not read the
    /// answers.
    pub(crate) fn tell_send_answered(&mut self, answered: PusherSendAnswered) {
        if let SendOutcome::Rejected(error) = answered.outcome() {
            let mut logged = self.world.get_resource_or_init::<LoggedFailures>();
            if logged.sending.insert(discriminant(error)) {
                log::warn!(
                    "a client event was not sent, and the next ones for this reason will not be logged: {error}"
                );
            }
        }
        self.tell(answered);
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
        let Some(oldest) = self.look_up_listeners(channel) else {
            return false;
        };
        event.set_entity(oldest);
        if self.is_observed::<E>() {
            self.run_observers(event);
            let mut next = 1;
            while let Some(&entity) = self.listeners.entities.get(next) {
                // An observer may have despawned it, or given it another channel, a moment ago.
                if self.listens(entity, channel) {
                    event.set_entity(entity);
                    self.run_observers(event);
                }
                next += 1;
            }
            event.set_entity(oldest);
        }
        true
    }

    /// Looks up who listens to a channel, unless nothing changed since the last event. Returns the oldest of them.
    fn look_up_listeners(&mut self, channel: &str) -> Option<Entity> {
        let subscribers = self.world.get_resource::<Subscribers>()?;
        let version = subscribers.version();
        let listeners = &mut self.listeners;
        if listeners.version != Some(version) || listeners.channel != channel {
            listeners.entities.clear();
            listeners.entities.extend(subscribers.entities(channel));
            listeners.version = Some(version);
            channel.clone_into(&mut listeners.channel);
        }
        listeners.entities.first().copied()
    }

    fn listens(&self, entity: Entity, channel: &str) -> bool {
        let Some(subscribers) = self.world.get_resource::<Subscribers>() else {
            return false;
        };
        self.listeners.version == Some(subscribers.version())
            || subscribers.entities(channel).contains(&entity)
    }
}
