use std::{
    any::TypeId,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bevy_ecs::prelude::*;
use bevy_platform::collections::HashMap;
use pusher_protocol::protocol::ChannelPattern;
use serde::de::DeserializeOwned;

use crate::{
    PusherEvent, PusherUserEvent,
    event::{Audience, Stream},
    handover::column::{Column, TypedColumn},
};

/// Which events are decoded into which types. Shared with the driver's thread; grows while the game runs.
#[derive(Resource, Clone, Default)]
pub(crate) struct EventTypes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Counts the changes, so that the driver's thread sees one without taking the lock.
    generation: AtomicU64,
    table: RwLock<Table>,
}

/// The registered types, as the driver's thread has them.
#[derive(Clone, Default)]
pub(super) struct Table {
    /// Types are added and never go, so that an index into them stays good.
    makers: Vec<(TypeId, MakeColumn)>,
    of_channel_event: HashMap<Arc<str>, Vec<Registration>>,
    of_user_event: HashMap<Arc<str>, Vec<Registration>>,
    silences_raw: bool,
}

/// One type for one name.
#[derive(Clone, PartialEq, Eq)]
struct Registration {
    /// The type's index.
    index: usize,
    /// On which channels; `None` for all.
    channels: Option<ChannelPattern>,
}

type MakeColumn = fn() -> Box<dyn Column>;

impl EventTypes {
    /// Decodes channel events of this name into `T`, on some channels or on all, beside what else they are decoded into.
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
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    /// Brings a copy up to date. Returns whether it was not.
    pub(super) fn refresh(&self, generation: &mut u64, copy: &mut Table) -> bool {
        let current = self.0.generation.load(Ordering::Acquire);
        if *generation == current {
            return false;
        }
        *generation = current;
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

    /// What becomes of the events of one name.
    pub(super) fn stream(&self, audience: Audience, event: Arc<str>) -> Stream {
        let registrations = match audience {
            Audience::Channel(_) => self.of_channel_event.get(&event),
            Audience::User => self.of_user_event.get(&event),
            Audience::Connection => None,
        };
        let channel = audience.channel().unwrap_or_default();
        let mut columns = Vec::new();
        for Registration { index, channels } in registrations.into_iter().flatten() {
            let applies = channels
                .as_ref()
                .is_none_or(|channels| channels.matches(channel));
            // A type may be registered for all channels and for some.
            if applies && !columns.contains(index) {
                columns.push(*index);
            }
        }
        let columns = columns.into_boxed_slice();
        Stream {
            audience,
            event,
            keeps_raw: columns.is_empty() || !self.silences_raw,
            columns,
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
