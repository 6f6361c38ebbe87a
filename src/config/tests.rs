//! Which configurations are equal.

use std::time::Duration;

use super::*;
use crate::{
    auth::{AuthEndpoint, authenticate_with, authorize_with},
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
        .with_authorizer(authorize_with(|_| Err(crate::auth::AuthError::Dropped)))
        .with_reconnect_hook(|_| ReconnectDecision::Policy)
        .with_handshake_header_provider(Vec::new);
    assert_eq!(with_code, with_code.clone());
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
        assert_ne!(config(), other, "number {index}");
    }
}
