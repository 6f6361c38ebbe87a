use std::time::Duration;

use crate::{
    config::EndpointError,
    protocol::{AuthError, ChannelKind, ChannelName, FrameError, close_code_description},
};

/// What went wrong, as it is reported to the game. Nothing here holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PusherError {
    /// The connection was lost or not had.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The server sent a `pusher:error` and left the connection up.
    #[error("the server reports an error{}: {message}", code_suffix(*.code))]
    Server {
        /// The code, where it has one.
        code: Option<u16>,
        /// The server's own words.
        message: String,
        /// The channel it is about, where the server says so.
        channel: Option<ChannelName>,
    },
    /// The game's backend did not authorize a channel for a passing reason. It is asked again, as
    /// [`RetryPolicy`](crate::config::RetryPolicy) says, and the channel is still subscribing.
    #[error("{channel} was not authorized and will be asked for again: {error}")]
    Authorization {
        /// The channel.
        channel: ChannelName,
        /// Why.
        error: AuthError,
    },
    /// The game's backend did not vouch for the user who signs in, for a passing reason. It is asked again likewise.
    #[error("the user was not authenticated and will be asked for again: {error}")]
    Authentication {
        /// Why.
        error: AuthError,
    },
    /// The game's [`ReconnectHook`](crate::session::ReconnectHook) panicked; the policy decided.
    #[error("the reconnect hook panicked, so the policy decided")]
    ReconnectHookPanicked,
    /// A frame that is no message of the protocol was ignored.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// An event of an encrypted channel could not be decrypted; it is lost.
    #[error("{event} on {channel} could not be decrypted: {reason}")]
    Undecryptable {
        /// The channel.
        channel: ChannelName,
        /// The event's name.
        event: String,
        /// What does not fit.
        reason: String,
    },
    /// A frame of the protocol lacks what it must have, and was ignored.
    #[error("{event} came without what it must hold")]
    Incomplete {
        /// The frame's event.
        event: String,
    },
}

/// Why a connection was lost or not had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The configured endpoint cannot be dialled.
    #[error(transparent)]
    InvalidEndpoint(#[from] EndpointError),
    /// A header that the game gives for the handshake cannot be sent, or is not the game's to set.
    #[error("the handshake header {name:?} cannot be sent: {reason}")]
    InvalidHeader {
        /// The header's name.
        name: String,
        /// What is wrong with it. Never its value.
        reason: String,
    },
    /// The configuration asks for what this build or platform does not have.
    #[error("{0}")]
    Unsupported(String),
    /// The host's address could not be found.
    #[error("the address of {host} was not found: {reason}")]
    LookUp {
        /// The host.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// No TCP connection to any of the host's addresses.
    #[error("{host}:{port} was not reached: {reason}")]
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system said of the last address tried.
        reason: String,
    },
    /// The HTTP proxy made no tunnel to the server.
    #[error("the proxy {host}:{port} made no tunnel{}: {reason}", status_suffix(*.status))]
    Proxy {
        /// The proxy's host.
        host: String,
        /// The proxy's port.
        port: u16,
        /// The HTTP status, if it answered in HTTP. 407 asks for other credentials.
        status: Option<u16>,
        /// What was wrong.
        reason: String,
    },
    /// The game's own transport could not connect.
    #[error("the transport did not connect: {reason}")]
    Transport {
        /// What it said.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("TLS with {host} failed: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// What the TLS library said.
        reason: String,
    },
    /// The server did not upgrade to a WebSocket.
    #[error("the server did not upgrade to a WebSocket{}: {reason}", status_suffix(*.status))]
    Upgrade {
        /// The HTTP status, if it was HTTP.
        status: Option<u16>,
        /// What was wrong.
        reason: String,
    },
    /// The attempt took longer than [`Timing::dial_timeout`](crate::config::Timing::dial_timeout).
    #[error("no connection within {after:?}: still waiting for {phase}")]
    TimedOut {
        /// What was being waited for.
        phase: DialPhase,
        /// The time allowed.
        after: Duration,
    },
    /// The server closed the connection.
    #[error("the server closed the connection{}{}", code_suffix(*.code), reason_suffix(reason))]
    Closed {
        /// The WebSocket close code, if there was one.
        code: Option<u16>,
        /// The server's own words, often empty.
        reason: String,
    },
    /// The server refused the connection with a `pusher:error` before it was established.
    #[error("the server refused the connection{}{}", code_suffix(*.code), reason_suffix(message))]
    Refused {
        /// The code, where it has one.
        code: Option<u16>,
        /// The server's own words.
        message: String,
    },
    /// The connection broke.
    #[error("the connection was lost: {reason}")]
    Lost {
        /// What the system said.
        reason: String,
    },
    /// The server ended the connection before its first message, without a code. Sockudo does so for an unknown key.
    #[error(
        "the server ended the connection before its first message (is the app key right?): {reason}"
    )]
    NotEstablished {
        /// What the system said.
        reason: String,
    },
    /// The server answered nothing at all to a ping.
    #[error("the server did not answer a ping within {after:?}")]
    PongTimedOut {
        /// The time allowed.
        after: Duration,
    },
    /// What answers there does not speak the Pusher protocol.
    #[error("what answers there does not speak the Pusher protocol: {reason}")]
    NotPusher {
        /// What came instead.
        reason: String,
    },
    /// The server sent a message larger than
    /// [`Limits::inbound_message_bytes`](crate::config::Limits::inbound_message_bytes), or one that breaks the WebSocket
    /// protocol.
    #[error("the server sent what cannot be read: {reason}")]
    Unreadable {
        /// What was wrong.
        reason: String,
    },
    /// The game had the connection made anew (by `connect` after `disconnect`, or by another endpoint) more often than
    /// 5 times in 5 seconds. The next attempt comes when it is due.
    #[error(
        "the game has the connection made anew all the time, so the next attempt waits a little"
    )]
    RestartedTooOften,
    /// As many attempts failed as
    /// [`ReconnectPolicy::max_attempts`](crate::config::ReconnectPolicy::max_attempts) allows.
    #[error("gave up after {attempts} attempts; the last: {last}")]
    GaveUp {
        /// How many there were.
        attempts: u32,
        /// Why the last one failed.
        last: Box<ConnectionError>,
    },
}

