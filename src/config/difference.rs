//! What going over to another configuration takes.

use std::sync::Arc;

use super::PusherConfig;
#[cfg(not(target_arch = "wasm32"))]
use crate::auth::is_one;
use crate::transport::Transport;

impl PusherConfig {
    /// Whether going over to `other` takes a new connection.
    pub(crate) fn needs_redial(&self, other: &Self) -> bool {
        self.key != other.key
            || self.endpoint != other.endpoint
            || self.reaches_otherwise(other)
            || self.transport.as_ref().map(address) != other.transport.as_ref().map(address)
    }

    /// Whether going over to `other` changes nothing. Code of the game's own is the same if it is a copy.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        // By name, so that none is forgotten.
        let Self {
            key: _,
            endpoint: _,
            autoconnect,
            timing: _,
            reconnect: _,
            reconnect_hook: _,
            auth_retry: _,
            limits: _,
            name_rules,
            channel_auth,
            channel_auth_overrides,
            user_auth,
            #[cfg(not(target_arch = "wasm32"))]
                ca_certificates: _,
            #[cfg(not(target_arch = "wasm32"))]
                proxy: _,
            #[cfg(not(target_arch = "wasm32"))]
            handshake_headers,
            #[cfg(not(target_arch = "wasm32"))]
            handshake_header_provider,
            transport: _,
            #[cfg(feature = "lifecycle")]
            suspend_policy,
            #[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
            clock,
            answer_sent: _,
            raw_for_typed,
        } = self;
        let is_same = !self.needs_redial(other)
            && self.session(0) == other.session(0)
            && *autoconnect == other.autoconnect
            && *name_rules == other.name_rules
            && *channel_auth == other.channel_auth
            && *channel_auth_overrides == other.channel_auth_overrides
            && *user_auth == other.user_auth
            && *raw_for_typed == other.raw_for_typed;
        #[cfg(not(target_arch = "wasm32"))]
        let is_same = is_same
            && *handshake_headers == other.handshake_headers
            && is_one(handshake_header_provider, &other.handshake_header_provider);
        #[cfg(feature = "lifecycle")]
        let is_same = is_same && *suspend_policy == other.suspend_policy;
        #[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
        let is_same = is_same && is_one(clock, &other.clock);
        is_same
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn reaches_otherwise(&self, other: &Self) -> bool {
        self.ca_certificates != other.ca_certificates || self.proxy != other.proxy
    }

    #[cfg(target_arch = "wasm32")]
    fn reaches_otherwise(&self, _other: &Self) -> bool {
        false
    }
}

/// Tells one transport from another.
fn address(transport: &Arc<dyn Transport>) -> *const () {
    Arc::as_ptr(transport).cast()
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        auth::{AuthEndpoint, authenticate_with, authorize_with},
        config::{
            Endpoint, Limits, NameRules, Proxy, ReconnectDecision, ReconnectPolicy, RetryPolicy,
            Timing,
        },
    };

    fn config() -> PusherConfig {
        let endpoint = AuthEndpoint::new("https://game.example.com/auth")
            .with_header("Authorization", "token");
        PusherConfig::new("key", Endpoint::cluster("eu"))
            .with_auth_endpoint(endpoint.clone())
            .with_auth_endpoint_for("private-shop-*", endpoint.clone())
            .with_user_auth_endpoint(endpoint)
            .with_ca_certificate("a certificate")
            .with_handshake_header("x-game", "1")
    }

    #[test]
    fn a_configuration_that_was_made_again_is_the_same_and_so_is_a_copy_with_code_of_the_games() {
        assert!(config().is_same(&config()));
        let with_code = config()
            .with_authorizer(authorize_with(|_| Err(crate::auth::AuthError::Dropped)))
            .with_reconnect_hook(|_| ReconnectDecision::Policy)
            .with_handshake_header_provider(Vec::new);
        assert!(with_code.is_same(&with_code.clone()));
    }

    #[test]
    fn each_setting_makes_another_configuration() {
        let second = Duration::from_secs(1);
        let others: Vec<fn(PusherConfig, Duration) -> PusherConfig> = vec![
            |_, _| PusherConfig::new("other", Endpoint::cluster("eu")),
            |_, _| PusherConfig::new("key", Endpoint::cluster("us2")),
            |config, _| config.with_autoconnect(false),
            |config, dial_timeout| {
                config.with_timing(Timing {
                    dial_timeout,
                    ..Timing::default()
                })
            },
            |config, min_delay| {
                config.with_reconnect(ReconnectPolicy {
                    min_delay: min_delay * 2,
                    ..ReconnectPolicy::default()
                })
            },
            |config, _| config.with_reconnect_hook(|_| ReconnectDecision::Policy),
            |config, _| config.with_auth_retry(RetryPolicy::never()),
            |config, _| {
                config.with_limits(Limits {
                    unread_messages: 7,
                    ..Limits::default()
                })
            },
            |config, _| config.with_name_rules(NameRules::Relaxed),
            |config, _| {
                config.with_authorizer(authorize_with(|_| Err(crate::auth::AuthError::Dropped)))
            },
            |config, _| {
                let endpoint = AuthEndpoint::new("https://game.example.com/auth");
                config.with_auth_endpoint_for("private-shop-*", endpoint)
            },
            |config, _| {
                let nobody = authenticate_with(|_| Err(crate::auth::AuthError::Dropped));
                config.with_authenticator(nobody)
            },
            |config, _| config.with_ca_certificate("another"),
            |config, _| config.with_proxy(Proxy::new("localhost", 3128)),
            |config, _| config.with_handshake_header("x-game", "2"),
            |config, _| config.with_handshake_header_provider(Vec::new),
            |config, _| config.with_sent_answers(true),
            |config, _| config.with_raw_for_typed(false),
            #[cfg(feature = "lifecycle")]
            |config, _| config.with_suspend_policy(crate::config::SuspendPolicy::Disconnect),
        ];
        for (index, other) in others.into_iter().enumerate() {
            let other = other(config(), second);
            assert!(!config().is_same(&other), "number {index}");
            assert!(!other.is_same(&config()), "number {index}");
        }
    }
}
