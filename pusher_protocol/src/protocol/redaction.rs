//! Text of servers and backends in error messages: short, on one line, and with likely secrets redacted. It is needed because
//! servers and backends quote what they were sent.

use std::borrow::Cow;

/// The length of an excerpt, in characters.
pub(super) const EXCERPT_CHARACTERS: usize = 200;

/// The shortest run of characters that may be a secret: a signature has 64 hexadecimal digits, a key 44 characters of base64.
const SECRET_CHARACTERS: usize = 32;

/// Names of the fields that contain secrets or signed data.
const SECRET_NAMES: [&str; 3] = ["shared_secret", "user_data", "auth"];

/// Returns the first characters of `text`, on one line and redacted.
pub(crate) fn redacted_excerpt(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return "an empty body".into();
    }
    // Redacts before it cuts: half a signature does not look like one.
    let text = redact(text);
    match text.char_indices().nth(EXCERPT_CHARACTERS) {
        Some(_) => text.chars().take(EXCERPT_CHARACTERS).chain(['…']).collect(),
        None => text,
    }
}

/// Longer texts are cut here before they are scanned, so that a huge body costs no time.
const SCANNED_BYTES: usize = 4096;

/// Returns `text` on one line and redacted.
pub(crate) fn redact(text: &str) -> String {
    without_secrets(scanned_prefix(text))
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Returns the part of the text that is scanned. The cut is between two words, because half a secret does not look like one.
fn scanned_prefix(text: &str) -> &str {
    if text.len() <= SCANNED_BYTES {
        return text;
    }
    let end = text.floor_char_boundary(SCANNED_BYTES);
    let prefix = text
        .split_at_checked(end)
        .map_or(text, |(prefix, _)| prefix);
    let whole =
        prefix.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+/=_-.".contains(c));
    // The text is a single run, and is redacted as a whole.
    if whole.is_empty() { prefix } else { whole }
}

/// Replaces the value of every field with a secret's name, and every run that looks like a signature, a key or a token.
fn without_secrets(text: &str) -> Cow<'_, str> {
    match without_named_values(text) {
        Cow::Borrowed(text) => without_tokens(text),
        Cow::Owned(text) => Cow::Owned(without_tokens(&text).into_owned()),
    }
}

fn without_named_values(text: &str) -> Cow<'_, str> {
    let mut redacted = String::new();
    let mut rest = text;
    while let Some((before, after)) = split_at_named_value(rest) {
        redacted.push_str(before);
        redacted.push('…');
        rest = after;
    }
    if redacted.is_empty() {
        return Cow::Borrowed(text);
    }
    redacted.push_str(rest);
    Cow::Owned(redacted)
}

/// Returns the text before the first value of a field with a secret's name, and the text after that value.
fn split_at_named_value(text: &str) -> Option<(&str, &str)> {
    // In text order, because each call redacts the first value only.
    let mut starts: Vec<(usize, &str)> = SECRET_NAMES
        .iter()
        .flat_map(|name| text.match_indices(name))
        .collect();
    starts.sort_unstable();
    starts.into_iter().find_map(|(start, name)| {
        let (before, named) = text.split_at_checked(start)?;
        let is_whole = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let value = value_of(named.strip_prefix(name)?).filter(|_| is_whole)?;
        let (before, value) = text.split_at_checked(text.len() - value.len())?;
        let (quote, inner) = split(value, |c| c != '\\');
        let (before, after) = match inner.chars().next() {
            Some(mark @ ('"' | '\'')) => {
                let length = quote.len() + mark.len_utf8();
                let (before, inner) = text.split_at_checked(before.len() + length)?;
                (
                    before,
                    after_quoted(inner, value.split_at_checked(length)?.0),
                )
            }
            Some('{' | '[') => (before, after_nested(value)),
            _ => (
                before,
                split(value, |c| c.is_whitespace() || "&,;}])".contains(c)).1,
            ),
        };
        Some((before, after))
    })
}

/// Returns the text from the value of a field on: in JSON, JSON within JSON, a form or a dump of an array. `None` if the name
/// is just a word.
fn value_of(after_name: &str) -> Option<&str> {
    let (quotes, rest) = split(after_name, |c| !"\\\"'".contains(c));
    let rest = rest.trim_start();
    if let Some(value) = rest.strip_prefix('=') {
        return Some(value.strip_prefix('>').unwrap_or(value).trim_start());
    }
    let value = rest.strip_prefix(':')?.trim_start();
    let is_quoted = value.trim_start_matches('\\').starts_with(['"', '\'']);
    (is_quoted || !quotes.is_empty()).then_some(value)
}

