//! The system that delivers what is in the queue, in order and within the frame's budget: events to observers and as messages, everything
//! else by `notices`.

use std::sync::Arc;

use bevy_ecs::{change_detection::DetectChangesMut, prelude::*};
use bevy_platform::time::Instant;
use pusher_protocol::{config::Limits, session::EventTarget};

use crate::{
    channel::Subscribers,
    event::{
        EventKind, ForEntity, LagCause, Losses, Origin, PusherEvent, PusherGlobalEvent,
        PusherLagged, RawData,
    },
    inbound::{
        batch::{Batch, Entry},
        budget::Budget,
        messages::PluginMessages,
        notices,
        queue::InboundQueue,
    },
    user::PusherUserEvent,
    user_code::UserCode,
};

/// The frame's end of the queue.
#[derive(Resource)]
pub(crate) struct Inbound {
    queue: InboundQueue,
    /// Empty between frames. Kept because its buffers are used again.
    batch: Batch,
    limits: Limits,
    /// Whether the budget applies. It does not in tests, whose clock stops during a frame.
    is_real_time: bool,
    /// The moment from which the session counts its time. `None` before the first driver has started.
    started: Option<Instant>,
}

impl Inbound {
    pub(crate) fn new(queue: InboundQueue) -> Self {
        Self {
            queue,
            batch: Batch::default(),
            limits: Limits::default(),
            is_real_time: true,
            started: None,
        }
    }

    pub(crate) fn queue(&self) -> &InboundQueue {
        &self.queue
    }

    /// Sets what depends on the configuration and the driver.
    pub(crate) fn configure(
        &mut self,
        limits: &Limits,
        is_real_time: bool,
        started: Option<Instant>,
    ) {
        self.queue.set_limits(limits);
        self.limits = limits.clone();
        self.is_real_time = is_real_time;
        self.started = started;
    }
}

/// Delivers until the queue is empty or the budget is spent. The rest is delivered in the next frame.
pub(crate) fn receive(world: &mut World) {
    let Some(mut inbound) = world.get_resource_mut::<Inbound>() else {
        return;
    };
    let inbound = inbound.bypass_change_detection();
    let mut budget = Budget::new(match inbound.is_real_time {
        true => inbound.limits.receive_budget,
        false => std::time::Duration::MAX,
    });
    let unread_limit = inbound.limits.unread_messages;
    let started = inbound.started;
    let queue = inbound.queue.clone();
    let mut in_progress = BatchInProgress {
        batch: std::mem::take(&mut inbound.batch),
        queue: &queue,
    };
    let batch = &mut in_progress.batch;
    queue.take(batch);
    if let Some(round_trip) = batch.take_round_trip() {
        notices::set_round_trip(world, round_trip);
    }
    let mut dispatcher = Dispatcher::new(world);
    if !batch.is_empty() {
        // At least one entry is delivered in each frame, whatever the budget.
        while dispatch_next(batch, &mut dispatcher, &mut budget, started) {}
        for column in batch.columns() {
            column.write_messages(dispatcher.world);
        }
        drop_excess_events(batch, &mut dispatcher, unread_limit);
    }
    PluginMessages::drop_excess(dispatcher.world, unread_limit);
    let emptied = in_progress.finish();
    if let Some(mut inbound) = dispatcher.world.get_resource_mut::<Inbound>() {
        inbound.bypass_change_detection().batch = emptied;
    }
    dispatcher.finish();
}

/// The batch that is being delivered. What is left of it goes back into the queue for the next frame, also if the plugin itself panics.
struct BatchInProgress<'q> {
    batch: Batch,
    queue: &'q InboundQueue,
}

impl BatchInProgress<'_> {
    /// Returns the emptied batch.
    fn finish(mut self) -> Batch {
        self.return_rest();
        std::mem::take(&mut self.batch)
    }

    fn return_rest(&mut self) {
        if !self.batch.is_empty() {
            self.queue.put_back(&mut self.batch);
        }
    }
}

impl Drop for BatchInProgress<'_> {
    fn drop(&mut self) {
        self.return_rest();
    }
}

