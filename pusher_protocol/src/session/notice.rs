//! [`Notice`]: what the session reports to user code, and the types inside.

use std::{borrow::Cow, sync::Arc, time::Duration};

use crate::{
    protocol::{ChannelName, EventData, Extras, Member, Roster},
    session::{ConnectionError, PusherError, SendError, SendId, SignInError, SubscriptionError},
};

/// A report to user code. Events come from [`Session::handle_frame`](crate::Session::handle_frame), in order between the
/// notices of the messages around them.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The connection's state changed.
    State(ConnectionState),
    /// An error occurred.
    Error {
        /// The error.
        error: PusherError,
        /// The number of failures in a row, 0 for an error that is not part of such a series.
        attempt: u32,
    },
    /// A channel's status changed.
    Subscription {
        /// The channel.
        channel: ChannelName,
        /// The new status.
        status: SubscriptionStatus,
        /// On `Subscribed` after a lost connection or a change of the extra fields: the time since the session noticed the loss,
        /// or unsubscribed.
        gap: Option<Duration>,
    },
    /// The complete list of a presence channel's members: after subscribing, and when a member's info changed.
    Members {
        /// The channel.
        channel: ChannelName,
        /// The members.
        roster: Arc<Roster>,
    },
    /// A member joined.
    MemberJoined(Membership),
    /// A member left.
    MemberLeft(Membership),
    /// The number of connections that subscribe to a channel changed.
    SubscriptionCount {
        /// The channel.
        channel: ChannelName,
        /// The number of connections.
        count: u64,
    },
    /// A cache channel has no cached event.
    CacheMissed(ChannelName),
    /// The outcome of a client event.
    SendAnswered {
        /// The client event.
        id: SendId,
        /// The outcome.
        outcome: SendOutcome,
    },
    /// The state of the sign-in changed.
    SignIn(SignInState),
    /// Users on the watchlist went online or offline.
    Watchlist {
        /// `online`, `offline`, or another event of the server.
        event: String,
        /// The ids of the users.
        user_ids: Vec<String>,
    },
    /// The round-trip time of a ping.
    RoundTrip(Duration),
    /// An event that could not be returned from [`Session::handle_frame`](crate::Session::handle_frame).
    Event(ReceivedEvent<'static>),
}

/// A member who joined or left.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// The channel.
    pub channel: ChannelName,
    /// The member.
    pub member: Member,
    /// All members after the change.
    pub roster: Arc<Roster>,
    /// Whether the change happened while the connection was lost, and was only detected after the reconnect.
    pub while_away: bool,
}

/// The state of the connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ConnectionState {
    /// Not connected and not trying: no connection was requested, or user code disconnected.
    #[default]
    Disconnected,
    /// Connecting.
    Connecting {
        /// Number of this attempt in the current outage, from 1.
        attempt: u32,
    },
    /// Connected.
    Connected {
        /// The server's id of this connection.
        socket_id: Arc<str>,
    },
    /// Lost or never established, or throttled ([`ConnectionError::RestartedTooOften`]); the session will connect.
    Waiting {
        /// When, on the driver's monotonic clock.
        retry_at: Duration,
        /// Number of failures in a row, from 1; 0 with [`ConnectionError::RestartedTooOften`].
        attempt: u32,
        /// The reason.
        error: ConnectionError,
    },
    /// Given up: the same dial cannot succeed, the attempts are used up, or the reconnect hook gave up.
    Failed {
        /// The last failure.
        error: ConnectionError,
    },
}

/// The status of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// Waiting for a connection.
    #[default]
    Pending,
    /// Waiting for the authorization or for the server's reply, including the wait before a retry after a transient failure.
    Subscribing,
    /// Confirmed by the server.
    Subscribed,
    /// Failed. Retried after a reconnect, unless the channel is suspended ([`SubscriptionError::SignedOut`]), or with
    /// [`Command::Retry`](crate::session::Command::Retry).
    Failed(SubscriptionError),
}

/// The outcome of a client event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// The socket's send buffer accepted it. The protocol has no acknowledgement beyond that.
    Sent,
    /// It waits in the queue. A final outcome follows; [`Sent`](Self::Sent) only if
    /// [`SessionConfig::answer_sent`](crate::session::SessionConfig::answer_sent) is on.
    Queued,
    /// A later value replaced it before it was sent.
    Coalesced,
    /// It was not sent and will not be.
    Rejected(SendError),
}

impl SendOutcome {
    /// Whether no other outcome of the same event follows.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Queued)
    }
}

/// The state of the sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignInState {
    /// No user is signed in: it was not requested, or there is no connection. After a reconnect the session signs in again.
    #[default]
    SignedOut,
    /// Waiting for the backend or the server, including the wait before a retry after a transient failure.
    SigningIn,
    /// Signed in. Reported once the server has confirmed the user's own channel too, so that no event to the user is missed
    /// from then on. If the server refuses that channel, an error is reported too; if it does not reply, the session waits for
    /// 2 s.
    SignedIn {
        /// The user's id.
        id: Arc<str>,
        /// The data that the backend gave the user, as JSON.
        user_data: Arc<str>,
    },
    /// Failed: refused, or not answered in time. Retried after a reconnect, or with
    /// [`Command::SignIn`](crate::session::Command::SignIn).
    Failed(SignInError),
}

/// An event from the server.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedEvent<'a> {
    /// The recipient.
    pub target: EventTarget,
    /// The event's name.
    pub event: Cow<'a, str>,
    /// The payload.
    pub data: EventData<'a>,
    /// The sender of a client event on a presence channel, verified by the server.
    pub user_id: Option<Cow<'a, str>>,
    /// Keys of the message that the protocol does not define.
    pub extras: Extras<'a>,
}

impl ReceivedEvent<'_> {
    /// Converts into owned strings.
    #[must_use]
    pub fn into_owned(self) -> ReceivedEvent<'static> {
        ReceivedEvent {
            target: self.target,
            event: Cow::Owned(self.event.into_owned()),
            data: self.data.into_owned(),
            user_id: self.user_id.map(|id| Cow::Owned(id.into_owned())),
            extras: self.extras.into_owned(),
        }
    }
}

/// The recipient of an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventTarget {
    /// The subscribers of a channel.
    Channel(ChannelName),
    /// The signed-in user.
    User,
    /// The connection: an event without a channel that the protocol itself does not define.
    Connection,
}

impl EventTarget {
    /// Returns the channel's name, or `None` for events to the user or the connection.
    #[must_use]
    pub fn channel_name(&self) -> Option<&str> {
        match self {
            Self::Channel(name) => Some(name),
            Self::User | Self::Connection => None,
        }
    }
}
