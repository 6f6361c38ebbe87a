//! [`Input`]: what the driver passes to the session.

use std::time::Duration;

use crate::{
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::{Command, ConnectionError, SendId},
};

/// The time of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time since the driver's start. It may stop while the machine sleeps.
    pub monotonic: Duration,
    /// Wall-clock time since any fixed moment. A jump relative to the monotonic time shows that the machine slept.
    pub wall: Duration,
}

impl Now {
    /// Creates the same time on both clocks.
    #[must_use]
    pub fn at(time: Duration) -> Self {
        Self {
            monotonic: time,
            wall: time,
        }
    }
}

/// Identifies a connection attempt and the socket it opened. The session ignores inputs with an older id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialId(pub u64);

/// Identifies a request to the game's backend. The session ignores responses with an older id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What happened, reported by the driver. Text frames go to [`Session::handle_frame`](crate::Session::handle_frame) instead.
#[derive(Debug)]
pub enum Input {
    /// A request of user code.
    Command(Command),
    /// The dial succeeded: the WebSocket is open.
    Opened(DialId),
    /// The dial failed.
    DialFailed(DialId, ConnectionError),
    /// The socket was closed by the server, broke, or received something unreadable.
    Closed(DialId, ConnectionError),
    /// A binary frame arrived; the protocol has none.
    BinaryFrame(DialId),
    /// The result of an [`Output::Send`](crate::session::Output::Send) with an `answer`.
    Written {
        /// The client event.
        id: SendId,
        /// Whether the socket's send buffer accepted it; `false` if the buffer is full.
        accepted: bool,
    },
    /// The response to [`Output::Authorize`](crate::session::Output::Authorize).
    Authorized(RequestId, Result<ChannelAuthorization, AuthError>),
    /// The response to [`Output::Authenticate`](crate::session::Output::Authenticate).
    Authenticated(RequestId, Result<UserAuthentication, AuthError>),
    /// [`Session::wake_at`](crate::Session::wake_at) was reached. The driver passes all waiting frames first; otherwise a
    /// connection may look dead after the program itself was suspended.
    TimePassed,
    /// The connection may be dead.
    Hint(Hint),
}

/// A reason to check the connection at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The network changed or came back.
    NetworkChanged,
    /// The app returned to the foreground, or the machine woke up.
    Resumed,
}
