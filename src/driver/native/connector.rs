//! Connects to a host: resolves its name, connects over TCP or through the proxy, and performs the TLS handshake. The socket and HTTP
//! share it, so that certificate authorities, the proxy and dead IPv6 work the same for both.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use pusher_protocol::session::{ConnectionError, DialPhase};

use super::{
    cancel::{CancelToken, Stopped},
    happy_eyeballs::{self, interleaved},
    proxy_tunnel::{self, TunnelError},
    resolver::DnsResolver,
    stream::{MaybeTlsStream, TcpTransport},
    tls::{TlsError, TrustStore},
};
use crate::{
    auth::AuthError,
    config::{Proxy, PusherConfig},
};

/// A time-out of a socket may come this much before its deadline.
const CLOCK_SLACK: Duration = Duration::from_millis(5);

/// Longer waits are shortened to this, so that they cannot overflow the clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Connects to hosts. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) resolver: &'static DnsResolver,
    pub(super) trust_store: Arc<TrustStore>,
    pub(super) proxy: Option<Proxy>,
}

/// A host to connect to.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// A name or an IP address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

/// Why there is no connection to a host.
#[derive(Debug)]
pub(super) enum ConnectError {
    Resolve(String),
    Tcp(String),
    /// The proxy could not be reached, or refused the tunnel.
    Proxy {
        host: String,
        port: u16,
        status: Option<u16>,
        reason: String,
    },
    Tls(String),
    #[cfg(not(feature = "native-tls"))]
    Unsupported(String),
    TimedOut(DialPhase),
    Cancelled,
}

