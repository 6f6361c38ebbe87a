use serde_json::{Map, Value, value::RawValue};

use crate::protocol::ChannelName;

/// What the game asks for. Every command is legal in every state, and saying it twice changes nothing.
#[derive(Debug)]
pub enum Command {
    /// Connect now: skips a waiting retry, starts anew after a failure. A dial follows the last one after a second at the
    /// earliest, or after [`ReconnectPolicy::min_delay`](crate::config::ReconnectPolicy::min_delay) if that is less.
    ///
    /// Within 250 ms of a failure this is taken for code that connects at each, in all games at once: it leads to a dial at
    /// random within a second the first time, and leaves the policy's wait from then on, unless it comes again a second
    /// after the last time or later. A [`Command::Disconnect`] before it makes no difference.
    Connect,
    /// Close, and stay closed until [`Command::Connect`].
    Disconnect,
    /// Want this channel, whatever becomes of the connection. With other `extra` fields than before, it is subscribed anew.
    Subscribe {
        /// The channel.
        channel: ChannelName,
        /// Fields beside Pusher's own in the subscribe request, for servers that have more. `channel`, `auth` and
        /// `channel_data` are Pusher's, and are left out.
        extra: Option<Map<String, Value>>,
    },
    /// Want it no more.
    Unsubscribe(ChannelName),
    /// Try a failed channel again, with a new authorization. Whatever a channel is asked for again by, it is asked for five
    /// times at once and then every three seconds.
    Retry(ChannelName),
    /// Send a client event.
    Send(ClientEvent),
    /// Sign in, now and after every reconnect. Channels that were left by signing out are asked for again. The backend is
    /// asked five times at once and then every three seconds.
    SignIn,
    /// Sign out: forget the user, and leave every channel that took an authorization; nothing more is asked of the game's
    /// backend for them. If the server knows the user, this takes a new connection: the protocol has no sign-out.
    SignOut,
    /// The endpoint or the key changed: dial anew, channels kept. Within 250 ms of a failure, this dials
    /// at random within a second, then within three of the earliest time for a dial.
    Redial,
}

/// A client event on its way out.
#[derive(Debug)]
pub struct ClientEvent {
    /// Names this event in the answer.
    pub id: SendId,
    /// What becomes of it if it cannot be sent at once.
    pub mode: SendMode,
    /// The channel, private or presence.
    pub channel: ChannelName,
    /// The event's name, `client-…`.
    pub event: String,
    /// The data, as JSON.
    pub data: Box<RawValue>,
}

/// What becomes of a client event that cannot be sent at once. Whatever the mode, each ends in one final answer.
///
/// Events that wait take at most four fifths of
/// [`Limits::client_events_per_second`](crate::config::Limits::client_events_per_second), so that an immediate one finds
/// room beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendMode {
    /// It is refused: not connected, not subscribed, over the rate.
    #[default]
    Immediate,
    /// It waits for the connection, the subscription and the rate, and is sent in the order of the queue, for what must
    /// arrive: a move, a vote. An immediate one may overtake it.
    ///
    /// It ends up refused if more than
    /// [`Limits::queued_client_events`](crate::config::Limits::queued_client_events) wait, if it waits longer than
    /// [`Timing::queue_timeout`](crate::config::Timing::queue_timeout), if the channel fails or is unsubscribed, and if
    /// there is no connection in prospect: disconnected by the game, or given up.
    Queued,
    /// Only the latest value counts, for cursors and positions: it waits for the subscription and the rate, and takes the
    /// place of a value of the same channel and event name that still waits. The values of all channels and names take
    /// turns, and are spaced evenly.
    ///
    /// It is refused if there is no connection, and when that is lost: a position is out of date by the next.
    Latest,
}

/// Names one sent client event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendId(pub u64);
