//! Foreign texts in errors: short, on one line, and without what looks like a secret. Backends and servers repeat in their
//! errors what they were sent.

use std::borrow::Cow;

/// How much of an unexpected answer an error shows, in characters.
pub(super) const SHOWN_CHARACTERS: usize = 200;

/// From this length on, a run of characters may be a secret: a signature has 64 hexadecimal digits, a key 44 of base64.
const SECRET_CHARACTERS: usize = 32;

/// The first characters of `text`, on one line, without secrets.
pub(crate) fn head(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return "an empty body".into();
    }
    // Before it is cut: half a signature does not look like one.
    let text = foreign_words(text);
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some(_) => text.chars().take(SHOWN_CHARACTERS).chain(['…']).collect(),
        None => text,
    }
}

/// All of `text`, on one line, without secrets.
pub(crate) fn foreign_words(text: &str) -> String {
    without_secrets(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// `text` with each run that looks like a signature, a key or a token replaced.
fn without_secrets(text: &str) -> Cow<'_, str> {
    if text.len() < SECRET_CHARACTERS {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = split(rest, |c| !is_of_token(c));
        let (between, next) = split(after, is_of_token);
        shown.push_str(if looks_secret(run) { "…" } else { run });
        shown.push_str(between);
        rest = next;
    }
    Cow::Owned(shown)
}

/// The text up to the first character of a kind, and from it on.
fn split(text: &str, kind: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(kind).unwrap_or(text.len()))
}

/// The characters of base64 and its relative in URLs.
fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=_-".contains(c)
}

/// Whether a run is long, and hexadecimal or mixed like chance. Names and paths seldom are.
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
    fn a_long_text_is_shown_by_its_first_characters() {
        let head = head(&"é".repeat(1000));
        assert_eq!(head.chars().count(), SHOWN_CHARACTERS + 1);
    }

    #[test]
    fn signatures_keys_and_tokens_are_taken_out_and_the_rest_stays() {
        let signature = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
        let key = "g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY=";
        for (text, shown) in [
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
            assert_eq!(without_secrets(text), shown);
        }
    }
}
