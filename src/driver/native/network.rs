//! From a host's name to a stream that TLS or the WebSocket's upgrade can be spoken on.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use pusher_protocol::session::{ConnectionError, DialPhase};

use super::{
    cutoff::Cutoff,
    look_up::{LookUpError, LookUps},
    race::{RaceError, interleaved, race},
    stream::Stream,
    tls::{TlsError, Trust},
    tunnel::{self, TunnelError},
    wire::Wire,
};
use crate::{
    auth::AuthError,
    config::{Proxy, PusherConfig},
};

/// A socket's time-out may come this much before the deadline that it stands for.
const CLOCK_SLACK: Duration = Duration::from_millis(5);

/// Longer waits are not told from this one, and cannot overflow the clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How hosts are reached, by the socket and by HTTP alike.
#[derive(Clone)]
pub(super) struct Network {
    pub(super) look_ups: &'static LookUps,
    pub(super) trust: Arc<Trust>,
    pub(super) proxy: Option<Proxy>,
}

/// A host and how to speak to it.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

/// Why a host was not reached.
#[derive(Debug)]
pub(super) enum ReachError {
    LookUp(String),
    Tcp(String),
    /// There is no tunnel through the proxy.
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
    /// Given up from here; nobody wants to know.
    Cut,
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

impl Network {
    /// The network as it is configured.
    pub(super) fn new(config: &PusherConfig, look_ups: &'static LookUps) -> Self {
        Self {
            look_ups,
            trust: Arc::new(Trust::new(config.ca_certificates.clone())),
            proxy: config.proxy.clone(),
        }
    }

    /// Looks the host up, connects to the first of its addresses that answers, or to the proxy and through it, and makes
    /// the TLS handshake, all within one deadline, which also holds for what is done with the stream next.
    pub(super) fn reach(
        &self,
        peer: &Peer,
        deadline: Instant,
        cutoff: &Arc<Cutoff>,
    ) -> Result<Stream, ReachError> {
        let wire = match &self.proxy {
            Some(proxy) if !peer.is_loopback() => self.tunnel(proxy, peer, deadline, cutoff)?,
            _ => self.connect(&peer.host, peer.port, deadline, cutoff)?,
        };
        if !peer.tls {
            return Ok(Stream::Plain(wire));
        }
        log::debug!("TLS handshake with {}", peer.host);
        self.trust
            .handshake(&peer.host, wire)
            .map_err(|error| match error {
                _ if cutoff.is_cut() => ReachError::Cut,
                #[cfg(not(feature = "native-tls"))]
                TlsError::Unsupported(reason) => ReachError::Unsupported(reason),
                TlsError::Failed(_) if is_over(deadline) => ReachError::TimedOut(DialPhase::Tls),
                TlsError::Failed(reason) => ReachError::Tls(reason),
            })
    }

    /// Looks the host up and connects.
    fn connect(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
        cutoff: &Arc<Cutoff>,
    ) -> Result<Wire, ReachError> {
        log::debug!("looking up {host}");
        let addresses =
            self.look_ups
                .look_up(host, deadline, cutoff)
                .map_err(|error| match error {
                    LookUpError::Failed(reason) => ReachError::LookUp(reason),
                    LookUpError::TimedOut => ReachError::TimedOut(DialPhase::LookUp),
                    LookUpError::Cut => ReachError::Cut,
                })?;
        let addresses: Vec<SocketAddr> = interleaved(&addresses)
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect();
        log::debug!("connecting to {addresses:?}");
        let stream = race(&addresses, deadline, cutoff).map_err(|error| match error {
            RaceError::Failed(reason) => ReachError::Tcp(reason),
            RaceError::TimedOut => ReachError::TimedOut(DialPhase::Tcp),
            RaceError::Cut => ReachError::Cut,
        })?;
        Wire::new(stream, deadline, cutoff).map_err(|error| ReachError::Tcp(error.to_string()))
    }

    /// Connects to the proxy, and through it.
    fn tunnel(
        &self,
        proxy: &Proxy,
        peer: &Peer,
        deadline: Instant,
        cutoff: &Arc<Cutoff>,
    ) -> Result<Wire, ReachError> {
        let refused = |status, reason| ReachError::Proxy {
            host: proxy.host.clone(),
            port: proxy.port,
            status,
            reason,
        };
        let mut wire = self
            .connect(&proxy.host, proxy.port, deadline, cutoff)
            .map_err(|error| match error {
                ReachError::LookUp(reason) => {
                    refused(None, format!("its address was not found: {reason}"))
                }
                ReachError::Tcp(reason) => refused(None, reason),
                ReachError::TimedOut(_) => ReachError::TimedOut(DialPhase::Proxy),
                error => error,
            })?;
        log::debug!("asking the proxy for a tunnel to {}", peer.host);
        tunnel::open(&mut wire, proxy, peer).map_err(|error| match error {
            _ if cutoff.is_cut() => ReachError::Cut,
            _ if is_over(deadline) => ReachError::TimedOut(DialPhase::Proxy),
            TunnelError::Refused { status, reason } => refused(status, reason),
            TunnelError::Io(error) => refused(None, error.to_string()),
        })?;
        Ok(wire)
    }
}

/// Some time from now.
pub(super) fn later(after: Duration) -> Instant {
    Instant::now() + after.min(LONGEST)
}

/// Whether a failure now is the deadline's doing. TLS libraries do not hand through what the wire said.
pub(super) fn is_over(deadline: Instant) -> bool {
    Instant::now() + CLOCK_SLACK >= deadline
}

impl ReachError {
    /// The same for the socket, which was allowed this time.
    pub(super) fn of_dial(self, peer: &Peer, allowed: Duration) -> ConnectionError {
        let host = peer.host.clone();
        match self {
            Self::LookUp(reason) => ConnectionError::LookUp { host, reason },
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
            Self::Cut => ConnectionError::Lost {
                reason: "given up".into(),
            },
        }
    }

    /// The same for a request to the game's backend.
    pub(super) fn of_request(self, peer: &Peer) -> AuthError {
        let Peer { host, port, .. } = peer;
        match self {
            Self::Proxy { status, .. } => {
                let error = self.of_dial(peer, Duration::ZERO).to_string();
                match status {
                    // It would say the same to the same request. 429 is but too many of them.
                    Some(400..=428 | 430..=499) => AuthError::InvalidEndpoint(error),
                    _ => AuthError::Unreachable(error),
                }
            }
            Self::LookUp(reason) => {
                AuthError::Unreachable(format!("the address of {host} was not found: {reason}"))
            }
            Self::Tcp(reason) => AuthError::Unreachable(format!("{host}:{port}: {reason}")),
            Self::Tls(reason) => AuthError::Tls(reason),
            #[cfg(not(feature = "native-tls"))]
            Self::Unsupported(reason) => AuthError::InvalidEndpoint(reason),
            Self::TimedOut(_) => AuthError::TimedOut,
            Self::Cut => AuthError::Unreachable("the connection it was for is gone".into()),
        }
    }
}
