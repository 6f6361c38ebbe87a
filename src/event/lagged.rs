use std::collections::BTreeMap;

use bevy_ecs::prelude::*;

use crate::event::Audience;

/// The game did not keep up: so many events are gone for good, and they were here in the order of events.
///
/// A game that must not miss anything asks its backend for the present state when it sees this.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
pub struct PusherLagged {
    losses: Losses,
    cause: LagCause,
}

/// Why events were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LagCause {
    /// More events waited for the game's next frame than
    /// [`Limits::waiting_events`](crate::config::Limits::waiting_events) or
    /// [`Limits::waiting_bytes`](crate::config::Limits::waiting_bytes) allow: the oldest were dropped before anybody saw
    /// them.
    Waiting,
    /// Bevy keeps messages until `FixedUpdate` has run, which stands still while virtual time does, and more piled up than
    /// [`Limits::unread_messages`](crate::config::Limits::unread_messages) allows: the oldest were dropped. Observers and
    /// systems that run every frame have seen them; systems in `FixedUpdate` have not.
    Unread,
}

impl PusherLagged {
    pub(crate) fn new(losses: Losses, cause: LagCause) -> Self {
        Self { losses, cause }
    }

    /// How many events were dropped.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.losses.0.values().sum()
    }

    /// How many of each channel, in the order of the channels' names.
    pub fn channels(&self) -> impl Iterator<Item = (&str, u64)> {
        self.losses
            .0
            .iter()
            .filter_map(|(audience, count)| Some((audience.channel()?, *count)))
    }

    /// How many of this channel.
    #[must_use]
    pub fn of_channel(&self, channel: impl AsRef<str>) -> u64 {
        let name = channel.as_ref();
        self.channels()
            .find(|(channel, _)| *channel == name)
            .map_or(0, |(_, count)| count)
    }

    /// How many of the signed-in user's.
    #[must_use]
    pub fn of_user(&self) -> u64 {
        self.losses
            .0
            .get(&Audience::User)
            .copied()
            .unwrap_or_default()
    }

    /// Why.
    #[must_use]
    pub fn cause(&self) -> LagCause {
        self.cause
    }
}

/// Counts of dropped events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses(BTreeMap<Audience, u64>);

impl Losses {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, audience: &Audience, count: u64) {
        match self.0.get_mut(audience) {
            Some(sum) => *sum += count,
            None => {
                self.0.insert(audience.clone(), count);
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (audience, count) in &other.0 {
            self.add(audience, *count);
        }
    }
}
