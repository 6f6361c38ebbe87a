//! [`PusherDecodeFailed`]: an event that does not fit its registered type.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use crate::event::{EventKind, RawData};

/// The payload of an event could not be decoded into a type that is registered for its name. It is still delivered as the other types
/// that are registered for the name, and undecoded, unless
/// [`with_raw_for_typed(false)`](crate::config::PusherConfig::with_raw_for_typed) is set.
///
/// It is a [`Message`] and an [`Event`]. The first failure of each name and type is also logged.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// fn report(mut failures: MessageReader<PusherDecodeFailed>) {
///     for failure in failures.read() {
///         warn!("{}: {} at {}: {}", failure.name(), failure.reason(), failure.path(), failure.raw().as_str());
///     }
/// }
/// # App::new().add_systems(Update, report);
/// ```
#[derive(Message, Event, Clone, Debug)]
pub struct PusherDecodeFailed {
    pub(crate) kind: Arc<EventKind>,
    pub(crate) type_name: &'static str,
    pub(crate) failure: DecodeFailure,
}

/// A payload that could not be decoded, and the reason.
#[derive(Clone, Debug)]
pub(crate) struct DecodeFailure {
    pub(crate) path: String,
    pub(crate) reason: String,
    pub(crate) raw: RawData,
}

impl PusherDecodeFailed {
    /// Returns the channel's name; `None` for an event of the signed-in user.
    #[must_use]
    pub fn channel(&self) -> Option<&str> {
        self.kind.target.channel_name()
    }

    /// Returns the event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.kind.name
    }

    /// Returns the Rust type into which it could not be decoded.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Returns the path of the field that could not be decoded, such as `position.x` or `items[2]`; `.` for the whole payload.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.failure.path
    }

    /// Returns the decoder's error message.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.failure.reason
    }

    /// Returns the undecoded payload.
    #[must_use]
    pub fn raw(&self) -> &RawData {
        &self.failure.raw
    }
}
