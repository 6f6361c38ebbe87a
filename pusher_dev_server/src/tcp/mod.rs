//! The server on a TCP port: a background thread that moves bytes between sockets and the core.

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

/// A running server. All methods may be called from any thread and return at once.
///
/// # Lifecycle
/// It listens from [`start`](Self::start) until it is dropped or [`stop`](Self::stop)ped, which cuts all connections and ends its
/// thread. [`set_accepting`](Self::set_accepting) takes its network away in between.
#[derive(Debug)]
pub struct DevServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    network: Mutex<Option<Network>>,
}

impl DevServer {
    /// Binds the address and serves from a thread of its own.
    ///
    /// # Errors
    /// The address cannot be bound, or the thread cannot be started.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port on which it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The app's id, for the HTTP API.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.shared.app.id
    }

    /// The app's key, for clients.
    #[must_use]
    pub fn app_key(&self) -> &str {
        &self.shared.app.key
    }

    /// The app's secret, for the HTTP API and for authorizers.
    #[must_use]
    pub fn app_secret(&self) -> &str {
        &self.shared.app.secret
    }

    /// The address of the WebSocket: `ws://HOST:PORT/app/KEY`, after the configured path.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!(
            "ws://{}{}/app/{}",
            self.address,
            self.shared.path,
            self.app_key()
        )
    }

    /// The address at which clients authorize channels: `http://HOST:PORT/pusher/auth`. The parameters `user_id` and `user_info`
    /// (JSON) or `name`, or the headers `x-user-id` and `x-user-name`, say who asks.
    #[must_use]
    pub fn auth_endpoint(&self) -> String {
        format!("http://{}/pusher/auth", self.address)
    }

    /// The address at which clients authenticate their user: `http://HOST:PORT/pusher/user-auth`. Parameters and headers as for
    /// [`auth_endpoint`](Self::auth_endpoint); `watchlist` (ids, separated by commas) says whom the user watches.
    #[must_use]
    pub fn user_auth_endpoint(&self) -> String {
        format!("http://{}/pusher/user-auth", self.address)
    }

    /// Publishes an event whose data is `data` as JSON; returns how many connections it is sent to.
    ///
    /// # Errors
    /// The channel or the event cannot have such a name, or the data is too large or no JSON.
    pub fn publish<T: Serialize + ?Sized>(
        &self,
        channel: &str,
        event: &str,
        data: &T,
    ) -> Result<usize, PublishError> {
        self.publish_raw(channel, event, &to_json(data)?)
    }

    /// Publishes an event whose data is this text, JSON or not; returns how many connections it is sent to.
    ///
    /// # Errors
    /// The channel or the event cannot have such a name, or the data is too large.
    pub fn publish_raw(
        &self,
        channel: &str,
        event: &str,
        data: &str,
    ) -> Result<usize, PublishError> {
        self.shared
            .with_core(|core, now| core.publish(channel, event, data, None, now))
    }

    /// Publishes an event to a signed-in user; returns how many connections it is sent to.
    ///
    /// # Errors
    /// There can be no such user or event, or the data is too large or no JSON.
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

    /// Sends any text as a frame to one client, however wrong, to see what it makes of it; returns whether the client is connected.
    pub fn send_frame(&self, socket_id: &str, text: &str) -> bool {
        self.shared
            .with_core(|core, _| core.send_frame(socket_id, text))
    }

    /// Sends `pusher:ping` to every client.
    pub fn ping_all(&self) {
        self.shared.with_core(|core, _| core.ping_all());
    }

    /// The channels that somebody is subscribed to, sorted.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.shared.with_core(|core, _| core.channels())
    }

    /// The user ids on a presence channel, in the order in which they came.
    #[must_use]
    pub fn members(&self, channel: &str) -> Vec<String> {
        self.shared.with_core(|core, _| core.members(channel))
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.shared.with_core(|core, _| core.connection_count())
    }

    /// The socket ids of all clients, the oldest first.
    #[must_use]
    pub fn socket_ids(&self) -> Vec<String> {
        self.shared.with_core(|core, _| core.socket_ids())
    }

    /// How many connections are subscribed to a channel.
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

    /// `false` takes the network away: connections are cut without a close frame and new ones are refused. `true` listens again, on the
    /// same port. Cached events stay.
    ///
    /// # Errors
    /// The port is taken by somebody else, or the thread cannot be started.
    pub fn set_accepting(&self, accepting: bool) -> Result<(), ServerError> {
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        if !accepting {
            if let Some(running) = network.take() {
                running.stop();
                self.shared.network_is_down();
            }
        } else if network.is_none() {
            *network = Some(Network::start(
                bind(self.address)?,
                Arc::clone(&self.shared),
            )?);
        }
        Ok(())
    }

    /// Changes how the auth endpoints answer from now on.
    pub fn set_auth_policy(&self, policy: AuthPolicy) {
        self.shared.set_auth_policy(policy);
    }

    /// What clients and publishers do from now on. Each call gives a stream of its own.
    #[must_use]
    pub fn events(&self) -> ServerEvents {
        self.shared.watch()
    }

    /// Cuts all connections and ends the thread; dropping does the same.
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
            self.shared.network_is_down();
        }
        self.shared.end_watching();
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).map_err(|source| ServerError::Bind { address, source })
}

fn to_json<T: Serialize + ?Sized>(data: &T) -> Result<String, PublishError> {
    serde_json::to_string(data).map_err(|error| PublishError::Serialization(error.to_string()))
}
