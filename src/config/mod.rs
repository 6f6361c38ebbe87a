//! The configuration of a client: the resource [`PusherConfig`] and the types of its settings.

mod auth;
#[cfg(not(target_arch = "wasm32"))]
mod network;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;

use std::{any::Any, sync::Arc};

use bevy_ecs::prelude::*;

#[cfg(not(target_arch = "wasm32"))]
pub use network::Proxy;
pub use pusher_protocol::{
    NameRules,
    config::{Endpoint, EndpointError, Limits, ReconnectPolicy, RetryPolicy, Timing},
    protocol::ChannelPattern,
    session::{ReconnectContext, ReconnectDecision},
};

use pusher_protocol::session::{ReconnectHook, SessionConfig};

#[cfg(not(target_arch = "wasm32"))]
use crate::auth::{Pairs, Provider};
use crate::{
    auth::{ChannelAuth, UserAuth},
    sync::Shared,
    transport::Transport,
};

/// Everything that can be configured: the server, authorization, timeouts, limits.
///
/// It is a resource. [`PusherPlugin::new`](crate::PusherPlugin::new) inserts it; insert it again to change the configuration while
/// the game runs. A different key, endpoint, transport, proxy or certificate authority reconnects and keeps all channels. Every other
/// change applies without a reconnect; changed handshake headers apply to the next connection. An equal configuration changes nothing;
/// callbacks are equal if one is a clone of the other.
///
/// ```
/// # use bevy_pusher::{config::*, auth::AuthEndpoint};
/// let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu"))
///     .with_auth_endpoint(AuthEndpoint::new("https://game.example.com/pusher/auth"));
/// ```
///
/// Its `Debug` shows no secret, and it is deliberately not reflected.
#[derive(Resource, Clone, Debug, PartialEq)]
#[component(immutable)]
pub struct PusherConfig {
    pub(crate) key: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) autoconnect: bool,
    pub(crate) timing: Timing,
    pub(crate) reconnect: ReconnectPolicy,
    pub(crate) reconnect_hook: Option<ReconnectHook>,
    pub(crate) auth_retry: RetryPolicy,
    pub(crate) limits: Limits,
    pub(crate) name_rules: NameRules,
    pub(crate) channel_auth: Option<ChannelAuth>,
    /// Take precedence over `channel_auth`. The most specific pattern comes first.
    pub(crate) channel_auth_overrides: Vec<(ChannelPattern, ChannelAuth)>,
    pub(crate) user_auth: Option<UserAuth>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) ca_certificates: Vec<Pem>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) proxy: Option<Proxy>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) handshake_headers: Pairs,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) handshake_header_provider: Option<Provider>,
    pub(crate) transport: Option<Shared<dyn Transport>>,
    #[cfg(feature = "lifecycle")]
    pub(crate) suspend_policy: SuspendPolicy,
    /// Selects another driver than the platform's. Only the driver that put it here knows its type.
    pub(crate) driver_override: Option<Shared<dyn Any + Send + Sync>>,
    pub(crate) answer_sent: bool,
    pub(crate) raw_for_typed: bool,
}

impl PusherConfig {
    /// Creates the configuration of a client of the app with this key. The key is public. The app's secret never belongs in a game.
    #[must_use]
    pub fn new(key: impl Into<String>, endpoint: Endpoint) -> Self {
        Self {
            key: key.into(),
            endpoint,
            autoconnect: true,
            timing: Timing::default(),
            reconnect: ReconnectPolicy::default(),
            reconnect_hook: None,
            auth_retry: RetryPolicy::default(),
            limits: Limits::default(),
            name_rules: NameRules::Strict,
            channel_auth: None,
            channel_auth_overrides: Vec::new(),
            user_auth: None,
            #[cfg(not(target_arch = "wasm32"))]
            ca_certificates: Vec::new(),
            #[cfg(not(target_arch = "wasm32"))]
            proxy: None,
            #[cfg(not(target_arch = "wasm32"))]
            handshake_headers: Pairs::default(),
            #[cfg(not(target_arch = "wasm32"))]
            handshake_header_provider: None,
            transport: None,
            #[cfg(feature = "lifecycle")]
            suspend_policy: SuspendPolicy::default(),
            driver_override: None,
            answer_sent: false,
            raw_for_typed: true,
        }
    }

    /// Sets whether the client connects when it starts: with the app, or when a `PusherConfig` is inserted where there was none. On by
    /// default. If off, call [`PusherConnection::connect`](crate::PusherConnection::connect).
    #[must_use]
    pub fn with_autoconnect(mut self, autoconnect: bool) -> Self {
        self.autoconnect = autoconnect;
        self
    }

