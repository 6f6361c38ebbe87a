//! [`Endpoint`]: the address of a server, its checks and its WebSocket URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The protocol version this client speaks.
const PROTOCOL: u8 = 7;
/// The `client` query parameter of the WebSocket URL.
const CLIENT: &str = "bevy_pusher";

/// The characters of an app key that are escaped: all but the unreserved ones of RFC 3986, section 2.3.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The address of a Pusher server.
///
/// ```
/// # use pusher_protocol::config::Endpoint;
/// let hosted = Endpoint::cluster("eu");
/// let own = Endpoint::custom("pusher.example.com", 6001).with_tls().with_path("/ws");
/// let target = own.target("APP_KEY").unwrap();
/// assert!(target.path.starts_with("/ws/app/APP_KEY?protocol=7"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A cluster of the hosted service, always over TLS.
    Cluster(String),
    /// A self-hosted server: Sockudo, soketi, Reverb, …
    Custom {
        /// A host name or an IP address, without scheme and port.
        host: String,
        /// The TCP port.
        port: u16,
        /// Whether to use TLS (`wss`).
        tls: bool,
        /// The path before `/app/KEY`; empty for most servers.
        path: String,
    },
}

impl Endpoint {
    /// Creates the endpoint for a cluster of the hosted service: `mt1`, `us2`, `us3`, `eu`, `ap1` … `ap4`, `sa1`.
    #[must_use]
    pub fn cluster(name: impl Into<String>) -> Self {
        Self::Cluster(name.into())
    }

    /// Creates the endpoint for a self-hosted server, without TLS and without a path prefix.
    #[must_use]
    pub fn custom(host: impl Into<String>, port: u16) -> Self {
        Self::Custom {
            host: host.into(),
            port,
            tls: false,
            path: String::new(),
        }
    }

    /// Switches TLS on. Changes nothing for a cluster, which always uses TLS.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        if let Self::Custom { tls, .. } = &mut self {
            *tls = true;
        }
        self
    }

    /// Sets the path prefix. Changes nothing for a cluster, which has none.
    #[must_use]
    pub fn with_path(mut self, prefix: impl Into<String>) -> Self {
        if let Self::Custom { path, .. } = &mut self {
            *path = prefix.into();
        }
        self
    }

    /// Returns the WebSocket address of the app with this key.
    ///
    /// # Errors
    ///
    /// Fails if the key, the cluster's name, the host or the path prefix cannot be part of a URL.
    pub fn target(&self, key: &str) -> Result<SocketTarget, EndpointError> {
        if key.is_empty() {
            return Err(EndpointError::NoKey);
        }
        let (host, port, tls, prefix) = match self {
            Self::Cluster(name) => {
                if name.is_empty()
                    || !name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                {
                    // Anything else would end up in the host name.
                    return Err(EndpointError::InvalidCluster(name.clone()));
                }
                (format!("ws-{name}.pusher.com"), 443, true, "")
            }
            Self::Custom {
                host,
                port,
                tls,
                path,
            } => (checked_host(host)?, *port, *tls, &**path),
        };
        // `ws`, `/ws` and `/ws/` are the same prefix.
        let prefix = prefix.trim_matches('/');
        if !prefix
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte))
        {
            return Err(EndpointError::InvalidPath(prefix.to_owned()));
        }
        let slash = if prefix.is_empty() { "" } else { "/" };
        Ok(SocketTarget {
            host,
            port,
            tls,
            path: format!(
                "{slash}{prefix}/app/{key}?protocol={PROTOCOL}&client={CLIENT}&version={version}",
                key = utf8_percent_encode(key, IN_PATH),
                version = env!("CARGO_PKG_VERSION"),
            ),
        })
    }
}

/// Returns the host without the brackets of an IPv6 literal.
fn checked_host(host: &str) -> Result<String, EndpointError> {
    if host.contains("://") {
        return Err(EndpointError::SchemeInHost(host.to_owned()));
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    let is_address = bare.parse::<std::net::Ipv6Addr>().is_ok();
    // Underscores are not allowed in host names, but Docker and some intranets use them.
    let is_name = !bare.is_empty()
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if is_address || is_name {
        Ok(bare.to_owned())
    } else {
        Err(EndpointError::InvalidHost(host.to_owned()))
    }
}

/// A WebSocket address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketTarget {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether to use TLS.
    pub tls: bool,
    /// Path and query of the upgrade request.
    pub path: String,
}