/// Delivers the next entry, or as much of a run of events as the budget allows. Returns whether to go on: not if the batch was empty, or the
/// budget is spent.
fn dispatch_next(
    batch: &mut Batch,
    dispatcher: &mut Dispatcher<'_>,
    budget: &mut Budget,
    started: Option<Instant>,
) -> bool {
    match batch.pop() {
        Some(Entry::Events(kind, rows)) => {
            return dispatch_events(batch, dispatcher, &kind, rows, budget);
        }
        Some(Entry::Notice(notice)) => notices::apply(dispatcher, *notice, started),
        Some(Entry::Lost(losses)) => {
            dispatcher.emit(PusherLagged::new(*losses, LagCause::Waiting));
        }
        Some(Entry::Roster(roster)) => notices::replace_roster(dispatcher, &roster.0, roster.1),
        // `Batch::pop` unpacks a summary into its entries.
        Some(Entry::Overflow(_)) => {}
        None => return false,
    }
    !budget.is_spent()
}

fn dispatch_events(
    batch: &mut Batch,
    dispatcher: &mut Dispatcher<'_>,
    kind: &Arc<EventKind>,
    rows: usize,
    budget: &mut Budget,
) -> bool {
    for left in (0..rows).rev() {
        let Some(row) = batch.pop_row() else { break };
        let origin = Origin {
            kind,
            user_id: row.user_id.as_ref(),
            extras: row.extras.as_ref(),
        };
        for &index in &kind.columns {
            if let Some(column) = batch.column(index) {
                column.dispatch(origin, dispatcher);
            }
        }
        if budget.is_spent() {
            batch.push_front_rows(kind.clone(), left);
            return false;
        }
    }
    true
}

/// Drops messages of events beyond the limit, and reports which were lost.
fn drop_excess_events(batch: &mut Batch, dispatcher: &mut Dispatcher<'_>, limit: usize) {
    let mut losses = Losses::default();
    for column in batch.columns() {
        column.drop_excess_messages(dispatcher.world, limit, &mut losses);
    }
    if !losses.is_empty() {
        dispatcher.emit(PusherLagged::new(losses, LagCause::Unread));
    }
}

/// A type of event that the server sends. Each type has one column, with its decoded payloads.
pub(crate) trait InboundEvent: Message {
    type Data: Send + Sync + 'static;

    fn new(origin: Origin<'_>, data: Self::Data) -> Self;

    fn target(&self) -> &EventTarget;

    /// Runs the observers. Returns whether anything listens; if nothing does, no message is written.
    fn dispatch(&mut self, kind: &EventKind, dispatcher: &mut Dispatcher<'_>) -> bool;
}

impl<T: Send + Sync + 'static> InboundEvent for PusherEvent<T> {
    type Data = T;

    fn new(origin: Origin<'_>, data: T) -> Self {
        Self {
            entity: Entity::PLACEHOLDER,
            kind: origin.kind.clone(),
            user_id: origin.user_id.cloned(),
            extras: origin.extras.cloned(),
            data,
        }
    }

    fn target(&self) -> &EventTarget {
        &self.kind.target
    }

    fn dispatch(&mut self, kind: &EventKind, dispatcher: &mut Dispatcher<'_>) -> bool {
        dispatcher.trigger_for(kind.channel(), self)
    }
}

impl<T: Send + Sync + 'static> InboundEvent for PusherUserEvent<T> {
    type Data = T;

    fn new(origin: Origin<'_>, data: T) -> Self {
        Self {
            kind: origin.kind.clone(),
            extras: origin.extras.cloned(),
            data,
        }
    }

    fn target(&self) -> &EventTarget {
        &EventTarget::User
    }

    fn dispatch(&mut self, _: &EventKind, dispatcher: &mut Dispatcher<'_>) -> bool {
        dispatcher.trigger(self);
        true
    }
}

impl InboundEvent for PusherGlobalEvent {
    type Data = RawData;