impl Peer {
    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl Connector {
    pub(super) fn new(config: &PusherConfig, resolver: &'static DnsResolver) -> Self {
        Self {
            resolver,
            trust_store: Arc::new(TrustStore::new(config.ca_certificates.clone())),
            proxy: config.proxy.clone(),
        }
    }

    /// Connects, and performs the TLS handshake if the host has TLS. The deadline applies to all of it, and to the stream afterwards.
    pub(super) fn connect(
        &self,
        peer: &Peer,
        deadline: Instant,
        token: &Arc<CancelToken>,
    ) -> Result<MaybeTlsStream, ConnectError> {
        let tcp = match &self.proxy {
            Some(proxy) if !peer.is_loopback() => {
                self.connect_through(proxy, peer, deadline, token)?
            }
            _ => self.connect_tcp(&peer.host, peer.port, deadline, token)?,
        };
        if !peer.tls {
            return Ok(MaybeTlsStream::Plain(tcp));
        }
        log::debug!("TLS handshake with {}", peer.host);
        self.trust_store
            .handshake(&peer.host, tcp)
            .map_err(|error| match error {
                _ if token.is_cancelled() => ConnectError::Cancelled,
                #[cfg(not(feature = "native-tls"))]
                TlsError::Unsupported(reason) => ConnectError::Unsupported(reason),
                TlsError::Failed(_) if is_over(deadline) => ConnectError::TimedOut(DialPhase::Tls),
                TlsError::Failed(reason) => ConnectError::Tls(reason),
            })
    }

    fn connect_tcp(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
        token: &Arc<CancelToken>,
    ) -> Result<TcpTransport, ConnectError> {
        log::debug!("resolving {host}");
        let addresses = self
            .resolver
            .resolve(host, deadline, token)
            .map_err(|error| stopped(error, DialPhase::LookUp, ConnectError::Resolve))?;
        let addresses: Vec<SocketAddr> = interleaved(&addresses)
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect();
        log::debug!("connecting to {addresses:?}");
        let stream = happy_eyeballs::connect(&addresses, deadline, token)
            .map_err(|error| stopped(error, DialPhase::Tcp, ConnectError::Tcp))?;
        TcpTransport::new(stream, deadline, token)
            .map_err(|error| ConnectError::Tcp(error.to_string()))
    }

    /// Connects through the proxy.
    fn connect_through(
        &self,
        proxy: &Proxy,
        peer: &Peer,
        deadline: Instant,
        token: &Arc<CancelToken>,
    ) -> Result<TcpTransport, ConnectError> {
        let refused = |status, reason| ConnectError::Proxy {
            host: proxy.host.clone(),
            port: proxy.port,
            status,
            reason,
        };
        let mut tcp = self
            .connect_tcp(&proxy.host, proxy.port, deadline, token)
            .map_err(|error| match error {
                ConnectError::Resolve(reason) => refused(
                    None,
                    format!("its host name could not be resolved: {reason}"),
                ),
                ConnectError::Tcp(reason) => refused(None, reason),
                ConnectError::TimedOut(_) => ConnectError::TimedOut(DialPhase::Proxy),
                error => error,
            })?;
        log::debug!("asking the proxy for a tunnel to {}", peer.host);
        proxy_tunnel::open(&mut tcp, proxy, peer).map_err(|error| match error {
            _ if token.is_cancelled() => ConnectError::Cancelled,
            _ if is_over(deadline) => ConnectError::TimedOut(DialPhase::Proxy),
            TunnelError::Refused { status, reason } => refused(status, reason),
            TunnelError::Io(error) => refused(None, error.to_string()),
        })?;
        Ok(tcp)
    }
}

fn stopped<E>(
    stopped: Stopped<E>,
    phase: DialPhase,
    failed: fn(E) -> ConnectError,
) -> ConnectError {
    match stopped {
        Stopped::Failed(error) => failed(error),
        Stopped::TimedOut => ConnectError::TimedOut(phase),
        Stopped::Cancelled => ConnectError::Cancelled,
    }
}

/// Returns the time this far from now.
pub(super) fn later(after: Duration) -> Instant {
    Instant::now() + after.min(LONGEST)
}

/// Whether a failure at this moment is due to the deadline. TLS libraries do not pass `TimedOut` through.
pub(super) fn is_over(deadline: Instant) -> bool {
    Instant::now() + CLOCK_SLACK >= deadline
}

impl ConnectError {
    /// Converts it for a dial, which was allowed this time.
    pub(super) fn into_dial_error(self, peer: &Peer, allowed: Duration) -> ConnectionError {
        let host = peer.host.clone();
        match self {
            Self::Resolve(reason) => ConnectionError::LookUp { host, reason },
            Self::Tcp(reason) => ConnectionError::Tcp {
                host,
                port: peer.port,
                reason,
            },
            Self::Proxy {
                host,
                port,
                status,
                reason,
            } => ConnectionError::Proxy {
                host,
                port,
                status,
                reason,
            },
            Self::Tls(reason) => ConnectionError::Tls { host, reason },
            #[cfg(not(feature = "native-tls"))]
            Self::Unsupported(reason) => ConnectionError::Unsupported(reason),
            Self::TimedOut(phase) => ConnectionError::TimedOut {
                phase,
                after: allowed,
            },
            Self::Cancelled => ConnectionError::Lost {
                reason: "cancelled".into(),
            },
        }
    }

    /// Converts it for a request to the game's backend.
    pub(super) fn into_request_error(self, peer: &Peer) -> AuthError {
        let Peer { host, port, .. } = peer;
        match self {
            Self::Proxy { status, .. } => {
                let error = self.into_dial_error(peer, Duration::ZERO).to_string();
                match status {
                    // The proxy would refuse the same request again, unless there were only too many of them (429).
                    Some(400..=428 | 430..=499) => AuthError::InvalidEndpoint(error),
                    _ => AuthError::Unreachable(error),
                }
            }
            Self::Resolve(reason) => {
                AuthError::Unreachable(format!("failed to resolve {host}: {reason}"))
            }
            Self::Tcp(reason) => AuthError::Unreachable(format!("{host}:{port}: {reason}")),
            Self::Tls(reason) => AuthError::Tls(reason),
            #[cfg(not(feature = "native-tls"))]
            Self::Unsupported(reason) => AuthError::InvalidEndpoint(reason),
            Self::TimedOut(_) => AuthError::TimedOut,
            Self::Cancelled => {
                AuthError::Unreachable("cancelled, because the connection ended".into())
            }
        }
    }
}
