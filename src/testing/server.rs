//! [`TestServer`]: the server of a test, with its clock and its clients. The protocol is in `pusher_dev_server`.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bevy_app::App;
use bevy_ecs::{entity::Entity, world::World};
use pusher_dev_server::{
    DisconnectCause,
    core::{ConnectRequest, ConnectionId, Identity, ServerCore},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    TestEvent, TestPeer, TestUser,
    backend::TestBackend,
    client_end::{ClientEnd, InMemoryTransport, ToClient},
    clock::Clock,
    driver::set_clock,
    peer::Frames,
    state::State,
};
use crate::{
    auth::{ChannelAuth, UserAuth},
    channel::PusherSubscription,
    config::{Endpoint, PusherConfig},
    connection::PusherConnection,
    sync::{Shared, lock},
    transport::{DialRequest, TransportEvents},
};

/// How far one update advances the clock: one frame at 60 Hz.
const FRAME: Duration = Duration::from_micros(16_667);

/// The number of updates after which [`TestServer::update_until`] panics: 50 s of the server's time, enough for a reconnect with the
/// default delays.
const MOST_FRAMES: u32 = 3_000;

/// After this many updates, [`TestServer::update_until`] sleeps between them, in case the game waits for another thread, such as one of an
/// authorizer.
const BUSY_FRAMES: u32 = 100;

/// A Pusher server in this process. Cheap to clone; all clones are the same server.
///
/// It supports public, private, encrypted, presence and cache channels, client events, sign-in and watchlists. It also replaces the
/// game's backend: it authorizes every channel, except those that the test [refuses](Self::refuse). The [module](super) has an
/// example.
#[derive(Clone, Debug)]
pub struct TestServer(Shared<Inner>);

struct Inner {
    state: Mutex<State>,
    clock: Arc<Clock>,
}

impl Default for TestServer {
    fn default() -> Self {
        Self::new()
    }
}

impl TestServer {
    /// Creates a server without clients.
    #[must_use]
    pub fn new() -> Self {
        Self(Shared(Arc::new(Inner {
            state: Mutex::default(),
            clock: Arc::new(Clock::new()),
        })))
    }

    /// Returns a configuration for a game that connects to this server, with the user id `player`.
    #[must_use]
    pub fn config(&self) -> PusherConfig {
        self.config_as("player")
    }

    /// Returns a configuration for a game that connects to this server as this user. Several games can use one server.
    #[must_use]
    pub fn config_as(&self, user: impl Into<TestUser>) -> PusherConfig {
        let nowhere = PusherConfig::new("", Endpoint::custom("test-server", 80));
        self.redirect(nowhere, user)
    }

    /// Redirects a game's own configuration to this server. Replaces the transport, the app key, the clock, and everything that
    /// authorizes channels and authenticates users; all other settings, such as timings and limits, stay.
    #[must_use]
    pub fn redirect(&self, config: PusherConfig, user: impl Into<TestUser>) -> PusherConfig {
        let backend = Arc::new(TestBackend {
            server: self.clone(),
            user: user.into(),
        });
        let mut config = config.with_transport(InMemoryTransport(self.clone()));
        config.key.clone_from(&self.state().core.config().app.key);
        config.channel_auth_overrides.clear();
        config.channel_auth = Some(ChannelAuth::Custom(Shared(backend.clone())));
        config.user_auth = Some(UserAuth::Custom(Shared(backend)));
        set_clock(&mut config, &self.0.clock);
        config
    }

    /// Updates the app once, then advances the time by one frame of the game: a sixtieth of a second.
    pub fn update(&self, app: &mut App) {
        app.update();
        self.advance(FRAME);
    }

