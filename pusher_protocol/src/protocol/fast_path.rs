//! Reads a frame the way servers write nearly all of them: no spaces, keys of the protocol, each value a text. It passes over
//! the text once, where a general parser takes several passes; a frame that is different in any way is left to that one.

use std::borrow::Cow;

use crate::protocol::{EventData, Extras, ServerFrame};

/// The frame, if it is written this way.
pub(super) fn parse(text: &str) -> Option<ServerFrame<'_>> {
    // Neither texts nor anything between them may hold one, but for spaces, which servers do not write.
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

/// A quoted text without escapes, and what follows it.
fn plain_text(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let (plain, rest) = text.split_at(find_special(text.as_bytes())?);
    Some((plain, rest.strip_prefix('"')?))
}

/// A quoted text, its escapes resolved, and what follows it.
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
            // A character by its number may be half of one.
            _ => return None,
        });
        rest = after.get(2..)?;
    }
}

/// Where the first quote or backslash is. Eight bytes are looked at together: in a payload all quotes are escaped, so the
/// next one is near, and a search that is made for long texts takes as long to begin as this one to end.
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

/// Sets the highest bit of the first byte that is equal, and perhaps of later ones.
const fn bytes_equal(word: u64, byte: u8) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);

    let zero_where_equal = word ^ (EACH * byte as u64);
    zero_where_equal.wrapping_sub(EACH) & !zero_where_equal & (EACH << 7)
}
