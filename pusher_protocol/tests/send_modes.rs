//! Client events that may wait: queued ones and latest values. Each gets exactly one final outcome.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::{collections::BTreeMap, time::Duration};

use pusher_protocol::{
    config::{Limits, Timing},
    session::{Command, Input, Notice, SendError, SendMode, SendOutcome, SessionConfig},
};
use support::*;

const ROOM: &str = "private-room";

fn answering() -> SessionConfig {
    SessionConfig {
        answer_sent: true,
        ..SessionConfig::default()
    }
}

/// A client that reports every outcome.
fn connected() -> Client {
    Client::connected_with(answering())
}

fn in_room() -> Client {
    let mut client = connected();
    client.subscribe(ROOM);
    client
}

fn answers(outputs: &[TestOutput]) -> Vec<(u64, SendOutcome)> {
    let answer = |notice| match notice {
        Notice::SendAnswered { id, outcome } => Some((id.0, outcome)),
        _ => None,
    };
    notices(outputs).into_iter().filter_map(answer).collect()
}

/// Returns the data of the client events that were sent.
fn sent(outputs: &[TestOutput]) -> Vec<String> {
    frames(outputs)
        .iter()
        .filter(|frame| frame["event"].as_str().unwrap().starts_with("client-"))
        .map(|frame| frame["data"].to_string())
        .collect()
}

fn queue(client: &mut Client, ids: std::ops::Range<u64>) -> Vec<TestOutput> {
    ids.flat_map(|id| client.send_with(SendMode::Queued, id, ROOM, "client-a", &id.to_string()))
        .collect()
}

fn latest(client: &mut Client, id: u64, event: &str) -> Vec<TestOutput> {
    client.send_with(SendMode::Latest, id, ROOM, event, &id.to_string())
}

fn rejected(error: SendError) -> SendOutcome {
    SendOutcome::Rejected(error)
}

#[test]
fn a_queued_event_is_sent_at_once_when_possible() {
    let mut client = in_room();
    let outputs = queue(&mut client, 1..2);
    assert_eq!(sent(&outputs), ["1"]);
    assert_eq!(answers(&outputs), [(1, SendOutcome::Sent)]);
}

#[test]
fn the_queue_waits_for_the_subscription_and_keeps_its_order() {
    let mut client = Client::new(answering());
    client.command(Command::Connect);
    let outputs = queue(&mut client, 1..4);
    let queued = [1, 2, 3].map(|id| (id, SendOutcome::Queued));
    assert_eq!(
        answers(&outputs),
        queued,
        "before the channel is even wanted: a game may send and subscribe in one frame"
    );
    assert!(sent(&client.establish()).is_empty());
    let request_id = request(&client.want(ROOM));
    assert!(sent(&client.authorize(request_id)).is_empty());
    let outputs = client.confirm(ROOM);
    assert_eq!(sent(&outputs), ["1", "2", "3"]);
    assert_eq!(
        answers(&outputs),
        [1, 2, 3].map(|id| (id, SendOutcome::Sent)),
        "in their order"
    );
}

