//! How hosts are reached: certificate authorities, proxy, headers of the handshake. In a browser, the browser decides all of it.

use std::{fmt, sync::Arc};

use super::{Pem, PusherConfig};
use crate::sync::Shared;

impl PusherConfig {
    /// Adds a certificate authority to trust, as PEM, for the socket and for the auth endpoint. May be called more than once. The system's
    /// authorities stay trusted. Not available in a browser.
    #[must_use]
    pub fn with_ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates.push(Pem(pem.into()));
        self
    }

    /// Sets the HTTP proxy for the socket and for requests to the game's backend. Not available in a browser, which has its own settings.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Adds a header to every WebSocket handshake, for example for a gateway in front of the server. Its value is never logged. Not
    /// available in a browser.
    ///
    /// Headers that the client sets itself (`Host`, `Upgrade`, `Content-Length`, `Sec-WebSocket-…` and others) and invalid ones fail with
    /// [`ConnectionError::InvalidHeader`](crate::ConnectionError::InvalidHeader).
    #[must_use]
    pub fn with_handshake_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.handshake_headers.push(name, value);
        self
    }

    /// Sets a callback that returns more headers. It is called before each dial, so that it can return a renewed token. It runs on a
    /// separate thread and may block; its time counts towards [`Timing::dial_timeout`](super::Timing::dial_timeout). While four calls
    /// have not returned, no further call is made, and dials fail until one returns. A header of the same name replaces the fixed one.
    #[must_use]
    pub fn with_handshake_header_provider(
        mut self,
        provider: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.handshake_header_provider = Some(Shared(Arc::new(provider)));
        self
    }
}

/// An HTTP proxy for the socket and for requests to the game's backend.
///
/// The client asks it for a tunnel to the host and port (`CONNECT`, RFC 9110, section 9.3.6), with and without TLS. The proxy resolves
/// the host name and must allow tunnels to the server's port. Hosts on this machine (`localhost`, `127.0.0.0/8`, `::1`) are connected to
/// directly, as in browsers. Environment variables such as `HTTPS_PROXY` are ignored.
///
/// ```
/// # use bevy_pusher::config::*;
/// let proxy = Proxy::new("proxy.example.com", 3128).with_credentials("user", "password");
/// let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu")).with_proxy(proxy);
/// ```
///
/// Its `Debug` shows no credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<(String, String)>,
}

impl Proxy {
    /// Creates the proxy at this host and port. The client speaks plain HTTP to it.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        Self {
            host: bare.unwrap_or(&host).to_owned(),
            port,
            credentials: None,
        }
    }

    /// Sets the user name, which must not contain a colon, and the password (`Basic`, RFC 7617). They are sent to the proxy as plain text.
    #[must_use]
    pub fn with_credentials(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("has_credentials", &self.credentials.is_some())
            .finish()
    }
}
