//! One attempt to connect and to upgrade to a WebSocket, on a short-lived thread.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use pusher_protocol::{
    config::SocketTarget,
    session::{ConnectionError, DialId, DialPhase},
};
use tungstenite::{
    Error, HandshakeError,
    client::{IntoClientRequest, client_with_config},
    error::ProtocolError,
    handshake::client::Request,
    http::{HeaderName, Response, StatusCode, header},
    protocol::WebSocketConfig,
};

use super::{
    cancel::{Cancel, CancelToken, Stopped},
    connection::{WebSocketConnection, with_limit},
    connector::{Connector, Deadline, Peer},
    headers::{self, HandshakeHeaders, RefusedHeader},
    messages::{Message, MessageSender},
    stream::MaybeTlsStream,
};

/// The size of the read buffer: about three hundred small frames.
const READ_BUFFER_BYTES: usize = 64 << 10;

/// What to dial, and how.
pub(super) struct Dialler {
    pub(super) connector: Connector,
    pub(super) target: SocketTarget,
    pub(super) headers: HandshakeHeaders,
    pub(super) deadline: Deadline,
    pub(super) inbound_message_bytes: usize,
}

/// A dial in progress. Dropping it cancels the dial.
pub(super) struct Dial {
    pub(super) id: DialId,
    token: Option<Arc<CancelToken>>,
}

impl Dial {
    /// Starts the thread. It sends [`Message::Dialled`] unless it is cancelled.
    pub(super) fn start(
        id: DialId,
        dialler: Dialler,
        sender: MessageSender,
        parent: &CancelToken,
    ) -> io::Result<Self> {
        let token = parent.child();
        let own = token.clone();
        thread::Builder::new()
            .name("pusher-dial".into())
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| dialler.run(&own)));
                let outcome = outcome.unwrap_or_else(|_| {
                    let reason = "dialling panicked".into();
                    Err(ConnectionError::Lost { reason })
                });
                if !own.is_cancelled() {
                    sender.post(Message::Dialled(id, outcome.map(Box::new)));
                }
            })?;
        Ok(Self {
            id,
            token: Some(token),
        })
    }

    /// Ends a dial that has an outcome, without cancelling the socket that it has opened.
    pub(super) fn finish(mut self) {
        self.token = None;
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

impl Dialler {
    fn run(&self, token: &Arc<CancelToken>) -> Result<WebSocketConnection, ConnectionError> {
        let SocketTarget {
            host, port, tls, ..
        } = &self.target;
        let request = self.upgrade_request(token)?;
        let peer = Peer {
            host: host.clone(),
            port: *port,
            tls: *tls,
        };
        let stream = self.connector.connect(&peer, self.deadline, token)?;
        log::debug!("sending the upgrade request to {host}");
        let socket = self.upgrade(request, stream)?;
        log::debug!("the WebSocket to {host} is open");
        Ok(socket)
    }

    fn upgrade_request(&self, token: &CancelToken) -> Result<Request, ConnectionError> {
        let mut request = url(&self.target)
            .into_client_request()
            .map_err(|error| refused(None, &error.to_string()))?;
        let provided = self
            .headers
            .provided(self.deadline.at, token)
            .map_err(|error| self.provider_error(error))?;
        for (name, value) in self.headers.fixed.0.iter().chain(&provided) {
            headers::set(request.headers_mut(), name, value, is_reserved).map_err(|refused| {
                let RefusedHeader { name, reason } = refused;
                ConnectionError::InvalidHeader {
                    name,
                    reason: reason.into(),
                }
            })?;
        }
        Ok(request)
    }

    fn provider_error(&self, error: Stopped<String>) -> ConnectionError {
        let allowed = self.deadline.allowed;
        let provider = "the provider of handshake headers";
        let reason = match error {
            Stopped::Failed(reason) => format!("{provider} failed: {reason}"),
            Stopped::TimedOut => format!("{provider} did not return within {allowed:?}"),
            Stopped::Cancelled => "cancelled".into(),
        };
        ConnectionError::Lost { reason }
    }

    fn upgrade(
        &self,
        request: Request,
        mut stream: MaybeTlsStream,
    ) -> Result<WebSocketConnection, ConnectionError> {
        stream.tcp().expect_lines();
        let config = with_limit(WebSocketConfig::default(), self.inbound_message_bytes)
            .read_buffer_size(READ_BUFFER_BYTES);
        let web_socket = match client_with_config(request, stream, Some(config)) {
            Ok((web_socket, _)) => web_socket,
            Err(_) if self.deadline.is_over() => {
                return Err(self.deadline.timed_out(DialPhase::Upgrade));
            }
            Err(HandshakeError::Failure(error)) => return Err(upgrade_error(error)),
            // The stream never returns `WouldBlock` while dialling.
            Err(HandshakeError::Interrupted(_)) => {
                return Err(refused(None, "the handshake was interrupted"));
            }
        };
        WebSocketConnection::go_live(web_socket).map_err(|error| refused(None, &error.to_string()))
    }
}

/// Returns the URL, without the scheme's default port: tungstenite copies host and port into the `Host` header.
fn url(target: &SocketTarget) -> String {
    let (scheme, default_port) = if target.tls { ("wss", 443) } else { ("ws", 80) };
    let port = if target.port == default_port {
        String::new()
    } else {
        format!(":{}", target.port)
    };
    format!("{scheme}://{}{port}{}", target.host_in_url(), target.path)
}

/// Whether a header belongs to the handshake (RFC 6455, section 4.1) or to the framing of the request.
fn is_reserved(name: &HeaderName) -> bool {
    [
        header::HOST,
        header::CONNECTION,
        header::UPGRADE,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::EXPECT,
    ]
    .contains(name)
        || name.as_str().starts_with("sec-websocket-")
}

fn upgrade_error(error: Error) -> ConnectionError {
    match error {
        Error::Http(response) => refused(Some(response.status()), &refusal(&response)),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            refused(None, "the server closed the connection without a response")
        }
        // tungstenite's limits on the size and the pieces of a response.
        Error::AttackAttempt => refused(
            None,
            "the response is too long, or comes in too many small pieces",
        ),
        Error::Io(error) => refused(None, &error.to_string()),
        error => refused(None, &error.to_string()),
    }
}

fn refused(status: Option<StatusCode>, reason: &str) -> ConnectionError {
    ConnectionError::Upgrade {
        status: status.map(|status| status.as_u16()),
        reason: reason.into(),
    }
}

/// Returns the body, as far as it was received, or else the status as text. The session redacts it before it is shown.
fn refusal(response: &Response<Option<Vec<u8>>>) -> String {
    let body = response.body().as_deref().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() {
        let reason = response.status().canonical_reason();
        reason.unwrap_or("without a reason").into()
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_header_names_only_an_unusual_port() {
        let target = |port, tls| SocketTarget {
            host: "::1".into(),
            port,
            tls,
            path: "/app/key?protocol=7".into(),
        };
        for (target, expected) in [
            (target(443, true), "wss://[::1]/app/key?protocol=7"),
            (target(80, false), "ws://[::1]/app/key?protocol=7"),
            (target(443, false), "ws://[::1]:443/app/key?protocol=7"),
            (target(6001, true), "wss://[::1]:6001/app/key?protocol=7"),
        ] {
            assert_eq!(url(&target), expected);
        }
    }
}
