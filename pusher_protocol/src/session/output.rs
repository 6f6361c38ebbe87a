//! [`Output`]: what the session asks of the driver.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use crate::{
    protocol::{ChannelName, ServerFrame},
    session::{DialId, Notice, RequestId, SendId},
};

/// What the driver has to do. It executes the outputs in the order in which it gets them.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Open a WebSocket to the configured endpoint before `deadline`, and report
    /// [`Input::Opened`](crate::session::Input::Opened) or [`Input::DialFailed`](crate::session::Input::DialFailed).
    Dial {
        /// Identifies the attempt.
        dial: DialId,
        /// When the session gives up the attempt, on the monotonic clock.
        deadline: Duration,
        /// Number of this attempt in the current outage, from 1.
        attempt: u32,
    },
    /// Cancel this dial. The session expects no report.
    CancelDial(DialId),
    /// Send this text on the open socket. With an `answer`, report [`Input::Written`](crate::session::Input::Written).
    Send {
        /// The frame.
        text: FrameText,
        /// The client event in the frame.
        answer: Option<SendId>,
    },
    /// Close the open socket. The session is done with it; the driver completes the close handshake.
    Close {
        /// The WebSocket close code.
        code: u16,
        /// The reason, for the server's log.
        reason: &'static str,
    },
    /// Drop the open socket without a close handshake: it is dead.
    Abandon,
    /// Request the authorization of a channel from the game's backend.
    Authorize {
        /// Identifies the request.
        request: RequestId,
        /// The channel.
        channel: ChannelName,
        /// The connection to authorize.
        socket_id: Arc<str>,
    },
    /// Request the authentication of the user from the game's backend.
    Authenticate {
        /// Identifies the request.
        request: RequestId,
        /// The connection to authenticate.
        socket_id: Arc<str>,
    },
    /// Cancel this request. The session ignores its response.
    CancelRequest(RequestId),
    /// Report this to user code.
    Notice(Notice),
}

/// The text of a frame to the server. It may contain a signature, so `Debug` shows only its event and its length.
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
        // Frames in both directions have the same outer form.
        let frame = ServerFrame::parse(self);
        let event = frame.as_ref().map_or("a frame", |frame| &*frame.event);
        write!(f, "{event} ({} bytes)", self.len())
    }
}
