//! The connection: its state, its errors, and what can be asked of it.

use std::{fmt, sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use bevy_platform::time::Instant;
use bevy_reflect::prelude::*;
use pusher_protocol::{
    ChannelName, NameRules,
    config::Limits,
    session::{self, Command, ConnectionError, Hint, PusherError},
};

use crate::client::CommandSender;

/// The connection to the server. A resource, always there.
///
/// Its verbs take `&self`, are allowed in every state, and leave at once, not at the end of the frame. What came of them
/// shows in [`state`](Self::state), in [`PusherConnectionChanged`] and in [`PusherErrorReported`].
///
/// It is marked as changed only when the state changed.
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
    pub(crate) commands: Arc<CommandSender>,
}

/// How the connection is.
#[derive(Clone, Debug, Default, PartialEq, Reflect)]
#[reflect(opaque)]
#[reflect(Default, Debug, Clone, PartialEq)]
pub enum ConnectionState {
    /// Not connected, and not trying: nobody asked, or somebody asked to disconnect.
    #[default]
    Disconnected,
    /// Dialling.
    Connecting {
        /// Counts the attempts of this outage, from 1.
        attempt: u32,
    },
    /// Connected.
    Connected {
        /// The server's name for this connection.
        socket_id: Arc<str>,
    },
    /// Lost or not reached; will dial again by itself.
    Waiting {
        /// When.
        retry_at: Instant,
        /// Counts the failures in a row, from 1.
        attempt: u32,
        /// Why.
        error: ConnectionError,
    },
    /// Given up: dialling again unchanged cannot succeed, or the attempts are used up. Changing the
    /// [`PusherConfig`](crate::config::PusherConfig) or [`PusherConnection::connect`] starts anew.
    Failed {
        /// Why.
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
            Self::Failed { error } => write!(f, "the connection is given up: {error}"),
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

    /// Why there is no connection, where that is so.
    #[must_use]
    pub fn error(&self) -> Option<&ConnectionError> {
        match self {
            Self::Waiting { error, .. } | Self::Failed { error } => Some(error),
            Self::Disconnected | Self::Connecting { .. } | Self::Connected { .. } => None,
        }
    }
}

impl PusherConnection {
    pub(crate) fn new(commands: Arc<CommandSender>) -> Self {
        Self {
            state: ConnectionState::default(),
            last_error: None,
            round_trip: None,
            limits: Limits::default(),
            rules: NameRules::default(),
            commands,
        }
    }

    /// How the connection is.
    #[must_use]
    pub fn state(&self) -> &ConnectionState {
        &self.state
    }

    /// Whether it is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, ConnectionState::Connected { .. })
    }

    /// The server's name for this connection, while connected.
    #[must_use]
    pub fn socket_id(&self) -> Option<&str> {
        match &self.state {
            ConnectionState::Connected { socket_id } => Some(socket_id),
            _ => None,
        }
    }

    /// While waiting: when the next attempt begins.
    #[must_use]
    pub fn retry_at(&self) -> Option<Instant> {
        match &self.state {
            ConnectionState::Waiting { retry_at, .. } => Some(*retry_at),
            _ => None,
        }
    }

    /// While waiting: how long it is to the next attempt, counted in real time.
    #[must_use]
    pub fn retry_in(&self) -> Option<Duration> {
        let retry_at = self.retry_at()?;
        Some(retry_at.saturating_duration_since(Instant::now()))
    }

    /// The last error that was reported, whatever happened since.
    #[must_use]
    pub fn last_error(&self) -> Option<&PusherError> {
        self.last_error.as_ref()
    }

    /// How long the server took to answer the last ping of this connection.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Connects: skips a waiting retry, starts anew after a failure or a disconnect.
    ///
    /// So that a game may say so in every frame, a dial follows the last one after a second at the earliest, or after
    /// [`ReconnectPolicy::min_delay`](crate::config::ReconnectPolicy::min_delay) if that is less. Who says so within 250 ms
    /// of a loss is taken for code that does it at each: it dials within a second the first time, and after the policy's
    /// delays from then on, lest all players of a game come back at the same moment; who asks again a second after the last
    /// time or later, as a player does who presses a button, is heard at once. To disconnect first makes no difference.
    ///
    /// After five disconnects in five seconds, the next connection waits for its turn too
    /// ([`ConnectionError::RestartedTooOften`]).
    pub fn connect(&self) {
        self.commands.send(Command::Connect);
    }

    /// Closes the connection, and stays without until [`connect`](Self::connect). Channels stay wanted.
    pub fn disconnect(&self) {
        self.commands.send(Command::Disconnect);
    }

    /// Signs the user in, now or as soon as there is a connection, and again after every reconnect. Who the user is, says
    /// the configured endpoint or authenticator; what came of it, [`PusherUser`](crate::PusherUser). It may be
    /// asked for again after a failure; of code that does so all the time the backend hears five times at once, and then
    /// every three seconds.
    pub fn sign_in(&self) {
        self.commands.send(Command::SignIn);
    }

    /// Signs the user out, and leaves what had been authorized for them. The protocol has no message for that, so it may
    /// take a new connection.
    pub fn sign_out(&self) {
        self.commands.send(Command::SignOut);
    }

    /// Tries a failed channel again, with a new authorization; one that would be tried again by itself, at once. Of any other
    /// channel, it changes nothing. A channel that is asked for all the time, by this or by leaving and
    /// wanting it again, is asked for five times at once and then every three seconds, lest the game's backend be hammered.
    pub fn retry(&self, channel: impl AsRef<str>) {
        if let Ok(channel) = ChannelName::new(channel.as_ref(), self.rules) {
            self.commands.send(Command::Retry(channel));
        }
    }

    /// Checks at once whether the link still stands, for a game that learns that the network changed or that the app came
    /// back to the foreground.
    pub fn check_link(&self) {
        self.commands.hint(Hint::NetworkChanged);
    }

    /// Takes on a new state. Returns the former one, if it was another.
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

/// The connection's state changed.
///
/// It is a [`Message`] and an [`Event`]. Events that came before a loss of the connection are delivered before it.
#[derive(Message, Event, Clone, Debug)]
pub struct PusherConnectionChanged {
    pub(crate) previous: ConnectionState,
    pub(crate) current: ConnectionState,
}

impl PusherConnectionChanged {
    /// The state before.
    #[must_use]
    pub fn previous(&self) -> &ConnectionState {
        &self.previous
    }

    /// The state now.
    #[must_use]
    pub fn current(&self) -> &ConnectionState {
        &self.current
    }
}

/// Something went wrong. Nothing in it is secret.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherErrorReported {
    pub(crate) error: PusherError,
    pub(crate) attempt: u32,
}

impl PusherErrorReported {
    /// What, in words by its `Display`.
    #[must_use]
    pub fn error(&self) -> &PusherError {
        &self.error
    }

    /// The close or error code, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.error.code()
    }

    /// How many failures in a row this makes; 0 for an error that stands by itself.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// A run condition: there is a connection.
#[must_use]
pub fn pusher_connected(connection: Option<Res<PusherConnection>>) -> bool {
    connection.is_some_and(|connection| connection.is_connected())
}

/// A run condition: the connection was lost or not had, and will be tried again.
#[must_use]
pub fn pusher_waiting(connection: Option<Res<PusherConnection>>) -> bool {
    connection.is_some_and(|connection| connection.retry_at().is_some())
}

/// A run condition: the connection is given up.
#[must_use]
pub fn pusher_failed(connection: Option<Res<PusherConnection>>) -> bool {
    connection
        .is_some_and(|connection| matches!(connection.state(), ConnectionState::Failed { .. }))
}
