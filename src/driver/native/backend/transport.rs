//! ureq on the connections that the socket uses too.
//!
//! ureq's own parts would do for most of it. These are here so that one set of rules holds for both: own certificate
//! authorities beside the system's (ureq's `RootCerts::Specific` replaces them), dead IPv6 before live IPv4 (ureq
//! tries the addresses one after the other, ureq#1150), a look-up that a closing client does not wait for. They also make
//! its TLS features unnecessary, which panic when the provider is not set (ureq#1045), and the proxy of the environment
//! is left out for both.

use std::{
    fmt,
    io::{self, Read, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use ureq::{
    Error, Timeout,
    config::Config,
    http::{Uri, uri::Scheme},
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{
            Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
            time::Duration as Remaining,
        },
    },
};

use super::super::{
    cutoff::Cutoff,
    network::{Network, Peer, is_over, later},
    stream::Stream,
};

/// Connects ureq through the client's own network.
pub(super) struct OwnConnector {
    pub(super) network: Network,
    pub(super) cutoff: Arc<Cutoff>,
}

impl Connector for OwnConnector {
    type Out = OwnTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<OwnTransport>, Error> {
        let peer = peer(details.uri)
            .ok_or_else(|| Error::BadUri("it is no URL of http or https".into()))?;
        let stream = self
            .network
            .reach(&peer, deadline(details.timeout), &self.cutoff)
            .map_err(|error| Error::Other(Box::new(error.of_request(&peer))))?;
        let config = details.config;
        Ok(Some(OwnTransport {
            stream,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
        }))
    }
}

/// Leaves the look-up to the connector: it is for nothing while a connection is reused.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Whom a URL names; `None` if it is none of http or https.
pub(super) fn peer(uri: &Uri) -> Option<Peer> {
    let tls = match uri.scheme()? {
        scheme if *scheme == Scheme::HTTPS => true,
        scheme if *scheme == Scheme::HTTP => false,
        _ => return None,
    };
    let host = uri.host().filter(|host| !host.is_empty())?;
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    Some(Peer {
        host: bare.into(),
        port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        tls,
    })
}

/// A connection under ureq.
pub(super) struct OwnTransport {
    stream: Stream,
    buffers: LazyBuffers,
}

impl OwnTransport {
    /// Does something on the stream, until the time is over.
    fn timed<T>(
        &mut self,
        timeout: NextTimeout,
        step: impl FnOnce(&mut Stream, &mut LazyBuffers) -> io::Result<T>,
    ) -> Result<T, Error> {
        let deadline = deadline(timeout);
        self.stream.wire().set_deadline(deadline);
        step(&mut self.stream, &mut self.buffers).map_err(|error| {
            if is_over(deadline) {
                Error::Timeout(timeout.reason)
            } else {
                Error::Io(error)
            }
        })
    }
}

impl Transport for OwnTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.timed(timeout, |stream, buffers| {
            let output = buffers.output();
            stream.write_all(output.get(..amount).unwrap_or_default())?;
            stream.flush()
        })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let read = self.timed(timeout, |stream, buffers| {
            let read = stream.read(buffers.input_append_buf())?;
            buffers.input_appended(read);
            Ok(read)
        })?;
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.wire().is_idle()
    }

    fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }
}

fn deadline(timeout: NextTimeout) -> Instant {
    later(match timeout.after {
        Remaining::Exact(left) => left,
        Remaining::NotHappening => Duration::MAX,
    })
}

/// Whether ureq gave up for the lack of time.
pub(super) fn is_timeout(error: &Error) -> bool {
    match error {
        // Not an error of the request: it is about a body that the server may not want.
        Error::Timeout(Timeout::Await100) => false,
        Error::Timeout(_) => true,
        Error::Io(error) => error.kind() == io::ErrorKind::TimedOut,
        _ => false,
    }
}

impl fmt::Debug for OwnConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnConnector").finish_non_exhaustive()
    }
}

impl fmt::Debug for OwnTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnTransport").finish_non_exhaustive()
    }
}
