//! Scripted HTTP responses, valid or malformed.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server_socket::ServerSocket;

/// The response to one request.
///
/// ```
/// use pusher_test_support::Answer;
/// use serde_json::json;
///
/// let refusal = Answer::status(403).with_header("X-Reason", "banned").with_body("no");
/// let late = Answer::json(&json!({"auth": "key:signature"})).after(std::time::Duration::from_secs(2));
/// ```
#[derive(Debug, Clone)]
pub struct Answer {
    delay: Duration,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Respond {
        status: u16,
        headers: String,
        body: Vec<u8>,
    },
    Drip(Vec<u8>, Duration),
    Raw(Vec<u8>),
    Never,
    Reset,
    Close,
}

impl Answer {
    /// An empty response with this status.
    pub fn status(status: u16) -> Self {
        Self::new(Action::Respond {
            status,
            headers: String::new(),
            body: vec![],
        })
    }

    /// Status 200 with JSON.
    pub fn json(value: &Value) -> Self {
        Self::text(value.to_string()).with_header("Content-Type", "application/json")
    }

    /// Status 200 with any body.
    pub fn text(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).with_body(body)
    }

    /// Status 302 with this location.
    pub fn redirect(location: &str) -> Self {
        Self::status(302).with_header("Location", location)
    }

    /// Status 200 with a body of this many spaces.
    pub fn large(bytes: usize) -> Self {
        Self::text(vec![b' '; bytes])
    }

    /// Sends these bytes instead of a response, then closes the connection.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Action::Raw(bytes.into()))
    }

    /// A valid response, `{"auth":"…"}`, sent one byte per interval, including the header.
    pub fn drip(interval: Duration) -> Self {
        let body = r#"{"auth":"key:signature"}"#;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::drip_bytes(head + body, interval)
    }

    /// Sends these bytes instead of a response, one per interval.
    pub fn drip_bytes(bytes: impl Into<Vec<u8>>, interval: Duration) -> Self {
        Self::new(Action::Drip(bytes.into(), interval))
    }

    /// Never responds, and keeps the connection open.
    pub fn never() -> Self {
        Self::new(Action::Never)
    }

    /// Resets the connection.
    pub fn reset() -> Self {
        Self::new(Action::Reset)
    }

    /// Closes the connection without a response.
    pub fn close() -> Self {
        Self::new(Action::Close)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        match &mut self.action {
            Action::Respond { headers, .. } => *headers += &format!("{name}: {value}\r\n"),
            other => panic!("{other:?} has no headers"),
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, content: impl Into<Vec<u8>>) -> Self {
        match &mut self.action {
            Action::Respond { body, .. } => *body = content.into(),
            other => panic!("{other:?} has no body"),
        }
        self
    }

    /// Delays the response.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn new(action: Action) -> Self {
        Self {
            delay: Duration::ZERO,
            action,
        }
    }

    /// Sends the response. Returns whether the connection may be reused for another request.
    pub(crate) fn perform(&self, socket: &ServerSocket) -> bool {
        let is_open_after = |delay| {
            delay == Duration::ZERO || socket.wait_for_end(Some(Instant::now() + delay)).is_none()
        };
        if !is_open_after(self.delay) {
            return false;
        }
        match &self.action {
            Action::Respond {
                status,
                headers,
                body,
            } => {
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} Scripted\r\n{headers}Content-Length: {length}\r\n\r\n"
                );
                socket.write(&[head.as_bytes(), body].concat()).is_ok()
            }
            Action::Drip(bytes, interval) => bytes
                .iter()
                .all(|byte| socket.write(&[*byte]).is_ok() && is_open_after(*interval)),
            Action::Raw(bytes) => {
                socket.send_raw(bytes);
                socket.finish_writing();
                is_open_after(Duration::from_secs(1));
                false
            }
            Action::Never => {
                socket.hold();
                false
            }
            Action::Reset => {
                socket.reset();
                false
            }
            Action::Close => false,
        }
    }
}
