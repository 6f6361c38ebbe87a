//! A play: a game and the scripted server it talks to, step by step.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code; each test uses its part"
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

use super::support::{self, SOON, told};

/// For how long nothing has to happen where nothing may.
pub const A_WHILE: Duration = Duration::from_millis(80);

/// Longer than any frame of a game without content takes, and shorter than any wait that the tests provoke.
pub const STALL: Duration = Duration::from_millis(100);

/// A game, the server it talks to, and how the two got on.
pub struct Play {
    pub app: App,
    pub server: ScriptedServer,
    pub sockets: u32,
    pub longest_frame: Duration,
}

/// What the game was told of errors and states.
#[derive(Resource, Default)]
pub struct Log {
    pub errors: Vec<PusherErrorReported>,
    pub states: Vec<(ConnectionState, ConnectionState)>,
}

impl Play {
    pub fn new() -> Self {
        Self::with(|config| config)
    }

    /// With a configuration that differs from the usual one.
    pub fn with(change: impl FnOnce(PusherConfig) -> PusherConfig) -> Self {
        Self::on(ScriptedServer::start(), change)
    }

    /// With a server of the test's own.
    pub fn on(server: ScriptedServer, change: impl FnOnce(PusherConfig) -> PusherConfig) -> Self {
        let port = server.port();
        Self::at(port, server, change)
    }

    /// With a server that the game reaches at another port: through a proxy.
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

    /// With a connection that stands.
    pub fn online() -> (Self, ScriptedConnection) {
        Self::online_with(|config| config)
    }

    pub fn online_with(
        change: impl FnOnce(PusherConfig) -> PusherConfig,
    ) -> (Self, ScriptedConnection) {
        let mut play = Self::with(change);
        let line = play.greet();
        (play, line)
    }

    /// Accepts the game's next connection.
    pub fn accept(&mut self) -> ScriptedConnection {
        self.frame();
        self.server.accept(SOON)
    }

    /// Accepts the game's next connection and greets it: as 1.1, then as 2.2 and so on.
    pub fn greet(&mut self) -> ScriptedConnection {
        let line = self.accept();
        self.establish(&line);
        line
    }

    /// The same, by a server that answers pings and subscriptions by itself.
    pub fn greet_politely(&mut self) -> ScriptedConnection {
        let line = self.accept();
        line.reply_with(pusher_test_support::polite);
        self.establish(&line);
        line
    }

    fn establish(&mut self, line: &ScriptedConnection) {
        self.sockets += 1;
        let socket_id = format!("{0}.{0}", self.sockets);
        line.establish(&socket_id, 120);
        self.connected_as(&socket_id);
    }

    pub fn connected_as(&mut self, socket_id: &str) {
        self.until(&format!("connecting as {socket_id}"), |world| {
            world.resource::<PusherConnection>().socket_id() == Some(socket_id)
        });
    }

    pub fn frame(&mut self) {
        let (begun, queued) = (Instant::now(), queued_so_far());
        self.app.update();
        let queued = queued_so_far().saturating_sub(queued);
        let frame = begun.elapsed().saturating_sub(queued);
        self.longest_frame = self.longest_frame.max(frame);
        // The network thread needs the core that a tight loop would take.
        thread::sleep(Duration::from_millis(1));
    }

    /// Runs the game until it is so.
    pub fn until(&mut self, what: &str, mut condition: impl FnMut(&mut World) -> bool) {
        let begun = Instant::now();
        loop {
            self.frame();
            if condition(self.app.world_mut()) {
                return;
            }
            assert!(begun.elapsed() < SOON, "{SOON:?} without {what}");
        }
    }

