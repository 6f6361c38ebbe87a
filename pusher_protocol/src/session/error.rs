//! Errors reported to user code.

use std::time::Duration;

use crate::{
    config::EndpointError,
    protocol::{AuthError, ChannelKind, ChannelName, FrameError, close_code_description},
};

/// An error reported to user code. No message or field contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PusherError {
    /// The connection was lost or never established.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The server sent a `pusher:error` and kept the connection open.
    #[error("the server reported an error{}: {message}", code_suffix(*.code))]
    Server {
        /// The error code, if the server sent one.
        code: Option<u16>,
        /// The server's message.
        message: String,
        /// The channel it is about, if the server names one.
        channel: Option<ChannelName>,
    },
    /// The authorization of a channel failed for a transient reason. It is retried as
    /// [`RetryPolicy`](crate::config::RetryPolicy) defines, and the channel stays in
    /// [`Subscribing`](crate::session::SubscriptionStatus::Subscribing).
    #[error("failed to authorize {channel}, retrying: {error}")]
    Authorization {
        /// The channel.
        channel: ChannelName,
        /// The cause.
        error: AuthError,
    },
    /// The authentication of the user failed for a transient reason. It is retried as
    /// [`RetryPolicy`](crate::config::RetryPolicy) defines.
    #[error("failed to authenticate the user, retrying: {error}")]
    Authentication {
        /// The cause.
        error: AuthError,
    },
    /// The [`ReconnectHook`](crate::session::ReconnectHook) panicked; the policy decided instead.
    #[error("the reconnect hook panicked; the reconnect policy was used instead")]
    ReconnectHookPanicked,
    /// A WebSocket message that is not a message of the Pusher protocol was ignored.
    #[error("ignored a WebSocket message: {0}")]
    Frame(#[from] FrameError),
    /// An event of an encrypted channel could not be decrypted and was dropped.
    #[error("failed to decrypt {event} on {channel}, event dropped: {reason}")]
    Undecryptable {
        /// The channel.
        channel: ChannelName,
        /// The event's name.
        event: String,
        /// Why decryption failed.
        reason: String,
    },
    /// A message of the protocol without its required fields was ignored.
    #[error("ignored a {event} message without its required fields")]
    Incomplete {
        /// The message's event name.
        event: String,
    },
}

