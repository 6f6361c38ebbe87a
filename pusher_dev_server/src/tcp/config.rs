//! What a server on a port is told before it starts, and how its auth endpoints answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::core::{App, CoreConfig, CoreLimits};

/// How a [`DevServer`](super::DevServer) is set up.
#[derive(Clone, Debug)]
pub struct DevServerConfig {
    /// Where to listen. Default: loopback, any free port.
    pub address: SocketAddr,
    /// What stands before `/app/{key}` in the WebSocket's address, such as `/ws`. Default: nothing.
    pub path: String,
    /// What it does. A seed of zeros, the default, is replaced by a random one.
    pub core: CoreConfig,
    /// How the auth endpoints answer at first. Default: they sign for everybody.
    pub auth: AuthPolicy,
    /// Whether the HTTP API takes requests that are not signed at all, so that `curl` can publish. One that is signed wrongly
    /// is refused all the same. Default: no.
    pub unsigned_requests: bool,
    /// How much may wait for a client that does not read; a client that lags more is cut. Default 64 MiB.
    pub outbox_bytes: usize,
}

impl Default for DevServerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            path: String::new(),
            core: CoreConfig::default(),
            auth: AuthPolicy::default(),
            unsigned_requests: false,
            outbox_bytes: 64 * 1024 * 1024,
        }
    }
}

impl DevServerConfig {
    /// Listens on this address.
    #[must_use]
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Listens on this port; 0 takes any free one.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Serves this app.
    #[must_use]
    pub fn with_app(mut self, app: App) -> Self {
        self.core.app = app;
        self
    }

    /// Tells clients to ping after this much silence.
    #[must_use]
    pub fn with_activity_timeout(mut self, timeout: Duration) -> Self {
        self.core.activity_timeout = timeout;
        self
    }

    /// Whether channels report how many are subscribed.
    #[must_use]
    pub fn with_subscription_count(mut self, is_reported: bool) -> Self {
        self.core.subscription_count = is_reported;
        self
    }

    /// Sets what clients and publishers may not exceed.
    #[must_use]
    pub fn with_limits(mut self, limits: CoreLimits) -> Self {
        self.core.limits = limits;
        self
    }

    /// Whether [`events`](super::DevServer::events) tells every frame that comes in.
    #[must_use]
    pub fn with_frames_reported(mut self, is_reported: bool) -> Self {
        self.core.report_frames = is_reported;
        self
    }

    /// Sets how the auth endpoints answer at first.
    #[must_use]
    pub fn with_auth_policy(mut self, policy: AuthPolicy) -> Self {
        self.auth = policy;
        self
    }

    /// Whether the HTTP API takes requests that are not signed at all.
    #[must_use]
    pub fn with_unsigned_requests(mut self, are_taken: bool) -> Self {
        self.unsigned_requests = are_taken;
        self
    }

    /// Serves the WebSocket under this path, such as `/ws`.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }
}

impl DevServerConfig {
    /// The path with a slash before it and none after it, however it was written; or nothing.
    pub(crate) fn normal_path(&self) -> String {
        match self.path.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        }
    }
}

/// How the auth endpoints answer. By default they sign whatever they are asked to, at once.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AuthPolicy {
    /// Requests need `Authorization: Bearer` and this token, or get status 401.
    pub bearer_token: Option<String>,
    /// Answers that are given instead of signatures; the first that fits counts.
    pub canned_answers: Vec<CannedAnswer>,
    /// How long every answer is held back.
    pub delay: Duration,
}

impl AuthPolicy {
    /// Every request gets this answer.
    #[must_use]
    pub fn answering(status: u16, body: impl Into<String>) -> Self {
        Self::default().with_answer(AnswerTo::Everything, status, body)
    }

    /// Requests need this token.
    #[must_use]
    pub fn with_bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// These requests get this answer.
    #[must_use]
    pub fn with_answer(mut self, to: AnswerTo, status: u16, body: impl Into<String>) -> Self {
        self.canned_answers.push(CannedAnswer {
            to,
            status,
            body: body.into(),
        });
        self
    }

    /// Every answer is held back for this long.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// An answer that is given instead of a signature: a refusal, or nonsense with status 200.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CannedAnswer {
    /// To which requests.
    pub to: AnswerTo,
    /// The HTTP status. One that HTTP does not know becomes 500.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Which requests to the auth endpoints are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerTo {
    /// All of them.
    Everything,
    /// Authorizations of this channel.
    Channel(String),
    /// Sign-ins.
    SignIn,
}

impl AuthPolicy {
    /// The answer to a request for this channel, or to a sign-in.
    pub(crate) fn canned_answer(&self, channel: Option<&str>) -> Option<&CannedAnswer> {
        self.canned_answers.iter().find(|answer| match &answer.to {
            AnswerTo::Everything => true,
            AnswerTo::Channel(name) => channel == Some(name.as_str()),
            AnswerTo::SignIn => channel.is_none(),
        })
    }
}