    /// Runs the game for some time.
    pub fn run_for(&mut self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.frame();
        }
    }

    pub fn no_frame_stalled(&self) {
        assert!(self.longest_frame < STALL, "{:?}", self.longest_frame);
    }

    pub fn connection(&self) -> &PusherConnection {
        self.app.world().resource()
    }

    /// Waits until the connection is given up, and says why.
    pub fn failed(&mut self) -> ConnectionError {
        self.until("giving up", |world| {
            let state = world.resource::<PusherConnection>().state();
            matches!(state, ConnectionState::Failed { .. })
        });
        self.connection().state().error().unwrap().clone()
    }

    pub fn errors(&self) -> &[PusherErrorReported] {
        &self.app.world().resource::<Log>().errors
    }

    /// Waits for a report that says this.
    pub fn reported(&mut self, words: &str) -> PusherErrorReported {
        let begun = Instant::now();
        loop {
            self.frame();
            let says = |report: &&PusherErrorReported| report.error().to_string().contains(words);
            if let Some(report) = self.errors().iter().find(says) {
                return report.clone();
            }
            assert!(
                begun.elapsed() < SOON,
                "{SOON:?} without an error that says {words:?}, but with {:?}",
                self.errors()
            );
        }
    }

    pub fn told(&self) -> &[String] {
        told(self.app.world())
    }

    pub fn has_been_told(&mut self, word: &str) {
        self.until(&format!("being told {word:?}"), |world| {
            told(world).iter().any(|told| told == word)
        });
    }

    /// Spawns a channel and lets the server know.
    pub fn spawn(&mut self, channel: &str) -> Entity {
        let entity = support::spawn(&mut self.app, channel);
        self.frame();
        entity
    }

    pub fn despawn(&mut self, entity: Entity) {
        self.app.world_mut().despawn(entity);
        self.frame();
    }

    /// Spawns a channel without presence and confirms it.
    pub fn join(&mut self, line: &ScriptedConnection, channel: &str) -> Entity {
        let entity = self.spawn(channel);
        let frame = line.expect_event("pusher:subscribe", SOON);
        assert_eq!(frame["data"]["channel"], channel);
        line.subscribed(channel);
        self.subscribed(entity);
        entity
    }

    /// Spawns a channel that the server confirms by itself.
    pub fn join_politely(&mut self, channel: &str) -> Entity {
        let entity = self.spawn(channel);
        self.subscribed(entity);
        entity
    }

    pub fn subscribed(&mut self, entity: Entity) {
        self.until("subscribing", |world| {
            world.get::<PusherSubscribed>(entity).is_some()
        });
    }

    pub fn status(&self, entity: Entity) -> &PusherSubscription {
        self.app.world().get(entity).unwrap()
    }

    /// Waits until a channel is refused, and says why.
    pub fn refused(&mut self, entity: Entity) -> SubscriptionError {
        self.until("a refusal", |world| {
            let status = world.get::<PusherSubscription>(entity);
            status.is_some_and(|status| status.error().is_some())
        });
        self.status(entity).error().unwrap().clone()
    }

    /// Sends an event on a channel that stands, and sees it arrive.
    pub fn hears(&mut self, line: &ScriptedConnection, channel: &str, number: u32) {
        line.event(channel, "still-here", &json!(number));
        self.has_been_told(&format!("{channel} still-here {number}"));
    }
}

/// For how long this thread wanted a processor and others had it, where the system tells: that is nobody's stall.
fn queued_so_far() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = times.split_whitespace().nth(1);
    Duration::from_nanos(
        nanoseconds
            .and_then(|queued| queued.parse().ok())
            .unwrap_or(0),
    )
}

/// Dials again after a time between these, in milliseconds.
pub fn retry_after(min: u64, max: u64) -> ReconnectPolicy {
    ReconnectPolicy {
        min_delay: Duration::from_millis(min),
        max_delay: Duration::from_millis(max),
        ..ReconnectPolicy::default()
    }
}

/// No delay of the back-off's own would be over within a test.
pub fn patient(config: PusherConfig) -> PusherConfig {
    config.with_reconnect(retry_after(60_000, 60_000))
}

/// Asks the server for a sign of life after so many milliseconds of silence, and gives it so many to answer.
pub fn heartbeat(config: PusherConfig, activity: u64, pong: u64) -> PusherConfig {
    config.with_timing(Timing {
        activity_timeout: Duration::from_millis(activity),
        pong_timeout: Duration::from_millis(pong),
        ..Timing::default()
    })
}

/// Lets the game into every channel, as this user.
pub fn let_in(config: PusherConfig, user: &'static str) -> PusherConfig {
    config.with_authorizer(authorize_with(move |request| {
        let authorization = ChannelAuthorization::new(format!("key:{}", request.socket_id()));
        if request.channel().starts_with("presence-") {
            let data = json!({"user_id": user, "user_info": {"name": user}});
            return Ok(authorization.with_channel_data(data.to_string()));
        }
        Ok(authorization)
    }))
}
