//! Custom transports, which carry the messages instead of the plugin's WebSocket: for example over a relay that the game already uses,
//! over a network service of the platform, or in memory.
//!
//! Implement [`Transport`] to open connections. Each connection has two halves. The plugin passes [`TransportEvents`] to the
//! transport, which reports with it what happens on the connection and what was received. The transport returns a
//! [`TransportConnection`], with which the plugin sends and closes. Everything above the transport stays the same: heartbeat,
//! reconnects, channels and authorization.
//!
//! ```
//! # use bevy_pusher::{config::*, transport::*};
//! # enum FromRelay { Ready, Text(String), End(u16) }
//! # struct Relay;
//! # struct Route;
//! # impl Relay {
//! #     fn open(&self, to: &str, hear: impl FnMut(FromRelay) + Send + 'static) -> Result<Route, std::io::Error> { Ok(Route) }
//! # }
//! # impl Route {
//! #     fn send(&mut self, text: String) {}
//! #     fn end(self, code: u16) {}
//! # }
//! /// Carries the messages over the relay that the game plays over.
//! struct OverRelay(Relay);
//! struct OverRoute(Route);
//!
//! impl Transport for OverRelay {
//!     fn dial(&self, request: DialRequest, events: TransportEvents) -> Result<Box<dyn TransportConnection>, TransportError> {
//!         let route = self.0.open(&request.url(), move |message| match message {
//!             FromRelay::Ready => events.opened(),
//!             FromRelay::Text(text) => events.receive(text),
//!             FromRelay::End(code) => events.closed(Some(code), "the relay ended it"),
//!         })?;
//!         Ok(Box::new(OverRoute(route)))
//!     }
//! }
//!
//! impl TransportConnection for OverRoute {
//!     fn send(&mut self, text: String) {
//!         self.0.send(text);
//!     }
//!
//!     fn close(self: Box<Self>, code: u16, _reason: &str) {
//!         self.0.end(code);
//!     }
//! }
//!
//! let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu")).with_transport(OverRelay(Relay));
//! ```
//!
//! The plugin calls the transport on its network thread, on the web on the only thread. It must not block. A panic in it ends the
//! connection, not the client.

mod events;
mod guard;

pub(crate) use events::TransportEvent;
pub use events::TransportEvents;
pub(crate) use guard::TransportGuard;

use std::time::Duration;

use pusher_protocol::config::SocketTarget;

/// Opens connections for the client. The [module](self) has an example.
pub trait Transport: Send + Sync + 'static {
    /// Starts to open a connection, and returns immediately. Call [`TransportEvents::opened`] when it is open, at any time and from any
    /// thread.
    ///
    /// The client cancels the attempt by dropping the returned connection.
    ///
    /// # Errors
    /// Return an error if the attempt fails immediately. Report a later failure with [`TransportEvents::lost`], or with
    /// [`TransportEvents::closed`] if there is a close code. The client tries again according to its
    /// [`ReconnectPolicy`](crate::config::ReconnectPolicy), unless the close code forbids it.
    fn dial(
        &self,
        request: DialRequest,
        events: TransportEvents,
    ) -> Result<Box<dyn TransportConnection>, TransportError>;
}

/// The client's half of one connection.
///
/// If it is dropped without [`close`](Self::close), end the connection immediately: the attempt timed out or was cancelled, or the
/// connection is dead.
pub trait TransportConnection: MaybeSend + 'static {
    /// Sends a text message. Messages must arrive in order. Only called after the connection was opened. If a message cannot be sent, end
    /// the connection with [`TransportEvents::lost`].
    fn send(&mut self, text: String);

    /// Returns how many bytes the transport has accepted and not sent yet, because the other side does not read. Above
    /// [`Limits::outbound_bytes`](crate::config::Limits::outbound_bytes) the client rejects client events. Above eight times that
    /// limit, the connection counts as lost.
    fn waiting_bytes(&self) -> usize {
        0
    }

    /// Starts to close the connection, with a close code and a reason as in a WebSocket (RFC 6455, section 7.4), and returns
    /// immediately.
    ///
    /// Messages that were sent before must still arrive. When the app exits, the plugin waits until the close is finished: until the
    /// [`TransportEvents`] are dropped, or report [`closed`](TransportEvents::closed) or [`lost`](TransportEvents::lost). It waits
    /// for at most [`Timing::close_timeout`](crate::config::Timing::close_timeout).
    fn close(self: Box<Self>, code: u16, reason: &str);
}

/// Why a transport could not open a connection. The error's `Display` is reported to the game and logged.
pub type TransportError = Box<dyn std::error::Error + Send + Sync>;

/// `Send`, except on the web, which has only one thread and whose JavaScript objects are not `Send`.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send> MaybeSend for T {}

/// `Send`, except on the web, which has only one thread and whose JavaScript objects are not `Send`.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T> MaybeSend for T {}

/// The endpoint that a [`Transport`] should connect to.
#[derive(Clone, Debug)]
pub struct DialRequest {
    target: SocketTarget,
    attempt: u32,
    time_allowed: Duration,
}

impl DialRequest {
    pub(crate) fn new(target: SocketTarget, attempt: u32, time_allowed: Duration) -> Self {
        Self {
            target,
            attempt,
            time_allowed,
        }
    }

    /// Returns the address to dial.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn into_target(self) -> SocketTarget {
        self.target
    }

    /// Returns the URL of the WebSocket, `ws://…` or `wss://…`. It contains the app key and the protocol version.
    #[must_use]
    pub fn url(&self) -> String {
        self.target.url()
    }

    /// Returns the host name or IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.target.host
    }

    /// Returns the TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.target.port
    }

    /// Whether the endpoint uses TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.target.tls
    }

    /// Returns the path and query of the URL.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.target.path
    }

    /// Returns the number of the attempt in this outage, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns how long the attempt may take, including the server's first message. After that the client cancels it.
    #[must_use]
    pub fn time_allowed(&self) -> Duration {
        self.time_allowed
    }
}
