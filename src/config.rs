//! How a client is set up.

mod authorization;
mod difference;
#[cfg(not(target_arch = "wasm32"))]
mod network;
#[cfg(not(target_arch = "wasm32"))]
mod proxy;
#[cfg(feature = "lifecycle")]
mod suspend;

use std::{fmt, sync::Arc, time::Duration};

use bevy_ecs::prelude::*;

#[cfg(not(target_arch = "wasm32"))]
pub use proxy::Proxy;
pub use pusher_protocol::{
    NameRules,
    config::{Endpoint, EndpointError, Limits, ReconnectPolicy, RetryPolicy, Timing},
    protocol::ChannelPattern,
    session::{ReconnectContext, ReconnectDecision},
};
#[cfg(feature = "lifecycle")]
pub use suspend::SuspendPolicy;

use pusher_protocol::session::ReconnectHook;

#[cfg(not(target_arch = "wasm32"))]
use crate::auth::{Provider, names};
use crate::{
    auth::{ChannelAuth, UserAuth},
    transport::Transport,
};

/// Everything a client is told: where the server is, who authorizes, how patient to be.
///
/// It is a resource: [`PusherPlugin::new`](crate::PusherPlugin::new) inserts it, and inserting it again changes it while
/// the game runs. Another endpoint, key or transport reconnects, with all channels kept; all else applies without, and an
/// equal one changes nothing.
///
/// ```
/// # use bevy_pusher::{config::*, auth::AuthEndpoint};
/// let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu"))
///     .with_auth_endpoint(AuthEndpoint::new("https://game.example.com/pusher/auth"));
/// ```
///
/// Its `Debug` shows no secret, and it is deliberately not reflected.
#[derive(Resource, Clone)]
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
    /// Instead of it, for some channels; the most specific first.
    pub(crate) channel_auth_overrides: Vec<(ChannelPattern, ChannelAuth)>,
    pub(crate) user_auth: Option<UserAuth>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) ca_certificates: Vec<Vec<u8>>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) proxy: Option<Proxy>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) handshake_headers: Vec<(String, String)>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) handshake_header_provider: Option<Provider>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    #[cfg(feature = "lifecycle")]
    pub(crate) suspend_policy: SuspendPolicy,
    /// The clock of a client under test.
    #[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
    pub(crate) clock: Option<Arc<crate::testing::Clock>>,
    pub(crate) answer_sent: bool,
    pub(crate) raw_for_typed: bool,
}

impl PusherConfig {
    /// A client of the app with this key. The key is no secret; the app's secret never belongs into a game.
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
            handshake_headers: Vec::new(),
            #[cfg(not(target_arch = "wasm32"))]
            handshake_header_provider: None,
            transport: None,
            #[cfg(feature = "lifecycle")]
            suspend_policy: SuspendPolicy::default(),
            #[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
            clock: None,
            answer_sent: false,
            raw_for_typed: true,
        }
    }

    /// Whether to connect by itself as soon as the app runs. On by default; without it, call
    /// [`PusherConnection::connect`](crate::PusherConnection::connect).
    #[must_use]
    pub fn with_autoconnect(mut self, autoconnect: bool) -> Self {
        self.autoconnect = autoconnect;
        self
    }

    /// How long to wait for what.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// How to dial again after a loss.
    #[must_use]
    pub fn with_reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// Code that decides what becomes of a lost connection, where the policy does not fit: it may choose another delay, give
    /// up, or go on where the policy or the protocol gives up.
    ///
    /// It runs on the network thread, so it is to be quick and must not block. One that panics leaves it to the policy, and
    /// is reported as [`PusherError::ReconnectHookPanicked`](crate::PusherError::ReconnectHookPanicked).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use bevy_pusher::config::*;
    /// // 4009 means unauthorized, which is final by the protocol; this game's backend lets players in a little later.
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

    /// How often and after what delays the game's backend is asked again for an authorization or a sign-in that failed for a
    /// passing reason: no answer in time, not reached, 429, 5xx. Three times in all by default;
    /// [`RetryPolicy::never`] leaves it to [`PusherConnection::retry`](crate::PusherConnection::retry).
    #[must_use]
    pub fn with_auth_retry(mut self, policy: RetryPolicy) -> Self {
        self.auth_retry = policy;
        self
    }

    /// Bounds on what may pile up, and on what is sent.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How strictly channel names are checked.
    #[must_use]
    pub fn with_name_rules(mut self, rules: NameRules) -> Self {
        self.name_rules = rules;
        self
    }

    /// Carries the frames some other way than by the plugin's own WebSocket. What is set here for that alone, such as
    /// certificate authorities, then counts for the auth endpoint only.
    #[must_use]
    pub fn with_transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// What becomes of the connection while a phone has the app in the background.
    #[cfg(feature = "lifecycle")]
    #[must_use]
    pub fn with_suspend_policy(mut self, policy: SuspendPolicy) -> Self {
        self.suspend_policy = policy;
        self
    }

    /// Whether [`PusherSendAnswered`](crate::PusherSendAnswered) also tells of client events that were sent, and not only
    /// of those that were not. Off by default.
    #[must_use]
    pub fn with_sent_answers(mut self, answer_sent: bool) -> Self {
        self.answer_sent = answer_sent;
        self
    }

    /// Whether events that are registered with a type also arrive raw, as
    /// [`PusherEvent<RawData>`](crate::PusherEvent). On by default; a busy game saves time without.
    #[must_use]
    pub fn with_raw_for_typed(mut self, raw_for_typed: bool) -> Self {
        self.raw_for_typed = raw_for_typed;
        self
    }

    /// The app key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the server is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How long one frame may hand over. In a test as long as it takes: its clock stands still meanwhile.
    pub(crate) fn receive_budget(&self) -> Duration {
        #[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
        if self.clock.is_some() {
            return Duration::MAX;
        }
        self.limits.receive_budget
    }

    pub(crate) fn session(&self, seed: u64) -> pusher_protocol::session::SessionConfig {
        pusher_protocol::session::SessionConfig {
            timing: self.timing.clone(),
            reconnect: self.reconnect.clone(),
            reconnect_hook: self.reconnect_hook.clone(),
            auth_retry: self.auth_retry.clone(),
            limits: self.limits.clone(),
            answer_sent: self.answer_sent,
            seed,
        }
    }
}

impl fmt::Debug for PusherConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PusherConfig");
        debug
            .field("key", &self.key)
            .field("endpoint", &self.endpoint)
            .field("autoconnect", &self.autoconnect)
            .field("timing", &self.timing)
            .field("reconnect", &self.reconnect)
            .field("reconnect_hook", &self.reconnect_hook)
            .field("auth_retry", &self.auth_retry)
            .field("limits", &self.limits)
            .field("name_rules", &self.name_rules)
            .field("channel_auth", &self.channel_auth)
            .field("channel_auth_overrides", &self.channel_auth_overrides)
            .field("user_auth", &self.user_auth)
            .field("has_transport", &self.transport.is_some());
        #[cfg(not(target_arch = "wasm32"))]
        debug
            .field("ca_certificates", &self.ca_certificates.len())
            .field("proxy", &self.proxy)
            .field("handshake_headers", &names(&self.handshake_headers));
        debug.finish_non_exhaustive()
    }
}
