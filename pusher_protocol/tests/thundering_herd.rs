//! Many clients lose one server at the same moment: they must not flood the server or the backend when they reconnect.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::{collections::HashMap, time::Duration};

use pusher_protocol::{
    protocol::AuthError,
    session::{Command, ConnectionError, Input, RequestId, SessionConfig},
};
use serde_json::json;
use support::*;

const CLIENTS: u64 = 10_000;
const CHANNELS: [&str; 4] = ["lobby", "presence-lobby", "private-game", "private-team"];
const WINDOW: Duration = Duration::from_millis(100);
/// How long the backend takes to respond.
const BACKEND: Duration = Duration::from_millis(50);
/// Requests that a client sends to an overloaded backend.
const ATTEMPTS: usize = 3;
/// The largest share of all clients that may arrive within one window of the first wave.
const FIRST_WAVE: f64 = 0.12;
/// The same for each later wave.
const LATER_WAVES: f64 = 0.05;

/// How all clients lose the server.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// The server closes every connection and refuses new ones until it is back.
    Closed(Option<u16>),
    /// The route is lost: no bytes arrive, and dials time out.
    Silent,
}

/// The times of one client's actions, since the loss.
#[derive(Default)]
struct Recovery {
    dials: Vec<Duration>,
    /// By the number of earlier requests for the same channel.
    authorizations: [Vec<Duration>; ATTEMPTS],
    subscriptions: Vec<Duration>,
}

/// Runs one client that loses its server. The server is back after `outage`; the backend authorizes at the last of `attempts`.
fn recover(seed: u64, loss: Loss, outage: Duration, attempts: usize, habit: Habit) -> Recovery {
    let mut client = Client::new(SessionConfig {
        seed,
        ..SessionConfig::default()
    });
    for channel in CHANNELS {
        client.want(channel);
    }
    client.command(Command::Connect);
    let outputs = client.establish();
    settle(&mut client, outputs, &mut Recovery::default(), 1);
    // A message to all clients synchronizes their timers.
    client.wait(20 * SECOND);
    let (event, _) = client.frame(&json!({"event": "e", "channel": "lobby", "data": "1"}));
    assert!(event.is_some(), "the connection is open");
    let lost_at = client.now.monotonic;
    let mut recovery = Recovery::default();
    if let Loss::Closed(code) = loss {
        client.close(code);
    }
    loop {
        habit.follow(&mut client);
        let since = client.now.monotonic - lost_at;
        recovery.dials.push(since);
        if since >= outage {
            break;
        }
        if let Loss::Closed(_) = loss {
            let error = ConnectionError::Tcp {
                host: "h".into(),
                port: 1,
                reason: "connection refused".into(),
            };
            client.input(Input::DialFailed(client.dial.unwrap(), error));
        }
    }
    let outputs = client.establish();
    settle(&mut client, outputs, &mut recovery, attempts);
    for times in recovery.authorizations.iter_mut() {
        times.iter_mut().for_each(|time| *time -= lost_at);
    }
    recovery
        .subscriptions
        .iter_mut()
        .for_each(|time| *time -= lost_at);
    assert_eq!(recovery.subscriptions.len(), CHANNELS.len());
    recovery
}

/// The commands of user code while the client reconnects.
#[derive(Clone, Copy, Debug)]
enum Habit {
    Patient,
    /// Connects at each failure, and continuously.
    Connects,
    /// Disconnects and connects at each failure, and continuously.
    Restarts,
    /// Changes the endpoint at each failure.
    Redials,
}

impl Habit {
    fn follow(self, client: &mut Client) {
        let commands: fn() -> Vec<Command> = match self {
            Self::Patient => return drop(client.wait_for_dial()),
            Self::Connects => || vec![Command::Connect],
            Self::Restarts => || vec![Command::Disconnect, Command::Connect],
            Self::Redials => || vec![Command::Redial],
        };
        let mut outputs = Vec::new();
        loop {
            for command in commands() {
                outputs.extend(client.command(command));
            }
            let until = match self {
                Self::Connects | Self::Restarts => client.now.monotonic + SECOND / 2,
                _ => Duration::MAX,
            };
            while dials(&outputs) == 0 && client.now.monotonic < until {
                let due = client.session.wake_at().map_or(until, |due| due.min(until));
                outputs.extend(client.wait(due.saturating_sub(client.now.monotonic)));
            }
            if dials(&outputs) > 0 {
                return;
            }
        }
    }
}