#[test]
fn an_unready_channel_does_not_block_events_of_others() {
    let mut client = in_room();
    client.want("private-slow");
    client.send_with(SendMode::Queued, 1, "private-slow", "client-a", "1");
    assert_eq!(sent(&queue(&mut client, 2..3)), ["2"]);
    client.wait(25 * SECOND);
    client.text(r#"{"event":"pusher:ping"}"#);
    let outputs = client.wait(20 * SECOND);
    assert_eq!(
        answers(&outputs),
        [(1, rejected(SendError::NotSubscribed))],
        "the authorization is missing"
    );
}

#[test]
fn the_queue_survives_a_lost_connection() {
    let mut client = in_room();
    client.lose();
    assert_eq!(
        answers(&queue(&mut client, 1..3)),
        [1, 2].map(|id| (id, SendOutcome::Queued))
    );
    client.wait_for_dial();
    let request_id = request(&client.establish());
    client.authorize(request_id);
    assert_eq!(sent(&client.confirm(ROOM)), ["1", "2"]);
}

#[test]
fn queued_events_are_sent_by_a_timer_within_the_rate_limit() {
    let mut client = in_room();
    let outputs = queue(&mut client, 0..20);
    assert_eq!(
        sent(&outputs).len(),
        8,
        "a fifth is reserved for immediate events"
    );
    let outputs = client.wait(Duration::from_millis(999));
    assert!(outputs.is_empty(), "{outputs:?}");
    assert_eq!(
        sent(&client.wait(Duration::from_millis(1))),
        (8..16).map(|id| id.to_string()).collect::<Vec<_>>()
    );
    assert_eq!(sent(&client.wait(SECOND)), ["16", "17", "18", "19"]);
    let rest = client.wait(10 * SECOND);
    assert!(answers(&rest).is_empty());
}

#[test]
fn immediate_events_find_room_beside_queued_ones() {
    let mut client = in_room();
    let mut id = 1000;
    let mut immediate = 0;
    for _ in 0..100 {
        queue(&mut client, id..id + 1);
        latest(&mut client, id + 1, "client-b");
        client.wait(Duration::from_millis(50));
        id += 2;
        if id % 20 == 0 {
            let outputs = client.send_with(SendMode::Immediate, id + 1, ROOM, "client-c", "0");
            assert_eq!(answers(&outputs), [(id + 1, SendOutcome::Sent)]);
            immediate += 1;
        }
    }
    assert!(immediate >= 9, "{immediate}");
}

#[test]
fn a_full_queue_rejects_further_events() {
    let config = SessionConfig {
        limits: Limits {
            queued_client_events: 2,
            ..Limits::default()
        },
        ..answering()
    };
    let mut client = Client::new(config);
    client.command(Command::Connect);
    queue(&mut client, 1..3);
    let full = rejected(SendError::QueueFull { limit: 2 });
    assert_eq!(answers(&queue(&mut client, 3..4)), [(3, full.clone())]);
    client.establish();
    client.want(ROOM);
    for (id, event) in [(4, "client-x"), (5, "client-y")] {
        assert!(answers(&latest(&mut client, id, event)).is_empty());
    }
    assert_eq!(
        answers(&latest(&mut client, 6, "client-x")),
        [(4, SendOutcome::Coalesced)],
        "a new value keeps its place in the queue"
    );
    assert_eq!(answers(&latest(&mut client, 7, "client-z")), [(7, full)]);
}

#[test]
fn a_full_queue_does_not_block_immediate_events() {
    for limit in [0, 1] {
        let config = SessionConfig {
            limits: Limits {
                queued_client_events: limit,
                ..Limits::default()
            },
            ..answering()
        };
        let mut client = Client::connected_with(config);
        client.subscribe(ROOM);
        client.want("private-slow");
        let send = |client: &mut Client, id, channel| {
            answers(&client.send_with(SendMode::Queued, id, channel, "client-a", "1"))
        };
        for id in 0..=limit as u64 {
            send(&mut client, id, "private-slow");
        }
        assert_eq!(send(&mut client, 7, ROOM), [(7, SendOutcome::Sent)]);
        assert_eq!(
            send(&mut client, 8, "private-slow"),
            [(8, rejected(SendError::QueueFull { limit }))]
        );
        let outputs = client.send_with(SendMode::Latest, 9, ROOM, "client-b", "1");
        assert_eq!(answers(&outputs), [(9, SendOutcome::Sent)]);
    }
}

#[test]
fn waiting_events_are_rejected_with_a_reason() {
    type Happening = fn(&mut Client) -> Vec<TestOutput>;
    let reasons: [(&str, Happening, SendError); 5] = [
        (
            "unsubscribed",
            |client| client.unsubscribe(ROOM),
            SendError::Unsubscribed,
        ),
        (
            "signed out",
            |client| client.command(Command::SignOut),
            SendError::SignedOut,
        ),
        (
            "disconnected by the game",
            |client| client.command(Command::Disconnect),
            SendError::NotConnected,
        ),
        (
            "given up",
            |client| client.close(Some(4001)),
            SendError::NotConnected,
        ),
        (
            "refused",
            |client| {
                let refused = serde_json::json!({
                    "event": "pusher:subscription_error", "channel": ROOM, "data": {"status": 403}
                });
                client.frame(&refused).1
            },
            SendError::NotSubscribed,
        ),
    ];
    for (what, happens, error) in reasons {
        let mut client = connected();
        let request_id = request(&client.want(ROOM));
        client.authorize(request_id);
        queue(&mut client, 1..2);
        latest(&mut client, 2, "client-b");
        let outputs = happens(&mut client);
        let both = [1, 2].map(|id| (id, rejected(error.clone())));
        assert_eq!(answers(&outputs), both, "{what}");
        assert!(answers(&client.wait(100 * SECOND)).is_empty(), "{what}");
    }
}

#[test]
fn unsendable_events_are_rejected_at_once() {
    let mut client = Client::new(answering());
    let refusal = |outputs: &[TestOutput]| answers(outputs)[0].1.clone();
    for mode in [SendMode::Queued, SendMode::Latest] {
        let outputs = client.send_with(mode, 1, ROOM, "client-a", "1");
        assert_eq!(refusal(&outputs), rejected(SendError::NotConnected));
    }
    let mut client = connected();
    assert_eq!(
        refusal(&latest(&mut client, 1, "client-a")),
        rejected(SendError::NotSubscribed)
    );
    for mode in [SendMode::Queued, SendMode::Latest] {
        let outputs = client.send_with(mode, 1, ROOM, "move", "1");
        let error = SendError::NotAClientEvent {
            event: "move".into(),
        };
        assert_eq!(refusal(&outputs), rejected(error));
    }
}

#[test]
fn queued_events_time_out() {
    let mut client = Client::new(answering());
    client.command(Command::Connect);
    queue(&mut client, 1..2);
    let before = Timing::default().queue_timeout - Duration::from_millis(1);
    assert!(answers(&client.wait(before)).is_empty());
    let after = Timing::default().queue_timeout;
    assert_eq!(
        answers(&client.wait(Duration::from_millis(1))),
        [(1, rejected(SendError::TimedOut { after }))]
    );
}

#[test]
fn latest_values_are_sent_evenly_and_others_coalesced() {
    let mut client = in_room();
    let (mut times, mut final_answers) = (Vec::new(), BTreeMap::new());
    let mut take = |client: &Client, outputs: &[TestOutput]| {
        times.extend(sent(outputs).iter().map(|_| client.now.monotonic));
        final_answers.extend(answers(outputs));
    };
    // Sixty values per second for ten seconds.
    for id in 0..600 {
        let outputs = latest(&mut client, id, "client-move");
        take(&client, &outputs);
        for _ in 0..4 {
            let outputs = client.wait(SECOND / 240);
            take(&client, &outputs);
        }
    }
    for _ in 0..240 {
        let outputs = client.wait(SECOND / 240);
        take(&client, &outputs);
    }
    assert!((78..=82).contains(&times.len()), "{}", times.len());
    for pair in times.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(
            (124..160).contains(&apart.as_millis()),
            "evenly, not in bursts: {apart:?}"
        );
    }
    assert_eq!(final_answers.len(), 600);
    let count = |outcome| {
        final_answers
            .values()
            .filter(|answer| **answer == outcome)
            .count()
    };
    assert_eq!(count(SendOutcome::Sent), times.len());
    assert_eq!(count(SendOutcome::Coalesced), 600 - times.len());
    assert_eq!(
        final_answers[&599],
        SendOutcome::Sent,
        "the last value is sent"
    );
}