/// Why a connection was lost or never established.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The configured endpoint cannot be dialled.
    #[error(transparent)]
    InvalidEndpoint(#[from] EndpointError),
    /// A configured handshake header has an invalid name or value, or is reserved for the WebSocket handshake.
    #[error("invalid handshake header {name:?}: {reason}")]
    InvalidHeader {
        /// The header's name.
        name: String,
        /// What is wrong with it; never contains its value.
        reason: String,
    },
    /// The configuration needs something that this build or platform does not have.
    #[error("{0}")]
    Unsupported(String),
    /// The host's name could not be resolved.
    #[error("failed to resolve {host}: {reason}")]
    LookUp {
        /// The host.
        host: String,
        /// The system's error.
        reason: String,
    },
    /// No TCP connection to any of the host's addresses.
    #[error("failed to connect to {host}:{port}: {reason}")]
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The system's error for the last address tried.
        reason: String,
    },
    /// The HTTP proxy did not open a tunnel to the server.
    #[error("the proxy {host}:{port} did not open a tunnel{}: {reason}", status_suffix(*.status))]
    Proxy {
        /// The proxy's host.
        host: String,
        /// The proxy's port.
        port: u16,
        /// The HTTP status, if the proxy sent one. 407 requires other credentials.
        status: Option<u16>,
        /// What went wrong.
        reason: String,
    },
    /// A custom transport failed to connect.
    #[error("the custom transport failed to connect: {reason}")]
    Transport {
        /// The transport's error.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("the TLS handshake with {host} failed: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// The TLS library's error.
        reason: String,
    },
    /// The server did not upgrade to a WebSocket.
    #[error("the server did not upgrade to a WebSocket{}: {reason}", status_suffix(*.status))]
    Upgrade {
        /// The HTTP status, if the server sent one.
        status: Option<u16>,
        /// What went wrong.
        reason: String,
    },
    /// The attempt took longer than [`Timing::dial_timeout`](crate::config::Timing::dial_timeout).
    #[error("connecting timed out after {after:?}, still waiting for {phase}")]
    TimedOut {
        /// The phase that was not finished.
        phase: DialPhase,
        /// The timeout.
        after: Duration,
    },
    /// The server closed the connection.
    #[error("the server closed the connection{}{}", code_suffix(*.code), reason_suffix(reason))]
    Closed {
        /// The WebSocket close code, if the server sent one.
        code: Option<u16>,
        /// The server's reason, often empty.
        reason: String,
    },
    /// The server refused the connection with a `pusher:error` before it was established.
    #[error("the server refused the connection{}{}", code_suffix(*.code), reason_suffix(message))]
    Refused {
        /// The error code, if the server sent one.
        code: Option<u16>,
        /// The server's message.
        message: String,
    },
    /// The connection broke, or failed for a reason that no other variant names.
    #[error("the connection was lost: {reason}")]
    Lost {
        /// What went wrong.
        reason: String,
    },
    /// The connection ended before the server's first message, without a code. Sockudo closes it like this for an unknown app
    /// key.
    #[error(
        "the connection ended before pusher:connection_established; check the app key: {reason}"
    )]
    NotEstablished {
        /// What went wrong.
        reason: String,
    },
    /// No message arrived in time after a ping.
    #[error("ping timed out: no message from the server within {after:?}")]
    PongTimedOut {
        /// The timeout.
        after: Duration,
    },
    /// The endpoint does not speak the Pusher protocol.
    #[error("the endpoint does not speak the Pusher protocol: {reason}")]
    NotPusher {
        /// What arrived instead of `pusher:connection_established`.
        reason: String,
    },
    /// The server sent a message larger than [`Limits::inbound_message_bytes`](crate::config::Limits::inbound_message_bytes),
    /// or violated the WebSocket protocol.
    #[error("the server sent an unreadable message: {reason}")]
    Unreadable {
        /// What went wrong.
        reason: String,
    },
    /// User code requested more than five reconnects within five seconds: by `connect` after `disconnect`, by a change of the
    /// endpoint or the key, or by signing out. The next dial is delayed.
    #[error("more than 5 reconnects were requested within 5 s; the next attempt is delayed")]
    RestartedTooOften,
    /// The [`ReconnectPolicy::max_attempts`](crate::config::ReconnectPolicy::max_attempts) attempts are used up, or the
    /// reconnect hook gave up.
    #[error("gave up after {attempts} attempts: {last}")]
    GaveUp {
        /// The number of attempts since the last healthy connection; 0 if the hook gave up when that connection was lost.
        attempts: u32,
        /// The last failure.
        last: Box<ConnectionError>,
    },
}

impl ConnectionError {
    /// Returns the WebSocket close code or the code of the `pusher:error`, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Closed { code, .. } | Self::Refused { code, .. } => *code,
            Self::GaveUp { last, .. } => last.code(),
            _ => None,
        }
    }
}

impl PusherError {
    /// Returns the close code or error code, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Connection(error) => error.code(),
            Self::Server { code, .. } => *code,
            _ => None,
        }
    }
}

/// A phase of dialling, for the error of a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialPhase {
    /// Any phase before the first message, if the phase is unknown: browsers and custom transports do not report it.
    #[error("the connection")]
    Open,
    /// Resolving the host's name.
    #[error("the DNS lookup")]
    LookUp,
    /// Connecting to an address.
    #[error("the TCP connection")]
    Tcp,
    /// Requesting a tunnel from the HTTP proxy.
    #[error("the proxy tunnel")]
    Proxy,
    /// The TLS handshake.
    #[error("the TLS handshake")]
    Tls,
    /// The WebSocket upgrade.
    #[error("the WebSocket upgrade")]
    Upgrade,
    /// Waiting for the first message of the Pusher protocol.
    #[error("pusher:connection_established")]
    Establishment,
}

