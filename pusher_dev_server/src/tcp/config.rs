//! The configuration of a [`DevServer`](super::DevServer) and the policy of its auth endpoints.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::core::{App, CoreConfig, CoreLimits};

/// The configuration of a [`DevServer`](super::DevServer).
#[derive(Clone, Debug)]
pub struct DevServerConfig {
    /// The address to listen on. Default: loopback and any free port.
    pub address: SocketAddr,
    /// The path prefix before `/app/{key}` in the WebSocket URL, such as `/ws`. Default: empty.
    pub path: String,
    /// The configuration of the core. A seed of zeros, the default, is replaced by a random one.
    pub core: CoreConfig,
    /// The initial policy of the auth endpoints. Default: sign every request.
    pub auth: AuthPolicy,
    /// Whether the HTTP API accepts unsigned requests, so that `curl` can publish. A request with a wrong signature
    /// is always refused. Default: no.
    pub unsigned_requests: bool,
    /// The most bytes that may be queued for a client that does not read; beyond it the client is disconnected. Default 64 MiB.
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
    /// Sets the address to listen on.
    #[must_use]
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets the port to listen on; 0 selects any free port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Sets the app to serve.
    #[must_use]
    pub fn with_app(mut self, app: App) -> Self {
        self.core.app = app;
        self
    }

    /// Sets the time without traffic after which clients send a ping.
    #[must_use]
    pub fn with_activity_timeout(mut self, timeout: Duration) -> Self {
        self.core.activity_timeout = timeout;
        self
    }

    /// Sets whether channels send `pusher_internal:subscription_count`.
    #[must_use]
    pub fn with_subscription_count(mut self, is_reported: bool) -> Self {
        self.core.subscription_count = is_reported;
        self
    }

    /// Sets the limits for clients and publishers.
    #[must_use]
    pub fn with_limits(mut self, limits: CoreLimits) -> Self {
        self.core.limits = limits;
        self
    }

    /// Sets whether [`events`](super::DevServer::events) reports every received frame.
    #[must_use]
    pub fn with_frames_reported(mut self, is_reported: bool) -> Self {
        self.core.report_frames = is_reported;
        self
    }

    /// Sets the initial policy of the auth endpoints.
    #[must_use]
    pub fn with_auth_policy(mut self, policy: AuthPolicy) -> Self {
        self.auth = policy;
        self
    }

    /// Sets whether the HTTP API accepts unsigned requests.
    #[must_use]
    pub fn with_unsigned_requests(mut self, are_taken: bool) -> Self {
        self.unsigned_requests = are_taken;
        self
    }

    /// Sets the path prefix of the WebSocket URL, such as `/ws`.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }
}

impl DevServerConfig {
    /// Returns the path with a leading and without a trailing slash, or an empty string.
    pub(crate) fn normalized_path(&self) -> String {
        match self.path.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        }
    }
}

/// How the auth endpoints respond. By default they sign every request at once.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AuthPolicy {
    /// The token that requests must send as `Authorization: Bearer`; other requests get status 401.
    pub bearer_token: Option<String>,
    /// Responses that are sent instead of signatures; the first that matches is used.
    pub canned_answers: Vec<CannedAnswer>,
    /// The delay of every response.
    pub delay: Duration,
}

impl AuthPolicy {
    /// Creates a policy that sends this response to every request.
    #[must_use]
    pub fn answering(status: u16, body: impl Into<String>) -> Self {
        Self::default().with_answer(AnswerTo::Everything, status, body)
    }

    /// Requires this bearer token.
    #[must_use]
    pub fn with_bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// Sends this response to these requests.
    #[must_use]
    pub fn with_answer(mut self, to: AnswerTo, status: u16, body: impl Into<String>) -> Self {
        self.canned_answers.push(CannedAnswer {
            to,
            status,
            body: body.into(),
        });
        self
    }

    /// Delays every response.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A response that is sent instead of a signature: a refusal, or an invalid body with status 200.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CannedAnswer {
    /// The requests that get this response.
    pub to: AnswerTo,
    /// The HTTP status. An invalid one becomes 500.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// A selection of requests to the auth endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerTo {
    /// All requests.
    Everything,
    /// Authorizations of this channel.
    Channel(String),
    /// Sign-ins.
    SignIn,
}

impl AuthPolicy {
    /// Returns the response for an authorization of this channel, or with `None` for a sign-in.
    pub(crate) fn canned_answer(&self, channel: Option<&str>) -> Option<&CannedAnswer> {
        self.canned_answers.iter().find(|answer| match &answer.to {
            AnswerTo::Everything => true,
            AnswerTo::Channel(name) => channel == Some(name.as_str()),
            AnswerTo::SignIn => channel.is_none(),
        })
    }
}
