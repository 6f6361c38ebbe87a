//! A harness for a game and its scripted server, which the test drives step by step.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code; each test uses a part of this module"
)]

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_pusher::{
    ConnectionError, ConnectionState, SubscriptionError,
    auth::{ChannelAuthorization, authorize_with},
    config::*,
    prelude::*,
};
use pusher_test_support::{ScriptedConnection, ScriptedServer};
use serde_json::json;

pub use super::support::retry_after;
use super::support::{self, TIMEOUT, recorded};

/// How long a test watches that nothing happens.
pub const QUIET_PERIOD: Duration = Duration::from_millis(80);

/// The longest allowed frame: longer than a frame of an empty game takes, shorter than any wait that the tests provoke.
pub const SLOW_FRAME: Duration = Duration::from_millis(100);

/// A game, its server, and measurements of the run.
pub struct Harness {
    pub app: App,
    pub server: ScriptedServer,
    pub sockets: u32,
    pub longest_frame: Duration,
}

/// The errors and state changes that the game received.
#[derive(Resource, Default)]
pub struct Log {
    pub errors: Vec<PusherErrorReported>,
    pub states: Vec<(ConnectionState, ConnectionState)>,
}

impl Harness {
    pub fn new() -> Self {
        Self::with(|config| config)
    }

    /// Creates a harness with a changed configuration.
    pub fn with(change: impl FnOnce(PusherConfig) -> PusherConfig) -> Self {
        Self::on(ScriptedServer::start(), change)
    }

    /// Creates a harness with this server.
    pub fn on(server: ScriptedServer, change: impl FnOnce(PusherConfig) -> PusherConfig) -> Self {
        let port = server.port();
        Self::at(port, server, change)
    }

    /// Creates a harness whose game connects to another port than the server's, such as that of a proxy.
    pub fn at(
        port: u16,
        server: ScriptedServer,
        change: impl FnOnce(PusherConfig) -> PusherConfig,
    ) -> Self {
        let endpoint = Endpoint::custom("127.0.0.1", port);
        let config = PusherConfig::new("app-key", endpoint).with_reconnect(retry_after(10, 30));
        let mut app = support::game(change(config));
        app.init_resource::<Log>()
            .add_observer(|error: On<PusherErrorReported>, mut log: ResMut<Log>| {
                log.errors.push(error.clone());
            })
            .add_observer(
                |changed: On<PusherConnectionChanged>, mut log: ResMut<Log>| {
                    let (previous, current) =
                        (changed.previous().clone(), changed.current().clone());
                    log.states.push((previous, current));
                },
            );
        Self {
            app,
            server,
            sockets: 0,
            longest_frame: Duration::ZERO,
        }
    }

    /// Creates a harness with an established connection.
    pub fn online() -> (Self, ScriptedConnection) {
        Self::online_with(|config| config)
    }

    pub fn online_with(
        change: impl FnOnce(PusherConfig) -> PusherConfig,
    ) -> (Self, ScriptedConnection) {
        let mut harness = Self::with(change);
        let socket = harness.greet();
        (harness, socket)
    }

    /// Accepts the next connection of the game.
    pub fn accept(&mut self) -> ScriptedConnection {
        self.frame();
        self.server.accept(TIMEOUT)
    }

    /// Accepts and establishes the next connection of the game, with the socket ids 1.1, 2.2 and so on.
    pub fn greet(&mut self) -> ScriptedConnection {
        let socket = self.accept();
        self.establish(&socket);
        socket
    }

    /// Like [`greet`](Self::greet), with a server that answers pings and subscriptions automatically.
    pub fn greet_with_replies(&mut self) -> ScriptedConnection {
        let socket = self.accept();
        socket.reply_with(pusher_test_support::standard_reply);
        self.establish(&socket);
        socket
    }

    fn establish(&mut self, socket: &ScriptedConnection) {
        self.sockets += 1;
        let socket_id = format!("{0}.{0}", self.sockets);
        socket.establish(&socket_id, 120);
        self.connected_as(&socket_id);
    }

    pub fn connected_as(&mut self, socket_id: &str) {
        self.until(&format!("the connection {socket_id}"), |world| {
            world.resource::<PusherConnection>().socket_id() == Some(socket_id)
        });
    }

    pub fn frame(&mut self) {
        let (started, queued) = (Instant::now(), run_queue_time());
        self.app.update();
        let queued = run_queue_time().saturating_sub(queued);
        let frame = started.elapsed().saturating_sub(queued);
        self.longest_frame = self.longest_frame.max(frame);
        // A tight loop would take the core that the network thread needs.
        thread::sleep(Duration::from_millis(1));
    }

    /// Runs the game until the condition holds.
    pub fn until(&mut self, what: &str, mut condition: impl FnMut(&mut World) -> bool) {
        let started = Instant::now();
        loop {
            self.frame();
            if condition(self.app.world_mut()) {
                return;
            }
            assert!(started.elapsed() < TIMEOUT, "waited {TIMEOUT:?} for {what}");
        }
    }