/// Returns the text from the closing quote on. Quotes inside the value have more backslashes than that one.
fn after_quoted<'a>(inner: &'a str, quote: &str) -> &'a str {
    let end = inner.match_indices(quote).find_map(|(at, _)| {
        let (text, after) = inner.split_at_checked(at)?;
        (!text.ends_with('\\')).then_some(after)
    });
    end.unwrap_or_default()
}

/// Returns the text after an object or a list.
fn after_nested(value: &str) -> &str {
    let mut depth = 0_usize;
    let end = value.char_indices().find(|(_, c)| {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    let after = end.and_then(|(at, c)| value.split_at_checked(at + c.len_utf8()));
    after.map(|(_, after)| after).unwrap_or_default()
}

fn without_tokens(text: &str) -> Cow<'_, str> {
    if text.len() < SECRET_CHARACTERS {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = split(rest, |c| !is_token_character(c));
        let (between, next) = split(after, is_token_character);
        redacted.push_str(if looks_secret(run) { "…" } else { run });
        redacted.push_str(between);
        rest = next;
    }
    Cow::Owned(redacted)
}

/// Splits the text before the first character of a kind.
fn split(text: &str, kind: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(kind).unwrap_or(text.len()))
}

/// The characters of base64 and base64url, and the backslash that PHP writes before each slash in JSON.
fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=_-\\".contains(c)
}

/// Whether a run is long, and hexadecimal or a random mix of digits and letters. Names and paths rarely are.
fn looks_secret(run: &str) -> bool {
    if run.len() < SECRET_CHARACTERS {
        return false;
    }
    let is_hexadecimal = run
        .split(|c: char| !c.is_ascii_hexdigit())
        .any(|digits| digits.len() >= SECRET_CHARACTERS);
    let has = |kind: fn(&u8) -> bool| run.as_bytes().iter().any(kind);
    let is_mixed =
        has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    is_hexadecimal || is_mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_to_an_excerpt() {
        let head = redacted_excerpt(&"é".repeat(1000));
        assert_eq!(head.chars().count(), EXCERPT_CHARACTERS + 1);
    }

    #[test]
    fn a_huge_text_of_secrets_is_redacted_quickly() {
        let started = std::time::Instant::now();
        let text = "auth=4711 ".repeat(100_000);
        assert!(!redact(&text).contains("4711"));
        assert!(!redact(&"4711".repeat(100_000)).contains("4711"));
        assert!(started.elapsed() < std::time::Duration::from_secs(1));
    }

    #[test]
    fn signatures_keys_and_tokens_are_redacted() {
        let signature = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
        let key = "g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY=";
        for (text, redacted) in [
            ("", ""),
            ("short", "short"),
            (signature, "…"),
            (key, "…"),
            (&format!("but got key:{signature}."), "but got key:…."),
            (&format!("signature={signature}&é"), "…&é"),
            (
                &format!(r#"{{"shared_secret":"{key}"}}"#),
                r#"{"shared_secret":"…"}"#,
            ),
        ] {
            assert_eq!(without_secrets(text), redacted);
        }
    }

    #[test]
    fn a_key_with_escaped_slashes_is_redacted() {
        let key = r"g3Au6SZ\/UCU\/IMfFsFva0rq\/Gi4tzSHR6WCcWZbS9sY=";
        assert_eq!(without_secrets(&format!("no key: {key}!")), "no key: …!");
    }

    #[test]
    fn values_of_secret_fields_are_redacted() {
        for (text, redacted) in [
            (r#"{"auth":"k:s","n":1}"#, r#"{"auth":"…","n":1}"#),
            (
                r#"{"a":1,"shared_secret": "\/a\/"}"#,
                r#"{"a":1,"shared_secret": "…"}"#,
            ),
            (
                r#"{"user_data":"{\"id\":\"1\"}","auth":""}"#,
                r#"{"user_data":"…","auth":"…"}"#,
            ),
            (
                r#""{\"auth\":\"k:s\",\"n\":\"1\"}""#,
                r#""{\"auth\":\"…\",\"n\":\"1\"}""#,
            ),
            (
                r#"{"user_data":{"id":[1]},"n":1}"#,
                r#"{"user_data":…,"n":1}"#,
            ),
            (r#"{"auth":5}"#, r#"{"auth":…}"#),
            (r#"{"auth":"cut off"#, r#"{"auth":"…"#),
            ("auth=k%3As&n=1", "auth=…&n=1"),
            ("['auth' => 'k:s', 'n' => 1]", "['auth' => '…', 'n' => 1]"),
            ("auth: no such user", "auth: no such user"),
            ("unauthorized auth, author=1", "unauthorized auth, author=1"),
            ("auth", "auth"),
        ] {
            assert_eq!(without_secrets(text), redacted);
        }
    }
}