impl SocketTarget {
    /// Returns the host as a URL or a `Host` header needs it: IPv6 literals in brackets.
    #[must_use]
    pub fn host_in_url(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }

    /// Returns the complete URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        format!(
            "{scheme}://{}:{}{}",
            self.host_in_url(),
            self.port,
            self.path
        )
    }
}

/// An [`Endpoint`] that cannot be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The app key is empty.
    #[error("the app key is empty")]
    NoKey,
    /// The cluster's name is invalid.
    #[error("invalid cluster {0:?}: cluster names look like \"eu\" or \"us2\"")]
    InvalidCluster(String),
    /// The host contains a scheme, as in `wss://example.com`.
    #[error("the host {0:?} contains a scheme: pass only the host, and set TLS separately")]
    SchemeInHost(String),
    /// The host is neither a host name nor an IP address.
    #[error("{0:?} is neither a host name nor an IP address; pass the port separately")]
    InvalidHost(String),
    /// The path prefix contains a character that a path cannot.
    #[error(
        "invalid path prefix {0:?}: percent-encode spaces, `?`, `#` and characters that are not ASCII"
    )]
    InvalidPath(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str = concat!(
        "?protocol=7&client=bevy_pusher&version=",
        env!("CARGO_PKG_VERSION")
    );

    #[test]
    fn each_endpoint_has_its_url() {
        for (endpoint, url) in [
            (
                Endpoint::cluster("eu"),
                "wss://ws-eu.pusher.com:443/app/KEY",
            ),
            (
                Endpoint::custom("localhost", 6001),
                "ws://localhost:6001/app/KEY",
            ),
            (
                Endpoint::custom("localhost", 6001).with_path(""),
                "ws://localhost:6001/app/KEY",
            ),
            (
                Endpoint::custom("localhost", 6001).with_path("/"),
                "ws://localhost:6001/app/KEY",
            ),
            (
                Endpoint::custom("localhost", 6001).with_path("ws"),
                "ws://localhost:6001/ws/app/KEY",
            ),
            (
                Endpoint::custom("localhost", 6001).with_path("/ws/"),
                "ws://localhost:6001/ws/app/KEY",
            ),
            (
                Endpoint::custom("127.0.0.1", 80).with_path("/a/b"),
                "ws://127.0.0.1:80/a/b/app/KEY",
            ),
            (Endpoint::custom("::1", 6001), "ws://[::1]:6001/app/KEY"),
            (
                Endpoint::custom("[::1]", 6001).with_tls(),
                "wss://[::1]:6001/app/KEY",
            ),
        ] {
            assert_eq!(
                endpoint.target("KEY").unwrap().url(),
                format!("{url}{QUERY}")
            );
        }
    }

    #[test]
    fn an_invalid_endpoint_names_the_problem() {
        let custom = |host: &str| Endpoint::custom(host, 80).target("KEY").unwrap_err();
        assert!(matches!(
            custom("wss://example.com"),
            EndpointError::SchemeInHost(_)
        ));
        assert!(matches!(
            custom("example.com:6001"),
            EndpointError::InvalidHost(_)
        ));
        assert!(matches!(custom(""), EndpointError::InvalidHost(_)));
        assert!(matches!(custom("a b"), EndpointError::InvalidHost(_)));
        assert!(matches!(custom("a/b"), EndpointError::InvalidHost(_)));
        assert_eq!(
            Endpoint::cluster("eu").target(""),
            Err(EndpointError::NoKey)
        );
        assert!(matches!(
            Endpoint::cluster("").target("K"),
            Err(EndpointError::InvalidCluster(_))
        ));
        assert!(matches!(
            Endpoint::cluster("eu/../x").target("K"),
            Err(EndpointError::InvalidCluster(_))
        ));
        let path = Endpoint::custom("h", 1).with_path("a b?c");
        assert!(matches!(
            path.target("K"),
            Err(EndpointError::InvalidPath(_))
        ));
    }

    #[test]
    fn a_key_with_special_characters_stays_one_path_segment() {
        let target = Endpoint::custom("h", 1).target("a/b?c#d é").unwrap();
        assert!(target.path.starts_with("/app/a%2Fb%3Fc%23d%20%C3%A9?"));
    }
}
