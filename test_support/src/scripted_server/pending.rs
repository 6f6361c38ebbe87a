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
/// The server sends nothing while a test keeps this value. Dropping it closes the connection.
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

    /// Does the TLS handshake if the server uses TLS, and returns an error if the client aborts it. Other methods do the handshake
    /// themselves and fail the test instead.
    pub fn try_secure(&self, within: Duration) -> Result<(), String> {
        match &self.acceptor {
            Some(acceptor) if !self.is_secured() => {
                self.socket.0.secure(acceptor, Instant::now() + within)
            }
            _ => Ok(()),
        }
    }

    /// Reads the upgrade request without responding.
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

    /// Accepts the upgrade.
    #[track_caller]
    pub fn upgrade(self, within: Duration) -> ScriptedConnection {
        let request = self.read_request(within);
        self.accept(request)
    }

    /// Like [`upgrade`](Self::upgrade), but returns an error if the client has disconnected.
    pub fn try_upgrade(self, within: Duration) -> Result<ScriptedConnection, String> {
        let request = self.try_read_request(within)?;
        Ok(self.accept(request))
    }

    fn accept(self, request: HttpRequest) -> ScriptedConnection {
        self.send_raw(request.upgrade_response());
        ScriptedConnection::new(self.socket, request)
    }

    /// Refuses the upgrade with an HTTP status, headers and a body, and closes the connection.
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

    /// Reads the request, then sends an endless response header, one byte per interval.
    #[track_caller]
    pub fn drip_response(&self, interval: Duration, within: Duration) {
        self.read_request(within);
        let start = *b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: ";
        self.drip(start.into_iter().chain(std::iter::repeat(b'a')), interval);
    }

    /// Sends an incomplete TLS handshake record of 16 KiB, one byte per interval.
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