/// Why a channel is not subscribed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The channel name is invalid.
    #[error(transparent)]
    InvalidName(#[from] crate::protocol::ChannelNameError),
    /// The game's backend did not authorize the channel.
    #[error(transparent)]
    Authorization(#[from] AuthError),
    /// The server refused the subscription.
    #[error("the server refused the subscription{}: {message}", status_suffix(*.status))]
    Refused {
        /// The HTTP status or error code, if there is one.
        status: Option<u16>,
        /// The server's message.
        message: String,
    },
    /// The server did not reply within [`Timing::subscribe_timeout`](crate::config::Timing::subscribe_timeout). Some servers
    /// refuse without naming the channel. If the server confirms late, the channel becomes subscribed.
    #[error("the subscription timed out (some servers refuse without naming the channel)")]
    TimedOut,
    /// The authorization of a presence channel has no `channel_data`, and no user is signed in. Retried after the next
    /// sign-in.
    #[error(
        "the authorization has no channel_data and no user is signed in; add channel_data, or sign in"
    )]
    NoIdentity,
    /// The channel is encrypted, and this build does not support that.
    #[error("this build does not support encrypted channels; enable the feature \"encrypted\"")]
    EncryptionDisabled,
    /// User code signed out, which suspends the channels that need an authorization.
    #[error("the user signed out; sign in to subscribe again")]
    SignedOut,
}

impl SubscriptionError {
    /// Returns the HTTP status of a refused authorization, or the server's status.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Authorization(error) => error.status(),
            Self::Refused { status, .. } => *status,
            _ => None,
        }
    }
}

/// Why a sign-in failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The game's backend did not authenticate the user.
    #[error(transparent)]
    Authentication(#[from] AuthError),
    /// The server refused the sign-in.
    #[error("the server refused the sign-in{}: {message}", code_suffix(*.code))]
    Refused {
        /// The error code, if the server sent one.
        code: Option<u16>,
        /// The server's message.
        message: String,
    },
    /// The server did not reply in time. Not every server supports sign-in.
    #[error("the sign-in timed out (not every server supports sign-in)")]
    TimedOut,
    /// The server's reply contains no user id.
    #[error("the server's sign-in reply contains no user id")]
    NoUser,
}

/// Why a client event was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The event's name does not start with `client-`.
    #[error("client event names must start with \"client-\", unlike {event:?}")]
    NotAClientEvent {
        /// The event's name.
        event: String,
    },
    /// The channel name is invalid.
    #[error(transparent)]
    InvalidChannel(#[from] crate::protocol::ChannelNameError),
    /// The channel's kind does not support client events.
    #[error("client events need a private or presence channel, not {kind:?}")]
    WrongKind {
        /// The channel's kind.
        kind: ChannelKind,
    },
    /// The data is larger than [`Limits::client_event_bytes`](crate::config::Limits::client_event_bytes).
    #[error("the data of the client event has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// The size of the data as JSON, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The data cannot be serialized as JSON.
    #[error("failed to serialize the data as JSON: {reason}")]
    NotSerializable {
        /// The serializer's error.
        reason: String,
    },
    /// There is no connection.
    #[error("cannot send a client event without a connection")]
    NotConnected,
    /// The channel is not subscribed.
    #[error("cannot send a client event on a channel that is not subscribed")]
    NotSubscribed,
    /// The rate limit [`Limits::client_events_per_second`](crate::config::Limits::client_events_per_second) was reached.
    #[error("more than {limit} client events per second; other send modes wait instead")]
    RateLimited {
        /// The limit, in events per second.
        limit: u32,
    },
    /// The send buffer is full, because the server does not read.
    #[error("the send buffer is full, because the server does not read")]
    Backlogged,
    /// The queue of client events is full: see [`Limits::queued_client_events`](crate::config::Limits::queued_client_events).
    #[error("the queue is full: {limit} client events are waiting")]
    QueueFull {
        /// The limit.
        limit: usize,
    },
    /// The event waited longer than [`Timing::queue_timeout`](crate::config::Timing::queue_timeout).
    #[error("the client event waited in the queue for {after:?} and was not sent")]
    TimedOut {
        /// The timeout.
        after: Duration,
    },
    /// The channel was unsubscribed while the event waited.
    #[error("the channel was unsubscribed before the event was sent")]
    Unsubscribed,
    /// User code signed out, which suspends the channels that need an authorization.
    #[error("the user signed out, so the channel is not subscribed")]
    SignedOut,
}

fn code_suffix(code: Option<u16>) -> String {
    match code {
        Some(code) => match close_code_description(code) {
            Some(meaning) => format!(" with code {code} ({meaning})"),
            None => format!(" with code {code}"),
        },
        None => String::new(),
    }
}

fn status_suffix(status: Option<u16>) -> String {
    status
        .map(|status| format!(" ({status})"))
        .unwrap_or_default()
}

fn reason_suffix(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    }
}
