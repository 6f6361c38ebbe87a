//! What clients and publishers do, told to whoever watches: the program's log, a test.

/// Something a client or a publisher did, in the order in which the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A client connected and was given a socket id.
    Connected {
        /// Its name for as long as it is connected.
        socket_id: String,
    },
    /// A client was turned away before it had a socket id.
    ConnectionRefused {
        /// The close code it got.
        code: u16,
        /// The reason it got.
        reason: String,
    },
    /// A client subscribed.
    Subscribed {
        /// Who.
        socket_id: String,
        /// To what.
        channel: String,
        /// As which member, on a presence channel.
        user_id: Option<String>,
    },
    /// A client tried to subscribe and was refused.
    SubscriptionRefused {
        /// Who.
        socket_id: String,
        /// To what.
        channel: String,
        /// Why, as told to the client.
        reason: String,
    },
    /// A client unsubscribed. Not reported for the channels of a client that disconnects.
    Unsubscribed {
        /// Who.
        socket_id: String,
        /// From what.
        channel: String,
    },
    /// A client event was accepted and relayed.
    ClientEvent {
        /// From whom.
        socket_id: String,
        /// On which channel.
        channel: String,
        /// The event's name.
        event: String,
        /// The data as it is relayed.
        data: String,
        /// The sender, on a presence channel.
        user_id: Option<String>,
    },
    /// A client signed in.
    SignedIn {
        /// Who.
        socket_id: String,
        /// As which user.
        user_id: String,
    },
    /// A client sent `pusher:ping`.
    PingReceived {
        /// Who.
        socket_id: String,
    },
    /// A client sent `pusher:pong`.
    PongReceived {
        /// Who.
        socket_id: String,
    },
    /// A client was told of an error and stays connected.
    ErrorSent {
        /// To whom.
        socket_id: String,
        /// The error's code; many of the hosted service's errors have none.
        code: Option<u16>,
        /// The error's text.
        message: String,
    },
    /// A frame came in; only with [`CoreConfig::report_frames`](super::CoreConfig::report_frames).
    FrameReceived {
        /// From whom.
        socket_id: String,
        /// The whole frame.
        text: String,
    },
    /// An event was published, from code or through the HTTP API.
    Published {
        /// On which channel.
        channel: String,
        /// The event's name.
        event: String,
        /// The data as it is sent: on an encrypted channel, encrypted.
        data: String,
        /// How many connections it was sent to.
        reached: usize,
    },
    /// An authorization (of a channel) or authentication (of a user) was answered.
    AuthorizationAnswered(AuthorizationRecord),
    /// A client is gone.
    Disconnected {
        /// Who.
        socket_id: String,
        /// Why.
        cause: DisconnectCause,
    },
}

/// A request to one of the auth endpoints, and the status of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizationRecord {
    /// The channel, or `None` for a sign-in.
    pub channel: Option<String>,
    /// The socket id the client named.
    pub socket_id: String,
    /// Every parameter of the request in its order, the two above included.
    pub params: Vec<(String, String)>,
    /// Every header of the request, names in lower case. Not for a log: credentials are among them.
    pub headers: Vec<(String, String)>,
    /// The HTTP status of the answer.
    pub status: u16,
}

/// Why a client is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectCause {
    /// The client closed, or its connection broke.
    Client,
    /// The server closed.
    Server {
        /// The close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// The client read too slowly: its queue was full.
    TooSlow,
    /// The server's network was taken away.
    NetworkDown,
}
