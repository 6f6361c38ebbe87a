//! One attempt to connect, on a short-lived thread of its own.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
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
    cutoff::{Cut, Cutoff},
    header_provider::{HandshakeHeaders, ProviderError},
    headers::{self, RefusedHeader},
    mailbox::{Mailbox, Message},
    network::{Network, Peer, is_over},
    socket::Socket,
    stream::Stream,
};

/// What the read buffer holds: some three hundred small frames.
const READ_BUFFER_BYTES: usize = 64 << 10;

/// What to dial and how.
pub(super) struct DialOrder {
    pub(super) network: Network,
    pub(super) target: SocketTarget,
    pub(super) headers: HandshakeHeaders,
    /// The attempt ends before it.
    pub(super) deadline: Instant,
    /// What the attempt is allowed in all, for the error that says so.
    pub(super) allowed: Duration,
    pub(super) inbound_message_bytes: usize,
}

/// A dial under way. Dropping it gives the dial up.
pub(super) struct Dial {
    pub(super) id: DialId,
    cutoff: Option<Arc<Cutoff>>,
}

impl Dial {
    /// Starts it. The outcome goes to the mailbox, unless it was given up.
    pub(super) fn start(
        id: DialId,
        order: DialOrder,
        mailbox: Mailbox,
        cutoff: &Cutoff,
    ) -> io::Result<Self> {
        let cutoff = cutoff.child();
        let own = cutoff.clone();
        thread::Builder::new()
            .name("pusher-dial".into())
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| order.run(id, &own)))
                    .unwrap_or_else(|_| {
                        Err(ConnectionError::Lost {
                            reason: "dialling panicked".into(),
                        })
                    });
                if !own.is_cut() {
                    mailbox.post(Message::Dialled(id, outcome.map(Box::new)));
                }
            })?;
        Ok(Self {
            id,
            cutoff: Some(cutoff),
        })
    }

    /// It came to its end; what came of it stays.
    pub(super) fn finish(mut self) {
        self.cutoff = None;
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        if let Some(cutoff) = &self.cutoff {
            cutoff.cut();
        }
    }
}

impl DialOrder {
    fn run(&self, id: DialId, cutoff: &Arc<Cutoff>) -> Result<Socket, ConnectionError> {
        let SocketTarget {
            host, port, tls, ..
        } = &self.target;
        let request = self.request(id, cutoff)?;
        let peer = Peer {
            host: host.clone(),
            port: *port,
            tls: *tls,
        };
        let stream = self
            .network
            .reach(&peer, self.deadline, cutoff)
            .map_err(|error| error.of_dial(&peer, self.allowed))?;
        log::debug!("asking {host} for the upgrade");
        let socket = self.upgrade(request, stream)?;
        log::debug!("the WebSocket to {host} is open");
        Ok(socket)
    }

    /// The upgrade request, with what the game's provider of headers says.
    fn request(&self, id: DialId, cutoff: &Cutoff) -> Result<Request, ConnectionError> {
        let mut request = url(&self.target)
            .into_client_request()
            .map_err(|error| refused(None, &error.to_string()))?;
        let provided = self
            .headers
            .provided(id, self.deadline, cutoff)
            .map_err(|error| self.not_provided(&error))?;
        let own = self.headers.fixed.iter().chain(&provided);
        headers::set(request.headers_mut(), own, is_reserved).map_err(|refused| {
            let RefusedHeader { name, reason } = refused;
            ConnectionError::InvalidHeader {
                name,
                reason: reason.into(),
            }
        })?;
        Ok(request)
    }

    fn not_provided(&self, error: &ProviderError) -> ConnectionError {
        let allowed = self.allowed;
        let provider = "the provider of handshake headers";
        let reason = match error {
            ProviderError::Panicked => format!("{provider} panicked"),
            ProviderError::TimedOut => format!("{provider} did not return within {allowed:?}"),
            ProviderError::Cut => "given up".into(),
            ProviderError::NoThread(reason) => format!("no thread for {provider}: {reason}"),
        };
        ConnectionError::Lost { reason }
    }

    fn upgrade(&self, request: Request, mut stream: Stream) -> Result<Socket, ConnectionError> {
        stream.wire().expect_lines();
        let config = limits(self.inbound_message_bytes)(WebSocketConfig::default())
            .read_buffer_size(READ_BUFFER_BYTES);
        let web_socket = match client_with_config(request, stream, Some(config)) {
            Ok((web_socket, _)) => web_socket,
            Err(_) if is_over(self.deadline) => {
                return Err(ConnectionError::TimedOut {
                    phase: DialPhase::Upgrade,
                    after: self.allowed,
                });
            }
            Err(HandshakeError::Failure(error)) => return Err(upgrade_error(error)),
            // The wire says nothing of the kind while it dials.
            Err(HandshakeError::Interrupted(_)) => {
                return Err(refused(None, "the handshake stopped half-way"));
            }
        };
        Socket::go_live(web_socket).map_err(|error| refused(None, &error.to_string()))
    }
}

/// The limit for a message holds for a frame too: there are two, and raising one leaves the other.
pub(super) fn limits(
    inbound_message_bytes: usize,
) -> impl FnOnce(WebSocketConfig) -> WebSocketConfig {
    move |config| {
        config
            .max_message_size(Some(inbound_message_bytes))
            .max_frame_size(Some(inbound_message_bytes))
    }
}

/// The URL, without the port where it is the scheme's own: it goes into the `Host` header as it stands here.
fn url(target: &SocketTarget) -> String {
    let (scheme, usual_port) = if target.tls { ("wss", 443) } else { ("ws", 80) };
    let port = if target.port == usual_port {
        String::new()
    } else {
        format!(":{}", target.port)
    };
    format!("{scheme}://{}{port}{}", target.host_in_url(), target.path)
}

/// Whether a header is the handshake's own (RFC 6455, section 4.1), or would change what the request is.
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
        Error::Http(response) => refused(Some(response.status()), &in_words(&response)),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            refused(None, "the server ended the connection instead")
        }
        // tungstenite's guard against header drips.
        Error::AttackAttempt => refused(
            None,
            "the server's answer is too long, or comes in too small pieces",
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

/// The body, of what had arrived of it, which the session makes fit to be shown; else the status in words.
fn in_words(response: &Response<Option<Vec<u8>>>) -> String {
    let body = response.body().as_deref().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() {
        let words = response.status().canonical_reason();
        words.unwrap_or("without a word").into()
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
