//! The game's own headers, of a handshake or of a request.

use tungstenite::http::{HeaderMap, HeaderName, HeaderValue};

/// A header that cannot be sent. Its value is not told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusedHeader {
    pub(super) name: String,
    pub(super) reason: &'static str,
}

/// Sets the game's headers; the later replaces the earlier.
pub(super) fn set<'a>(
    headers: &mut HeaderMap,
    own: impl IntoIterator<Item = &'a (String, String)>,
    is_reserved: fn(&HeaderName) -> bool,
) -> Result<(), RefusedHeader> {
    for (name, value) in own {
        let refused = |reason| RefusedHeader {
            name: name.clone(),
            reason,
        };
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refused("that is no name for a header"))?;
        if is_reserved(&name) {
            return Err(refused("it is not the game's to set"));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| refused("its value holds what a header cannot"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(())
}
