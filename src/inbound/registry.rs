//! Which events are decoded into which types: the table that `App` extensions fill.

use std::{
    any::TypeId,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bevy_ecs::prelude::*;
use bevy_platform::collections::HashMap;
use pusher_protocol::{protocol::ChannelPattern, session::EventTarget};
use serde::de::DeserializeOwned;

use crate::{
    event::{EventKind, PusherEvent, PusherGlobalEvent},
    inbound::column::{Column, decoded, undecoded},
    sync::lock,
    user::PusherUserEvent,
};

/// Which events are decoded into which types. Shared with the driver's thread. Types may be added while the game runs.
#[derive(Resource, Clone, Default)]
pub(crate) struct EventTypes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The number of changes, so that the driver's thread need not lock the table to see that there was none.
    version: AtomicU64,
    table: Mutex<Table>,
}

/// The registered types. The driver's thread has a copy.
#[derive(Clone)]
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

/// The indices of the columns of undecoded payloads, in every table.
const RAW_CHANNEL: usize = 0;
const RAW_USER: usize = 1;
const RAW_GLOBAL: usize = 2;

impl Default for Table {
    fn default() -> Self {
        let raw: [(TypeId, MakeColumn); 3] = [
            (TypeId::of::<PusherEvent>(), undecoded::<PusherEvent>),
            (
                TypeId::of::<PusherUserEvent>(),
                undecoded::<PusherUserEvent>,
            ),
            (
                TypeId::of::<PusherGlobalEvent>(),
                undecoded::<PusherGlobalEvent>,
            ),
        ];
        Self {
            makers: raw.into(),
            of_channel_event: HashMap::default(),
            of_user_event: HashMap::default(),
            silences_raw: false,
        }
    }
}

impl EventTypes {
    /// Decodes channel events of this name into `T`, on some channels or on all. Other types for the same name stay registered.
    pub(crate) fn add_event<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        event: &str,
        channels: Option<ChannelPattern>,
    ) {
        self.change(|table| {
            let index = table.index(TypeId::of::<PusherEvent<T>>(), decoded::<PusherEvent<T>>);
            add(&mut table.of_channel_event, event, index, channels);
        });
    }

    /// Decodes the signed-in user's events of this name into `T`.
    pub(crate) fn add_user_event<T: DeserializeOwned + Send + Sync + 'static>(&self, event: &str) {
        self.change(|table| {
            let index = table.index(
                TypeId::of::<PusherUserEvent<T>>(),
                decoded::<PusherUserEvent<T>>,
            );
            add(&mut table.of_user_event, event, index, None);
        });
    }

    pub(crate) fn set_raw_for_typed(&self, raw_for_typed: bool) {
        self.change(|table| table.silences_raw = !raw_for_typed);
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        change(&mut lock(&self.0.table));
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// Updates a copy. Returns whether there was a change.
    pub(super) fn refresh(&self, version: &mut u64, copy: &mut Table) -> bool {
        let current = self.0.version.load(Ordering::Acquire);
        if *version == current {
            return false;
        }
        *version = current;
        *copy = lock(&self.0.table).clone();
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
    pub(super) fn kind(&self, target: EventTarget, name: Arc<str>) -> EventKind {
        let (raw, registrations) = match target {
            EventTarget::Channel(_) => (RAW_CHANNEL, self.of_channel_event.get(&name)),
            EventTarget::User => (RAW_USER, self.of_user_event.get(&name)),
            EventTarget::Connection => (RAW_GLOBAL, None),
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
        if columns.is_empty() || !self.silences_raw {
            columns.insert(0, raw);
        }
        EventKind {
            target,
            name,
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
