use std::time::Duration;

use crate::{
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::{Command, ConnectionError, SendId},
};

/// The time at which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since the driver's start, on a clock that only runs forward. It may stand still while the machine sleeps.
    pub monotonic: Duration,
    /// The wall clock, since any fixed moment. A jump against the other clock shows that the machine slept.
    pub wall: Duration,
}

impl Now {
    /// A time on both clocks alike.
    #[must_use]
    pub fn at(time: Duration) -> Self {
        Self {
            monotonic: time,
            wall: time,
        }
    }
}

/// Names one attempt to connect, and the socket that came of it. What belongs to an older one is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialId(pub u64);

/// Names one question to the game's backend. An answer to an older one is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What happened, as the driver tells the session. Text frames go to
/// [`Session::handle_frame`](crate::Session::handle_frame) instead.
#[derive(Debug)]
pub enum Input {
    /// The game asks for something.
    Command(Command),
    /// The dial ended in an open WebSocket.
    Opened(DialId),
    /// The dial failed.
    DialFailed(DialId, ConnectionError),
    /// The socket ended: the server closed it, it broke, or it sent what cannot be read.
    Closed(DialId, ConnectionError),
    /// A binary frame came; the protocol has none.
    BinaryFrame(DialId),
    /// A client event was taken by the socket's buffer, or the buffer is full.
    Written {
        /// The event.
        id: SendId,
        /// Whether it was taken.
        accepted: bool,
    },
    /// The answer to [`Output::Authorize`](crate::session::Output::Authorize).
    Authorized(RequestId, Result<ChannelAuthorization, AuthError>),
    /// The answer to [`Output::Authenticate`](crate::session::Output::Authenticate).
    Authenticated(RequestId, Result<UserAuthentication, AuthError>),
    /// Time passed: due whenever [`Session::wake_at`](crate::Session::wake_at) is reached. The driver hands over the
    /// frames that wait before it says so, lest a program that slept takes a live link for dead.
    TimePassed,
    /// Something that makes the link doubtful.
    Hint(Hint),
}

/// A reason to check the link at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The network changed, or came back.
    NetworkChanged,
    /// The app came back to the foreground, or the machine woke up.
    Resumed,
}
