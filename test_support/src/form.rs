//! Percent-encoded pairs, as in a query or a form.

/// Decodes `a=1&b=x%20y+z` in order.
pub(crate) fn decode_pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// The value of the first pair with that name.
pub(crate) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.as_str())
}

/// The value of the first header with that name, in any case.
pub(crate) fn find_header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    bytes
                        .next()
                        .and_then(|digit| char::from(digit).to_digit(16))
                        .unwrap_or_else(|| panic!("a broken percent escape in {text:?}"))
                };
                u8::try_from(digit() * 16 + digit()).expect("two hexadecimal digits fit")
            }
            other => other,
        });
    }
    String::from_utf8(decoded).unwrap_or_else(|_| panic!("{text:?} does not decode to UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_plus_signs_are_decoded_in_names_and_values() {
        assert_eq!(
            decode_pairs("channel_name=private-a%40b%3Bc%3D1%2C2&x+y=%C3%A4&empty="),
            [
                ("channel_name".into(), "private-a@b;c=1,2".into()),
                ("x y".into(), "ä".into()),
                ("empty".into(), String::new()),
            ]
        );
    }
}
