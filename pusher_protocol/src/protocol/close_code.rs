//! Close and error codes: what a client does after each, and a description of it.

/// The client's reaction to a close code, or to a `pusher:error` before the connection is established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseAction {
    /// Gives up: the same dial cannot succeed.
    Fail,
    /// Reconnects after a growing delay.
    BackOff,
    /// Reconnects within one second, once per outage; then as [`BackOff`](Self::BackOff).
    Immediately,
}

impl CloseAction {
    /// Returns the action that the protocol defines: 4000 to 4099 and 4300 up are final, 4200 to 4299 request an immediate
    /// reconnect, all others back off. `None` is a connection that ended without a code.
    #[must_use]
    pub fn of(code: Option<u16>) -> Self {
        match code {
            // The protocol leaves open what to do after "any other type of error" (43xx); pusher-js gives up, so this does too.
            Some(4000..=4099 | 4300..) => Self::Fail,
            Some(4200..=4299) => Self::Immediately,
            _ => Self::BackOff,
        }
    }
}

/// Returns what a close or error code means and, where possible, what to do about it. `None` for unknown codes. The codes
/// below 4000 are those of RFC 6455, section 7.4.1; the others are those of the Pusher protocol.
#[must_use]
pub fn close_code_description(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "closed normally",
        1001 => "the server is going away",
        1002 => "a WebSocket protocol error",
        1003 => "the server does not take this kind of frame",
        1007 => "a frame was not valid UTF-8",
        1008 => "the server's policy forbids this",
        1009 => "a message was too big",
        1011 => "the server met an error",
        1012 => "the server is restarting",
        1013 => "the server asks to try again later",
        4000 => "the app accepts TLS connections only; switch TLS on",
        4001 => "the app does not exist; check the key and the cluster",
        4003 => "the app is disabled",
        4004 => "the app is over its connection quota",
        4005 => "the path was not found; check the path prefix",
        4006 => "the client's version string is invalid",
        4007 => "the protocol version is not supported",
        4008 => "no protocol version was supplied",
        4009 => {
            "the connection is not authorized: it was refused or terminated, or the app wants every connection to \
                 sign in or to join a private channel in time"
        }
        4100 => "the server is over capacity",
        4200 => "the server asks to reconnect",
        4201 => "the server did not get a pong in time",
        4202 => "the server closed an inactive connection",
        4301 => "a client event was rejected by the rate limit",
        4302 => "the watchlist is too long; only its first 100 ids count",
        4303 => "the server could not broadcast",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_action() {
        for code in 0..=u16::MAX {
            let expected = match code / 100 {
                40 => CloseAction::Fail,
                42 => CloseAction::Immediately,
                43.. => CloseAction::Fail,
                _ => CloseAction::BackOff,
            };
            assert_eq!(CloseAction::of(Some(code)), expected, "{code}");
        }
        assert_eq!(CloseAction::of(None), CloseAction::BackOff);
    }
}
