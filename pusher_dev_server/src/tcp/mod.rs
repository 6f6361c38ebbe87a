//! [`DevServer`]: the server on a TCP port. A background thread moves frames between sockets and the core.

mod auth_endpoint;
mod config;
mod error;
mod events;
mod http_api;
mod network;
mod outbox;
mod shared;
mod socket;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

pub use config::{AnswerTo, AuthPolicy, CannedAnswer, DevServerConfig};
pub use error::ServerError;
pub use events::ServerEvents;

use crate::core::PublishError;
use network::Network;
use shared::Shared;

/// A running server. All methods can be called from any thread and return at once.
///
/// # Lifecycle
/// Listens from [`start`](Self::start) until it is dropped or [`stop`](Self::stop)ped, which cuts all connections and ends its
/// thread. [`set_accepting`](Self::set_accepting) simulates an outage in between.
#[derive(Debug)]
pub struct DevServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    network: Mutex<Option<Network>>,
}

impl DevServer {
    /// Binds the address and starts the server thread.
    ///
    /// # Errors
    /// The address cannot be bound, the thread cannot be started, or the system provides no random numbers.
    pub fn start(mut config: DevServerConfig) -> Result<Self, ServerError> {
        if config.core.seed == [0; 32] {
            getrandom::fill(&mut config.core.seed)
                .map_err(|error| ServerError::Randomness(error.to_string()))?;
        }
        let listener = bind(config.address)?;
        let address = listener.local_addr().map_err(|source| ServerError::Bind {
            address: config.address,
            source,
        })?;
        let shared = Arc::new(Shared::new(config));
        let network = Network::start(listener, Arc::clone(&shared))?;
        Ok(Self {
            shared,
            address,
            network: Mutex::new(Some(network)),
        })
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the port that the server listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the app id, used by the HTTP API.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.shared.app.id
    }

    /// Returns the app key, used by clients.
    #[must_use]
    pub fn app_key(&self) -> &str {
        &self.shared.app.key
    }

    /// Returns the app secret, used by the HTTP API and by authorizers.
    #[must_use]
    pub fn app_secret(&self) -> &str {
        &self.shared.app.secret
    }

