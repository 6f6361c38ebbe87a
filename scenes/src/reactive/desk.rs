//! A news desk that tells something every few seconds.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bevy::prelude::*;

use super::{Headline, NEWS_CHANNEL};
use crate::company::{Company, Troupe};
use crate::dev_server::DevServer;

/// How many desks there are.
pub const DESKS: usize = 1;

/// What is told, after how many milliseconds of silence, and by whom; over and over.
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

/// Opens the desk on this server.
///
/// # Errors
/// Its thread cannot be started.
pub fn news_company(server: Arc<DevServer>) -> io::Result<Company> {
    Company::start(move |_| Desk {
        server,
        told: 0,
        since: Instant::now(),
    })
}

struct Desk {
    server: Arc<DevServer>,
    told: usize,
    since: Instant,
}

impl Desk {
    fn next(&self) -> Option<(Duration, Headline)> {
        let (pause, from, text) = NEWS.get(self.told % NEWS.len())?;
        let headline = Headline {
            from: (*from).to_owned(),
            text: (*text).to_owned(),
        };
        Some((Duration::from_millis(*pause), headline))
    }
}

impl Troupe for Desk {
    fn came(&mut self, _: usize) {}

    fn act(&mut self) {
        let Some((pause, headline)) = self.next() else {
            return;
        };
        if self.since.elapsed() < pause {
            return;
        }
        if let Err(error) = self
            .server
            .publish(NEWS_CHANNEL, Headline::EVENT, &headline)
        {
            warn!("the news were not published: {error}");
        }
        self.told += 1;
        self.since = Instant::now();
    }

    fn rest(&self) -> Duration {
        self.next().map_or(Duration::from_secs(1), |(pause, _)| {
            pause.saturating_sub(self.since.elapsed())
        })
    }
}
