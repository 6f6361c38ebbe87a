//! Which configurations are equal.

use std::time::Duration;

use super::*;
use crate::{
    auth::{AuthEndpoint, AuthError, authenticate_with, authorize_with},
    config::{
        Endpoint, Limits, NameRules, Proxy, ReconnectDecision, ReconnectPolicy, RetryPolicy, Timing,
    },
};

fn config() -> PusherConfig {
    let endpoint =
        AuthEndpoint::new("https://game.example.com/auth").with_header("Authorization", "token");
    PusherConfig::new("key", Endpoint::cluster("eu"))
        .with_auth_endpoint(endpoint.clone())
        .with_auth_endpoint_for("private-shop-*", endpoint.clone())
        .with_user_auth_endpoint(endpoint)
        .with_ca_certificate("a certificate")
        .with_handshake_header("x-game", "1")
}

#[test]
fn a_configuration_that_was_made_again_is_the_same_and_so_is_a_copy_with_code_of_the_games() {
    assert_eq!(config(), config());
    let with_code = config()
        .with_authorizer(authorize_with(|_| Err(AuthError::Dropped)))
        .with_reconnect_hook(|_| ReconnectDecision::Policy)
        .with_handshake_header_provider(Vec::new);
    assert_eq!(with_code, with_code.clone());
}

fn changed<T: Default>(change: impl FnOnce(&mut T)) -> T {
    let mut value = T::default();
    change(&mut value);
    value
}

#[test]
fn each_setting_makes_another_configuration() {
    let second = Duration::from_secs(1);
    let endpoint = AuthEndpoint::new("https://game.example.com/auth");
    let others = [
        PusherConfig::new("other", Endpoint::cluster("eu")),
        PusherConfig::new("key", Endpoint::cluster("us2")),
        config().with_autoconnect(false),
        config().with_timing(changed(|timing: &mut Timing| timing.dial_timeout = second)),
        config().with_reconnect(changed(|policy: &mut ReconnectPolicy| {
            policy.min_delay = second * 2;
        })),
        config().with_reconnect_hook(|_| ReconnectDecision::Policy),
        config().with_auth_retry(RetryPolicy::never()),
        config().with_limits(changed(|limits: &mut Limits| limits.unread_messages = 7)),
        config().with_name_rules(NameRules::Relaxed),
        config().with_authorizer(authorize_with(|_| Err(AuthError::Dropped))),
        config().with_auth_endpoint_for("private-shop-*", endpoint),
        config().with_authenticator(authenticate_with(|_| Err(AuthError::Dropped))),
        config().with_ca_certificate("another"),
        config().with_proxy(Proxy::new("localhost", 3128)),
        config().with_handshake_header("x-game", "2"),
        config().with_handshake_header_provider(Vec::new),
        config().with_sent_answers(true),
        config().with_raw_for_typed(false),
        #[cfg(feature = "lifecycle")]
        config().with_suspend_policy(crate::config::SuspendPolicy::Disconnect),
    ];
    for (index, other) in others.into_iter().enumerate() {
        assert_ne!(config(), other, "number {index}");
    }
}
