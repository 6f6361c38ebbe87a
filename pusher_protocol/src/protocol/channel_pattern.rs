use std::fmt;

/// A channel's name, or with a `*` at its end all names that begin so: `private-shop`, `private-shop-*`, `*`.
///
/// Of several that match, the most specific one counts: the name itself, else the longest.
///
/// ```
/// # use pusher_protocol::protocol::ChannelPattern;
/// let shops = ChannelPattern::new("private-shop-*");
/// assert!(shops.matches("private-shop-7") && !shops.matches("private-lobby"));
/// assert!(shops > ChannelPattern::new("private-*"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelPattern {
    // In this order, they make the more specific one the greater: see `Ord`.
    is_exact: bool,
    length: usize,
    text: Box<str>,
}

impl ChannelPattern {
    /// The pattern of this text.
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

    /// Whether a channel's name is one of its.
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
    fn a_star_at_the_end_stands_for_any_rest_and_the_more_specific_pattern_is_greater() {
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
