use serde_json::{Map, Value, value::RawValue};

use crate::protocol::ChannelName;

/// What the game asks for. Every command is legal in every state, and saying it twice changes nothing.
#[derive(Debug)]
pub enum Command {
    /// Connect now: skips a waiting retry, starts anew after a failure.
    Connect,
    /// Close, and stay closed until [`Command::Connect`].
    Disconnect,
    /// Want this channel, whatever becomes of the connection.
    Subscribe {
        /// The channel.
        channel: ChannelName,
        /// Fields beside Pusher's own in the subscribe request, for servers that have more.
        extra: Option<Map<String, Value>>,
    },
    /// Want it no more.
    Unsubscribe(ChannelName),
    /// Try a failed channel again, with a new authorization.
    Retry(ChannelName),
    /// Send a client event.
    Send(ClientEvent),
    /// Sign in, now and after every reconnect. Channels that were left by signing out are asked for again.
    SignIn,
    /// Sign out: forget the user, and leave every channel that took an authorization; nothing more is asked of the game's
    /// backend for them. If the server knows the user, this takes a new connection: the protocol has no sign-out.
    SignOut,
    /// The endpoint or the key changed: dial anew, channels kept.
    Redial,
}

/// A client event on its way out.
#[derive(Debug)]
pub struct ClientEvent {
    /// Names this event in the answer.
    pub id: SendId,
    /// The channel, private or presence.
    pub channel: ChannelName,
    /// The event's name, `client-…`.
    pub event: String,
    /// The data, as JSON.
    pub data: Box<RawValue>,
}

/// Names one sent client event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendId(pub u64);