    /// [Updates](Self::update) the app until the condition is true after an update.
    ///
    /// # Panics
    /// Panics if it is not true within 3000 updates, which are 50 seconds of the server's time.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test fails by a panic")]
    pub fn update_until(&self, app: &mut App, mut condition: impl FnMut(&mut World) -> bool) {
        for frame in 0..MOST_FRAMES {
            app.update();
            if condition(app.world_mut()) {
                return;
            }
            self.advance(FRAME);
            if frame > BUSY_FRAMES {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let connection = app.world().get_resource::<PusherConnection>();
        panic!(
            "the condition was not met within {MOST_FRAMES} updates; connection state: {:?}; last events on the server: {:#?}",
            connection.map(PusherConnection::state),
            self.state().events,
        );
    }

    /// [Updates](Self::update) the app until the channel of this entity is subscribed.
    ///
    /// # Panics
    /// Panics as [`update_until`](Self::update_until) does, and immediately if the subscription fails, with the cause.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test fails by a panic")]
    pub fn update_until_subscribed(&self, app: &mut App, channel: Entity) {
        self.update_until(app, |world| {
            let status = world.get::<PusherSubscription>(channel);
            if let Some(error) = status.and_then(PusherSubscription::error) {
                panic!("the subscription failed: {error}");
            }
            status.is_some_and(PusherSubscription::is_subscribed)
        });
    }

    /// Advances the time of the server and of all games that are connected to it.
    pub fn advance(&self, time: Duration) {
        self.0.clock.advance(time);
    }

    /// Publishes an event on a channel, as the game's backend does. Returns the number of clients that receive it.
    ///
    /// # Panics
    /// Panics if the name of the channel or the event is invalid, or if the data is too large or cannot be serialized as JSON.
    #[track_caller]
    pub fn publish(&self, channel: &str, event: &str, data: &impl Serialize) -> usize {
        let (data, now) = (json_of(data), self.0.clock.now());
        let published = self.update_core(|core| core.publish(channel, event, &data, None, now));
        expect("publish the event", published)
    }

    /// Publishes an event to all clients that are signed in as this user. Returns the number of clients that receive it.
    ///
    /// # Panics
    /// Panics if the user id or the event name is invalid, or if the data is too large or cannot be serialized as JSON.
    #[track_caller]
    pub fn publish_to_user(&self, user_id: &str, event: &str, data: &impl Serialize) -> usize {
        let (data, now) = (json_of(data), self.0.clock.now());
        let published = self.update_core(|core| core.publish_to_user(user_id, event, &data, now));
        expect("publish the event", published)
    }

    /// Connects another client to this server, as this user.
    #[must_use]
    pub fn peer(&self, user: impl Into<TestUser>) -> TestPeer {
        let frames = Frames::default();
        let mut state = self.state();
        let key = state.core.config().app.key.clone();
        let connection = state.core.connect(&ConnectRequest {
            app_key: &key,
            protocol: None,
        });
        state
            .clients
            .insert(connection, ClientEnd::Peer(frames.clone()));
        let socket_id = state.core.socket_ids().pop();
        state.peers.extend(socket_id);
        drop(state);
        self.deliver();
        TestPeer::new(self.clone(), connection, user.into(), frames)
    }

    /// Refuses to authorize games for this channel from now on, with an HTTP status: 403 is usual. Does not end an existing
    /// subscription.
    pub fn refuse(&self, channel: &str, status: u16) {
        self.state().refused.insert(channel.to_owned(), status);
    }

    /// Authorizes games for this channel again, after [`refuse`](Self::refuse).
    pub fn allow(&self, channel: &str) {
        self.state().refused.remove(channel);
    }

    /// Refuses to authenticate the users of games, with an HTTP status. `None` authenticates them again.
    pub fn refuse_sign_in(&self, status: impl Into<Option<u16>>) {
        self.state().refuses_sign_in = status.into();
    }

    /// Drops the connections of all games without a close frame. The games reconnect.
    pub fn drop_connections(&self) {
        self.end_games(|state, connection| {
            state
                .core
                .connection_closed(connection, DisconnectCause::NetworkDown);
            ToClient::Lost
        });
    }

    /// Closes the connections of all games with a close code of the Pusher protocol. 4000 to 4099 forbid a reconnect, 4100 to 4199 ask
    /// for one with a backoff, 4200 to 4299 for an immediate one.
    pub fn close_connections(&self, code: u16, reason: &str) {
        self.end_games(|state, connection| {
            let cause = DisconnectCause::Server {
                code,
                reason: reason.to_owned(),
            };
            state.core.connection_closed(connection, cause);
            ToClient::Close {
                code,
                reason: reason.to_owned(),
            }
        });
    }

    /// Drops the connections of all games, and refuses new ones until [`go_online`](Self::go_online).
    pub fn go_offline(&self) {
        self.state().is_offline = true;
        self.drop_connections();
    }

    /// Accepts connections again. Games reconnect when their next attempt is due.
    pub fn go_online(&self) {
        self.state().is_offline = false;
    }

    /// Sends a text as a message to all games. The text need not be valid.
    pub fn send_frame(&self, text: &str) {
        let mut state = self.state();
        for (_, client) in state.games() {
            state
                .outbox
                .push_back((client, ToClient::Text(text.into())));
        }
        drop(state);
        self.deliver();
    }

    /// Returns the client events that the server has accepted from games since the last call.
    #[must_use]
    pub fn take_client_events(&self) -> Vec<TestEvent> {
        std::mem::take(&mut self.state().sent)
    }

    /// Returns the number of clients that are subscribed to a channel, including peers.
    #[must_use]
    pub fn subscriber_count(&self, channel: &str) -> usize {
        self.state().core.subscriber_count(channel)
    }

    /// Returns the user ids on a presence channel, in the order in which they joined.
    #[must_use]
    pub fn members(&self, channel: &str) -> Vec<String> {
        self.state().core.members(channel)
    }

    /// Returns the number of connected clients, including peers.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.state().core.connection_count()
    }

    pub(super) fn connect(
        &self,
        request: &DialRequest,
        events: TransportEvents,
    ) -> Result<ConnectionId, &'static str> {
        let mut state = self.state();
        if state.is_offline {
            return Err("the test server is offline");
        }
        events.opened();
        let connection = state.core.connect(&ConnectRequest {
            app_key: app_key(request.path()),
            protocol: None,
        });
        let client = ClientEnd::Game(Arc::new(events));
        state.clients.insert(connection, client);
        drop(state);
        self.deliver();
        Ok(connection)
    }

