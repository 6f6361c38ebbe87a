//! [`Command`]: what user code requests of the session.

use serde_json::{Map, Value, value::RawValue};

use crate::protocol::ChannelName;

/// A request of user code. Every command is valid in every state. Repeating one has no further effect, except for
/// [`Send`](Self::Send) and [`Redial`](Self::Redial).
#[derive(Debug)]
pub enum Command {
    /// Connects now: skips the wait for a reconnect, or starts again after a failure. Dials after a failure are at least 1 s
    /// apart, or [`ReconnectPolicy::min_delay`](crate::config::ReconnectPolicy::min_delay) if that is shorter.
    ///
    /// A request within 250 ms of a failure counts as made by code and not by a person: all clients make it at the same moment.
    /// The first one in an outage dials within one second of the earliest allowed time, at random. Further ones keep the delay of
    /// the policy. A request that comes a second or more after the previous one skips the wait. These rules hold across a
    /// [`Command::Disconnect`]; the shortest time between two dials does not.
    Connect,
    /// Closes the connection, and does not reconnect until [`Command::Connect`].
    Disconnect,
    /// Subscribes to a channel, now and after every reconnect. If the `extra` fields differ from those of the current
    /// subscription, subscribes again.
    Subscribe {
        /// The channel.
        channel: ChannelName,
        /// Additional fields of the subscribe request, for servers with extensions. The protocol's own fields `channel`,
        /// `auth` and `channel_data` are ignored.
        extra: Option<Map<String, Value>>,
    },
    /// Unsubscribes from a channel.
    Unsubscribe(ChannelName),
    /// Retries a failed channel with a new authorization. Requests for one channel, whatever the command, are rate limited:
    /// five at once, then one every three seconds.
    Retry(ChannelName),
    /// Sends a client event.
    Send(ClientEvent),
    /// Signs in, now and after every reconnect. Subscribes again to the channels that signing out suspended. Requests to the
    /// backend are rate limited: five at once, then one every three seconds.
    SignIn,
    /// Signs out: forgets the user and unsubscribes from all channels that need an authorization, without further requests to
    /// the backend for them. If the server knows the user, this reconnects, because the protocol has no sign-out.
    SignOut,
    /// Reconnects after a change of the endpoint or the key, and keeps all channels. Within 250 ms of a failure it does not dial
    /// at once: the first such request of an outage dials within one second of the earliest allowed time, at random, and each
    /// further one within three seconds of it.
    Redial,
}

/// A client event to send.
#[derive(Debug)]
pub struct ClientEvent {
    /// Identifies the event in [`Notice::SendAnswered`](crate::session::Notice::SendAnswered).
    pub id: SendId,
    /// What happens if the event cannot be sent at once.
    pub mode: SendMode,
    /// The channel, private or presence.
    pub channel: ChannelName,
    /// The event's name, `client-…`.
    pub event: String,
    /// The data, as JSON.
    pub data: Box<RawValue>,
}

/// What happens to a client event that cannot be sent at once. In each mode, every event that is
/// not sent gets one final outcome. A sent event gets one only with
/// [`SessionConfig::answer_sent`](crate::session::SessionConfig::answer_sent).
///
/// Waiting events use about four fifths of
/// [`Limits::client_events_per_second`](crate::config::Limits::client_events_per_second); the rest is reserved for immediate
/// ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendMode {
    /// Rejects the event: not connected, not subscribed, or rate limited.
    #[default]
    Immediate,
    /// Queues the event until the connection, the subscription and the rate limit allow it, and keeps the order of the queue.
    /// For events that should wait rather than fail: a move, a vote. Immediate events may overtake it.
    ///
    /// The event is rejected if the queue exceeds
    /// [`Limits::queued_client_events`](crate::config::Limits::queued_client_events), if it waits longer than
    /// [`Timing::queue_timeout`](crate::config::Timing::queue_timeout), if its channel fails or is unsubscribed, and if no
    /// reconnect is pending: after a disconnect by user code, or after the session gave up.
    Queued,
    /// Keeps only the latest value, for cursors and positions. The event waits for the subscription and the rate limit, and
    /// replaces a waiting event of the same channel and name. All channels and names take turns, at even intervals.
    ///
    /// The event is rejected if there is no connection or the connection is lost, since the next position makes it obsolete. It
    /// is also rejected if its channel fails or is unsubscribed, and if too many values wait
    /// ([`Limits::queued_client_events`](crate::config::Limits::queued_client_events)).
    Latest,
}

/// Identifies a client event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendId(pub u64);
