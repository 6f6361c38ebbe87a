//! Lets ureq connect through the driver's [`Connector`], as the socket does.
//!
//! With ureq's own connections, some rules would differ from the socket's: configured certificate authorities are added to the system's
//! (ureq's `RootCerts::Specific` replaces them), a dead IPv6 address does not delay a live IPv4 one (ureq tries addresses one after the
//! other, ureq#1150), and a client that closes does not wait for a name to be resolved. It also makes ureq's TLS features unnecessary,
//! which panic if the provider is not set (ureq#1045), and ignores the proxy of the environment.

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

use crate::driver::native::{
    cancel::CancelToken,
    connector::{self, Deadline, Peer, into_request_error, is_over, later},
    stream::MaybeTlsStream,
};

/// Connects ureq by the driver's connector.
pub(super) struct UreqConnector {
    pub(super) connector: connector::Connector,
    pub(super) token: Arc<CancelToken>,
}

impl Connector for UreqConnector {
    type Out = UreqTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<UreqTransport>, Error> {
        let peer =
            peer(details.uri).ok_or_else(|| Error::BadUri("not an http or https URL".into()))?;
        let deadline = Deadline {
            at: deadline(details.timeout),
            // Only the error of a dial names it.
            allowed: Duration::ZERO,
        };
        let stream = self
            .connector
            .connect(&peer, deadline, &self.token)
            .map_err(|error| Error::Other(Box::new(into_request_error(error))))?;
        let config = details.config;
        Ok(Some(UreqTransport {
            stream,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
        }))
    }
}

/// Leaves the resolution of names to the connector, since a reused connection needs none.
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

/// Returns the host of an http or https URL.
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
pub(super) struct UreqTransport {
    stream: MaybeTlsStream,
    buffers: LazyBuffers,
}

impl UreqTransport {
    /// Uses the stream until the time is over.
    fn timed<T>(
        &mut self,
        timeout: NextTimeout,
        step: impl FnOnce(&mut MaybeTlsStream, &mut LazyBuffers) -> io::Result<T>,
    ) -> Result<T, Error> {
        let deadline = deadline(timeout);
        self.stream.tcp().set_deadline(deadline);
        step(&mut self.stream, &mut self.buffers).map_err(|error| {
            if is_over(deadline) {
                Error::Timeout(timeout.reason)
            } else {
                Error::Io(error)
            }
        })
    }
}

impl Transport for UreqTransport {
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
        self.stream.tcp().is_idle()
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

/// Whether ureq ran out of time.
pub(super) fn is_timeout(error: &Error) -> bool {
    match error {
        // Not a failure: ureq sends the body when the wait for `100 Continue` ends.
        Error::Timeout(Timeout::Await100) => false,
        Error::Timeout(_) => true,
        Error::Io(error) => error.kind() == io::ErrorKind::TimedOut,
        _ => false,
    }
}

impl fmt::Debug for UreqConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UreqConnector").finish_non_exhaustive()
    }
}

impl fmt::Debug for UreqTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UreqTransport").finish_non_exhaustive()
    }
}
