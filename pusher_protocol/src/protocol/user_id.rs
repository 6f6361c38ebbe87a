//! User ids, which servers send as JSON strings or as numbers.

use std::borrow::Cow;

/// Parses user ids. A number keeps its digits and never becomes a float, so ids above 2^53 stay exact, and `7` and `"7"` are
/// the same user.
pub(crate) struct UserId;

impl UserId {
    /// Parses the source text of one JSON value; `None` if it is neither a string nor an integer.
    pub(crate) fn parse(json: &str) -> Option<Cow<'_, str>> {
        if json.starts_with('"') {
            return serde_json::from_str::<String>(json).ok().map(Cow::Owned);
        }
        // Not a general number: `1.0` and `1e0` have no canonical digits.
        let digits = json.strip_prefix('-').unwrap_or(json);
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then_some(Cow::Borrowed(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strings_and_integers_are_user_ids() {
        for (json, id) in [
            (r#""7""#, Some("7")),
            ("7", Some("7")),
            ("9007199254740993", Some("9007199254740993")),
            ("-1", Some("-1")),
            (r#""ü-1""#, Some("ü-1")),
            ("1.5", None),
            ("true", None),
            ("null", None),
            ("{}", None),
            ("-", None),
        ] {
            assert_eq!(UserId::parse(json).as_deref(), id, "{json}");
        }
    }
}
