//! The connection as user code sees it: the resource with its state and its methods, the messages about its changes and errors, and run
//! conditions. Sending client events is in `sending`.

use std::{fmt, sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use bevy_platform::time::Instant;
use bevy_reflect::prelude::*;
use pusher_protocol::{
    ChannelName, NameRules,
    config::Limits,
    session::{self, Command, ConnectionError, Hint, PusherError},
};

use crate::{client::CommandSender, sync::Shared};

/// The connection to the server. A resource that exists as long as the plugin.
///
/// Its methods take `&self` and can be called in every state. A call takes effect immediately, not at the end of the frame. The
/// outcome arrives later: in [`state`](Self::state), as a [`PusherConnectionChanged`] or as a [`PusherErrorReported`].
///
/// Change detection reports the resource as changed only when the state has changed.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// # use bevy_pusher::ConnectionState;
/// fn badge(connection: Res<PusherConnection>) {
///     match connection.state() {
///         ConnectionState::Connected { .. } => info!("connected"),
///         ConnectionState::Connecting { .. } => info!("connecting"),
///         ConnectionState::Waiting { error, .. } => {
///             info!("retrying in {:.0?}: {error}", connection.retry_in().unwrap_or_default());
///         }
///         ConnectionState::Failed { error } => info!("failed: {error}"),
///         ConnectionState::Disconnected => info!("disconnected"),
///     }
/// }
///
/// fn retry_now(connection: Res<PusherConnection>) {
///     connection.connect();
/// }
/// # App::new().add_systems(Update, (badge.run_if(resource_changed::<PusherConnection>), retry_now));
/// ```
#[derive(Resource, Debug, Reflect)]
#[reflect(from_reflect = false)]
#[reflect(Debug)]
pub struct PusherConnection {
    state: ConnectionState,
    #[reflect(ignore)]
    last_error: Option<PusherError>,
    round_trip: Option<Duration>,
    #[reflect(ignore)]
    pub(crate) limits: Limits,
    #[reflect(ignore)]
    pub(crate) rules: NameRules,
    #[reflect(ignore)]
    pub(crate) commands: Shared<CommandSender>,
}

/// The state of the connection.
#[derive(Clone, Debug, Default, PartialEq, Reflect)]
#[reflect(opaque)]
#[reflect(Default, Debug, Clone, PartialEq)]
pub enum ConnectionState {
    /// Not connected and not connecting: no connection was requested, `disconnect` was called, the configuration was removed, or the app is
    /// suspended.
    #[default]
    Disconnected,
    /// An attempt to connect is in progress. It ends after at most [`Timing::dial_timeout`](crate::config::Timing::dial_timeout).
    Connecting {
        /// The number of the attempt in this outage, from 1.
        attempt: u32,
    },
    /// Connected.
    Connected {
        /// The server's id of this connection.
        socket_id: Arc<str>,
    },
    /// Lost or never established, or delayed because your game reconnected too often ([`ConnectionError::RestartedTooOften`]). The
    /// plugin connects at `retry_at`.
    Waiting {
        /// When the next attempt starts, in real time.
        retry_at: Instant,
        /// The number of failures in a row: attempts that failed and connections that were lost. 0 with
        /// [`ConnectionError::RestartedTooOften`].
        attempt: u32,
        /// Why there is no connection.
        error: ConnectionError,
    },
    /// Not connected, and the plugin does not retry: another attempt with the same configuration cannot succeed, the maximum number of
    /// attempts is reached, or the reconnect hook gave up. [`PusherConnection::connect`] starts again, and so does a
    /// [`PusherConfig`](crate::config::PusherConfig) with another key, endpoint, transport, proxy or certificate authority.
    Failed {
        /// Why the plugin does not retry.
        error: ConnectionError,
    },
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("disconnected"),
            Self::Connecting { attempt: 1 } => f.write_str("connecting"),
            Self::Connecting { attempt } => write!(f, "connecting, attempt {attempt}"),
            Self::Connected { .. } => f.write_str("connected"),
            Self::Waiting { error, .. } => write!(f, "not connected, will try again: {error}"),
            Self::Failed { error } => write!(f, "connection failed, will not try again: {error}"),
        }
    }
}

