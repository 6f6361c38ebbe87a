//! [`ChannelName`]: a validated channel name, and the kind its prefix gives it.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

/// The longest accepted channel name, in characters.
///
/// The hosted service documents 164, but its server libraries and Sockudo check for 200, so longer names than 164 are
/// accepted.
pub const CHANNEL_NAME_LENGTH: usize = 200;

/// The prefix of the channel that delivers a signed-in user's events.
const USER_CHANNEL_PREFIX: &str = "#server-to-user-";

/// A validated channel name. Cheap to clone.
///
/// ```
/// # use pusher_protocol::{ChannelKind, ChannelName, NameRules};
/// let name = ChannelName::new("presence-lobby", NameRules::Strict).unwrap();
/// assert_eq!(name.kind(), ChannelKind::Presence);
/// assert!(ChannelName::new("#mine", NameRules::Relaxed).is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// Validates `name` against `rules`.
    ///
    /// # Errors
    ///
    /// Fails if the name is empty, too long or reserved, or contains a character that `rules` does not allow.
    pub fn new(name: &str, rules: NameRules) -> Result<Self, ChannelNameError> {
        if name.is_empty() {
            return Err(ChannelNameError::Empty);
        }
        // Before the characters: relaxed rules would allow it.
        if name.starts_with('#') {
            return Err(ChannelNameError::Reserved);
        }
        let length = name.chars().count();
        if length > CHANNEL_NAME_LENGTH {
            return Err(ChannelNameError::TooLong { length });
        }
        match name.chars().enumerate().find(|(_, c)| !rules.allow(*c)) {
            Some((position, character)) => Err(ChannelNameError::IllegalCharacter {
                character,
                position,
            }),
            None => Ok(Self(name.into())),
        }
    }

    /// The channel on which the server sends events to a signed-in user. Only the session subscribes to it.
    pub(crate) fn of_user(user_id: &str) -> Self {
        Self(format!("{USER_CHANNEL_PREFIX}{user_id}").into())
    }

    /// Returns the kind of channel, which the name's prefix determines.
    #[must_use]
    pub fn kind(&self) -> ChannelKind {
        ChannelKind::of(&self.0)
    }

    /// Whether the server caches the channel's last event for new subscribers (`cache-`, `private-cache-`, …).
    #[must_use]
    pub fn is_cache(&self) -> bool {
        let after_kind = match self.kind() {
            ChannelKind::Public => Some(&*self.0),
            ChannelKind::Private => self.0.strip_prefix("private-"),
            ChannelKind::Presence => self.0.strip_prefix("presence-"),
            ChannelKind::PrivateEncrypted => self.0.strip_prefix("private-encrypted-"),
        };
        after_kind.is_some_and(|rest| rest.starts_with("cache-"))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as a shared string, for callers that store it.
    #[must_use]
    pub fn as_shared(&self) -> &Arc<str> {
        &self.0
    }
}

impl Deref for ChannelName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// The kind of a channel. The longest prefix decides; prefixes are case-sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelKind {
    /// None of the prefixes below: anyone may subscribe.
    Public,
    /// `private-`: needs an authorization; allows client events.
    Private,
    /// `presence-`: a private channel whose members see each other.
    Presence,
    /// `private-encrypted-`: a private channel whose events are encrypted end to end.
    PrivateEncrypted,
}

impl ChannelKind {
    fn of(name: &str) -> Self {
        // The longest prefix first.
        if name.starts_with("private-encrypted-") {
            Self::PrivateEncrypted
        } else if name.starts_with("private-") {
            Self::Private
        } else if name.starts_with("presence-") {
            Self::Presence
        } else {
            Self::Public
        }
    }

    /// Whether a subscription needs an authorization from the game's backend.
    #[must_use]
    pub fn needs_authorization(self) -> bool {
        self != Self::Public
    }

    /// Whether clients may send client events on the channel.
    #[must_use]
    pub fn allows_client_events(self) -> bool {
        matches!(self, Self::Private | Self::Presence)
    }
}

/// Which characters a channel name may contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameRules {
    /// The rule of the hosted service: ASCII letters, digits and `_-=@,.;`.
    #[default]
    Strict,
    /// For servers that allow more: anything but control characters. Names starting with `#` stay reserved.
    Relaxed,
}

impl NameRules {
    fn allow(self, character: char) -> bool {
        match self {
            Self::Strict => character.is_ascii_alphanumeric() || "_-=@,.;".contains(character),
            Self::Relaxed => !character.is_control(),
        }
    }
}

/// An invalid channel name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelNameError {
    /// The name is empty.
    #[error("a channel name cannot be empty")]
    Empty,
    /// The name is longer than [`CHANNEL_NAME_LENGTH`].
    #[error("a channel name has at most {CHANNEL_NAME_LENGTH} characters, this one has {length}")]
    TooLong {
        /// The name's length, in characters.
        length: usize,
    },
    /// The name contains a character that the rules do not allow.
    #[error(
        "a channel name cannot contain {character:?} (at position {position}); by default, only ASCII letters, digits and _-=@,.; are allowed"
    )]
    IllegalCharacter {
        /// The first such character.
        character: char,
        /// Its position, in characters from 0.
        position: usize,
    },
    /// Names starting with `#` are reserved for the protocol.
    #[error("channel names starting with # are reserved; sign in to receive a user's events")]
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides_the_kind() {
        for (name, kind, cache) in [
            ("lobby", ChannelKind::Public, false),
            ("cache-lobby", ChannelKind::Public, true),
            ("private-lobby", ChannelKind::Private, false),
            ("private-cache-lobby", ChannelKind::Private, true),
            (
                "private-encrypted-lobby",
                ChannelKind::PrivateEncrypted,
                false,
            ),
            (
                "private-encrypted-cache-x",
                ChannelKind::PrivateEncrypted,
                true,
            ),
            ("presence-lobby", ChannelKind::Presence, false),
            ("presence-cache-lobby", ChannelKind::Presence, true),
            ("privatex", ChannelKind::Public, false),
            ("Private-lobby", ChannelKind::Public, false),
        ] {
            let name = ChannelName::new(name, NameRules::Strict).unwrap();
            assert_eq!((name.kind(), name.is_cache()), (kind, cache), "{name}");
        }
    }

    #[test]
    fn an_invalid_name_is_refused_with_the_rule() {
        let strict = |name: &str| ChannelName::new(name, NameRules::Strict).map(|_| ());
        assert_eq!(strict(""), Err(ChannelNameError::Empty));
        assert_eq!(strict("#server-to-user-1"), Err(ChannelNameError::Reserved));
        assert_eq!(
            strict(&"x".repeat(201)),
            Err(ChannelNameError::TooLong { length: 201 })
        );
        assert_eq!(
            strict("a b"),
            Err(ChannelNameError::IllegalCharacter {
                character: ' ',
                position: 1
            })
        );
        assert_eq!(strict(&"x".repeat(200)), Ok(()));
        assert_eq!(strict("-azAZ9_=@,.;"), Ok(()));
    }

    #[test]
    fn relaxed_rules_allow_a_servers_own_characters() {
        let relaxed = |name: &str| ChannelName::new(name, NameRules::Relaxed).map(|_| ());
        assert_eq!(relaxed("game:42/ü"), Ok(()));
        assert_eq!(relaxed("#game"), Err(ChannelNameError::Reserved));
        assert!(relaxed("a\nb").is_err());
    }
}
