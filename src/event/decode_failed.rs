use std::sync::Arc;

use bevy_ecs::prelude::*;

use crate::event::{RawData, Stream};

/// An event whose name is registered with a type, but whose payload is not of that type. Nothing else is lost: other types
/// registered for the name, and the undecoded event, arrive as ever.
///
/// It is a [`Message`] and an [`Event`]. The first of each name and type is also logged.
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
    pub(crate) stream: Arc<Stream>,
    pub(crate) type_name: &'static str,
    pub(crate) failure: DecodeFailure,
}

/// Why a payload could not be decoded, and the payload.
#[derive(Clone, Debug)]
pub(crate) struct DecodeFailure {
    pub(crate) path: String,
    pub(crate) reason: String,
    pub(crate) raw: RawData,
}

impl PusherDecodeFailed {
    /// The channel's name; `None` for an event of the signed-in user.
    #[must_use]
    pub fn channel(&self) -> Option<&str> {
        self.stream.audience.channel()
    }

    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.stream.event
    }

    /// The Rust type into which it could not be decoded.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Where in the payload the trouble is, as `position.x` or `items[2]`; `.` for the payload as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.failure.path
    }

    /// What the decoder said.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.failure.reason
    }

    /// The payload.
    #[must_use]
    pub fn raw(&self) -> &RawData {
        &self.failure.raw
    }
}
