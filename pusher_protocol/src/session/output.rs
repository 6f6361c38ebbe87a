use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use crate::{
    protocol::{ChannelName, ServerFrame},
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
        text: FrameText,
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

/// The text of a frame to the server. It may hold a signature, so its `Debug` shows no more than its event and its length.
#[derive(Clone, PartialEq, Eq)]
pub struct FrameText(String);

impl FrameText {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }
}

impl Deref for FrameText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<FrameText> for String {
    fn from(text: FrameText) -> Self {
        text.0
    }
}

impl fmt::Debug for FrameText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = ServerFrame::parse(self);
        let event = frame.as_ref().map_or("a frame", |frame| &*frame.event);
        write!(f, "{event} ({} bytes)", self.len())
    }
}
