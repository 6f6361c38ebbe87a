//! [`PusherLagged`]: events that were dropped.

use std::collections::BTreeMap;

use bevy_ecs::prelude::*;
use pusher_protocol::session::EventTarget;

/// Events were dropped at this point in the order of events: the game did not keep up, or was paused for a long time ([`LagCause`]).
///
/// A game that must not miss anything should fetch the current state from its backend when it receives this.
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
    /// More events waited for the next frame than [`Limits::waiting_events`](crate::config::Limits::waiting_events) or
    /// [`Limits::waiting_bytes`](crate::config::Limits::waiting_bytes) allow. The oldest were dropped before they were delivered.
    Waiting,
    /// Bevy keeps messages until `FixedUpdate` has run, which does not happen while virtual time is paused. More messages were kept than
    /// [`Limits::unread_messages`](crate::config::Limits::unread_messages) allows, and the oldest were dropped. Observers and systems that
    /// run in every frame have seen them; systems in `FixedUpdate` have not.
    Unread,
}

impl PusherLagged {
    pub(crate) fn new(losses: Losses, cause: LagCause) -> Self {
        Self { losses, cause }
    }

    /// Returns how many events were dropped.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.losses.0.values().sum()
    }

    /// Returns how many events of each channel were dropped, in the order of the channels' names.
    pub fn channels(&self) -> impl Iterator<Item = (&str, u64)> {
        self.losses
            .0
            .iter()
            .filter_map(|(target, count)| Some((target.channel_name()?, *count)))
    }

    /// Returns how many events of this channel were dropped.
    #[must_use]
    pub fn of_channel(&self, channel: impl AsRef<str>) -> u64 {
        let name = channel.as_ref();
        self.channels()
            .find(|(channel, _)| *channel == name)
            .map_or(0, |(_, count)| count)
    }

    /// Returns how many events of the signed-in user were dropped.
    #[must_use]
    pub fn of_user(&self) -> u64 {
        self.losses
            .0
            .get(&EventTarget::User)
            .copied()
            .unwrap_or_default()
    }

    /// Returns why they were dropped.
    #[must_use]
    pub fn cause(&self) -> LagCause {
        self.cause
    }
}

/// Counts of dropped events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses(BTreeMap<EventTarget, u64>);

impl Losses {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, target: &EventTarget, count: u64) {
        match self.0.get_mut(target) {
            Some(sum) => *sum += count,
            None => {
                self.0.insert(target.clone(), count);
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (target, count) in &other.0 {
            self.add(target, *count);
        }
    }
}
