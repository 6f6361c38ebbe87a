//! Formats text for display: drawable characters, length limits, numbers and lists.

use std::time::Duration;

/// Converts `text` to the characters of Bevy's embedded font (printable ASCII).
///
/// Accented Latin letters lose their accent, common punctuation becomes its ASCII form, white space becomes a space, control
/// characters are removed, and anything else becomes `?`, since the font would draw an empty box.
#[must_use]
pub fn drawable(text: &str) -> String {
    let mut drawn = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' '..='~' => drawn.push(character),
            _ if character.is_whitespace() => drawn.push(' '),
            _ if character.is_control() => {}
            _ => drawn.push_str(plain(character)),
        }
    }
    drawn
}

fn plain(character: char) -> &'static str {
    match character {
        'À'..='Å' | 'Ā' | 'Ă' | 'Ą' => "A",
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'Æ' => "AE",
        'æ' => "ae",
        'Ç' | 'Ć' | 'Č' => "C",
        'ç' | 'ć' | 'č' => "c",
        'Ď' | 'Đ' | 'Ð' => "D",
        'ď' | 'đ' | 'ð' => "d",
        'È'..='Ë' | 'Ē' | 'Ę' | 'Ě' => "E",
        'è'..='ë' | 'ē' | 'ę' | 'ě' => "e",
        'Ğ' => "G",
        'ğ' => "g",
        'Ì'..='Ï' | 'Ī' | 'İ' => "I",
        'ì'..='ï' | 'ī' | 'ı' => "i",
        'Ł' => "L",
        'ł' => "l",
        'Ñ' | 'Ń' | 'Ň' => "N",
        'ñ' | 'ń' | 'ň' => "n",
        'Ò'..='Ö' | 'Ø' | 'Ō' | 'Ő' => "O",
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => "o",
        'Œ' => "OE",
        'œ' => "oe",
        'Ř' => "R",
        'ř' => "r",
        'Ś' | 'Š' | 'Ş' => "S",
        'ś' | 'š' | 'ş' => "s",
        'ß' => "ss",
        'Ť' => "T",
        'ť' => "t",
        'Þ' => "Th",
        'þ' => "th",
        'Ù'..='Ü' | 'Ū' | 'Ů' | 'Ű' => "U",
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => "u",
        'Ý' => "Y",
        'ý' | 'ÿ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        '‘' | '’' => "'",
        '“' | '”' | '„' | '«' | '»' => "\"",
        '‐'..='―' | '−' => "-",
        '…' => "...",
        '·' | '•' => "*",
        _ => "?",
    }
}

/// Replaces control characters by spaces, so that text from the network cannot move the terminal's cursor.
#[must_use]
pub fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Takes `width` from the `left` columns. Returns whether it fitted; if not, nothing is left.
pub(crate) fn take_width(left: &mut usize, width: usize) -> bool {
    let rest = left.checked_sub(width);
    *left = rest.unwrap_or(0);
    rest.is_some()
}

/// Shortens `text` to at most `limit` characters, ending with an ellipsis if something was cut off.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    const ELLIPSIS: &str = "...";
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let Some(kept) = limit.checked_sub(ELLIPSIS.len()) else {
        return text.chars().take(limit).collect();
    };
    let kept: String = text.chars().take(kept).collect();
    format!("{}{ELLIPSIS}", kept.trim_end())
}

/// Returns one or two letters for a player's avatar: the first letters of the first and the last word, or the first two letters
/// of a single word.
#[must_use]
pub fn initials(name: &str) -> String {
    let name = drawable(name);
    let mut words = name.split_whitespace();
    let letters: String = match (words.next(), words.next_back()) {
        (Some(first), Some(last)) => first.chars().take(1).chain(last.chars().take(1)).collect(),
        (Some(only), None) => only.chars().take(2).collect(),
        _ => "?".to_owned(),
    };
    letters.to_uppercase()
}

/// Formats the time since the scene started as minutes and seconds: `0:07` or `12:34`.
#[must_use]
pub fn clock(since_start: Duration) -> String {
    let seconds = since_start.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Rounds a remaining time up to whole seconds, so that it reaches 0 only when the time is over.
#[must_use]
pub fn seconds_left(left: Duration) -> u64 {
    left.as_millis().div_ceil(1000) as u64
}

/// Formats a round trip as `0.4 ms` or `23 ms`.
#[must_use]
pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 9.95 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}

/// Formats a count with its noun: `1 player`, `2 players`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Joins names: `Mira`, `Mira and Jonas`, `Mira, Jonas and Cleo`.
#[must_use]
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// Turns a text into a sentence: it starts with a capital letter and ends with a full stop.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut characters = text.trim().chars();
    let mut sentence: String = characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    sentence.push_str(characters.as_str());
    if !sentence.ends_with(['.', '!', '?']) && !sentence.is_empty() {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_characters_are_replaced() {
        assert_eq!(drawable("Zoë O’Neill…"), "Zoe O'Neill...");
        assert_eq!(drawable("Łukasz\tß\u{7}"), "Lukasz ss");
        assert_eq!(drawable("漢 🎮"), "? ?");
    }

    #[test]
    fn shortened_text_fits_the_limit_and_ends_in_dots() {
        assert_eq!(shortened("Mira", 4), "Mira");
        assert_eq!(shortened("Miranda", 6), "Mir...");
        assert_eq!(shortened("Mira Anders", 8), "Mira...");
        assert_eq!(shortened("Mira", 2), "Mi");
        assert_eq!(shortened("", 0), "");
    }

    #[test]
    fn initials_come_from_the_first_and_the_last_word() {
        assert_eq!(initials("Mira"), "MI");
        assert_eq!(initials("mira van anders"), "MA");
        assert_eq!(initials("  "), "?");
        assert_eq!(initials("Ö"), "O");
    }

    #[test]
    fn names_are_joined_with_commas_and_and() {
        let names = ["Mira", "Jonas", "Cleo"].map(str::to_owned);
        assert_eq!(listed(&names), "Mira, Jonas and Cleo");
        assert_eq!(listed(&names[..2]), "Mira and Jonas");
        assert_eq!(listed(&names[..1]), "Mira");
        assert_eq!(listed(&[]), "");
    }

    #[test]
    fn a_reason_becomes_a_sentence() {
        assert_eq!(sentence(" the key is wrong"), "The key is wrong.");
        assert_eq!(sentence("Why?"), "Why?");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn times_and_counts_are_formatted() {
        assert_eq!(clock(Duration::from_millis(67_900)), "1:07");
        assert_eq!(seconds_left(Duration::from_millis(3001)), 4);
        assert_eq!(seconds_left(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_micros(412)), "0.4 ms");
        assert_eq!(milliseconds(Duration::from_micros(22_600)), "23 ms");
        assert_eq!(counted(1, "player"), "1 player");
        assert_eq!(counted(0, "player"), "0 players");
    }
}