    fn new(origin: Origin<'_>, data: RawData) -> Self {
        Self {
            kind: origin.kind.clone(),
            extras: origin.extras.cloned(),
            data,
        }
    }

    fn target(&self) -> &EventTarget {
        &EventTarget::Connection
    }

    fn dispatch(&mut self, _: &EventKind, dispatcher: &mut Dispatcher<'_>) -> bool {
        dispatcher.trigger(self);
        true
    }
}

/// Delivers to the game within one frame. `trigger` runs observers; `emit` also writes a message.
pub(crate) struct Dispatcher<'w> {
    pub(super) world: &'w mut World,
    listeners: Listeners,
    user_code: UserCode,
}

/// The entities of the channel of the last event. Events of one channel often come in runs.
#[derive(Default)]
struct Listeners {
    channel: String,
    version: Option<u64>,
    entities: Vec<Entity>,
}

impl<'w> Dispatcher<'w> {
    fn new(world: &'w mut World) -> Self {
        Self {
            world,
            listeners: Listeners::default(),
            user_code: UserCode::default(),
        }
    }

    /// Runs something that may call user code, such as observers.
    pub(super) fn run_user_code(&mut self, code: impl FnOnce(&mut World)) {
        self.user_code.run(|| code(self.world));
    }

    /// Resumes the panic if user code has panicked.
    fn finish(self) {
        self.user_code.resume();
    }

    /// Runs the observers of an event that is not for an entity.
    fn trigger<'a, E: Event<Trigger<'a>: Default>>(&mut self, event: &mut E) {
        if self.is_observed::<E>() {
            self.run_observers(event);
        }
    }

    fn run_observers<'a, E: Event<Trigger<'a>: Default>>(&mut self, event: &mut E) {
        self.run_user_code(|world| world.trigger_ref(event));
        self.run_user_code(World::flush);
    }

    /// Whether this type of event has observers. Often it has none, and then the rest of the work for each event is saved.
    fn is_observed<E: Event>(&self) -> bool {
        let key = self.world.event_key::<E>();
        let observers = key.and_then(|key| self.world.observers().try_get_observers(key));
        observers.is_some_and(|observers| {
            !observers.global_observers().is_empty()
                || !observers.entity_observers().is_empty()
                || !observers.component_observers().is_empty()
        })
    }

    /// Runs the observers of an event that is not for an entity, and writes it as a message.
    pub(super) fn emit<'a, E: Event<Trigger<'a>: Default> + Message>(&mut self, mut event: E) {
        self.trigger(&mut event);
        self.world.write_message(event);
    }

    /// Runs the observers of each entity of a channel, and writes one message.
    pub(super) fn emit_for<'a, E>(&mut self, channel: &str, mut event: E)
    where
        E: ForEntity + Event<Trigger<'a>: Default>,
    {
        if self.trigger_for(channel, &mut event) {
            self.world.write_message(event);
        }
    }

    /// Runs the observers of each entity of a channel. Returns whether there is one. Afterwards the event has the entity that subscribed
    /// first.
    fn trigger_for<'a, E>(&mut self, channel: &str, event: &mut E) -> bool
    where
        E: ForEntity + Event<Trigger<'a>: Default>,
    {
        let Some(oldest) = self.look_up_listeners(channel) else {
            return false;
        };
        event.set_entity(oldest);
        if self.is_observed::<E>() {
            self.run_observers(event);
            let mut next = 1;
            while let Some(&entity) = self.listeners.entities.get(next) {
                // An observer may just have despawned the entity, or given it another channel.
                if self.is_listening(entity, channel) {
                    event.set_entity(entity);
                    self.run_observers(event);
                }
                next += 1;
            }
            event.set_entity(oldest);
        }
        true
    }

    /// Looks up the entities of a channel, unless nothing has changed since the last event. Returns the oldest of them.
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

    fn is_listening(&self, entity: Entity, channel: &str) -> bool {
        let Some(subscribers) = self.world.get_resource::<Subscribers>() else {
            return false;
        };
        self.listeners.version == Some(subscribers.version())
            || subscribers.entities(channel).contains(&entity)
    }
}
