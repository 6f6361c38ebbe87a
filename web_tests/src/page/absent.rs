//! What the browser decides is not offered here: were one of these methods the configuration's own, it would be the one that is
//! called, it would want other arguments, and the page would not compile.

use bevy_pusher::config::PusherConfig;

struct Absent;

trait DecidedByTheBrowser {
    fn with_ca_certificate(&self, _: Absent) {}
    fn with_proxy(&self, _: Absent) {}
    fn with_handshake_header(&self, _: Absent) {}
    fn with_handshake_header_provider(&self, _: Absent) {}
}

impl DecidedByTheBrowser for PusherConfig {}

const _: fn(&PusherConfig) = |config| {
    config.with_ca_certificate(Absent);
    config.with_proxy(Absent);
    config.with_handshake_header(Absent);
    config.with_handshake_header_provider(Absent);
};
