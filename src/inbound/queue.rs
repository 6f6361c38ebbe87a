//! The queue between the driver's thread and the frame, and the sink through which a driver fills it.

use std::{
    mem::take,
    sync::{Arc, Mutex, MutexGuard},
};

use bevy_platform::{
    collections::{HashMap, HashSet},
    time::Instant,
};
use pusher_protocol::{
    ChannelName,
    config::Limits,
    session::{EventTarget, Notice, ReceivedEvent},
};

use crate::{
    client::Inbox,
    driver::Sink,
    event::EventKind,
    inbound::{
        batch::Batch,
        registry::{EventTypes, Table},
    },
    sync::lock,
    waker::PusherWaker,
};

/// After this many events, a burst is flushed before its end, so that the frame need not wait for it.
const FLUSH_EVENTS: usize = 1024;

/// The same for large events, in bytes of received messages.
const FLUSH_BYTES: usize = 256 << 10;

/// The queue of one client. It stays the same while drivers come and go. Cheap to clone.
#[derive(Clone)]
pub(crate) struct InboundQueue {
    types: EventTypes,
    content: Arc<Mutex<Content>>,
    traffic: Arc<Mutex<Traffic>>,
}

#[derive(Default)]
struct Content {
    batch: Batch,
    limits: Limits,
    waker: Option<PusherWaker>,
    /// Which sinks are open: those of this generation.
    generation: u64,
}

/// What was received since the client was created.
#[derive(Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) events: u64,
    /// Bytes of text in frames.
    pub(crate) bytes: u64,
    pub(crate) last_frame: Option<Instant>,
}

impl InboundQueue {
    pub(crate) fn new(types: EventTypes) -> Self {
        Self {
            types,
            content: Arc::default(),
            traffic: Arc::default(),
        }
    }

    /// Moves a batch into the queue, and leaves an empty one in its place. Wakes the game if the queue was empty.
    fn append(&self, generation: Option<u64>, batch: &mut Batch) {
        let mut content = lock(&self.content);
        if generation.is_some_and(|generation| generation != content.generation) {
            // The client has reported the end of this driver itself. But only the driver knows which client events it did not send.
            *batch = take(batch).into_answers();
        }
        let was_empty = content.batch.is_empty();
        content.batch.append(batch);
        content.trim();
        // A round trip alone does not wake a game that sleeps.
        let wakes = was_empty && !content.batch.is_empty();
        if wakes {
            wake(content);
        }
    }

    /// Takes everything in the queue, in exchange for an empty batch.
    pub(super) fn take(&self, empty: &mut Batch) {
        std::mem::swap(&mut lock(&self.content).batch, empty);
    }

    /// Puts back what was not delivered in this frame, in front of what has arrived since, and requests another frame.
    pub(super) fn put_back(&self, rest: &mut Batch) {
        let mut content = lock(&self.content);
        rest.append(&mut content.batch);
        std::mem::swap(&mut content.batch, rest);
        content.trim();
        wake(content);
    }

    /// Returns what was received since the client was created.
    #[cfg(feature = "diagnostics")]
    pub(crate) fn traffic(&self) -> Traffic {
        *lock(&self.traffic)
    }

    /// Returns how many events and notices wait in the queue.
    #[cfg(feature = "diagnostics")]
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.content).batch.len()
    }

    pub(super) fn set_limits(&self, limits: &Limits) {
        let mut content = lock(&self.content);
        content.limits = limits.clone();
        content.trim();
    }

    pub(crate) fn set_waker(&self, waker: Option<PusherWaker>) {
        lock(&self.content).waker = waker;
    }
}

