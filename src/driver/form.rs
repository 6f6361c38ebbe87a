//! The body of an authorization's request: a form, as a browser writes it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is: what JavaScript's `encodeURIComponent` leaves alone, and with it every Pusher client.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// `name=value&name=value`, in this order; a name may come twice.
pub(super) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.extend(utf8_percent_encode(name, ESCAPED));
        form.push('=');
        form.extend(utf8_percent_encode(value, ESCAPED));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_as_a_browser_does_it() {
        assert_eq!(encode([]), "");
        let fields = [
            ("socket_id", "1234.5678"),
            ("channel_name", "private-a@b;c=1,2"),
            ("x y", "Zoë & +\n"),
            ("kept", "AZaz09-_.!~*'()"),
            ("empty", ""),
            ("empty", "%"),
        ];
        assert_eq!(
            encode(fields),
            "socket_id=1234.5678&channel_name=private-a%40b%3Bc%3D1%2C2&x%20y=Zo%C3%AB%20%26%20%2B%0A\
             &kept=AZaz09-_.!~*'()&empty=&empty=%25"
        );
    }
}