    /// Runs the game for this time.
    pub fn run_for(&mut self, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            self.frame();
        }
    }

    pub fn assert_no_slow_frame(&self) {
        assert!(self.longest_frame < SLOW_FRAME, "{:?}", self.longest_frame);
    }

    pub fn connection(&self) -> &PusherConnection {
        self.app.world().resource()
    }

    /// Waits until the connection has failed; returns the error.
    pub fn expect_failure(&mut self) -> ConnectionError {
        self.until("the connection to fail", |world| {
            let state = world.resource::<PusherConnection>().state();
            matches!(state, ConnectionState::Failed { .. })
        });
        self.connection().state().error().unwrap().clone()
    }

    pub fn errors(&self) -> &[PusherErrorReported] {
        &self.app.world().resource::<Log>().errors
    }

    /// Waits for an error report that contains this text.
    pub fn expect_report(&mut self, excerpt: &str) -> PusherErrorReported {
        let started = Instant::now();
        loop {
            self.frame();
            let matches =
                |report: &&PusherErrorReported| report.error().to_string().contains(excerpt);
            if let Some(report) = self.errors().iter().find(matches) {
                return report.clone();
            }
            assert!(
                started.elapsed() < TIMEOUT,
                "waited {TIMEOUT:?} for an error with {excerpt:?}, got {:?}",
                self.errors()
            );
        }
    }

    pub fn recorded(&self) -> &[String] {
        recorded(self.app.world())
    }

    pub fn expect_recorded(&mut self, text: &str) {
        self.until(&format!("{text:?} to be recorded"), |world| {
            recorded(world).iter().any(|recorded| recorded == text)
        });
    }

    /// Spawns a channel and runs a frame, which sends the request.
    pub fn spawn(&mut self, channel: &str) -> Entity {
        let entity = support::spawn(&mut self.app, channel);
        self.frame();
        entity
    }

    pub fn despawn(&mut self, entity: Entity) {
        self.app.world_mut().despawn(entity);
        self.frame();
    }

    /// Spawns a channel without members and confirms it.
    pub fn join(&mut self, socket: &ScriptedConnection, channel: &str) -> Entity {
        let entity = self.spawn(channel);
        let frame = socket.expect_event("pusher:subscribe", TIMEOUT);
        assert_eq!(frame["data"]["channel"], channel);
        socket.subscribed(channel);
        self.wait_until_subscribed(entity);
        entity
    }

    /// Spawns a channel that the server confirms automatically.
    pub fn join_confirmed(&mut self, channel: &str) -> Entity {
        let entity = self.spawn(channel);
        self.wait_until_subscribed(entity);
        entity
    }

    pub fn wait_until_subscribed(&mut self, entity: Entity) {
        self.until("the subscription", |world| {
            world.get::<PusherSubscribed>(entity).is_some()
        });
    }

    pub fn status(&self, entity: Entity) -> &PusherSubscription {
        self.app.world().get(entity).unwrap()
    }

    /// Waits until a channel is refused; returns the error.
    pub fn expect_refusal(&mut self, entity: Entity) -> SubscriptionError {
        self.until("a refusal", |world| {
            let status = world.get::<PusherSubscription>(entity);
            status.is_some_and(|status| status.error().is_some())
        });
        self.status(entity).error().unwrap().clone()
    }

    /// Sends an event on a subscribed channel and waits for its delivery.
    pub fn expect_delivery(&mut self, socket: &ScriptedConnection, channel: &str, number: u32) {
        socket.event(channel, "still-here", &json!(number));
        self.expect_recorded(&format!("{channel} still-here {number}"));
    }
}

/// Returns how long this thread has waited for a processor, where the system reports it. Other processes cause this time, so it does
/// not count as part of a frame.
fn run_queue_time() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = times.split_whitespace().nth(1);
    Duration::from_nanos(
        nanoseconds
            .and_then(|queued| queued.parse().ok())
            .unwrap_or(0),
    )
}

/// Sets a backoff so long that no retry happens within a test.
pub fn with_long_retry_delay(config: PusherConfig) -> PusherConfig {
    config.with_reconnect(retry_after(60_000, 60_000))
}

/// Sets the activity timeout and the pong timeout, in milliseconds.
pub fn heartbeat(config: PusherConfig, activity: u64, pong: u64) -> PusherConfig {
    config.with_timing(Timing {
        activity_timeout: Duration::from_millis(activity),
        pong_timeout: Duration::from_millis(pong),
        ..Timing::default()
    })
}

/// Authorizes the game for every channel, as this user.
pub fn authorize_as(config: PusherConfig, user: &'static str) -> PusherConfig {
    config.with_authorizer(authorize_with(move |request| {
        let authorization = ChannelAuthorization::new(format!("key:{}", request.socket_id()));
        if request.channel().starts_with("presence-") {
            let data = json!({"user_id": user, "user_info": {"name": user}});
            return Ok(authorization.with_channel_data(data.to_string()));
        }
        Ok(authorization)
    }))
}
