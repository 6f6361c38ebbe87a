//! [`ServerEvent`]: a record of what clients and publishers do, for the program's log and for tests.

/// An action of a client or a publisher. Events are reported in the order in which the server processed them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A client connected and was given a socket id.
    Connected {
        /// The socket id that the client has while it is connected.
        socket_id: String,
    },
    /// A connection was refused before it got a socket id.
    ConnectionRefused {
        /// The close code that was sent.
        code: u16,
        /// The close reason that was sent.
        reason: String,
    },
    /// A client subscribed.
    Subscribed {
        /// The socket id of the client.
        socket_id: String,
        /// The channel.
        channel: String,
        /// The user id of the member, on a presence channel.
        user_id: Option<String>,
    },
    /// A client tried to subscribe and was refused.
    SubscriptionRefused {
        /// The socket id of the client.
        socket_id: String,
        /// The channel.
        channel: String,
        /// The reason that was sent to the client.
        reason: String,
    },
    /// A client unsubscribed. Not reported for the channels of a client that disconnects.
    Unsubscribed {
        /// The socket id of the client.
        socket_id: String,
        /// The channel.
        channel: String,
    },
    /// A client event was accepted and relayed.
    ClientEvent {
        /// The socket id of the client.
        socket_id: String,
        /// The channel.
        channel: String,
        /// The name of the event.
        event: String,
        /// The data as relayed.
        data: String,
        /// The user id of the sender, on a presence channel.
        user_id: Option<String>,
    },
    /// A client signed in.
    SignedIn {
        /// The socket id of the client.
        socket_id: String,
        /// The id of the user.
        user_id: String,
    },
    /// A client sent `pusher:ping`.
    PingReceived {
        /// The socket id of the client.
        socket_id: String,
    },
    /// A client sent `pusher:pong`.
    PongReceived {
        /// The socket id of the client.
        socket_id: String,
    },
    /// The server sent `pusher:error` to a client.
    ErrorSent {
        /// The socket id of the client.
        socket_id: String,
        /// The error code; many errors of the hosted service have none.
        code: Option<u16>,
        /// The error message.
        message: String,
    },
    /// A frame was received; reported only with [`CoreConfig::report_frames`](super::CoreConfig::report_frames).
    FrameReceived {
        /// The socket id of the client.
        socket_id: String,
        /// The whole frame.
        text: String,
    },
    /// An event was published, from code or through the HTTP API.
    Published {
        /// The channel.
        channel: String,
        /// The name of the event.
        event: String,
        /// The data as sent: on an encrypted channel the ciphertext.
        data: String,
        /// The number of connections that the event was sent to.
        reached: usize,
    },
    /// An auth endpoint answered a request.
    AuthorizationAnswered(AuthorizationRecord),
    /// A client disconnected.
    Disconnected {
        /// The socket id of the client.
        socket_id: String,
        /// The cause.
        cause: DisconnectCause,
    },
}

/// A request to one of the auth endpoints and the status of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizationRecord {
    /// The channel, or `None` for a sign-in.
    pub channel: Option<String>,
    /// The socket id in the request.
    pub socket_id: String,
    /// All parameters of the request in their order, including the two above.
    pub params: Vec<(String, String)>,
    /// All headers of the request, with lower-case names. Do not log them: they contain credentials.
    pub headers: Vec<(String, String)>,
    /// The HTTP status of the response.
    pub status: u16,
}

/// Why a client disconnected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectCause {
    /// The client closed the connection, or the connection was lost.
    Client,
    /// The server closed the connection.
    Server {
        /// The close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// The client read too slowly: its send queue was full.
    TooSlow,
    /// All connections were cut: by `set_accepting(false)`, at the end of the server, or by a test.
    NetworkDown,
}
