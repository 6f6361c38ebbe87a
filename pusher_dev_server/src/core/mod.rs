//! The server as a pure state machine: no sockets, no threads, no clock.
//!
//! An I/O layer passes inputs to [`ServerCore`] (a connection opened or closed, a frame arrived, an event is published) and then
//! drains [`ServerCore::poll_output`]: frames to send, connections to close, and events to report. Where time matters it is an
//! argument: the duration since the start of the server.
//!
//! ```
//! use std::time::Duration;
//! use pusher_dev_server::core::{CoreConfig, ConnectRequest, Output, ServerCore};
//!
//! let mut core = ServerCore::new(CoreConfig::default());
//! let now = Duration::ZERO;
//! let client = core.connect(&ConnectRequest { app_key: "app-key", protocol: Some("7") });
//! core.receive_text(client, r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#, now);
//! core.publish("news", "headline", r#"{"text":"hello"}"#, None, now)?;
//! while let Some(output) = core.poll_output() {
//!     if let Output::Send { text, .. } = output {
//!         println!("{text}");
//!     }
//! }
//! # Ok::<(), pusher_dev_server::core::PublishError>(())
//! ```

mod authorization;
mod channel;
mod client_event;
mod config;
mod connection;
mod encryption;
mod error;
mod event;
mod frame;
mod name;
mod publishing;
mod queries;
mod random;
mod signature;
mod subscribing;
#[cfg(test)]
mod test_support;
mod user;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use authorization::{ChannelAuthorization, Identity, UserAuthentication};
pub use config::{App, CoreConfig, CoreLimits, EncryptionMasterKey};
pub use error::{AuthorizationError, PublishError};
pub use event::{AuthorizationRecord, DisconnectCause, ServerEvent};

use channel::Channel;
use connection::{Connection, RateWindow};
use frame::Incoming;
use publishing::CachedEvent;
use random::Random;

/// The accepted protocol versions. Their differences do not affect this server.
const PROTOCOLS: std::ops::RangeInclusive<u32> = 4..=7;

/// The state of one server: its app, connections and channels.
#[derive(Debug)]
pub struct ServerCore {
    config: CoreConfig,
    random: Random,
    next_connection: u64,
    connections: BTreeMap<ConnectionId, Connection>,
    channels: BTreeMap<String, Channel>,
    cached_events: BTreeMap<String, CachedEvent>,
    outputs: VecDeque<Output>,
}

/// Identifies a connection between the core and the I/O layer. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// The parameters in the URL of a WebSocket request: `/app/{app_key}?protocol={protocol}`.
#[derive(Clone, Copy, Debug)]
pub struct ConnectRequest<'a> {
    /// The app key.
    pub app_key: &'a str,
    /// The protocol version, if the URL has one.
    pub protocol: Option<&'a str>,
}

/// An action for the I/O layer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send a text frame.
    Send {
        /// The receiver.
        connection: ConnectionId,
        /// The whole frame, shared by all receivers.
        text: Arc<str>,
    },
    /// Send a close frame after all earlier frames. The core has removed the connection already.
    Close {
        /// The connection to close.
        connection: ConnectionId,
        /// The close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// Report an event to logs and tests.
    Event(ServerEvent),
}

impl Default for ServerCore {
    fn default() -> Self {
        Self::new(CoreConfig::default())
    }
}

impl ServerCore {
    /// Creates a server without clients.
    #[must_use]
    pub fn new(config: CoreConfig) -> Self {
        Self {
            random: Random::new(config.seed),
            config,
            next_connection: 0,
            connections: BTreeMap::new(),
            channels: BTreeMap::new(),
            cached_events: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &CoreConfig {
        &self.config
    }

    /// Handles a new WebSocket connection. Sends `pusher:connection_established`, or closes the connection at once.
    pub fn connect(&mut self, request: &ConnectRequest<'_>) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        if request.app_key != self.config.app.key {
            let reason = format!("App key {} does not exist on this server", request.app_key);
            self.refuse_connection(id, 4001, reason);
            return id;
        }
        let is_supported = request.protocol.is_none_or(|text| {
            text.parse()
                .is_ok_and(|version| PROTOCOLS.contains(&version))
        });
        if !is_supported {
            self.refuse_connection(id, 4007, "Unsupported protocol version".to_owned());
            return id;
        }
        let socket_id = self.new_socket_id();
        // With 0 clients would send pings without pause.
        let activity_timeout = self.config.activity_timeout.as_secs().max(1);
        self.send(
            id,
            frame::connection_established(&socket_id, activity_timeout),
        );
        self.emit(ServerEvent::Connected {
            socket_id: socket_id.clone(),
        });
        self.connections.insert(
            id,
            Connection {
                socket_id,
                channels: Default::default(),
                user: None,
                client_events: RateWindow::default(),
            },
        );
        id
    }

    /// Handles a text frame from a client. Ignores an unknown connection, because the core may just have closed it.
    pub fn receive_text(&mut self, connection: ConnectionId, text: &str, now: Duration) {
        let Some(socket_id) = self.socket_id(connection).map(str::to_owned) else {
            return;
        };
        if self.config.report_frames {
            self.emit(ServerEvent::FrameReceived {
                socket_id: socket_id.clone(),
                text: text.to_owned(),
            });
        }
        if text.len() > self.config.limits.message_bytes {
            self.close(connection, 1009, "Message too big");
            return;
        }
        let incoming: Incoming<'_> = match serde_json::from_str(text) {
            Ok(incoming) => incoming,
            Err(error) => {
                self.report(connection, None, format!("Invalid message: {error}"));
                return;
            }
        };
        match incoming.event.as_str() {
            "pusher:ping" => {
                self.send(connection, frame::pong());
                self.emit(ServerEvent::PingReceived { socket_id });
            }
            "pusher:pong" => self.emit(ServerEvent::PongReceived { socket_id }),
            "pusher:subscribe" => self.subscribe(connection, incoming.data, now),
            "pusher:unsubscribe" => self.unsubscribe(connection, incoming.data),
            "pusher:signin" => self.sign_in(connection, incoming.data),
            _ => self.relay_client_event(connection, &incoming, now),
        }
    }

