//! Checks at compile time that options which the browser controls do not exist in WebAssembly. If one of these methods existed
//! on `PusherConfig`, it would take precedence over the trait's method and refuse the argument.

use bevy_pusher::config::PusherConfig;

struct WrongArgument;

trait ControlledByBrowser {
    fn with_ca_certificate(&self, _: WrongArgument) {}
    fn with_proxy(&self, _: WrongArgument) {}
    fn with_handshake_header(&self, _: WrongArgument) {}
    fn with_handshake_header_provider(&self, _: WrongArgument) {}
}

impl ControlledByBrowser for PusherConfig {}

const _: fn(&PusherConfig) = |config| {
    config.with_ca_certificate(WrongArgument);
    config.with_proxy(WrongArgument);
    config.with_handshake_header(WrongArgument);
    config.with_handshake_header_provider(WrongArgument);
};
