use std::{sync::Arc, time::Duration};

use crate::{
    protocol::ChannelName,
    session::{DialId, Notice, RequestId, SendId},
};

/// What the driver is to do, in this order.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Open a WebSocket to the configured endpoint, at the latest by `deadline` (on the monotonic clock); answer with
    /// [`Input::Opened`](crate::session::Input::Opened) or
    /// [`Input::DialFailed`](crate::session::Input::DialFailed).
    Dial {
        /// Names the attempt.
        dial: DialId,
        /// When the attempt is over.
        deadline: Duration,
        /// Counts the attempts of this outage, from 1.
        attempt: u32,
    },
    /// Give up this dial; no answer is expected.
    CancelDial(DialId),
    /// Send this text on the open socket. With an `answer`, say what became of it by
    /// [`Input::Written`](crate::session::Input::Written).
    Send {
        /// The frame.
        text: String,
        /// The client event it carries.
        answer: Option<SendId>,
    },
    /// Close the open socket. The session is done with it; the driver finishes the close handshake by itself.
    Close {
        /// The WebSocket close code.
        code: u16,
        /// The reason, for the server's log.
        reason: &'static str,
    },
    /// Drop the open socket without ado: it is dead.
    Abandon,
    /// Ask the game's backend to authorize a channel.
    Authorize {
        /// Names the question.
        request: RequestId,
        /// The channel.
        channel: ChannelName,
        /// The connection it is for.
        socket_id: Arc<str>,
    },
    /// Ask the game's backend who the user is.
    Authenticate {
        /// Names the question.
        request: RequestId,
        /// The connection it is for.
        socket_id: Arc<str>,
    },
    /// Nobody waits for the answer to this question any more.
    CancelRequest(RequestId),
    /// Tell the game.
    Notice(Notice),
}