    /// Sets the timeouts and intervals.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Sets when to reconnect after a lost connection or a failed attempt.
    #[must_use]
    pub fn with_reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// Sets a callback that decides what to do after each lost connection and each failed attempt, for games that the policy does not
    /// fit: it may choose another delay, give up, or reconnect where the policy or the protocol gives up.
    ///
    /// It runs on the network thread, on the web on the only thread, so it must return quickly and must not block. If it panics, the
    /// policy decides, and
    /// [`PusherError::ReconnectHookPanicked`](crate::PusherError::ReconnectHookPanicked) is reported.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use bevy_pusher::config::*;
    /// // 4009 means "unauthorized", and the protocol forbids a retry. This game's backend admits players a little later.
    /// let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu"))
    ///     .with_reconnect_hook(|lost| match lost.code() {
    ///         Some(4009) if lost.attempt() < 5 => ReconnectDecision::After(Duration::from_secs(3)),
    ///         _ => ReconnectDecision::Policy,
    ///     });
    /// ```
    #[must_use]
    pub fn with_reconnect_hook(
        mut self,
        decide: impl Fn(&ReconnectContext<'_>) -> ReconnectDecision + Send + Sync + 'static,
    ) -> Self {
        self.reconnect_hook = Some(ReconnectHook::new(decide));
        self
    }

    /// Sets how often, and after which delays, a request to the game's backend (authorization or sign-in) is retried after a transient
    /// failure: a timeout, an unreachable backend, HTTP 429 or 5xx. By default there are three attempts in total. With
    /// [`RetryPolicy::never`], only [`PusherConnection::retry`](crate::PusherConnection::retry),
    /// [`sign_in`](crate::PusherConnection::sign_in) and a reconnect try again.
    #[must_use]
    pub fn with_auth_retry(mut self, policy: RetryPolicy) -> Self {
        self.auth_retry = policy;
        self
    }

    /// Sets the limits on memory, on message sizes and on the rate of client events.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets which channel names are valid.
    #[must_use]
    pub fn with_name_rules(mut self, rules: NameRules) -> Self {
        self.name_rules = rules;
        self
    }

    /// Sets a transport of yours that carries the messages instead of the plugin's WebSocket. The proxy and the certificate authorities
    /// then apply to the auth endpoint only, and handshake headers are not used.
    #[must_use]
    pub fn with_transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Shared(Arc::new(transport)));
        self
    }

    /// Sets whether the connection stays open while a phone has the app in the background.
    #[cfg(feature = "lifecycle")]
    #[must_use]
    pub fn with_suspend_policy(mut self, policy: SuspendPolicy) -> Self {
        self.suspend_policy = policy;
        self
    }

    /// Sets whether [`PusherSendAnswered`](crate::PusherSendAnswered) also reports client events that were sent. By default it reports
    /// only those that were not.
    #[must_use]
    pub fn with_sent_answers(mut self, answer_sent: bool) -> Self {
        self.answer_sent = answer_sent;
        self
    }

    /// Sets whether events that are registered with a type are also delivered undecoded, as
    /// [`PusherEvent<RawData>`](crate::PusherEvent). On by default. Switching it off saves time per event.
    #[must_use]
    pub fn with_raw_for_typed(mut self, raw_for_typed: bool) -> Self {
        self.raw_for_typed = raw_for_typed;
        self
    }

    /// Returns the app key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the server's address.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The part of the configuration that the session uses.
    pub(crate) fn session(&self, seed: u64) -> SessionConfig {
        SessionConfig {
            timing: self.timing.clone(),
            reconnect: self.reconnect.clone(),
            reconnect_hook: self.reconnect_hook.clone(),
            auth_retry: self.auth_retry.clone(),
            limits: self.limits.clone(),
            answer_sent: self.answer_sent,
            seed,
        }
    }

    /// Whether changing from this configuration to `other` needs a new connection.
    pub(crate) fn needs_redial(&self, other: &Self) -> bool {
        self.key != other.key
            || self.endpoint != other.endpoint
            || self.transport != other.transport
            || self.network_changed(other)
    }

    /// Whether the two reach hosts in different ways.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn network_changed(&self, other: &Self) -> bool {
        self.ca_certificates != other.ca_certificates || self.proxy != other.proxy
    }

    #[cfg(target_arch = "wasm32")]
    fn network_changed(&self, _other: &Self) -> bool {
        false
    }
}

/// What happens to the connection while a phone has the app in the background. Needs the feature `lifecycle`.
///
/// With either policy, a game that returns to the foreground checks its connection at once, or reconnects at once.
#[cfg(feature = "lifecycle")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuspendPolicy {
    /// The connection stays open as long as the system lets it: most systems freeze an app after some seconds or minutes, and then the
    /// server closes the connection because pings are not answered.
    #[default]
    KeepConnection,
    /// The connection is closed when the app goes to the background, so that others see the player leave at once, and opened again when
    /// the app returns.
    Disconnect,
}

/// Certificates as PEM (RFC 7468). Not secret, but too long for `Debug`.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pem(pub(crate) Vec<u8>);

#[cfg(not(target_arch = "wasm32"))]
impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
