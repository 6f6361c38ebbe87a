//! A connection before its upgrade.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use native_tls::TlsAcceptor;

use super::connection::ScriptedConnection;
use super::handshake::UpgradeRequest;
use crate::wire::{Ended, OwnedWire, Wire};

/// A TCP connection on which the server has said nothing yet: neither TLS nor HTTP.
///
/// As long as a test keeps it, the server is mute. Dropping it closes it.
pub struct PendingConnection {
    wire: OwnedWire,
    acceptor: Option<TlsAcceptor>,
}

impl PendingConnection {
    pub(super) fn new(wire: OwnedWire, acceptor: Option<TlsAcceptor>) -> Self {
        Self { wire, acceptor }
    }

    /// Makes the TLS handshake, if this is a TLS server. The other methods do it by themselves where they need it.
    #[track_caller]
    pub fn secure(&self, within: Duration) {
        if let Err(error) = self.try_secure(within) {
            panic!("the TLS handshake failed within {within:?}: {error}");
        }
    }

    /// As [`secure`](Self::secure), for clients that are expected to break it off. Returns the reason.
    pub fn try_secure(&self, within: Duration) -> Result<(), String> {
        match &self.acceptor {
            Some(acceptor) if !self.wire.0.is_secured() => {
                self.wire.0.secure(acceptor, Instant::now() + within)
            }
            _ => Ok(()),
        }
    }

    /// Reads the request for the upgrade, and does not answer it.
    #[track_caller]
    pub fn read_request(&self, within: Duration) -> UpgradeRequest {
        self.try_read_request(within)
            .unwrap_or_else(|error| panic!("no request for an upgrade within {within:?}: {error}"))
    }

    fn try_read_request(&self, within: Duration) -> Result<UpgradeRequest, String> {
        let deadline = Instant::now() + within;
        self.try_secure(within)?;
        UpgradeRequest::read(&self.wire.0, deadline)
    }

    /// Answers the upgrade as a server should.
    #[track_caller]
    pub fn upgrade(self, within: Duration) -> ScriptedConnection {
        self.try_upgrade(within)
            .unwrap_or_else(|error| panic!("no upgrade within {within:?}: {error}"))
    }

    /// As [`upgrade`](Self::upgrade), for clients that may be gone before it. Returns the reason.
    pub fn try_upgrade(self, within: Duration) -> Result<ScriptedConnection, String> {
        let request = self.try_read_request(within)?;
        self.respond_raw(request.agreement());
        Ok(self.into_upgraded(request))
    }

    /// Treats the connection as upgraded; the test has sent the response with [`respond_raw`](Self::respond_raw).
    pub fn into_upgraded(self, request: UpgradeRequest) -> ScriptedConnection {
        ScriptedConnection::new(self.wire, request)
    }

    /// Refuses the upgrade with an HTTP status, headers and a body, and closes.
    #[track_caller]
    pub fn refuse(self, status: u16, headers: &[(&str, &str)], body: &str, within: Duration) {
        self.read_request(within);
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        self.respond_raw(format!(
            "HTTP/1.1 {status} Refused\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ));
        self.wire.0.finish_writing();
        self.wire.0.wait_for_end(Instant::now() + within);
    }

    /// Sends bytes: through TLS once the handshake is made, else straight onto the socket.
    pub fn respond_raw(&self, bytes: impl AsRef<[u8]>) {
        // A client that is gone already is for the test's next expectation to find.
        let _ = self.wire.0.write(bytes.as_ref());
    }

    /// Sends one byte per interval for as long as there are bytes and the connection lasts.
    pub fn drip(&self, bytes: impl IntoIterator<Item = u8> + Send + 'static, interval: Duration) {
        drip(&self.wire.0, bytes, interval);
    }

    /// Reads the request, then sends a response header that never ends, one byte per interval.
    #[track_caller]
    pub fn drip_response(&self, interval: Duration, within: Duration) {
        self.read_request(within);
        let start = b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: "
            .iter()
            .copied();
        self.drip(start.chain(std::iter::repeat(b'a')), interval);
    }

    /// Sends the start of a TLS handshake record of 16 KiB, one byte per interval, and never gets to its end.
    pub fn drip_tls(&self, interval: Duration) {
        let start = [0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00, 0x3f, 0xfc];
        self.drip(start.into_iter().chain(std::iter::repeat(0)), interval);
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(self) {
        self.wire.0.reset();
    }

    /// Closes the connection.
    pub fn close(self) {
        self.wire.0.close();
    }

    /// How the connection ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.wire.0.ended()
    }

    /// Waits for the client to end the connection.
    #[track_caller]
    pub fn expect_end(&self, within: Duration) -> Ended {
        self.wire
            .0
            .wait_for_end(Instant::now() + within)
            .unwrap_or_else(|| panic!("the client did not end the connection within {within:?}"))
    }

    /// Waits until the connection ends, however long it takes: for handlers.
    pub fn hold(&self) {
        self.wire.0.wait_for_end_for_ever();
    }
}

pub(super) fn drip(
    wire: &Arc<Wire>,
    bytes: impl IntoIterator<Item = u8> + Send + 'static,
    interval: Duration,
) {
    let wire = Arc::downgrade(wire);
    thread::spawn(move || {
        for byte in bytes {
            let Some(wire) = wire.upgrade() else {
                return;
            };
            if wire.ended().is_some() || wire.write(&[byte]).is_err() {
                return;
            }
            drop(wire);
            thread::sleep(interval);
        }
    });
}
