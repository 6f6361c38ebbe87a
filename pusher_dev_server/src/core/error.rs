//! The errors of publishing and of the auth endpoints.

/// Why an event was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The channel name is invalid.
    #[error(
        "`{0}` is not a valid channel name: it must have 1 to 164 characters of A-Z a-z 0-9 _ - = @ , . ; (the channel of a user is `#server-to-user-ID`)"
    )]
    InvalidChannel(String),
    /// The event name is empty, too long or reserved for the protocol.
    #[error(
        "`{0}` is not a valid event name: it must have 1 to 200 bytes and must not start with `pusher:` or `pusher_internal:`"
    )]
    InvalidEventName(String),
    /// The user id is empty or too long.
    #[error("`{0}` is not a valid user id: it must have 1 to 128 bytes")]
    InvalidUserId(String),
    /// The data is too large.
    #[error("the data has {bytes} bytes, the limit is {limit} (`CoreLimits::event_bytes`)")]
    DataTooLarge {
        /// The size of the data.
        bytes: usize,
        /// The largest allowed size.
        limit: usize,
    },
    /// The data could not be serialized as JSON.
    #[error("the data cannot be serialized as JSON: {0}")]
    Serialization(String),
    /// The data could not be encrypted.
    #[error("the data cannot be encrypted")]
    Encryption,
}

/// Why an auth endpoint refuses to sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The socket id does not have the form `digits.digits`.
    #[error("`{0}` is not a socket id: expected the form 1234.5678")]
    InvalidSocketId(String),
    /// The channel is not a private or presence channel.
    #[error("`{0}` is not a private or presence channel, only these need an authorization")]
    InvalidChannel(String),
    /// The identity is invalid.
    #[error("{0}")]
    InvalidIdentity(String),
}
