use std::sync::Arc;

use pusher_protocol::{ChannelKind, ChannelName, session::EventTarget};

/// To whom an event is addressed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Audience {
    Channel(ChannelName),
    User,
    Connection,
}

impl Audience {
    pub(crate) fn channel(&self) -> Option<&str> {
        match self {
            Self::Channel(channel) => Some(channel),
            Self::User | Self::Connection => None,
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Channel(channel) if channel.kind() == ChannelKind::PrivateEncrypted)
    }
}

impl From<&EventTarget> for Audience {
    fn from(target: &EventTarget) -> Self {
        match target {
            EventTarget::Channel(channel) => Self::Channel(channel.clone()),
            EventTarget::User => Self::User,
            EventTarget::Connection => Self::Connection,
        }
    }
}

/// All events of one name and one audience, and what becomes of them. Shared by the events themselves, so that each holds
/// one reference instead of its names.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) audience: Audience,
    pub(crate) event: Arc<str>,
    /// Whether the payload is also handed over undecoded.
    pub(crate) keeps_raw: bool,
    /// The columns into which the payload is decoded, as indices into the registered types.
    pub(crate) columns: Box<[usize]>,
}