impl ConnectionState {
    pub(crate) fn new(state: session::ConnectionState, started: Instant) -> Self {
        match state {
            session::ConnectionState::Disconnected => Self::Disconnected,
            session::ConnectionState::Connecting { attempt } => Self::Connecting { attempt },
            session::ConnectionState::Connected { socket_id } => Self::Connected { socket_id },
            session::ConnectionState::Waiting {
                retry_at,
                attempt,
                error,
            } => Self::Waiting {
                retry_at: started.checked_add(retry_at).unwrap_or(started),
                attempt,
                error,
            },
            session::ConnectionState::Failed { error } => Self::Failed { error },
        }
    }

    /// Returns why there is no connection, in the states [`Waiting`](Self::Waiting) and [`Failed`](Self::Failed).
    #[must_use]
    pub fn error(&self) -> Option<&ConnectionError> {
        match self {
            Self::Waiting { error, .. } | Self::Failed { error } => Some(error),
            Self::Disconnected | Self::Connecting { .. } | Self::Connected { .. } => None,
        }
    }
}

impl PusherConnection {
    pub(crate) fn new(commands: Shared<CommandSender>) -> Self {
        Self {
            state: ConnectionState::default(),
            last_error: None,
            round_trip: None,
            limits: Limits::default(),
            rules: NameRules::default(),
            commands,
        }
    }

    /// Returns the state of the connection.
    #[must_use]
    pub fn state(&self) -> &ConnectionState {
        &self.state
    }

    /// Whether the connection is established.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, ConnectionState::Connected { .. })
    }

    /// Returns the server's id of this connection, while connected.
    #[must_use]
    pub fn socket_id(&self) -> Option<&str> {
        match &self.state {
            ConnectionState::Connected { socket_id } => Some(socket_id),
            _ => None,
        }
    }

    /// Returns when the next attempt starts, in the state [`Waiting`](ConnectionState::Waiting).
    #[must_use]
    pub fn retry_at(&self) -> Option<Instant> {
        match &self.state {
            ConnectionState::Waiting { retry_at, .. } => Some(*retry_at),
            _ => None,
        }
    }

    /// Returns the time until the next attempt, in the state [`Waiting`](ConnectionState::Waiting). Counts in real time.
    #[must_use]
    pub fn retry_in(&self) -> Option<Duration> {
        let retry_at = self.retry_at()?;
        Some(retry_at.saturating_duration_since(Instant::now()))
    }

    /// Returns the error that was reported last. A later success does not clear it.
    #[must_use]
    pub fn last_error(&self) -> Option<&PusherError> {
        self.last_error.as_ref()
    }

    /// Returns the round-trip time of the last ping on this connection: the time until the next message of any kind. Pings are sent
    /// only after the server was silent ([`Timing::activity_timeout`](crate::config::Timing::activity_timeout)), and for
    /// [checks](Self::check_link).
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Connects now, without waiting for the next scheduled attempt, and also after [`Failed`](ConnectionState::Failed) and
    /// [`disconnect`](Self::disconnect). Has no effect while connecting or connected.
    ///
    /// You may call it in every frame of your game, or after every failure, because the plugin limits how often it connects.
    ///
    /// # Limits
    /// - After a failure, attempts start at least 1 s apart, or
    ///   [`ReconnectPolicy::min_delay`](crate::config::ReconnectPolicy::min_delay) if that is shorter.
    /// - A call within 250 ms of a failure counts as made by code, not by a player. All clients run the same code, so the plugin spreads
    ///   these reconnects: the first such call of an outage connects at a random time within one second of the earliest time that the
    ///   first rule allows, and not later than without the call. Further ones keep the delay of the
    ///   [`ReconnectPolicy`](crate::config::ReconnectPolicy).
    /// - After [`disconnect`](Self::disconnect), five connections may start within 5 s without a delay. The sixth waits: the state is
    ///   [`Waiting`](ConnectionState::Waiting) with [`ConnectionError::RestartedTooOften`]. Connections that start because the
    ///   configuration changed, or after [`sign_out`](Self::sign_out), count too.
    /// - While the second or the third rule delays the connection, a call less than 1 s after the previous call has no effect. A call
    ///   after a pause of 1 s or more, such as a player who presses a button, skips the delay.
    /// - Calling `disconnect` first bypasses only the first of these limits.
    pub fn connect(&self) {
        self.commands.send(Command::Connect);
    }

    /// Closes the connection, and does not reconnect until [`connect`](Self::connect) is called. Then all channels are subscribed
    /// again.
    pub fn disconnect(&self) {
        self.commands.send(Command::Disconnect);
    }

    /// Signs the user in, now or as soon as there is a connection, and again after every reconnect, until
    /// [`sign_out`](Self::sign_out). The configured user auth endpoint or [`Authenticator`](crate::auth::Authenticator) identifies
    /// the user. [`PusherUser`](crate::PusherUser) holds the result.
    ///
    /// Call it again to retry a failed sign-in. Requests to the backend are rate limited on each connection: five at once, then one
    /// about every three seconds.
    pub fn sign_in(&self) {
        self.commands.send(Command::SignIn);
    }

    /// Signs the user out, and unsubscribes from all channels that need an authorization. These fail with
    /// [`SubscriptionError::SignedOut`](crate::SubscriptionError::SignedOut). The next [`sign_in`](Self::sign_in) subscribes to them
    /// again.
    ///
    /// The protocol has no message for signing out. If the server may know the user, the plugin reconnects.
    pub fn sign_out(&self) {
        self.commands.send(Command::SignOut);
    }

    /// Retries a failed channel with a new authorization, or skips the wait if a retry is already scheduled. Otherwise it has no
    /// effect.
    ///
    /// To protect the backend, requests for one channel are rate limited: five at once, then one about every three seconds. Retries
    /// count, and so does unsubscribing and subscribing again.
    pub fn retry(&self, channel: impl AsRef<str>) {
        if let Ok(channel) = ChannelName::new(channel.as_ref(), self.rules) {
            self.commands.send(Command::Retry(channel));
        }
    }

    /// Checks the connection. While connected, sends a ping, at most one per second. If no message of any kind arrives within 5 s, or
    /// within [`Timing::pong_timeout`](crate::config::Timing::pong_timeout) if that is shorter, the connection counts as lost. If a
    /// ping is already waiting for its answer, its timeout applies instead. While waiting for a reconnect, skips the wait.
    ///
    /// Call it when your game learns that the network changed or that the app returned to the foreground.
    pub fn check_link(&self) {
        self.commands.hint(Hint::NetworkChanged);
    }

    /// Sets the state. Returns the previous one.
    pub(crate) fn set_state(&mut self, state: ConnectionState) -> ConnectionState {
        if !matches!(state, ConnectionState::Connected { .. }) {
            self.round_trip = None;
        }
        std::mem::replace(&mut self.state, state)
    }

    pub(crate) fn set_last_error(&mut self, error: PusherError) {
        self.last_error = Some(error);
    }

    pub(crate) fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = Some(round_trip);
    }
}