    /// Returns the URL of the WebSocket: `ws://HOST:PORT/app/KEY`, with the configured path before `/app`.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!(
            "ws://{}{}/app/{}",
            self.address,
            self.shared.path,
            self.app_key()
        )
    }

    /// Returns the URL that authorizes channels: `http://HOST:PORT/pusher/auth`. The parameters `user_id` and `user_info`
    /// (JSON) or `name`, or the headers `x-user-id` and `x-user-name`, identify the user.
    #[must_use]
    pub fn auth_endpoint(&self) -> String {
        format!("http://{}/pusher/auth", self.address)
    }

    /// Returns the URL that authenticates users: `http://HOST:PORT/pusher/user-auth`. Takes the parameters and headers of
    /// [`auth_endpoint`](Self::auth_endpoint), and `watchlist` (comma-separated ids of the watched users).
    #[must_use]
    pub fn user_auth_endpoint(&self) -> String {
        format!("http://{}/pusher/user-auth", self.address)
    }

    /// Publishes an event with `data` as JSON; returns the number of receivers.
    ///
    /// # Errors
    /// The channel name or the event name is invalid, or the data is too large or cannot be serialized.
    pub fn publish<T: Serialize + ?Sized>(
        &self,
        channel: &str,
        event: &str,
        data: &T,
    ) -> Result<usize, PublishError> {
        self.publish_raw(channel, event, &to_json(data)?)
    }

    /// Publishes an event with `data` as it is, JSON or not; returns the number of receivers.
    ///
    /// # Errors
    /// The channel name or the event name is invalid, or the data is too large.
    pub fn publish_raw(
        &self,
        channel: &str,
        event: &str,
        data: &str,
    ) -> Result<usize, PublishError> {
        self.shared
            .with_core(|core, now| core.publish(channel, event, data, None, now))
    }

    /// Publishes an event to a signed-in user; returns the number of connections that receive it.
    ///
    /// # Errors
    /// The user id or the event name is invalid, or the data is too large or cannot be serialized.
    pub fn publish_to_user<T: Serialize + ?Sized>(
        &self,
        user_id: &str,
        event: &str,
        data: &T,
    ) -> Result<usize, PublishError> {
        let data = to_json(data)?;
        self.shared
            .with_core(|core, now| core.publish_to_user(user_id, event, &data, now))
    }

    /// Sends any text as a frame to one client, even an invalid one, to test the client; returns whether it is connected.
    pub fn send_frame(&self, socket_id: &str, text: &str) -> bool {
        self.shared
            .with_core(|core, _| core.send_frame(socket_id, text))
    }

    /// Sends `pusher:ping` to every client.
    pub fn ping_all(&self) {
        self.shared.with_core(|core, _| core.ping_all());
    }

    /// Returns the channels with subscribers, sorted.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.shared.with_core(|core, _| core.channels())
    }

    /// Returns the user ids on a presence channel, in join order.
    #[must_use]
    pub fn members(&self, channel: &str) -> Vec<String> {
        self.shared.with_core(|core, _| core.members(channel))
    }

    /// Returns the number of connected clients.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.shared.with_core(|core, _| core.connection_count())
    }

    /// Returns the socket ids of all clients, oldest first.
    #[must_use]
    pub fn socket_ids(&self) -> Vec<String> {
        self.shared.with_core(|core, _| core.socket_ids())
    }

    /// Returns the number of connections that are subscribed to a channel.
    #[must_use]
    pub fn subscriber_count(&self, channel: &str) -> usize {
        self.shared
            .with_core(|core, _| core.subscriber_count(channel))
    }

    /// Closes one connection with this close code; returns whether there was one.
    pub fn disconnect(&self, socket_id: &str, code: u16, reason: &str) -> bool {
        self.shared
            .with_core(|core, _| core.disconnect(socket_id, code, reason))
    }

    /// Closes all connections with this close code; returns how many there were.
    pub fn disconnect_all(&self, code: u16, reason: &str) -> usize {
        self.shared
            .with_core(|core, _| core.disconnect_all(code, reason))
    }

    /// Closes all connections of a user with an error and the close code 4009; returns how many there were.
    pub fn terminate_user(&self, user_id: &str) -> usize {
        self.shared
            .with_core(|core, _| core.terminate_user(user_id))
    }

    /// Simulates an outage: `false` cuts all connections without a close frame and refuses new ones, `true` listens again on the
    /// same port. Cached events are kept.
    ///
    /// # Errors
    /// Another program uses the port, or the thread cannot be started.
    pub fn set_accepting(&self, accepting: bool) -> Result<(), ServerError> {
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        if !accepting {
            if let Some(running) = network.take() {
                running.stop();
                self.shared.on_network_stopped();
            }
        } else if network.is_none() {
            *network = Some(Network::start(
                bind(self.address)?,
                Arc::clone(&self.shared),
            )?);
        }
        Ok(())
    }

    /// Replaces the policy of the auth endpoints, from the next request on.
    pub fn set_auth_policy(&self, policy: AuthPolicy) {
        self.shared.set_auth_policy(policy);
    }

    /// Returns a new stream of the actions of clients and publishers from now on.
    #[must_use]
    pub fn events(&self) -> ServerEvents {
        self.shared.subscribe_to_events()
    }

    /// Cuts all connections and ends the thread. Dropping the server does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        let network = self
            .network
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(running) = network {
            running.stop();
            self.shared.on_network_stopped();
        }
        self.shared.close_event_streams();
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).map_err(|source| ServerError::Bind { address, source })
}

fn to_json<T: Serialize + ?Sized>(data: &T) -> Result<String, PublishError> {
    serde_json::to_string(data).map_err(|error| PublishError::Serialization(error.to_string()))
}
