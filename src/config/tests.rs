//! Which configurations are equal.

use super::*;
use crate::{
    auth::{AuthEndpoint, AuthError, authenticate_with, authorize_with},
    config::{Endpoint, ReconnectDecision},
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
fn rebuilt_and_cloned_configs_are_equal() {
    assert_eq!(config(), config());
    let with_code = config()
        .with_authorizer(authorize_with(|_| Err(AuthError::Dropped)))
        .with_reconnect_hook(|_| ReconnectDecision::Policy)
        .with_handshake_header_provider(Vec::new);
    assert_eq!(with_code, with_code.clone());
}

/// The rest of the settings is compared by the derived `PartialEq`.
#[test]
fn other_endpoints_and_callbacks_make_another_configuration() {
    let endpoint = AuthEndpoint::new("https://game.example.com/auth");
    let others = [
        config().with_auth_endpoint_for("private-shop-*", endpoint),
        config().with_authorizer(authorize_with(|_| Err(AuthError::Dropped))),
        config().with_authenticator(authenticate_with(|_| Err(AuthError::Dropped))),
        config().with_reconnect_hook(|_| ReconnectDecision::Policy),
        config().with_handshake_header_provider(Vec::new),
    ];
    for (index, other) in others.into_iter().enumerate() {
        assert_ne!(config(), other, "number {index}");
    }
}
