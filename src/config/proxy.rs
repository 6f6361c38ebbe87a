use std::fmt;

/// An HTTP proxy that everything goes through: the socket, and the requests to the game's backend.
///
/// It is asked for a tunnel to the host and port (`CONNECT`, RFC 9110, section 9.3.6), for TLS and without alike, and finds
/// the host's address by itself; it has to allow that for the server's port. What is on this machine (`localhost`,
/// `127.0.0.0/8`, `::1`) is reached without it, as browsers do it. Proxies of the environment (`HTTPS_PROXY` and the like)
/// are not used unless the game asks for them here.
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
    /// The proxy at this host and port, spoken to in plain HTTP.
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

    /// The user's name, without a colon, and the password that the proxy asks for (`Basic`, RFC 7617). They go over the
    /// network as plain text.
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
