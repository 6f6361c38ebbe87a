//! [`ChannelPattern`]: a channel name, or a prefix of channel names.

use std::fmt;

/// A channel name, or with a trailing `*` all names with a prefix: `private-shop`, `private-shop-*`, `*`.
///
/// Patterns are ordered by specificity: an exact name is greater than any prefix, a longer prefix greater than a shorter one.
/// If several match a channel, the greatest one applies.
///
/// ```
/// # use pusher_protocol::protocol::ChannelPattern;
/// let shops = ChannelPattern::new("private-shop-*");
/// assert!(shops.matches("private-shop-7") && !shops.matches("private-lobby"));
/// assert!(shops > ChannelPattern::new("private-*"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelPattern {
    // The derived `Ord` compares the fields in this order, which makes the more specific pattern the greater one.
    is_exact: bool,
    length: usize,
    text: Box<str>,
}

impl ChannelPattern {
    /// Parses a pattern. Any text is a valid one.
    #[must_use]
    pub fn new(pattern: impl AsRef<str>) -> Self {
        let pattern = pattern.as_ref();
        let text = pattern.strip_suffix('*').unwrap_or(pattern);
        Self {
            is_exact: text.len() == pattern.len(),
            length: text.len(),
            text: text.into(),
        }
    }

    /// Whether the pattern matches this channel name.
    #[must_use]
    pub fn matches(&self, channel: &str) -> bool {
        if self.is_exact {
            channel == &*self.text
        } else {
            channel.starts_with(&*self.text)
        }
    }
}

impl From<&str> for ChannelPattern {
    fn from(pattern: &str) -> Self {
        Self::new(pattern)
    }
}

impl From<String> for ChannelPattern {
    fn from(pattern: String) -> Self {
        Self::new(pattern)
    }
}

impl fmt::Display for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if self.is_exact {
            Ok(())
        } else {
            f.write_str("*")
        }
    }
}

impl fmt::Debug for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelPattern({:?})", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_star_is_a_prefix_and_specific_patterns_win() {
        for (pattern, matching, other) in [
            ("private-a", "private-a", "private-ab"),
            ("private-a*", "private-ab", "private-b"),
            ("private-a*", "private-a", "presence-a"),
            ("a*b", "a*b", "aab"),
        ] {
            let parsed = ChannelPattern::from(pattern);
            assert!(parsed.matches(matching), "{pattern}");
            assert!(!parsed.matches(other), "{pattern}");
            assert_eq!(parsed.to_string(), pattern);
        }
        assert!(ChannelPattern::new("*").matches("anything"));
        let mut patterns =
            ["private-ab", "*", "private-a*", "private-ab*", "private-*"].map(ChannelPattern::new);
        patterns.sort();
        assert_eq!(
            patterns.map(|pattern| pattern.to_string()),
            ["*", "private-*", "private-a*", "private-ab*", "private-ab"]
        );
    }
}