    /// Handles a binary frame from a client: answers with an error, because the protocol has no binary frames.
    pub fn receive_binary(&mut self, connection: ConnectionId) {
        let message = "Invalid message: binary frames are not part of the protocol";
        self.report(connection, None, message.to_owned());
    }

    /// Handles the end of a connection. Does nothing if the core closed it.
    pub fn connection_closed(&mut self, connection: ConnectionId, cause: DisconnectCause) {
        let Some(closed) = self.connections.remove(&connection) else {
            return;
        };
        for channel in &closed.channels {
            self.leave(connection, channel);
        }
        if let Some(user) = closed.user {
            self.on_user_disconnected(&user.id);
        }
        self.emit(ServerEvent::Disconnected {
            socket_id: closed.socket_id,
            cause,
        });
    }

    /// Closes the connection with this socket id; returns whether there is one.
    pub fn disconnect(&mut self, socket_id: &str, code: u16, reason: &str) -> bool {
        let Some(connection) = self.connection(socket_id) else {
            return false;
        };
        self.close(connection, code, reason);
        true
    }

    /// Closes every connection; returns how many there were.
    pub fn disconnect_all(&mut self, code: u16, reason: &str) -> usize {
        let connections: Vec<_> = self.connections.keys().copied().collect();
        for connection in &connections {
            self.close(*connection, code, reason);
        }
        connections.len()
    }

    /// Sends `pusher:ping` to every client.
    pub fn ping_all(&mut self) {
        let ping: Arc<str> = frame::ping().into();
        let connections: Vec<_> = self.connections.keys().copied().collect();
        for connection in connections {
            self.send(connection, Arc::clone(&ping));
        }
    }

    /// Sends any text as a frame, even an invalid one, to test a client; returns whether the connection exists.
    pub fn send_frame(&mut self, socket_id: &str, text: &str) -> bool {
        let Some(connection) = self.connection(socket_id) else {
            return false;
        };
        self.send(connection, text);
        true
    }

