//! Parses a frame in the form that nearly all servers use: no whitespace, only keys of the protocol, string values. One pass
//! over the text replaces several of serde_json. Any other frame is left to `envelope`, and a test in `frame` checks that both
//! agree.

use std::borrow::Cow;

use crate::protocol::{EventData, Extras, ServerFrame};

/// Parses the frame, or returns `None` if it has another form.
pub(super) fn parse(text: &str) -> Option<ServerFrame<'_>> {
    // JSON allows no control characters in strings, and servers write none between them. This loop vectorizes; a search with
    // an early return does not.
    if text.bytes().fold(u8::MAX, u8::min) < b' ' {
        return None;
    }
    let [mut event, mut channel, mut data, mut user_id] = [const { None }; 4];
    let mut rest = text.strip_prefix('{')?;
    loop {
        let (key, value) = plain_text(rest)?;
        let place = match key {
            "event" => &mut event,
            "channel" => &mut channel,
            "data" => &mut data,
            "user_id" => &mut user_id,
            _ => return None,
        };
        // Duplicate keys are an error, which serde_json reports.
        if place.is_some() {
            return None;
        }
        let value = value.strip_prefix(':')?;
        let (value, after) = any_text(value)?;
        *place = Some(value);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after == "}" => break,
            None => return None,
        }
    }
    Some(ServerFrame {
        event: event?,
        channel,
        data: data.map_or(EventData::Absent, EventData::Text),
        user_id: user_id.filter(|id| !id.is_empty()),
        extras: Extras::default(),
    })
}

/// Splits off a quoted string without escapes. Returns it and the rest.
fn plain_text(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let (plain, rest) = text.split_at(find_special(text.as_bytes())?);
    Some((plain, rest.strip_prefix('"')?))
}

/// Splits off a quoted string and resolves its escapes. Returns it and the rest.
fn any_text(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    if let Some((plain, rest)) = plain_text(quoted) {
        return Some((Cow::Borrowed(plain), rest));
    }
    let mut rest = quoted.strip_prefix('"')?;
    let mut text = String::with_capacity(rest.len());
    loop {
        let (plain, after) = rest.split_at(find_special(rest.as_bytes())?);
        text.push_str(plain);
        if let Some(after) = after.strip_prefix('"') {
            return Some((Cow::Owned(text), after));
        }
        text.push(match after.as_bytes().get(1)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            // `\u` may be half of a surrogate pair: left to serde_json.
            _ => return None,
        });
        rest = after.get(2..)?;
    }
}

/// Returns the position of the first quote or backslash. It compares eight bytes at a time. In a payload every quote is
/// escaped, so the next hit is near, and `memchr` would spend more on its setup than this takes in total.
fn find_special(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let hits = bytes_equal(word, b'"') | bytes_equal(word, b'\\');
        if hits != 0 {
            return Some(number * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(words.len() * 8 + at)
}

/// Sets the highest bit of the first byte that is equal, and possibly of later ones.
const fn bytes_equal(word: u64, byte: u8) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);

    let zero_where_equal = word ^ (EACH * byte as u64);
    zero_where_equal.wrapping_sub(EACH) & !zero_where_equal & (EACH << 7)
}
