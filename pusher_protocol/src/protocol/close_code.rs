/// What a client does after a close code, or after a `pusher:error` before the connection is established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseAction {
    /// Dialling again unchanged cannot succeed.
    Fail,
    /// Dial again after a growing delay.
    BackOff,
    /// Dial again at once.
    Immediately,
}

impl CloseAction {
    /// The rule of the protocol: 4000 to 4099 and 4300 up are final, 4200 to 4299 ask for an immediate reconnect, all
    /// else backs off. `None` stands for a connection that ended without a code.
    #[must_use]
    pub fn of(code: Option<u16>) -> Self {
        match code {
            Some(4000..=4099 | 4300..) => Self::Fail,
            Some(4200..=4299) => Self::Immediately,
            _ => Self::BackOff,
        }
    }
}

/// What a code means, in words for the person who reads the error, with what to do about it.
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