    pub(super) fn receive(&self, connection: ConnectionId, text: &str) {
        let now = self.0.clock.now();
        self.update_core(|core| core.receive_text(connection, text, now));
    }

    /// A client has disconnected.
    pub(super) fn disconnected(&self, connection: ConnectionId) {
        self.state().clients.remove(&connection);
        self.update_core(|core| core.connection_closed(connection, DisconnectCause::Client));
    }

    /// Returns the data of a `pusher:subscribe` that the server accepts.
    #[track_caller]
    pub(super) fn subscription(
        &self,
        connection: ConnectionId,
        channel: &str,
        identity: &Identity,
    ) -> Value {
        let state = self.state();
        let is_public = !["private-", "presence-"]
            .iter()
            .any(|prefix| channel.starts_with(prefix));
        let mut data = if is_public {
            Value::Object(serde_json::Map::new())
        } else {
            let socket_id = state.socket_id(connection);
            let authorized = state.core.authorize_channel(&socket_id, channel, identity);
            serde_json::to_value(expect("authorize the channel", authorized)).unwrap_or_default()
        };
        if let Some(fields) = data.as_object_mut() {
            fields.insert("channel".into(), channel.into());
        }
        data
    }

    /// Returns the data of a `pusher:signin` that the server accepts.
    #[track_caller]
    pub(super) fn sign_in(&self, connection: ConnectionId, identity: &Identity) -> Value {
        let state = self.state();
        let socket_id = state.socket_id(connection);
        let authenticated = state.core.authenticate_user(&socket_id, identity);
        serde_json::to_value(expect("authenticate the user", authenticated)).unwrap_or_default()
    }

    /// Changes the server's core, and delivers its outputs.
    fn update_core<T>(&self, update: impl FnOnce(&mut ServerCore) -> T) -> T {
        let result = update(&mut self.state().core);
        self.deliver();
        result
    }

    fn end_games(&self, end: impl Fn(&mut State, ConnectionId) -> ToClient) {
        let mut state = self.state();
        for (connection, client) in state.games() {
            let message = end(&mut state, connection);
            state.clients.remove(&connection);
            state.outbox.push_back((client, message));
        }
        drop(state);
        self.deliver();
    }

    /// Delivers what is queued for clients, in order. The state is not locked during a delivery, because a client may answer within the
    /// call.
    fn deliver(&self) {
        let mut state = self.state();
        state.take_outputs();
        if state.is_delivering {
            return;
        }
        state.is_delivering = true;
        while let Some((client, message)) = state.outbox.pop_front() {
            drop(state);
            client.send(message);
            drop(client);
            state = self.state();
            state.take_outputs();
        }
        state.is_delivering = false;
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

/// Returns the app key of the path `/app/KEY?…`.
fn app_key(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

#[track_caller]
pub(super) fn json_of(data: &impl Serialize) -> String {
    expect("serialize the data as JSON", serde_json::to_string(data))
}

#[track_caller]
#[expect(clippy::panic, reason = "a test fails by a panic")]
fn expect<T, E: fmt::Display>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("failed to {what}: {error}"),
    }
}
