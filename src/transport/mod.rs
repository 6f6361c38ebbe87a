//! Carrying the frames some other way than by the plugin's own WebSocket: over a relay that the game has anyway, over a
//! platform's network service, in memory.
//!
//! A [`Transport`] opens connections. Of each, one half goes out to the game's code, [`TransportEvents`], which it tells
//! what comes; the other half comes from it, a [`TransportConnection`], which is told what to send. Everything else stays
//! as it is: heartbeat, reconnects, channels and authorization do not know what carries them.
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
//! /// Carries the frames over the relay that the game plays over.
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
//! The game's code is called where the client lives: on the plugin's network thread, on the web on the only thread there
//! is. It must not block. A panic in it ends the connection, not the client.

mod events;
mod guard;

pub(crate) use events::TransportEvent;
pub use events::TransportEvents;
pub(crate) use guard::TransportGuard;

use std::time::Duration;

use pusher_protocol::config::SocketTarget;

/// Opens connections for the client. See the [module](self).
pub trait Transport: Send + Sync + 'static {
    /// Begins to open one connection, and returns at once; it is open when
    /// [`TransportEvents::opened`] was called, from wherever and as late as that is.
    ///
    /// The client gives up by dropping what is returned.
    ///
    /// # Errors
    /// What shows at once. The client tries again as after every failure; one that shows later is
    /// [`TransportEvents::lost`].
    fn dial(
        &self,
        request: DialRequest,
        events: TransportEvents,
    ) -> Result<Box<dyn TransportConnection>, TransportError>;
}

/// The client's end of one connection. Dropped without [`close`](Self::close), it is given up without ado: the dial came
/// to nothing in time, or the link is dead.
pub trait TransportConnection: MaybeSend + 'static {
    /// Sends one text message, after those before it. Called only once the connection is open. What cannot be sent ends
    /// the connection: [`TransportEvents::lost`].
    fn send(&mut self, text: String);

    /// How many bytes were taken and are still here, because the other side does not take them. Beyond
    /// [`Limits::outbound_bytes`](crate::config::Limits::outbound_bytes) the client refuses to send client events; at
    /// eight times as much, it gives the connection up.
    fn waiting_bytes(&self) -> usize {
        0
    }

    /// Closes the connection in good order, with a close code and a reason as of a WebSocket (RFC 6455, section 7.4), and
    /// returns at once.
    ///
    /// What the client sent before is still to arrive. When the app ends, it waits for the end of that: until the
    /// [`TransportEvents`] are dropped or told an end, at most
    /// [`Timing::close_timeout`](crate::config::Timing::close_timeout).
    fn close(self: Box<Self>, code: u16, reason: &str);
}

/// Why a transport cannot dial, in its own words. They reach the game and its logs.
pub type TransportError = Box<dyn std::error::Error + Send + Sync>;

/// `Send`, but for the web, where there is one thread and much that belongs to it.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send> MaybeSend for T {}

/// `Send`, but for the web, where there is one thread and much that belongs to it.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T> MaybeSend for T {}

/// What a [`Transport`] is to connect to.
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

    /// The WebSocket's URL, `ws://…` or `wss://…`, with the app key and the protocol's version in it.
    #[must_use]
    pub fn url(&self) -> String {
        self.target.url()
    }

    /// The host's name or IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.target.host
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.target.port
    }

    /// Whether the endpoint is one over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.target.tls
    }

    /// The URL's path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.target.path
    }

    /// Counts the attempts of this outage, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// How long it may take, up to the server's first message. Then the client gives the attempt up by itself.
    #[must_use]
    pub fn time_allowed(&self) -> Duration {
        self.time_allowed
    }
}