/// Unlocks the queue, and then wakes the game.
fn wake(content: MutexGuard<'_, Content>) {
    let waker = content.waker.clone();
    drop(content);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Inbox for InboundQueue {
    fn open_sink(&self) -> Box<dyn Sink> {
        let generation = lock(&self.content).generation;
        Box::new(QueueSink::new(self.clone(), generation))
    }

    fn close_sinks(&self) {
        lock(&self.content).generation += 1;
    }

    fn post(&self, notices: Vec<Notice>) {
        let mut batch = Batch::default();
        for notice in notices {
            batch.push_notice(notice);
        }
        self.append(None, &mut batch);
    }
}

impl Content {
    fn trim(&mut self) {
        self.batch
            .trim(self.limits.waiting_events, self.limits.waiting_bytes);
    }
}

/// A driver's end of the queue. Lives on the driver's thread.
struct QueueSink {
    queue: InboundQueue,
    generation: u64,
    batch: Batch,
    /// The number of events since the last flush.
    events: usize,
    /// The bytes of frames since the last flush.
    bytes: usize,
    kinds: KindCache,
    table: Table,
    table_version: u64,
}

impl QueueSink {
    fn new(queue: InboundQueue, generation: u64) -> Self {
        Self {
            queue,
            generation,
            batch: Batch::default(),
            events: 0,
            bytes: 0,
            kinds: KindCache::default(),
            table: Table::default(),
            table_version: 0,
        }
    }
}

impl Sink for QueueSink {
    fn received(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    fn event(&mut self, event: &ReceivedEvent<'_>) {
        let types = &self.queue.types;
        if types.refresh(&mut self.table_version, &mut self.table) {
            self.kinds.clear();
        }
        let user_id = event.user_id.as_deref().map(|id| self.kinds.user_id(id));
        let kind = self.kinds.get(&event.target, &event.event, &self.table);
        self.batch.push_event(kind, user_id, event, &self.table);
        self.events += 1;
        if self.events >= FLUSH_EVENTS || self.bytes >= FLUSH_BYTES {
            self.flush();
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Event(event) => self.event(&event),
            notice => self.batch.push_notice(notice),
        }
    }

    fn flush(&mut self) {
        let (events, bytes) = (take(&mut self.events), take(&mut self.bytes));
        if bytes > 0 {
            let mut traffic = lock(&self.queue.traffic);
            traffic.events += events as u64;
            traffic.bytes += bytes as u64;
            traffic.last_frame = Some(Instant::now());
        }
        if !self.batch.is_empty() || self.batch.has_round_trip() {
            self.queue.append(Some(self.generation), &mut self.batch);
        }
    }
}

/// How many names the cache holds before it is cleared, so that a server that invents names does not fill the memory.
const CACHED: usize = 4096;

/// The kinds of events that were received, by target and name: a known event costs a lookup and no new strings.
#[derive(Default)]
struct KindCache {
    channels: HashMap<ChannelName, ByName>,
    user: ByName,
    connection: ByName,
    count: usize,
    last: Option<Arc<EventKind>>,
    user_ids: HashSet<Arc<str>>,
}

type ByName = HashMap<Arc<str>, Arc<EventKind>>;

impl KindCache {
    /// Returns the kind of an event. Events often come in runs of one kind, so the last one is checked first.
    fn get(&mut self, target: &EventTarget, name: &str, table: &Table) -> &Arc<EventKind> {
        let is_last = |last: &Arc<EventKind>| &*last.name == name && is_same(&last.target, target);
        let kind = match self.last.take() {
            Some(last) if is_last(&last) => last,
            _ => self.look_up(target, name, table),
        };
        self.last.insert(kind)
    }

    fn look_up(&mut self, target: &EventTarget, name: &str, table: &Table) -> Arc<EventKind> {
        if self.count >= CACHED {
            self.clear();
        }
        let kinds = match target {
            EventTarget::Channel(channel) => match self.channels.get_mut(channel) {
                Some(kinds) => kinds,
                None => self.channels.entry(channel.clone()).or_default(),
            },
            EventTarget::User => &mut self.user,
            EventTarget::Connection => &mut self.connection,
        };
        if let Some(kind) = kinds.get(name) {
            return kind.clone();
        }
        let name: Arc<str> = name.into();
        let kind = Arc::new(table.kind(target.clone(), name.clone()));
        kinds.insert(name, kind.clone());
        self.count += 1;
        kind
    }

    /// Returns a shared string for a user id.
    fn user_id(&mut self, id: &str) -> Arc<str> {
        if let Some(id) = self.user_ids.get(id) {
            return id.clone();
        }
        if self.user_ids.len() >= CACHED {
            self.user_ids.clear();
        }
        let id: Arc<str> = id.into();
        self.user_ids.insert(id.clone());
        id
    }

    /// Removes all kinds, for example because the table has changed.
    fn clear(&mut self) {
        self.channels.clear();
        self.user.clear();
        self.connection.clear();
        self.count = 0;
        self.last = None;
    }
}

/// Compares two targets. Names of one channel are mostly clones of one string.
fn is_same(one: &EventTarget, other: &EventTarget) -> bool {
    match (one, other) {
        (EventTarget::Channel(one), EventTarget::Channel(other)) => {
            Arc::ptr_eq(one.as_shared(), other.as_shared()) || one == other
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use pusher_protocol::{
        protocol::{EventData, Extras},
        session::EventTarget,
    };

    use super::*;

    /// Whether the frame finds any of this many events, from frames of this size, before the burst has ended.
    fn is_flushed(events: usize, bytes: usize) -> bool {
        let queue = InboundQueue::new(EventTypes::default());
        let mut sink = queue.open_sink();
        let event = ReceivedEvent {
            target: EventTarget::Connection,
            event: Cow::Borrowed("e"),
            data: EventData::Absent,
            user_id: None,
            extras: Extras::default(),
        };
        for _ in 0..events {
            sink.received(bytes);
            sink.event(&event);
        }
        let mut batch = Batch::default();
        queue.take(&mut batch);
        !batch.is_empty()
    }

    #[test]
    fn large_burst_is_flushed_in_parts() {
        assert!(!is_flushed(FLUSH_EVENTS - 1, 100));
        assert!(is_flushed(FLUSH_EVENTS, 100));
        assert!(!is_flushed(2, 100_000));
        assert!(is_flushed(3, 100_000));
    }

    #[test]
    fn remembered_event_names_are_bounded() {
        let mut kinds = KindCache::default();
        let table = Table::default();
        for number in 0..3 * CACHED {
            let name = format!("event-{number}");
            let kind = kinds.get(&EventTarget::Connection, &name, &table);
            assert_eq!(*kind.name, *name);
            kinds.user_id(&number.to_string());
        }
        assert!(kinds.connection.len() <= CACHED);
        assert!(kinds.user_ids.len() <= CACHED);
    }
}
