//! Which events are decoded into which types: the table that `App` extensions fill, and the driver's cache of its results.

use std::{
    any::TypeId,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bevy_ecs::prelude::*;
use bevy_platform::collections::{HashMap, HashSet};
use pusher_protocol::{ChannelName, protocol::ChannelPattern, session::EventTarget};
use serde::de::DeserializeOwned;

use crate::{
    PusherEvent, PusherUserEvent,
    event::EventKind,
    inbound::column::{Column, TypedColumn},
};

/// Which events are decoded into which types. Shared with the driver's thread. Types may be added while the game runs.
#[derive(Resource, Clone, Default)]
pub(crate) struct EventTypes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The number of changes, so that the driver's thread need not lock the table to see that there was none.
    version: AtomicU64,
    table: RwLock<Table>,
}

/// The registered types. The driver's thread has a copy.
#[derive(Clone, Default)]
pub(super) struct Table {
    /// Types are never removed, so an index stays valid.
    makers: Vec<(TypeId, MakeColumn)>,
    of_channel_event: HashMap<Arc<str>, Vec<Registration>>,
    of_user_event: HashMap<Arc<str>, Vec<Registration>>,
    silences_raw: bool,
}

/// A type registered for an event name.
#[derive(Clone, PartialEq, Eq)]
struct Registration {
    /// The index of the type.
    index: usize,
    /// The channels; `None` for all.
    channels: Option<ChannelPattern>,
}

type MakeColumn = fn() -> Box<dyn Column>;

impl EventTypes {
    /// Decodes channel events of this name into `T`, on some channels or on all. Other types for the same name stay registered.
    pub(crate) fn add_event<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        event: &str,
        channels: Option<ChannelPattern>,
    ) {
        self.change(|table| {
            let index = table.index(TypeId::of::<PusherEvent<T>>(), || {
                Box::new(TypedColumn::<PusherEvent<T>>::default())
            });
            add(&mut table.of_channel_event, event, index, channels);
        });
    }

    /// Decodes the signed-in user's events of this name into `T`.
    pub(crate) fn add_user_event<T: DeserializeOwned + Send + Sync + 'static>(&self, event: &str) {
        self.change(|table| {
            let index = table.index(TypeId::of::<PusherUserEvent<T>>(), || {
                Box::new(TypedColumn::<PusherUserEvent<T>>::default())
            });
            add(&mut table.of_user_event, event, index, None);
        });
    }

    pub(crate) fn set_raw_for_typed(&self, raw_for_typed: bool) {
        self.change(|table| table.silences_raw = !raw_for_typed);
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        change(&mut self.0.table.write().unwrap_or_else(PoisonError::into_inner));
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// Updates a copy. Returns whether there was a change.
    pub(super) fn refresh(&self, version: &mut u64, copy: &mut Table) -> bool {
        let current = self.0.version.load(Ordering::Acquire);
        if *version == current {
            return false;
        }
        *version = current;
        *copy = self
            .0
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        true
    }
}

impl Table {
    fn index(&mut self, id: TypeId, make: MakeColumn) -> usize {
        match self.makers.iter().position(|(other, _)| *other == id) {
            Some(index) => index,
            None => {
                self.makers.push((id, make));
                self.makers.len() - 1
            }
        }
    }

    /// Looks up how events of this name and target are delivered.
    fn kind(&self, target: EventTarget, name: Arc<str>) -> EventKind {
        let registrations = match target {
            EventTarget::Channel(_) => self.of_channel_event.get(&name),
            EventTarget::User => self.of_user_event.get(&name),
            EventTarget::Connection => None,
        };
        let channel = target.channel_name().unwrap_or_default();
        let mut columns = Vec::new();
        for Registration { index, channels } in registrations.into_iter().flatten() {
            let applies = channels
                .as_ref()
                .is_none_or(|channels| channels.matches(channel));
            // A type may be registered both for all channels and for some.
            if applies && !columns.contains(index) {
                columns.push(*index);
            }
        }
        EventKind {
            target,
            name,
            keeps_raw: columns.is_empty() || !self.silences_raw,
            columns: columns.into_boxed_slice(),
        }
    }

    pub(super) fn make_column(&self, index: usize) -> Option<Box<dyn Column>> {
        self.makers.get(index).map(|(_, make)| make())
    }
}

fn add(
    names: &mut HashMap<Arc<str>, Vec<Registration>>,
    event: &str,
    index: usize,
    channels: Option<ChannelPattern>,
) {
    let registrations = names.entry(event.into()).or_default();
    let registration = Registration { index, channels };
    if !registrations.contains(&registration) {
        registrations.push(registration);
    }
}

/// How many names the cache holds before it is cleared, so that a server that invents names does not fill the memory.
const CACHED: usize = 4096;

/// The kinds of events that were received, by target and name: a known event costs a lookup and no new strings.
#[derive(Default)]
pub(super) struct KindCache {
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
    pub(super) fn get(
        &mut self,
        target: &EventTarget,
        name: &str,
        table: &Table,
    ) -> &Arc<EventKind> {
        let is_last = |last: &Arc<EventKind>| &*last.name == name && is_same(&last.target, target);
        if !self.last.as_ref().is_some_and(is_last) {
            self.last = Some(self.look_up(target, name, table));
        }
        let Some(last) = &self.last else {
            unreachable!("it was set just now")
        };
        last
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
    pub(super) fn user_id(&mut self, id: &str) -> Arc<str> {
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
    pub(super) fn clear(&mut self) {
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
    use super::*;

    #[test]
    fn endless_new_names_are_remembered_only_so_far() {
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