#[test]
fn latest_values_of_all_names_take_turns() {
    let mut client = in_room();
    let mut turns = BTreeMap::<String, u32>::new();
    for id in 0..6000 {
        // One name is used far more often than the others.
        let event = match id % 10 {
            0 => "client-b",
            1 => "client-c",
            _ => "client-a",
        };
        let mut outputs = latest(&mut client, id, event);
        outputs.extend(client.wait(SECOND / 600));
        for frame in frames(&outputs) {
            *turns
                .entry(frame["event"].as_str().unwrap().into())
                .or_default() += 1;
        }
    }
    let counts: Vec<u32> = turns.values().copied().collect();
    assert!(
        counts.len() == 3 && counts.iter().all(|count| (25..=28).contains(count)),
        "{turns:?}"
    );
}

#[test]
fn latest_values_wait_for_subscriptions_not_connections() {
    let mut client = connected();
    let request_id = request(&client.want(ROOM));
    latest(&mut client, 1, "client-a");
    assert_eq!(
        answers(&latest(&mut client, 2, "client-a")),
        [(1, SendOutcome::Coalesced)]
    );
    client.authorize(request_id);
    assert_eq!(sent(&client.confirm(ROOM)), ["2"]);
    latest(&mut client, 3, "client-a");
    assert_eq!(
        answers(&client.lose()),
        [(3, rejected(SendError::NotConnected))]
    );
    assert_eq!(
        answers(&latest(&mut client, 4, "client-a")),
        [(4, rejected(SendError::NotConnected))]
    );
}