    /// Reports an event of the I/O layer, in order with the events of the core.
    pub fn emit(&mut self, event: ServerEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Returns the next action; `None` once all are drained.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn refuse_connection(&mut self, connection: ConnectionId, code: u16, reason: String) {
        // Like the hosted service, sends an error frame before the close frame.
        self.send(connection, frame::error(Some(code), &reason));
        self.emit(ServerEvent::ConnectionRefused {
            code,
            reason: reason.clone(),
        });
        self.outputs.push_back(Output::Close {
            connection,
            code,
            reason,
        });
    }

    fn close(&mut self, connection: ConnectionId, code: u16, reason: &str) {
        self.outputs.push_back(Output::Close {
            connection,
            code,
            reason: reason.to_owned(),
        });
        let cause = DisconnectCause::Server {
            code,
            reason: reason.to_owned(),
        };
        self.connection_closed(connection, cause);
    }

    /// Sends `pusher:error` to a client, which stays connected.
    fn report(&mut self, connection: ConnectionId, code: Option<u16>, message: String) {
        let Some(socket_id) = self.socket_id(connection).map(str::to_owned) else {
            return;
        };
        self.send(connection, frame::error(code, &message));
        self.emit(ServerEvent::ErrorSent {
            socket_id,
            code,
            message,
        });
    }

    fn send(&mut self, connection: ConnectionId, text: impl Into<Arc<str>>) {
        self.outputs.push_back(Output::Send {
            connection,
            text: text.into(),
        });
    }

    /// Sends a frame to the subscribers of a channel; returns the number of receivers.
    fn send_to_channel(
        &mut self,
        channel: &str,
        text: impl Into<Arc<str>>,
        except: Option<ConnectionId>,
    ) -> usize {
        let Some(channel) = self.channels.get(channel) else {
            return 0;
        };
        let text = text.into();
        // Counting the outputs gives the number of receivers.
        let before = self.outputs.len();
        let subscribers = channel.subscribers.keys().copied();
        self.outputs.extend(
            subscribers
                .filter(|subscriber| Some(*subscriber) != except)
                .map(|connection| Output::Send {
                    connection,
                    text: Arc::clone(&text),
                }),
        );
        self.outputs.len() - before
    }

    fn socket_id(&self, connection: ConnectionId) -> Option<&str> {
        self.connections
            .get(&connection)
            .map(|connection| connection.socket_id.as_str())
    }

    fn connection(&self, socket_id: &str) -> Option<ConnectionId> {
        self.connections
            .iter()
            .find(|(_, connection)| connection.socket_id == socket_id)
            .map(|(id, _)| *id)
    }

    fn new_socket_id(&mut self) -> String {
        loop {
            let socket_id = self.random.socket_id();
            if self.connection(&socket_id).is_none() {
                return socket_id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::test_support::TestCore;
    use super::*;

    #[test]
    fn greeting_has_the_socket_id_and_the_activity_timeout() {
        let mut server = TestCore::with(|config| config.activity_timeout = Duration::from_secs(30));
        let client = server.connect();
        let frame = server.frame(client);
        assert_eq!(frame["event"], "pusher:connection_established");
        let data: serde_json::Value =
            serde_json::from_str(frame["data"].as_str().unwrap()).unwrap();
        assert_eq!(data["activity_timeout"], 30);
        let (first, second) = data["socket_id"].as_str().unwrap().split_once('.').unwrap();
        assert!(first.parse::<u64>().is_ok() && second.parse::<u64>().is_ok());
    }

    #[test]
    fn a_wrong_key_is_answered_with_an_error_and_a_close_of_4001() {
        let mut server = TestCore::new();
        let client = server.connect_with("nope", Some("7"));
        assert_eq!(server.frame(client)["data"]["code"], 4001);
        assert_eq!(server.close_code(client), Some(4001));
        assert_eq!(server.core.connection_count(), 0);
    }

    #[test]
    fn unsupported_protocol_versions_are_refused_with_4007() {
        let mut server = TestCore::new();
        for served in [None, Some("4"), Some("5"), Some("7")] {
            let client = server.connect_with("app-key", served);
            assert_eq!(server.close_code(client), None, "{served:?}");
        }
        for refused in ["1", "3", "8", "seven", ""] {
            let client = server.connect_with("app-key", Some(refused));
            assert_eq!(server.close_code(client), Some(4007), "{refused:?}");
        }
    }

    #[test]
    fn a_ping_is_answered_with_a_pong() {
        let mut server = TestCore::new();
        let client = server.connected();
        for ping in [
            r#"{"event":"pusher:ping","data":{}}"#,
            r#"{"event":"pusher:ping"}"#,
        ] {
            server.text(client, ping);
            assert_eq!(server.frame(client)["event"], "pusher:pong");
        }
    }

    #[test]
    fn invalid_frame_from_a_client_is_an_error_without_effect() {
        let mut server = TestCore::new();
        let client = server.connected();
        for nonsense in [
            "",
            "hello",
            "[]",
            "{}",
            r#"{"event":7}"#,
            r#"{"event":"pusher:subscribe"}"#,
            r#"{"event":"pusher:subscribe","data":"news"}"#,
            r#"{"event":"pusher:subscribe","data":{"channel":"a b"}}"#,
            r#"{"event":"pusher:unsubscribe","data":{}}"#,
            r#"{"event":"pusher:unheard-of","data":{}}"#,
            r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":{}}"#,
            r#"{"event":"hello","data":{}}"#,
        ] {
            server.text(client, nonsense);
            let frame = server.frame(client);
            assert_eq!(frame["event"], "pusher:error", "{nonsense}");
        }
        server.core.receive_binary(client);
        assert_eq!(server.frame(client)["event"], "pusher:error");
        assert_eq!(server.core.connection_count(), 1);
        assert_eq!(server.close_code(client), None);
    }

    #[test]
    fn a_frame_beyond_the_limit_closes_with_1009() {
        let mut server = TestCore::with(|config| config.limits.message_bytes = 100);
        let client = server.connected();
        server.text(client, &"x".repeat(101));
        assert_eq!(server.close_code(client), Some(1009));
        assert_eq!(server.core.connection_count(), 0);
    }

    #[test]
    fn close_all_sends_the_code_and_removes_each_client() {
        let mut server = TestCore::new();
        let clients = [server.connected(), server.connected()];
        assert_eq!(server.core.disconnect_all(4200, "restart"), 2);
        for client in clients {
            assert_eq!(server.close_code(client), Some(4200));
        }
        assert_eq!(server.core.connection_count(), 0);
        server.text(clients[0], r#"{"event":"pusher:ping"}"#);
        assert!(server.frames(clients[0]).is_empty());
    }
}
