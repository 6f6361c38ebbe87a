//! Why an event was not published or an authorization not given.

/// Why an event was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// No channel can have this name.
    #[error(
        "`{0}` is no channel name: at most 164 of A-Z a-z 0-9 _ - = @ , . ; are allowed (a user's channel is `#server-to-user-ID`)"
    )]
    InvalidChannel(String),
    /// No published event can have this name.
    #[error(
        "`{0}` is no name for a published event: 1 to 200 bytes, not starting with `pusher:` or `pusher_internal:`"
    )]
    InvalidEventName(String),
    /// A user id is empty or too long.
    #[error("`{0}` is no user id: 1 to 128 bytes are allowed")]
    InvalidUserId(String),
    /// The data is too large.
    #[error("the data has {bytes} bytes, {limit} are allowed (`CoreLimits::event_bytes`)")]
    DataTooLarge {
        /// What it has.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The data could not be written as JSON.
    #[error("the data cannot be written as JSON: {0}")]
    Serialization(String),
    /// The data could not be encrypted.
    #[error("the data cannot be encrypted")]
    Encryption,
}

/// Why an auth endpoint gives no signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// Not `digits.digits`.
    #[error("`{0}` is no socket id: it looks like 1234.5678")]
    InvalidSocketId(String),
    /// Not a channel that is authorized.
    #[error("`{0}` is not a private or presence channel, so there is nothing to authorize")]
    InvalidChannel(String),
    /// The identity cannot be used.
    #[error("{0}")]
    InvalidIdentity(String),
}
