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
    proxy_tunnel,
    resolver::DnsResolver,
    stream::{MaybeTlsStream, TcpSocket},
    tls::TrustStore,
};
use crate::{
    auth::AuthError,
    config::{Proxy, PusherConfig},
};

/// A timeout of a socket may come this much before its deadline.
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

/// When a connection must be established.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// The time that was allowed in total, which the error of a timeout names.
    pub(super) allowed: Duration,
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

impl Deadline {
    /// Whether a failure at this moment is due to the deadline. TLS libraries do not pass `TimedOut` through.
    pub(super) fn is_over(self) -> bool {
        is_over(self.at)
    }

    pub(super) fn timed_out(self, phase: DialPhase) -> ConnectionError {
        ConnectionError::TimedOut {
            phase,
            after: self.allowed,
        }
    }

    /// The error of an operation that did not finish in this phase.
    fn error(
        self,
        stopped: Stopped<String>,
        phase: DialPhase,
        failed: impl FnOnce(String) -> ConnectionError,
    ) -> ConnectionError {
        match stopped {
            Stopped::Failed(reason) => failed(reason),
            Stopped::TimedOut => self.timed_out(phase),
            Stopped::Cancelled => cancelled(),
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
        deadline: Deadline,
        token: &Arc<CancelToken>,
    ) -> Result<MaybeTlsStream, ConnectionError> {
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
                _ if token.is_cancelled() => cancelled(),
                ConnectionError::Tls { .. } if deadline.is_over() => {
                    deadline.timed_out(DialPhase::Tls)
                }
                error => error,
            })
    }

    fn connect_tcp(
        &self,
        host: &str,
        port: u16,
        deadline: Deadline,
        token: &Arc<CancelToken>,
    ) -> Result<TcpSocket, ConnectionError> {
        log::debug!("resolving {host}");
        let addresses = self
            .resolver
            .resolve(host, deadline.at, token)
            .map_err(|stopped| {
                deadline.error(stopped, DialPhase::LookUp, |reason| {
                    let host = host.to_owned();
                    ConnectionError::LookUp { host, reason }
                })
            })?;
        let addresses: Vec<SocketAddr> = interleaved(&addresses)
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect();
        log::debug!("connecting to {addresses:?}");
        let failed = |reason| {
            let host = host.to_owned();
            ConnectionError::Tcp { host, port, reason }
        };
        let stream = happy_eyeballs::connect(&addresses, deadline.at, token)
            .map_err(|stopped| deadline.error(stopped, DialPhase::Tcp, failed))?;
        TcpSocket::new(stream, deadline.at, token).map_err(|error| failed(error.to_string()))
    }

    /// Connects through the proxy.
    fn connect_through(
        &self,
        proxy: &Proxy,
        peer: &Peer,
        deadline: Deadline,
        token: &Arc<CancelToken>,
    ) -> Result<TcpSocket, ConnectionError> {
        let mut tcp = self
            .connect_tcp(&proxy.host, proxy.port, deadline, token)
            .map_err(|error| match error {
                ConnectionError::LookUp { reason, .. } => {
                    let reason = format!("its host name could not be resolved: {reason}");
                    proxy_tunnel::error(proxy, None, &reason)
                }
                ConnectionError::Tcp { reason, .. } => proxy_tunnel::error(proxy, None, &reason),
                ConnectionError::TimedOut { .. } => deadline.timed_out(DialPhase::Proxy),
                error => error,
            })?;
        log::debug!("asking the proxy for a tunnel to {}", peer.host);
        proxy_tunnel::open(&mut tcp, proxy, peer).map_err(|error| match error {
            _ if token.is_cancelled() => cancelled(),
            _ if deadline.is_over() => deadline.timed_out(DialPhase::Proxy),
            error => error,
        })?;
        Ok(tcp)
    }
}

fn cancelled() -> ConnectionError {
    let reason = "cancelled".into();
    ConnectionError::Lost { reason }
}

/// Returns the time this far from now.
pub(super) fn later(after: Duration) -> Instant {
    Instant::now() + after.min(LONGEST)
}

/// Whether this deadline is over, or so close that a timeout is due to it.
pub(super) fn is_over(deadline: Instant) -> bool {
    Instant::now() + CLOCK_SLACK >= deadline
}

/// Converts an error of [`Connector::connect`] for a request to the game's backend.
pub(super) fn into_request_error(error: ConnectionError) -> AuthError {
    match error {
        ConnectionError::TimedOut { .. } => AuthError::TimedOut,
        ConnectionError::Tls { reason, .. } => AuthError::Tls(reason),
        ConnectionError::Unsupported(reason) => AuthError::InvalidEndpoint(reason),
        // The proxy would refuse the same request again, unless there were only too many of them (429).
        ConnectionError::Proxy {
            status: Some(400..=428 | 430..=499),
            ..
        } => AuthError::InvalidEndpoint(error.to_string()),
        error => AuthError::Unreachable(error.to_string()),
    }
}
