//! The errors of signing.

use crate::protocol::ChannelNameError;

/// Why [`AppCredentials`](super::AppCredentials) refuse to sign a text.
///
/// A text with two meanings is never signed. If any text were allowed as a socket id, a client could request the authorization of a
/// channel and get a signature that is valid for the sign-in of another user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The socket id is not two decimal numbers with a dot between them.
    #[error(
        "invalid socket id {0:?}: expected two numbers with a dot between them, such as 1234.5678"
    )]
    InvalidSocketId(String),
    /// The channel name is invalid on every server.
    #[error("invalid channel name: {0}")]
    InvalidChannelName(#[from] ChannelNameError),
    /// The channel name contains a colon, which separates the parts of the signed text.
    #[error("invalid channel name {0:?}: a name with a colon cannot be signed")]
    ColonInChannelName(String),
    /// The channel is neither private nor a presence channel, so it needs no authorization.
    #[error("the channel {0:?} is public: clients subscribe to it without an authorization")]
    PublicChannel(String),
    /// The user data is not a JSON object with a non-empty string `id`.
    #[error("invalid user data: expected a JSON object with a non-empty string \"id\"")]
    InvalidUserData,
    /// The path of a request does not start with a slash, or contains a query, a fragment, white space or a control character.
    #[error(
        "invalid path {0:?}: expected a percent-encoded path without a query, such as /apps/1/events"
    )]
    InvalidPath(String),
    /// [`sign_request`](super::AppCredentials::sign_request) adds this parameter itself.
    #[error("the query parameter {0:?} is added by the signature: leave it out")]
    ReservedParameter(String),
}
