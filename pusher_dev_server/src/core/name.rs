//! The rules for channel names, event names and user ids, and the kind of channel that a name means.

use super::error::PublishError;

/// The longest channel name, including the prefix (documented by the hosted service).
const CHANNEL_NAME_BYTES: usize = 164;
/// The longest event name (the default of soketi and Sockudo, and the limit of the HTTP API).
const EVENT_NAME_BYTES: usize = 200;
/// The longest user id (documented by the hosted service).
const USER_ID_BYTES: usize = 128;

/// The prefix of the channel that carries the events for a signed-in user.
pub(crate) const USER_CHANNEL_PREFIX: &str = "#server-to-user-";

/// The kind of a channel, which follows from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelKind<'a> {
    Public,
    Private,
    Encrypted,
    Presence,
    /// The channel of the user with this id.
    User(&'a str),
}

impl<'a> ChannelKind<'a> {
    /// Returns `None` if the name is invalid.
    pub(crate) fn of(name: &'a str) -> Option<Self> {
        if let Some(user_id) = name.strip_prefix(USER_CHANNEL_PREFIX) {
            return is_user_id(user_id).then_some(Self::User(user_id));
        }
        let is_valid = !name.is_empty()
            && name.len() <= CHANNEL_NAME_BYTES
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-=@,.;".contains(&byte));
        is_valid.then(|| {
            // Before `private-`, which is a prefix of it.
            if name.starts_with("private-encrypted-") {
                Self::Encrypted
            } else if name.starts_with("private-") {
                Self::Private
            } else if name.starts_with("presence-") {
                Self::Presence
            } else {
                Self::Public
            }
        })
    }

    pub(crate) fn accepts_client_events(self) -> bool {
        matches!(self, Self::Private | Self::Presence)
    }

    /// Presence channels report their members instead; the channels of users are internal.
    pub(crate) fn reports_subscription_count(self) -> bool {
        matches!(self, Self::Public | Self::Private | Self::Encrypted)
    }
}

/// Returns whether the server caches the last event of this channel for later subscribers.
pub(crate) fn is_cache_channel(name: &str) -> bool {
    [
        "cache-",
        "private-cache-",
        "private-encrypted-cache-",
        "presence-cache-",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

pub(crate) fn is_user_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= USER_ID_BYTES
}

/// Returns whether the name belongs to the protocol. Such events are never relayed.
pub(crate) fn is_reserved_event(name: &str) -> bool {
    name.starts_with("pusher:") || name.starts_with("pusher_internal:")
}

pub(crate) fn check_event_name(name: &str) -> Result<(), PublishError> {
    if name.is_empty() || name.len() > EVENT_NAME_BYTES || is_reserved_event(name) {
        return Err(PublishError::InvalidEventName(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_decides_the_kind_of_its_channel() {
        for (name, kind) in [
            ("lobby", Some(ChannelKind::Public)),
            ("privatex", Some(ChannelKind::Public)),
            ("cache-lobby", Some(ChannelKind::Public)),
            ("private-room", Some(ChannelKind::Private)),
            ("private-cache-room", Some(ChannelKind::Private)),
            ("private-encrypted-room", Some(ChannelKind::Encrypted)),
            ("private-encrypted-cache-room", Some(ChannelKind::Encrypted)),
            ("presence-room", Some(ChannelKind::Presence)),
            ("-azAZ9_=@,.;", Some(ChannelKind::Public)),
            ("#server-to-user-u 1", Some(ChannelKind::User("u 1"))),
            ("#server-to-user-", None),
            ("#lobby", None),
            ("a b", None),
            ("a:b", None),
            ("café", None),
            ("", None),
        ] {
            assert_eq!(ChannelKind::of(name), kind, "{name}");
        }
        assert_eq!(ChannelKind::of(&"x".repeat(165)), None);
    }

    #[test]
    fn four_prefixes_make_a_cache_channel() {
        for name in [
            "cache-a",
            "private-cache-a",
            "private-encrypted-cache-a",
            "presence-cache-a",
        ] {
            assert!(is_cache_channel(name), "{name}");
        }
        for name in ["cached", "private-a-cache-", "lobby"] {
            assert!(!is_cache_channel(name), "{name}");
        }
    }
}