#[test]
fn without_a_limit_queued_events_are_sent_at_once() {
    let limits = Limits {
        client_events_per_second: None,
        ..Limits::default()
    };
    let mut client = Client::connected_with(SessionConfig {
        limits,
        ..answering()
    });
    client.subscribe(ROOM);
    for id in 0..100 {
        assert_eq!(
            answers(&latest(&mut client, id, "client-a")),
            [(id, SendOutcome::Sent)]
        );
    }
}

#[test]
fn a_raised_rate_limit_applies_at_once() {
    let limits = |rate| Limits {
        client_events_per_second: Some(rate),
        ..Limits::default()
    };
    let config = |rate| SessionConfig {
        limits: limits(rate),
        ..answering()
    };
    let mut client = Client::connected_with(config(0));
    client.subscribe(ROOM);
    queue(&mut client, 0..3);
    assert!(sent(&client.wait(SECOND)).is_empty());
    client.session.configure(config(10));
    assert!(client.session.wake_at() <= Some(client.now.monotonic));
    assert_eq!(sent(&client.input(Input::TimePassed)), ["0", "1", "2"]);
}

/// Random operations on waiting events; what was sent is checked against the server's rate limit.
struct Run {
    random: fastrand::Rng,
    client: Client,
    next_id: u64,
    modes: BTreeMap<u64, SendMode>,
    queued: BTreeMap<u64, u32>,
    finals: BTreeMap<u64, Vec<SendOutcome>>,
    /// The ids by channel, in the order in which they were sent.
    sent: BTreeMap<String, Vec<u64>>,
    sent_at: Vec<Duration>,
    connected: bool,
}

const CHANNELS: [&str; 3] = ["private-a", "private-b", "presence-c"];

impl Run {
    fn new(seed: u64) -> Self {
        let mut client = Client::new(SessionConfig {
            seed,
            limits: Limits {
                queued_client_events: 10,
                ..Limits::default()
            },
            timing: Timing {
                queue_timeout: 10 * SECOND,
                ..Timing::default()
            },
            ..answering()
        });
        client.command(Command::Connect);
        Self {
            random: fastrand::Rng::with_seed(seed),
            client,
            next_id: 0,
            modes: BTreeMap::new(),
            queued: BTreeMap::new(),
            finals: BTreeMap::new(),
            sent: BTreeMap::new(),
            sent_at: Vec::new(),
            connected: false,
        }
    }

    fn step(&mut self) {
        let channel = CHANNELS[self.random.usize(..CHANNELS.len())];
        let outputs = match self.random.u32(..100) {
            0..60 => self.send(channel),
            60..68 => {
                let outputs = self.client.want(channel);
                self.answer(outputs)
            }
            68..70 => self.client.unsubscribe(channel),
            70..74 if !self.connected && self.client.dial.is_some() => {
                self.connected = true;
                let outputs = self.client.establish();
                self.answer(outputs)
            }
            74..76 if self.connected => self.client.lose(),
            76 => self.client.command(Command::Disconnect),
            77 => self.client.command(Command::SignOut),
            78..82 => {
                let mut outputs = self.client.command(Command::SignIn);
                outputs.extend(self.client.command(Command::Connect));
                self.answer(outputs)
            }
            82 if self.connected => self.client.close(Some(4001)),
            _ => {
                let time = Duration::from_millis(self.random.u64(..1000));
                return self.wait(time);
            }
        };
        self.take(&outputs);
    }

    /// Waits from timer to timer, so that the time of each frame is known.
    fn wait(&mut self, time: Duration) {
        let end = self.client.now.monotonic + time;
        while self.client.now.monotonic < end {
            let now = self.client.now.monotonic;
            let due = self.client.session.wake_at().unwrap_or(end).min(end);
            let outputs = self.client.wait(due.saturating_sub(now));
            self.take(&outputs);
        }
    }

    fn send(&mut self, channel: &str) -> Vec<TestOutput> {
        let modes = [SendMode::Immediate, SendMode::Queued, SendMode::Latest];
        let (mode, id) = (modes[self.random.usize(..3)], self.next_id);
        self.next_id += 1;
        self.modes.insert(id, mode);
        let event = ["client-a", "client-b"][self.random.usize(..2)];
        self.client
            .send_with(mode, id, channel, event, &id.to_string())
    }