/// The server replies to each request, and the backend authorizes at the last attempt.
fn settle(client: &mut Client, outputs: Vec<TestOutput>, recovery: &mut Recovery, attempts: usize) {
    let mut attempted: HashMap<String, usize> = HashMap::new();
    let mut outputs = outputs;
    loop {
        let now = client.now.monotonic;
        let mut requests: Vec<(RequestId, String)> = Vec::new();
        for outputs in outputs {
            match outputs {
                TestOutput::Authorize(request, channel, _) => requests.push((request, channel)),
                TestOutput::Frame(frame) if frame["event"] == "pusher:subscribe" => {
                    recovery.subscriptions.push(now);
                    client.confirm(frame["data"]["channel"].as_str().unwrap());
                }
                _ => {}
            }
        }
        if requests.is_empty() && attempted.values().all(|times| *times >= attempts) {
            return;
        }
        for (_, channel) in &requests {
            let times = attempted.entry(channel.clone()).or_default();
            recovery.authorizations[*times].push(now);
            *times += 1;
        }
        outputs = if requests.is_empty() {
            let due = client.session.wake_at().expect("it will retry");
            client.wait(due.saturating_sub(now))
        } else {
            client.wait(BACKEND)
        };
        for (request, channel) in requests {
            outputs.extend(if attempted[&channel] < attempts {
                client.refuse(request, AuthError::http(503, ""))
            } else if channel.starts_with("presence-") {
                client.authorize_as(request, "me")
            } else {
                client.authorize(request)
            });
        }
    }
}

/// Returns the largest share of `all` whose times fall into one window.
fn densest_window(times: impl Iterator<Item = Duration>, all: usize) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let mut end = 0;
    let within = |(start, time): (usize, &Duration)| {
        while times.get(end).is_some_and(|later| *later < *time + WINDOW) {
            end += 1;
        }
        end - start
    };
    let densest = times.iter().enumerate().map(within).max().unwrap_or(0);
    densest as f64 / all as f64
}

#[test]
fn ten_thousand_clients_reconnect_spread_out() {
    let minute = 60 * SECOND;
    let mut dense = Vec::new();
    for (loss, outage, attempts, habit) in [
        (Loss::Closed(None), minute, 1, Habit::Patient),
        (Loss::Closed(Some(4200)), minute, 1, Habit::Patient),
        (Loss::Silent, minute, 1, Habit::Patient),
        (Loss::Closed(Some(4200)), Duration::ZERO, 1, Habit::Patient),
        (Loss::Closed(None), Duration::ZERO, ATTEMPTS, Habit::Patient),
        (Loss::Closed(None), minute, 1, Habit::Connects),
        (Loss::Closed(Some(4001)), minute, 1, Habit::Connects),
        (Loss::Closed(None), Duration::ZERO, 1, Habit::Connects),
        (Loss::Closed(None), minute, 1, Habit::Restarts),
        (Loss::Closed(Some(4001)), minute, 1, Habit::Redials),
    ] {
        let one = |seed| recover(seed, loss, outage, attempts, habit);
        let all: Vec<Recovery> = (0..CLIENTS).map(one).collect();
        let longest = all.iter().map(|one| one.dials.len()).max().unwrap();
        let dials: Vec<f64> = (0..longest)
            .map(|wave| {
                let times = all.iter().filter_map(|one| one.dials.get(wave).copied());
                densest_window(times, all.len())
            })
            .collect();
        let authorizations: Vec<f64> = (0..attempts)
            .map(|wave| {
                let times = all.iter().flat_map(|one| one.authorizations[wave].clone());
                densest_window(times, all.len() * (CHANNELS.len() - 1))
            })
            .collect();
        let subscriptions = densest_window(
            all.iter().flat_map(|one| one.subscriptions.clone()),
            all.len() * CHANNELS.len(),
        );
        let figures = format!(
            "{loss:?}, outage of {outage:?}, {habit:?}: share in the densest 100 ms: dials in each wave {dials:.3?}, \
             authorizations {authorizations:.3?}, subscriptions {subscriptions:.3}"
        );
        println!("{figures}");
        let first_bound = if outage.is_zero() {
            FIRST_WAVE
        } else {
            LATER_WAVES
        };
        let again = dials[1..].iter().chain(&authorizations[1..]);
        let is_spread = dials[0] <= FIRST_WAVE
            && authorizations[0] <= first_bound
            && subscriptions <= first_bound
            && again.into_iter().all(|share| *share <= LATER_WAVES);
        if !is_spread {
            dense.push(figures);
        }
    }
    assert!(dense.is_empty(), "{dense:#?}");
}
