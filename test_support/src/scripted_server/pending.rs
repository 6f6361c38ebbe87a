//! A connection before its upgrade.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use native_tls::TlsAcceptor;

use super::connection::ScriptedConnection;
use crate::http::{Answer, HttpRequest};
use crate::server_socket::{OwnedSocket, ServerSocket, SocketStream};

/// A TCP connection on which the server has sent nothing yet: neither TLS nor HTTP.
///
/// As long as a test keeps it, the server is silent. Dropping it closes it.
pub struct PendingConnection {
    socket: OwnedSocket,
    acceptor: Option<TlsAcceptor>,
}

impl PendingConnection {
    pub(super) fn new(socket: Arc<ServerSocket>, acceptor: Option<TlsAcceptor>) -> Self {
        Self {
            socket: OwnedSocket(socket),
            acceptor,
        }
    }

    /// Does the TLS handshake, if this is a TLS server: for clients that are expected to break it off. Returns the reason. The other
    /// methods do the handshake where they need it.
    pub fn try_secure(&self, within: Duration) -> Result<(), String> {
        match &self.acceptor {
            Some(acceptor) if !self.is_secured() => {
                self.socket.0.secure(acceptor, Instant::now() + within)
            }
            _ => Ok(()),
        }
    }

    /// Reads the request for the upgrade, and does not answer it.
    #[track_caller]
    pub fn read_request(&self, within: Duration) -> HttpRequest {
        self.try_read_request(within)
            .unwrap_or_else(|error| panic!("no request for an upgrade within {within:?}: {error}"))
    }

    fn try_read_request(&self, within: Duration) -> Result<HttpRequest, String> {
        let mut stream = SocketStream {
            socket: self.socket.0.clone(),
            deadline: Some(Instant::now() + within),
        };
        self.try_secure(within)
            .map_err(|error| format!("the TLS handshake failed: {error}"))?;
        match HttpRequest::read(&mut stream) {
            Ok(request) if request.method() == "GET" => Ok(request),
            Ok(request) => Err(format!("the method is {}", request.method())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Answers the upgrade as a server should.
    #[track_caller]
    pub fn upgrade(self, within: Duration) -> ScriptedConnection {
        let request = self.read_request(within);
        self.accept(request)
    }

    /// As [`upgrade`](Self::upgrade), for clients that may be gone before. Returns the reason.
    pub fn try_upgrade(self, within: Duration) -> Result<ScriptedConnection, String> {
        let request = self.try_read_request(within)?;
        Ok(self.accept(request))
    }

    fn accept(self, request: HttpRequest) -> ScriptedConnection {
        self.send_raw(request.agreement());
        ScriptedConnection::new(self.socket, request)
    }

    /// Refuses the upgrade with an HTTP status, headers and a body, and closes.
    #[track_caller]
    pub fn refuse(self, status: u16, headers: &[(&str, &str)], body: &str, within: Duration) {
        self.read_request(within);
        let answer = Answer::status(status).with_header("Connection", "close");
        let answer = headers.iter().fold(answer, |answer, (name, value)| {
            answer.with_header(name, value)
        });
        answer.with_body(body).perform(&self);
        self.finish_writing();
        self.wait_for_end(Some(Instant::now() + within));
    }

    /// Sends bytes instead of a response to the upgrade; see [`ServerSocket::send_raw`].
    pub fn respond_raw(&self, bytes: impl AsRef<[u8]>) {
        self.send_raw(bytes);
    }

    /// Reads the request, then sends a response header that never ends, one byte per interval.
    #[track_caller]
    pub fn drip_response(&self, interval: Duration, within: Duration) {
        self.read_request(within);
        let start = *b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: ";
        self.drip(start.into_iter().chain(std::iter::repeat(b'a')), interval);
    }

    /// Sends the start of a TLS handshake record of 16 KiB, one byte per interval, and never gets to its end.
    pub fn drip_tls(&self, interval: Duration) {
        let start = [0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00, 0x3f, 0xfc];
        self.drip(start.into_iter().chain(std::iter::repeat(0)), interval);
    }
}

impl Deref for PendingConnection {
    type Target = Arc<ServerSocket>;

    fn deref(&self) -> &Arc<ServerSocket> {
        &self.socket.0
    }
}