    /// The backend and the server grant most requests.
    fn answer(&mut self, mut outputs: Vec<TestOutput>) -> Vec<TestOutput> {
        let mut next = 0;
        while let Some(one) = outputs.get(next).cloned() {
            next += 1;
            match one {
                TestOutput::Authorize(request, channel, _) if self.random.u32(..8) > 0 => {
                    let mut more = self.client.authorize_as(request, "me");
                    if self.random.u32(..8) > 0 {
                        more.extend(self.client.confirm(&channel));
                    }
                    outputs.extend(more);
                }
                _ => {}
            }
        }
        outputs
    }

    fn take(&mut self, outputs: &[TestOutput]) {
        for one in outputs {
            match one {
                TestOutput::Dial(_) | TestOutput::Close | TestOutput::Abandon => {
                    self.connected = false
                }
                TestOutput::Notice(Notice::State(state)) => {
                    self.connected = matches!(
                        state,
                        pusher_protocol::session::ConnectionState::Connected { .. }
                    );
                    if matches!(
                        state,
                        pusher_protocol::session::ConnectionState::Disconnected
                            | pusher_protocol::session::ConnectionState::Failed { .. }
                            | pusher_protocol::session::ConnectionState::Waiting { .. }
                    ) {
                        self.client.dial = None;
                    }
                }
                TestOutput::Notice(Notice::SendAnswered { id, outcome }) if outcome.is_final() => {
                    self.finals.entry(id.0).or_default().push(outcome.clone());
                }
                TestOutput::Notice(Notice::SendAnswered { id, .. }) => {
                    assert!(!self.finals.contains_key(&id.0), "{id:?} is over");
                    *self.queued.entry(id.0).or_default() += 1;
                }
                TestOutput::Frame(frame)
                    if frame["event"].as_str().unwrap().starts_with("client-") =>
                {
                    let id = frame["data"].as_u64().unwrap();
                    let channel = frame["channel"].as_str().unwrap().to_owned();
                    self.sent.entry(channel).or_default().push(id);
                    self.sent_at.push(self.client.now.monotonic);
                }
                _ => {}
            }
        }
    }

    fn check(&self) {
        for (id, mode) in &self.modes {
            let finals = self.finals.get(id).map_or(&[][..], Vec::as_slice);
            assert_eq!(finals.len(), 1, "{id} {mode:?}: {finals:?}");
            let is_sent = self
                .sent
                .values()
                .flatten()
                .filter(|sent| *sent == id)
                .count();
            assert_eq!(
                is_sent,
                usize::from(finals[0] == SendOutcome::Sent),
                "{id} {mode:?}: {finals:?}"
            );
            assert!(
                finals[0] != SendOutcome::Coalesced || *mode == SendMode::Latest,
                "{id} {mode:?}"
            );
            let queued = self.queued.get(id).copied().unwrap_or_default();
            assert!(
                queued <= u32::from(*mode == SendMode::Queued),
                "{id} {mode:?}"
            );
        }
        for sent in self.sent.values() {
            let queued: Vec<u64> = sent
                .iter()
                .copied()
                .filter(|id| self.modes[id] == SendMode::Queued)
                .collect();
            assert!(queued.is_sorted(), "{queued:?}");
        }
        for window in self.sent_at.windows(11) {
            assert!(
                window[10] - window[0] >= SECOND,
                "more than ten in a second"
            );
        }
    }
}

#[test]
fn every_event_gets_exactly_one_final_outcome() {
    let (mut total, mut outcomes) = (0, BTreeMap::<String, u32>::new());
    for seed in 0..500 {
        let outcome = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed);
            for _ in 0..300 {
                run.step();
            }
            let end = run.client.command(Command::Disconnect);
            run.take(&end);
            run.check();
            run.finals
        });
        let Ok(finals) = outcome else {
            panic!("the run with seed {seed} failed, for the reason above")
        };
        total += finals.len();
        for outcome in finals.into_values().flatten() {
            let word = match outcome {
                SendOutcome::Rejected(error) => error.to_string(),
                other => format!("{other:?}"),
            };
            *outcomes.entry(word).or_default() += 1;
        }
    }
    assert!(total > 80_000, "{total}");
    let reached = [
        "Sent",
        "Coalesced",
        "cannot send a client event without a connection",
        "cannot send a client event on a channel that is not subscribed",
        "more than 10 client events per second; other send modes wait instead",
        "the queue is full: 10 client events are waiting",
        "the client event waited in the queue for 10s and was not sent",
        "the channel was unsubscribed before the event was sent",
        "the user signed out, so the channel is not subscribed",
    ];
    for word in reached {
        assert!(
            outcomes.contains_key(word),
            "no run reached {word:?}: {outcomes:?}"
        );
    }
}