/// The connection state has changed.
///
/// It is a [`Message`] and an [`Event`]. Events that the server sent before the connection was lost are delivered before it.
#[derive(Message, Event, Clone, Debug)]
pub struct PusherConnectionChanged {
    pub(crate) previous: ConnectionState,
    pub(crate) current: ConnectionState,
}

impl PusherConnectionChanged {
    /// Returns the state before the change.
    #[must_use]
    pub fn previous(&self) -> &ConnectionState {
        &self.previous
    }

    /// Returns the state after the change.
    #[must_use]
    pub fn current(&self) -> &ConnectionState {
        &self.current
    }
}

/// An error occurred. It contains no secrets.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherErrorReported {
    pub(crate) error: PusherError,
    pub(crate) attempt: u32,
}

impl PusherErrorReported {
    /// Returns the error. Its `Display` describes it.
    #[must_use]
    pub fn error(&self) -> &PusherError {
        &self.error
    }

    /// Returns the close or error code, if the error has one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.error.code()
    }

    /// Returns the number of failures in a row, including this one; 0 for an error that is not part of such a series.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// A run condition: the connection is established.
#[must_use]
pub fn pusher_connected(connection: Option<Res<PusherConnection>>) -> bool {
    connection.is_some_and(|connection| connection.is_connected())
}

/// A run condition: there is no connection, and the plugin will connect at a known time ([`ConnectionState::Waiting`]).
#[must_use]
pub fn pusher_waiting(connection: Option<Res<PusherConnection>>) -> bool {
    connection.is_some_and(|connection| connection.retry_at().is_some())
}

/// A run condition: the connection has failed, and the plugin does not retry ([`ConnectionState::Failed`]).
#[must_use]
pub fn pusher_failed(connection: Option<Res<PusherConnection>>) -> bool {
    connection
        .is_some_and(|connection| matches!(connection.state(), ConnectionState::Failed { .. }))
}
