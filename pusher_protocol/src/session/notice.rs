use std::{borrow::Cow, sync::Arc, time::Duration};

use crate::{
    protocol::{ChannelName, EventData, Extras, Member, Roster},
    session::{ConnectionError, PusherError, SendError, SendId, SignInError, SubscriptionError},
};

/// What the game is told. Events themselves come from [`Session::handle_frame`](crate::Session::handle_frame), between
/// the notices of the frames around them.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The connection's state changed.
    State(ConnectionState),
    /// Something went wrong. `attempt` counts the failures in a row, 0 for an error that stands by itself.
    Error {
        /// What.
        error: PusherError,
        /// How often by now.
        attempt: u32,
    },
    /// A channel's status changed.
    Subscription {
        /// The channel.
        channel: ChannelName,
        /// Its new status.
        status: SubscriptionStatus,
        /// On `Subscribed` after a loss of the connection: for how long the channel heard nothing.
        gap: Option<Duration>,
    },
    /// A presence channel's members, as a whole: after subscribing.
    Members {
        /// The channel.
        channel: ChannelName,
        /// Who is there.
        roster: Arc<Roster>,
    },
    /// A member joined.
    MemberJoined(Membership),
    /// A member left.
    MemberLeft(Membership),
    /// How many connections subscribe to a channel.
    SubscriptionCount {
        /// The channel.
        channel: ChannelName,
        /// The number.
        count: u64,
    },
    /// A cache channel holds no event.
    CacheMissed(ChannelName),
    /// What became of a client event.
    SendAnswered {
        /// The event.
        id: SendId,
        /// Its fate.
        outcome: SendOutcome,
    },
    /// The sign-in's state changed.
    SignIn(SignInState),
    /// Users on the watchlist came or went.
    Watchlist {
        /// `online`, `offline`, or what else the server says.
        event: String,
        /// Whom it is about.
        user_ids: Vec<String>,
    },
    /// How long the server took to answer a ping.
    RoundTrip(Duration),
    /// An event that could not be handed over at once.
    Event(ReceivedEvent<'static>),
}

/// One member's coming or going.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// The channel.
    pub channel: ChannelName,
    /// Who.
    pub member: Member,
    /// All members, after it.
    pub roster: Arc<Roster>,
    /// Whether it happened while the connection was lost, and was found out only now.
    pub while_away: bool,
}

/// The state of the connection.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// Lost or not reached; will dial again.
    Waiting {
        /// When, on the driver's monotonic clock.
        retry_at: Duration,
        /// Counts the failures in a row, from 1.
        attempt: u32,
        /// Why.
        error: ConnectionError,
    },
    /// Given up: dialling again unchanged cannot succeed, or the attempts are used up.
    Failed {
        /// Why.
        error: ConnectionError,
    },
}

/// How far a channel is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// Wanted; waits for a connection.
    #[default]
    Pending,
    /// Being authorized, or asked of the server; also while the backend is to be asked again after a passing failure.
    Subscribing,
    /// The server confirmed it.
    Subscribed,
    /// Refused. Tried again after a reconnect, or by request.
    Failed(SubscriptionError),
}

/// What became of a client event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// The socket's buffer took it. The protocol has no acknowledgement beyond that.
    Sent,
    /// It waits to be sent. Another answer follows; that it was sent, only if those answers are on.
    Queued,
    /// A later value took its place before it was sent.
    Coalesced,
    /// It was not sent, and will not be.
    Rejected(SendError),
}

impl SendOutcome {
    /// Whether this is the last that is heard of it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Queued)
    }
}

/// How far the sign-in is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignInState {
    /// Nobody is signed in: it was not asked for, or there is no connection. After a reconnect it is done again by itself.
    #[default]
    SignedOut,
    /// Asking the backend and the server; also while the backend is to be asked again after a passing failure.
    SigningIn,
    /// Signed in. Told once the server has confirmed the user's own channel too, so that what is sent to the user from now
    /// on arrives. A server that refuses that channel is reported with an error; one that says nothing about it is waited for
    /// 2 s.
    SignedIn {
        /// The user's id.
        id: Arc<str>,
        /// What the backend says of the user, as JSON.
        user_data: Arc<str>,
    },
    /// Refused. Tried again after a reconnect, or by request.
    Failed(SignInError),
}

/// An event from the server.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedEvent<'a> {
    /// To whom it is addressed.
    pub target: EventTarget,
    /// The event's name.
    pub event: Cow<'a, str>,
    /// The payload.
    pub data: EventData<'a>,
    /// On client events of presence channels: who sent it, vouched for by the server.
    pub user_id: Option<Cow<'a, str>>,
    /// Keys of its frame that are none of the protocol's own.
    pub extras: Extras<'a>,
}

impl ReceivedEvent<'_> {
    /// The same, owning its texts.
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
    /// The channel's name; `None` for events to the user or the connection.
    #[must_use]
    pub fn channel_name(&self) -> Option<&str> {
        match self {
            Self::Channel(name) => Some(name),
            Self::User | Self::Connection => None,
        }
    }
}