impl ConnectionError {
    /// The WebSocket close code or the code of the `pusher:error`, where there is one.
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
    /// The close or error code, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Connection(error) => error.code(),
            Self::Server { code, .. } => *code,
            _ => None,
        }
    }
}

/// The phases of dialling, for the error that says where it stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialPhase {
    /// Any of those before the first message, where it cannot be told which: a browser or a transport of the game's own
    /// does not say.
    #[error("the connection to open")]
    Open,
    /// Finding the host's addresses.
    #[error("the host's address")]
    LookUp,
    /// Connecting to one of them.
    #[error("the TCP connection")]
    Tcp,
    /// Asking the HTTP proxy for a tunnel.
    #[error("the proxy's tunnel")]
    Proxy,
    /// The TLS handshake.
    #[error("the TLS handshake")]
    Tls,
    /// The WebSocket upgrade.
    #[error("the WebSocket upgrade")]
    Upgrade,
    /// The first message of the Pusher protocol.
    #[error("the server's pusher:connection_established")]
    Establishment,
}

/// Why a channel is not subscribed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The name is none.
    #[error(transparent)]
    InvalidName(#[from] crate::protocol::ChannelNameError),
    /// The game's backend did not authorize it.
    #[error(transparent)]
    Authorization(#[from] AuthError),
    /// The server refused it.
    #[error("the server refused the subscription{}: {message}", status_suffix(*.status))]
    Refused {
        /// The status or code, where there is one.
        status: Option<u16>,
        /// The server's own words.
        message: String,
    },
    /// The server did not answer within [`Timing::subscribe_timeout`](crate::config::Timing::subscribe_timeout). Some
    /// servers refuse without a word; a late success still counts.
    #[error(
        "the server did not answer the subscription in time (some servers refuse without naming the channel)"
    )]
    TimedOut,
    /// The authorization says nothing about who the client is, and nobody is signed in. Tried again once somebody is.
    #[error(
        "the authorization has no channel_data, and nobody is signed in whose id could stand for it"
    )]
    NoIdentity,
    /// This build has no encrypted channels.
    #[error("this build has no encrypted channels: the feature \"encrypted\" is off")]
    EncryptionDisabled,
    /// The game signed out, and with that gave up what it had been authorized for.
    #[error("signed out")]
    SignedOut,
}

impl SubscriptionError {
    /// The HTTP status of a refused authorization, or the server's own.
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
    /// The game's backend did not vouch for the user.
    #[error(transparent)]
    Authentication(#[from] AuthError),
    /// The server refused it.
    #[error("the server refused the sign-in{}: {message}", code_suffix(*.code))]
    Refused {
        /// The code, where there is one.
        code: Option<u16>,
        /// The server's own words.
        message: String,
    },
    /// The server did not answer in time; not every server knows sign-in.
    #[error("the server did not answer the sign-in in time (not every server knows sign-in)")]
    TimedOut,
    /// The server's answer names no user.
    #[error("the server's answer names no user")]
    NoUser,
}

/// Why a client event was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The name does not start with `client-`.
    #[error("client events are named client-…: {event:?} is not")]
    NotAClientEvent {
        /// The name.
        event: String,
    },
    /// The channel's name is none.
    #[error(transparent)]
    InvalidChannel(#[from] crate::protocol::ChannelNameError),
    /// The channel is of a kind that has no client events.
    #[error("client events need a private or presence channel: {kind:?} has none")]
    WrongKind {
        /// The channel's kind.
        kind: ChannelKind,
    },
    /// The data is larger than [`Limits::client_event_bytes`](crate::config::Limits::client_event_bytes).
    #[error("the data has {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its size as JSON, in bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The data cannot be written as JSON.
    #[error("the data cannot be written as JSON: {reason}")]
    NotSerializable {
        /// What the serializer said.
        reason: String,
    },
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// The channel is not subscribed.
    #[error("not subscribed to the channel")]
    NotSubscribed,
    /// More than [`Limits::client_events_per_second`](crate::config::Limits::client_events_per_second).
    #[error("more than {limit} client events within a second")]
    RateLimited {
        /// The limit, in events a second.
        limit: u32,
    },
    /// The server does not read, and what waits for it is at its bound.
    #[error("too much is waiting to be sent already")]
    Backlogged,
    /// As many client events wait as
    /// [`Limits::queued_client_events`](crate::config::Limits::queued_client_events) allows.
    #[error("{limit} client events are waiting already")]
    QueueFull {
        /// The limit.
        limit: usize,
    },
    /// It waited longer than [`Timing::queue_timeout`](crate::config::Timing::queue_timeout).
    #[error("it waited longer than {after:?} to be sent")]
    TimedOut {
        /// The time allowed.
        after: Duration,
    },
    /// The channel was unsubscribed while it waited.
    #[error("the channel was unsubscribed while it waited")]
    Unsubscribed,
    /// The game signed out, and with that gave up the channel.
    #[error("signed out")]
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
