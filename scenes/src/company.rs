//! Simulated players: small Bevy apps, each with a client of its own, all on one thread.

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

/// What the players do, on their thread.
pub trait Troupe {
    /// Something came for this player.
    fn came(&mut self, player: usize);

    /// Does what is due.
    fn act(&mut self);

    /// How long nobody has anything to do.
    fn rest(&self) -> Duration;
}

/// The running players. Dropping it takes them away.
#[derive(Debug)]
pub struct Company {
    nudges: Sender<Nudge>,
    thread: Option<JoinHandle<()>>,
}

/// Why the thread wakes up before its time.
#[derive(Clone, Copy, Debug)]
enum Nudge {
    /// Something came for this player.
    Came(usize),
    /// The end.
    Stop,
}

/// The name of the thread on which the players live.
pub(crate) const COMPANY_THREAD: &str = "simulated players";

/// Makes the wakers that tell the thread for whom something came.
pub struct Wakers(Sender<Nudge>);

impl Wakers {
    /// The waker of the player with this number.
    #[must_use]
    pub fn of(&self, player: usize) -> PusherWaker {
        let nudges = self.0.clone();
        PusherWaker::new(move || {
            // Fails once the thread has ended, when there is nobody left to wake.
            let _ = nudges.send(Nudge::Came(player));
        })
    }
}

impl fmt::Debug for Wakers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wakers").finish_non_exhaustive()
    }
}

impl Company {
    /// Makes the players on a thread of their own and lets them play.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start<T: Troupe>(
        gather: impl FnOnce(&Wakers) -> T + Send + 'static,
    ) -> io::Result<Self> {
        let (nudges, nudged) = channel();
        let wakers = Wakers(nudges.clone());
        let thread = std::thread::Builder::new()
            .name(COMPANY_THREAD.to_owned())
            .spawn(move || play(gather(&wakers), &nudged))?;
        Ok(Self {
            nudges,
            thread: Some(thread),
        })
    }

    /// Players who act by themselves: `player` makes the app of each, which is updated when something comes for it and at
    /// every `pace`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn of_players(
        count: usize,
        pace: Duration,
        player: impl Fn(usize, PusherWaker) -> App + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(move |wakers| Players {
            apps: (0..count)
                .map(|index| player(index, wakers.of(index)))
                .map(ready)
                .collect(),
            pace,
            due: Instant::now(),
        })
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        // Either may be gone already, and then there is nothing to end.
        let _ = self.nudges.send(Nudge::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn play(mut troupe: impl Troupe, nudged: &Receiver<Nudge>) {
    troupe.act();
    loop {
        match nudged.recv_timeout(troupe.rest()) {
            Ok(Nudge::Came(player)) => troupe.came(player),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Nudge::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        troupe.act();
    }
}

/// The app of a player on this server, with clocks, and with the plugin under this identity.
pub fn player_app(server: &DevServer, identity: &Identity, waker: PusherWaker) -> App {
    player_app_with_sign_in(server, identity, &[], waker)
}

/// The same for a player who may sign in, and then watches these users.
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
    // Whoever restores the network wants to see the others soon.
    .with_reconnect(ReconnectPolicy {
        max_delay: Duration::from_secs(2),
        ..default()
    });
    let mut app = App::new();
    app.insert_resource(waker)
        .add_plugins((TimePlugin, PusherPlugin::new(config)));
    app
}

/// The app, set up as a runner would.
pub(crate) fn ready(mut app: App) -> App {
    app.finish();
    app.cleanup();
    app
}

/// Players who act by themselves.
struct Players {
    apps: Vec<App>,
    pace: Duration,
    due: Instant,
}

impl Troupe for Players {
    fn came(&mut self, player: usize) {
        if let Some(app) = self.apps.get_mut(player) {
            app.update();
        }
    }

    fn act(&mut self) {
        let now = Instant::now();
        if self.due <= now {
            self.due = now + self.pace;
            self.apps.iter_mut().for_each(App::update);
        }
    }

    fn rest(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }
}
