//! Many clients lose one server at once: they must not come back at once, neither to the server nor to the game's backend.
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
/// How long the backend takes to answer.
const BACKEND: Duration = Duration::from_millis(50);
/// How often a client asks a backend that is overloaded.
const ASKED: usize = 3;
/// Of the first wave, at most so many of all clients may come within one window.
const FIRST_WAVE: f64 = 0.12;
/// Of each later one.
const LATER_WAVES: f64 = 0.05;

/// How all of them lose the server.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// The server closes every connection, and refuses the next until it is back.
    Closed(Option<u16>),
    /// The route is gone: nobody hears anything, and no dial comes to an end.
    Silent,
}

/// What one client does after the loss, and when: times since then.
#[derive(Default)]
struct Comeback {
    dials: Vec<Duration>,
    /// By how often each channel was asked for before.
    authorizations: [Vec<Duration>; ASKED],
    subscriptions: Vec<Duration>,
}

/// One client that loses a server, which is back after `outage`; the backend lets it in at the last of so many attempts.
fn comeback(seed: u64, loss: Loss, outage: Duration, attempts: usize, habit: Habit) -> Comeback {
    let mut client = Client::new(SessionConfig {
        seed,
        ..SessionConfig::default()
    });
    for channel in CHANNELS {
        client.want(channel);
    }
    client.command(Command::Connect);
    let seen = client.establish();
    settle(&mut client, seen, &mut Comeback::default(), 1);
    // Whatever is sent to all of them puts all of them in step.
    client.wait(20 * SECOND);
    let (event, _) = client.frame(&json!({"event": "e", "channel": "lobby", "data": "1"}));
    assert!(event.is_some(), "the connection stands");
    let lost_at = client.now.monotonic;
    let mut comeback = Comeback::default();
    if let Loss::Closed(code) = loss {
        client.close(code);
    }
    loop {
        habit.follow(&mut client);
        let since = client.now.monotonic - lost_at;
        comeback.dials.push(since);
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
    let seen = client.establish();
    settle(&mut client, seen, &mut comeback, attempts);
    for times in comeback.authorizations.iter_mut() {
        times.iter_mut().for_each(|time| *time -= lost_at);
    }
    comeback
        .subscriptions
        .iter_mut()
        .for_each(|time| *time -= lost_at);
    assert_eq!(comeback.subscriptions.len(), CHANNELS.len());
    comeback
}

/// What a game does beside waiting.
#[derive(Clone, Copy, Debug)]
enum Habit {
    Patient,
    /// Connects at each failure, and on and on.
    Connects,
    /// Disconnects and connects at each failure, and on and on.
    Restarts,
    /// Changes its endpoint at each failure.
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
        let mut seen = Vec::new();
        loop {
            for command in commands() {
                seen.extend(client.command(command));
            }
            let until = match self {
                Self::Connects | Self::Restarts => client.now.monotonic + SECOND / 2,
                _ => Duration::MAX,
            };
            while dials(&seen) == 0 && client.now.monotonic < until {
                let due = client.session.wake_at().map_or(until, |due| due.min(until));
                seen.extend(client.wait(due.saturating_sub(client.now.monotonic)));
            }
            if dials(&seen) > 0 {
                return;
            }
        }
    }
}

/// The server answers whatever is asked, and the backend when it was asked for a channel so many times.
fn settle(client: &mut Client, seen: Vec<Seen>, comeback: &mut Comeback, attempts: usize) {
    let mut asked: HashMap<String, usize> = HashMap::new();
    let mut seen = seen;
    loop {
        let now = client.now.monotonic;
        let mut questions: Vec<(RequestId, String)> = Vec::new();
        for seen in seen {
            match seen {
                Seen::Authorize(request, channel, _) => questions.push((request, channel)),
                Seen::Frame(frame) if frame["event"] == "pusher:subscribe" => {
                    comeback.subscriptions.push(now);
                    client.confirm(frame["data"]["channel"].as_str().unwrap());
                }
                _ => {}
            }
        }
        if questions.is_empty() && asked.values().all(|times| *times >= attempts) {
            return;
        }
        for (_, channel) in &questions {
            let times = asked.entry(channel.clone()).or_default();
            comeback.authorizations[*times].push(now);
            *times += 1;
        }
        seen = if questions.is_empty() {
            let due = client.session.wake_at().expect("it will ask again");
            client.wait(due.saturating_sub(now))
        } else {
            client.wait(BACKEND)
        };
        for (request, channel) in questions {
            seen.extend(if asked[&channel] < attempts {
                client.refuse(request, AuthError::http(503, ""))
            } else if channel.starts_with("presence-") {
                client.authorize_as(request, "me")
            } else {
                client.authorize(request)
            });
        }
    }
}

/// The largest share of these times, as a share of `all`, that falls into one window.
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
fn ten_thousand_clients_come_back_spread_out() {
    let gone = 60 * SECOND;
    let mut dense = Vec::new();
    for (loss, outage, attempts, habit) in [
        (Loss::Closed(None), gone, 1, Habit::Patient),
        (Loss::Closed(Some(4200)), gone, 1, Habit::Patient),
        (Loss::Silent, gone, 1, Habit::Patient),
        (Loss::Closed(Some(4200)), Duration::ZERO, 1, Habit::Patient),
        (Loss::Closed(None), Duration::ZERO, ASKED, Habit::Patient),
        (Loss::Closed(None), gone, 1, Habit::Connects),
        (Loss::Closed(Some(4001)), gone, 1, Habit::Connects),
        (Loss::Closed(None), Duration::ZERO, 1, Habit::Connects),
        (Loss::Closed(None), gone, 1, Habit::Restarts),
        (Loss::Closed(Some(4001)), gone, 1, Habit::Redials),
    ] {
        let one = |seed| comeback(seed, loss, outage, attempts, habit);
        let all: Vec<Comeback> = (0..CLIENTS).map(one).collect();
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
            "{loss:?}, gone for {outage:?}, {habit:?}: the densest 100 ms hold of the dials, wave by wave, {dials:.3?}, of the \
             authorizations {authorizations:.3?}, of the subscriptions {subscriptions:.3}"
        );
        println!("{figures}");
        let comeback = if outage.is_zero() {
            FIRST_WAVE
        } else {
            LATER_WAVES
        };
        let again = dials[1..].iter().chain(&authorizations[1..]);
        let is_spread = dials[0] <= FIRST_WAVE
            && authorizations[0] <= comeback
            && subscriptions <= comeback
            && again.into_iter().all(|share| *share <= LATER_WAVES);
        if !is_spread {
            dense.push(figures);
        }
    }
    assert!(dense.is_empty(), "{dense:#?}");
}
