//! Simulated players: small Bevy apps, each with its own client, all on one thread.

use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy::time::TimePlugin;
use bevy_pusher::{
    PusherWaker,
    config::{Endpoint, ReconnectPolicy},
    prelude::*,
};

use crate::dev_server::DevServer;
use crate::server::Identity;

/// A simulation that runs on the thread of the simulated players.
pub trait Simulation {
    /// Called when the client of this player has received something.
    fn on_wake(&mut self, player: usize);

    /// Does what is due. Called after each wake-up.
    fn step(&mut self);

    /// Returns how long the thread may sleep.
    fn time_to_next_step(&self) -> Duration;
}

/// The running simulated players. Dropping it stops them and joins their thread.
#[derive(Debug)]
pub struct SimulatedPlayers {
    wakes: Sender<Wake>,
    thread: Option<JoinHandle<()>>,
}

/// Why the thread wakes up early.
#[derive(Clone, Copy, Debug)]
enum Wake {
    /// This player's client has received something.
    Player(usize),
    /// The players are being stopped.
    Stop,
}

/// The name of the thread. The log filter recognizes the players' messages by it.
pub(crate) const SIMULATION_THREAD: &str = "simulated players";

/// Creates the wakers that wake the thread for a player.
pub struct Wakers(Sender<Wake>);

impl Wakers {
    /// Returns the waker for the player with this index.
    #[must_use]
    pub fn for_player(&self, player: usize) -> PusherWaker {
        let wakes = self.0.clone();
        PusherWaker::new(move || {
            // Fails once the thread has ended; then there is nothing to wake.
            let _ = wakes.send(Wake::Player(player));
        })
    }
}

impl fmt::Debug for Wakers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wakers").finish_non_exhaustive()
    }
}

impl SimulatedPlayers {
    /// Starts the thread, creates the simulation on it, and runs it.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start<T: Simulation>(
        create: impl FnOnce(&Wakers) -> T + Send + 'static,
    ) -> io::Result<Self> {
        let (wakes, woken) = channel();
        let wakers = Wakers(wakes.clone());
        let thread = std::thread::Builder::new()
            .name(SIMULATION_THREAD.to_owned())
            .spawn(move || run(create(&wakers), &woken))?;
        Ok(Self {
            wakes,
            thread: Some(thread),
        })
    }

    /// Runs apps that need no coordination. `player` creates each of them. An app is updated when its client has received
    /// something, and all of them once per `interval`.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start_apps(
        count: usize,
        interval: Duration,
        player: impl Fn(usize, PusherWaker) -> App + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(move |wakers| IndependentApps {
            apps: (0..count)
                .map(|index| player(index, wakers.for_player(index)))
                .map(finish_setup)
                .collect(),
            interval,
            due: Instant::now(),
        })
    }
}

impl Drop for SimulatedPlayers {
    fn drop(&mut self) {
        // Fails if the thread has ended already, which is fine.
        let _ = self.wakes.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut simulation: impl Simulation, woken: &Receiver<Wake>) {
    simulation.step();
    loop {
        match woken.recv_timeout(simulation.time_to_next_step()) {
            Ok(Wake::Player(player)) => simulation.on_wake(player),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        simulation.step();
    }
}

/// Creates the app of a player on this server, with a clock and with the Pusher plugin.
pub fn player_app(server: &DevServer, identity: &Identity, waker: PusherWaker) -> App {
    player_app_with_sign_in(server, identity, &[], waker)
}

/// Like [`player_app`], for a player who may sign in and then watches these users.
pub fn player_app_with_sign_in(
    server: &DevServer,
    identity: &Identity,
    watchlist: &[String],
    waker: PusherWaker,
) -> App {
    let users = identity
        .at(server.user_auth_endpoint())
        .with_param("watchlist", watchlist.join(","));
    let config = PusherConfig::new(
        server.app_key(),
        Endpoint::custom("127.0.0.1", server.port()),
    )
    .with_auth_endpoint(identity.at(server.auth_endpoint()))
    .with_user_auth_endpoint(users)
    // A short backoff, so that the players are back soon after the user restores the network.
    .with_reconnect(ReconnectPolicy {
        max_delay: Duration::from_secs(2),
        ..default()
    });
    let mut app = App::new();
    app.insert_resource(waker)
        .add_plugins((TimePlugin, PusherPlugin::new(config)));
    app
}

/// Finishes the setup of the app, as a runner does before the first frame.
pub(crate) fn finish_setup(mut app: App) -> App {
    app.finish();
    app.cleanup();
    app
}

/// Apps that need no coordination.
struct IndependentApps {
    apps: Vec<App>,
    interval: Duration,
    due: Instant,
}

impl Simulation for IndependentApps {
    fn on_wake(&mut self, player: usize) {
        if let Some(app) = self.apps.get_mut(player) {
            app.update();
        }
    }

    fn step(&mut self) {
        let now = Instant::now();
        if self.due <= now {
            self.due = now + self.interval;
            self.apps.iter_mut().for_each(App::update);
        }
    }

    fn time_to_next_step(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }
}
