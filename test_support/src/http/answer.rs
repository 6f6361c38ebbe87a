//! What an HTTP endpoint answers, right or wrong.

use std::time::Duration;

use serde_json::Value;

/// An answer to one request.
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
    pub(super) delay: Duration,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    Respond(Response),
    Drip(Vec<u8>, Duration),
    Raw(Vec<u8>),
    Never,
    Reset,
    Close,
}

#[derive(Debug, Clone)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// An empty response with that status.
    pub fn status(status: u16) -> Self {
        Self::new(Action::Respond(Response {
            status,
            headers: vec![],
            body: vec![],
        }))
    }

    /// 200 with JSON.
    pub fn json(value: &Value) -> Self {
        Self::status(200)
            .with_header("Content-Type", "application/json")
            .with_body(value.to_string())
    }

    /// 200 with any body.
    pub fn text(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).with_body(body)
    }

    /// 302 to another place.
    pub fn redirect(location: &str) -> Self {
        Self::status(302).with_header("Location", location)
    }

    /// 200 with a body of that many spaces.
    pub fn large(bytes: usize) -> Self {
        Self::text(vec![b' '; bytes])
    }

    /// These bytes instead of a response; then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Action::Raw(bytes.into()))
    }

    /// A right response, `{"auth":"…"}`, whose bytes come one per interval, header and all.
    pub fn drip(interval: Duration) -> Self {
        let body = r#"{"auth":"key:signature"}"#;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::drip_bytes(head + body, interval)
    }

    /// These bytes instead of a response, one per interval.
    pub fn drip_bytes(bytes: impl Into<Vec<u8>>, interval: Duration) -> Self {
        Self::new(Action::Drip(bytes.into(), interval))
    }

    /// Nothing, with the connection kept open.
    pub fn never() -> Self {
        Self::new(Action::Never)
    }

    /// A TCP reset.
    pub fn reset() -> Self {
        Self::new(Action::Reset)
    }

    /// The end of the connection, without a response.
    pub fn close() -> Self {
        Self::new(Action::Close)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.response().headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.response().body = body.into();
        self
    }

    /// Waits before it answers.
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

    fn response(&mut self) -> &mut Response {
        match &mut self.action {
            Action::Respond(response) => response,
            other => panic!("{other:?} has neither headers nor a body"),
        }
    }
}

impl Response {
    pub(super) fn encode(&self) -> Vec<u8> {
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let mut bytes = format!(
            "HTTP/1.1 {} Scripted\r\n{headers}Content-Length: {}\r\n\r\n",
            self.status,
            self.body.len()
        )
        .into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}
