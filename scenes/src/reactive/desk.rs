//! A simulated news desk that publishes a headline every few seconds.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bevy::prelude::*;

use super::{Headline, NEWS_CHANNEL};
use crate::dev_server::DevServer;
use crate::simulation::{SimulatedPlayers, Simulation};

/// The number of news desks.
pub const DESKS: usize = 1;

/// The delay after the previous headline in milliseconds, the sender, and the text; repeated.
const NEWS: [(u64, &str, &str); 8] = [
    (1200, "build", "The nightly build is green"),
    (2400, "shop", "A player bought the golden kart"),
    (1800, "players", "1,000 players are online"),
    (3200, "forum", "Somebody answered your question"),
    (2600, "build", "The release is on its way"),
    (3000, "league", "The finals begin in an hour"),
    (
        3800,
        "players",
        "A new record on the harbour circuit: 1:41.9",
    ),
    (4400, "shop", "The golden kart is sold out"),
];

/// Starts the news desk on this server.
///
/// # Errors
/// The thread of the news desk could not be started.
pub fn start_news_desk(server: Arc<DevServer>) -> io::Result<SimulatedPlayers> {
    SimulatedPlayers::start(move |_| Desk {
        server,
        published: 0,
        last_published_at: Instant::now(),
    })
}

struct Desk {
    server: Arc<DevServer>,
    published: usize,
    last_published_at: Instant,
}

impl Desk {
    fn next(&self) -> Option<(Duration, Headline)> {
        let (pause, from, text) = NEWS.get(self.published % NEWS.len())?;
        let headline = Headline {
            from: (*from).to_owned(),
            text: (*text).to_owned(),
        };
        Some((Duration::from_millis(*pause), headline))
    }
}

impl Simulation for Desk {
    fn on_wake(&mut self, _: usize) {}

    fn step(&mut self) {
        let Some((pause, headline)) = self.next() else {
            return;
        };
        if self.last_published_at.elapsed() < pause {
            return;
        }
        if let Err(error) = self
            .server
            .publish(NEWS_CHANNEL, Headline::EVENT, &headline)
        {
            warn!("could not publish the news: {error}");
        }
        self.published += 1;
        self.last_published_at = Instant::now();
    }

    fn time_to_next_step(&self) -> Duration {
        self.next().map_or(Duration::from_secs(1), |(pause, _)| {
            pause.saturating_sub(self.last_published_at.elapsed())
        })
    }
}
