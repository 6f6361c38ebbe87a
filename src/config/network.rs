//! How the server is reached. In a browser all of it is the browser's own matter.

use std::sync::Arc;

use super::{Proxy, PusherConfig};

impl PusherConfig {
    /// One more certificate authority to trust, as PEM, for the socket and for the auth endpoint alike. May be called
    /// more than once; the system's own stay trusted. Not in a browser, which trusts whom it trusts.
    #[must_use]
    pub fn with_ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates.push(pem.into());
        self
    }

    /// The HTTP proxy that the socket and the requests to the game's backend go through. In a browser, that is the
    /// browser's own matter.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// A header that every handshake of the WebSocket carries, for a gateway in front of the server. Its value is never
    /// shown. Browsers let no page set any.
    ///
    /// Headers that are the handshake's own (`Host`, `Connection`, `Upgrade`, `Sec-WebSocket-…`) or that cannot be sent end
    /// in [`ConnectionError::InvalidHeader`](crate::ConnectionError::InvalidHeader).
    #[must_use]
    pub fn with_handshake_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.handshake_headers.push((name.into(), value.into()));
        self
    }

    /// More of them, asked for before each dial, so that a token that was renewed meanwhile is the one that is sent. Called
    /// on a thread of its own; it may block, and its time counts as the dial's. While four calls have not returned, there is no
    /// fifth: attempts fail until one does. A header of the same name replaces the fixed one.
    #[must_use]
    pub fn with_handshake_header_provider(
        mut self,
        provider: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.handshake_header_provider = Some(Arc::new(provider));
        self
    }
}
