//! Long random runs against a model of the server: whatever happens in between, at rest both sides agree.
//!
//! A failing run prints its seed; `RANDOM_RUN_SEED=n` repeats that run alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use pusher_protocol::{
    Session,
    config::Timing,
    protocol::{AuthError, ChannelAuthorization, Roster, UserAuthentication},
    session::{
        ClientEvent, Command, ConnectionError, ConnectionState, DialId, EventTarget, Hint, Input,
        Notice, Now, Output, RequestId, SendId, SendMode, SessionConfig, SubscriptionStatus,
    },
};
use serde_json::{Value, json, value::RawValue};
use support::{SECOND, name};

const CHANNELS: [&str; 8] = [
    "lobby",
    "news",
    "private-a",
    "private-b",
    "presence-a",
    "presence-b",
    "cache-c",
    "private-cache-d",
];
const PLAYERS: [&str; 4] = ["me", "ann", "bob", "cid"];

/// The server's side of one connection, with the frames on their way.
#[derive(Default)]
struct Link {
    socket_id: String,
    to_server: VecDeque<String>,
    to_client: VecDeque<String>,
    subscribed: BTreeSet<String>,
}

struct World {
    random: fastrand::Rng,
    session: Session,
    now: Now,
    // The network and the server.
    dialling: Option<DialId>,
    link: Option<(DialId, Link)>,
    connections: u32,
    members: BTreeMap<String, BTreeSet<String>>,
    questions: Vec<(RequestId, Option<String>, String)>,
    // The game.
    wanted: BTreeSet<String>,
    wants_connection: bool,
    state: ConnectionState,
    statuses: BTreeMap<String, SubscriptionStatus>,
    rosters: BTreeMap<String, Roster>,
    events: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        // A short time for each wait, so that runs meet them often.
        let timing = Timing {
            dial_timeout: 5 * SECOND,
            authorization_timeout: 4 * SECOND,
            subscribe_timeout: 3 * SECOND,
            activity_timeout: 8 * SECOND,
            pong_timeout: 3 * SECOND,
            healthy_after: 10 * SECOND,
            close_timeout: SECOND,
            ..Timing::default()
        };
        Self {
            random: fastrand::Rng::with_seed(seed),
            session: Session::new(SessionConfig {
                timing,
                seed,
                ..SessionConfig::default()
            }),
            now: Now::at(Duration::ZERO),
            dialling: None,
            link: None,
            connections: 0,
            members: BTreeMap::new(),
            questions: Vec::new(),
            wanted: BTreeSet::new(),
            wants_connection: false,
            state: ConnectionState::Disconnected,
            statuses: BTreeMap::new(),
            rosters: BTreeMap::new(),
            events: 0,
        }
    }

    fn step(&mut self) {
        let channel = CHANNELS[self.random.usize(..CHANNELS.len())];
        match self.random.u32(..240) {
            0..12 => self.want(channel),
            12..18 => self.unwant(channel),
            18..24 => self.connect(),
            24 => self.command(Command::Disconnect),
            25..29 => self.command(Command::Retry(name(channel))),
            29 => self.command(Command::Redial),
            30 => self.command(Command::SignIn),
            31 => self.command(Command::SignOut),
            32..38 => self.send(channel),
            38..80 => self.deliver_to_server(),
            80..120 => self.deliver_to_client(),
            120..136 => self.answer(None),
            136..142 => self.finish_dial(None),
            142 => self.lose(),
            143..150 => self.come_and_go(channel),
            150..170 => self.publish(channel),
            170..174 => self.forge(channel),
            174 => self.input(Input::Hint(Hint::NetworkChanged)),
            175 => self.now.wall += Duration::from_secs(self.random.u64(..600)),
            176 => {
                let time = Duration::from_millis(self.random.u64(..9000));
                self.wait(time);
            }
            200..240 => self.finish_dial(None),
            _ => {
                let time = Duration::from_millis(self.random.u64(..200));
                self.wait(time);
            }
        }
    }

    // The game.

    fn want(&mut self, channel: &str) {
        if self.wanted.insert(channel.into()) {
            self.statuses
                .insert(channel.into(), SubscriptionStatus::Pending);
        }
        self.command(Command::Subscribe {
            channel: name(channel),
            extra: None,
        });
    }

    fn unwant(&mut self, channel: &str) {
        self.wanted.remove(channel);
        self.statuses.remove(channel);
        self.rosters.remove(channel);
        self.command(Command::Unsubscribe(name(channel)));
    }

    fn connect(&mut self) {
        self.wants_connection = true;
        self.command(Command::Connect);
    }

    fn send(&mut self, channel: &str) {
        let data = RawValue::from_string("1".into()).unwrap();
        let event = ClientEvent {
            id: SendId(1),
            mode: SendMode::Immediate,
            channel: name(channel),
            event: "client-x".into(),
            data,
        };
        self.command(Command::Send(event));
    }

    // The driver.

    fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    fn input(&mut self, input: Input) {
        self.session.handle_input(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.obey(output);
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Dial { dial, deadline, .. } => {
                assert!(
                    self.dialling.is_none() && self.link.is_none(),
                    "one socket at a time"
                );
                assert!(deadline > self.now.monotonic);
                self.dialling = Some(dial);
            }
            Output::CancelDial(dial) => assert_eq!(self.dialling.take(), Some(dial)),
            Output::Send { text, answer } => {
                let (_, link) = self
                    .link
                    .as_mut()
                    .expect("nothing is sent without a socket");
                link.to_server.push_back(text);
                if let Some(id) = answer {
                    self.session.handle_input(
                        Input::Written {
                            id,
                            accepted: self.random.bool(),
                        },
                        self.now,
                    );
                }
            }
            Output::Close { .. } | Output::Abandon => {
                let (_, link) = self.link.take().expect("only an open socket is closed");
                self.drop_members(&link);
            }
            Output::Authorize {
                request,
                channel,
                socket_id,
            } => {
                assert!(self.questions.len() < 64);
                self.questions
                    .push((request, Some(channel.to_string()), socket_id.to_string()));
            }
            Output::Authenticate { request, socket_id } => {
                self.questions.push((request, None, socket_id.to_string()));
            }
            Output::CancelRequest(request) => {
                assert!(
                    self.questions.iter().any(|(open, ..)| *open == request),
                    "only an open question is cancelled"
                );
                // An answer may be on its way already: now and then it still comes.
                if self.random.bool() {
                    self.questions.retain(|(open, ..)| *open != request);
                }
            }
            Output::Notice(notice) => self.hear(notice),
        }
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::State(next) => {
                assert!(is_legal(&self.state, &next), "{:?} -> {next:?}", self.state);
                if !matches!(next, ConnectionState::Connected { .. }) {
                    for (channel, status) in &self.statuses {
                        assert_eq!(
                            *status,
                            SubscriptionStatus::Pending,
                            "{channel} without a connection"
                        );
                    }
                }
                self.state = next;
            }
            Notice::Subscription {
                channel,
                status,
                gap,
            } => {
                let told = self.statuses.insert(channel.to_string(), status.clone());
                assert!(told.is_some(), "{channel} is not wanted");
                assert!(gap.is_none() || status == SubscriptionStatus::Subscribed);
            }
            Notice::Members { channel, roster } => {
                assert!(self.wanted.contains(&*channel));
                self.rosters.insert(channel.to_string(), (*roster).clone());
            }
            Notice::MemberJoined(change) | Notice::MemberLeft(change) => {
                assert!(self.wanted.contains(&*change.channel));
                self.rosters
                    .insert(change.channel.to_string(), (*change.roster).clone());
            }
            Notice::SubscriptionCount { channel, .. } | Notice::CacheMissed(channel) => {
                assert!(self.wanted.contains(&*channel));
            }
            _ => {}
        }
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        let mut woken = 0;
        while let Some(due) = self.session.wake_at().filter(|due| *due <= end) {
            let step = due.saturating_sub(self.now.monotonic);
            self.now = Now {
                monotonic: self.now.monotonic + step,
                wall: self.now.wall + step,
            };
            self.input(Input::TimePassed);
            woken += 1;
            assert!(woken < 1000, "the session spins");
        }
        let rest = end.saturating_sub(self.now.monotonic);
        self.now = Now {
            monotonic: end,
            wall: self.now.wall + rest,
        };
    }

    // The network, the server and the game's backend.

    fn finish_dial(&mut self, succeed: Option<bool>) {
        let Some(dial) = self.dialling.take() else {
            return;
        };
        if !succeed.unwrap_or_else(|| self.random.u32(..4) > 0) {
            let error = ConnectionError::Tcp {
                host: "h".into(),
                port: 1,
                reason: "refused".into(),
            };
            return self.input(Input::DialFailed(dial, error));
        }
        self.connections += 1;
        let socket_id = format!("{}.7", self.connections);
        let data = json!({"socket_id": socket_id, "activity_timeout": 120}).to_string();
        let mut link = Link {
            socket_id,
            ..Link::default()
        };
        link.to_client
            .push_back(json!({"event": "pusher:connection_established", "data": data}).to_string());
        self.link = Some((dial, link));
        self.input(Input::Opened(dial));
    }

    fn lose(&mut self) {
        let Some((dial, link)) = self.link.take() else {
            return;
        };
        self.drop_members(&link);
        let codes = [
            None,
            Some(1000),
            Some(1006),
            Some(4100),
            Some(4200),
            Some(4201),
        ];
        let code = codes[self.random.usize(..codes.len())];
        self.input(Input::Closed(
            dial,
            ConnectionError::Closed {
                code,
                reason: String::new(),
            },
        ));
    }

    fn drop_members(&mut self, link: &Link) {
        for channel in &link.subscribed {
            if let Some(members) = self.members.get_mut(channel) {
                members.remove("me");
            }
        }
    }

    fn answer(&mut self, succeed: Option<bool>) {
        if self.questions.is_empty() {
            return;
        }
        let (request, channel, socket_id) = self
            .questions
            .remove(self.random.usize(..self.questions.len()));
        let auth = format!("key:{socket_id}");
        let good = succeed.unwrap_or_else(|| self.random.u32(..4) > 0);
        let refused = AuthError::http(500, "");
        self.input(match channel {
            Some(channel) => {
                let mut answer = ChannelAuthorization::new(auth);
                if channel.starts_with("presence-") {
                    answer = answer.with_channel_data(r#"{"user_id":"me"}"#);
                }
                Input::Authorized(request, if good { Ok(answer) } else { Err(refused) })
            }
            None => {
                let answer = UserAuthentication::new(auth, r#"{"id":"me"}"#);
                Input::Authenticated(request, if good { Ok(answer) } else { Err(refused) })
            }
        });
    }

    fn deliver_to_server(&mut self) {
        let Some((_, link)) = &mut self.link else {
            return;
        };
        let Some(text) = link.to_server.pop_front() else {
            return;
        };
        let frame: Value = serde_json::from_str(&text).unwrap();
        let data = &frame["data"];
        let channel = data["channel"].as_str().unwrap_or_default().to_owned();
        match frame["event"].as_str().unwrap() {
            "pusher:subscribe" => {
                if let Some(auth) = data["auth"].as_str().filter(|auth| !auth.is_empty()) {
                    assert_eq!(
                        auth,
                        format!("key:{}", link.socket_id),
                        "authorized for another connection"
                    );
                }
                assert!(
                    link.subscribed.insert(channel.clone()),
                    "{channel} is subscribed already"
                );
                let mut answer = json!({});
                if channel.starts_with("presence-") {
                    let members = self.members.entry(channel.clone()).or_default();
                    members.insert("me".into());
                    let hash: BTreeMap<&str, Value> =
                        members.iter().map(|id| (&**id, Value::Null)).collect();
                    answer =
                        json!({"presence": {"ids": members, "hash": hash, "count": members.len()}});
                }
                let frame = json!({
                    "event": "pusher_internal:subscription_succeeded", "channel": channel, "data": answer.to_string()
                });
                link.to_client.push_back(frame.to_string());
            }
            "pusher:unsubscribe" => {
                assert!(
                    link.subscribed.remove(&channel),
                    "{channel} was not subscribed"
                );
                if let Some(members) = self.members.get_mut(&channel) {
                    members.remove("me");
                }
            }
            "pusher:signin" => {
                let frame = json!({"event": "pusher:signin_success", "data": {"user_data": data["user_data"]}});
                link.to_client.push_back(frame.to_string());
            }
            "pusher:ping" => link
                .to_client
                .push_back(json!({"event": "pusher:pong"}).to_string()),
            "client-x" => {
                let channel = frame["channel"].as_str().unwrap();
                assert!(
                    link.subscribed.contains(channel),
                    "a client event on a channel that is not subscribed"
                );
            }
            other => panic!("{other}"),
        }
    }

    fn deliver_to_client(&mut self) {
        let Some((dial, link)) = &mut self.link else {
            return;
        };
        let dial = *dial;
        let Some(text) = link.to_client.pop_front() else {
            return;
        };
        if let Some(event) = self.session.handle_frame(dial, &text, self.now)
            && let EventTarget::Channel(channel) = event.target
        {
            assert!(
                self.wanted.contains(&*channel),
                "an event of {channel}, which is not wanted"
            );
            self.events += 1;
        }
        self.drain();
    }

    fn come_and_go(&mut self, channel: &str) {
        if !channel.starts_with("presence-") {
            return;
        }
        let player = PLAYERS[1 + self.random.usize(..PLAYERS.len() - 1)];
        let members = self.members.entry(channel.into()).or_default();
        let event = if members.remove(player) {
            "pusher_internal:member_removed"
        } else {
            members.insert(player.into());
            "pusher_internal:member_added"
        };
        if let Some((_, link)) = &mut self.link
            && link.subscribed.contains(channel)
        {
            let data = json!({"user_id": player}).to_string();
            link.to_client
                .push_back(json!({"event": event, "channel": channel, "data": data}).to_string());
        }
    }

    fn publish(&mut self, channel: &str) {
        if let Some((_, link)) = &mut self.link
            && link.subscribed.contains(channel)
        {
            link.to_client
                .push_back(json!({"event": "e", "channel": channel, "data": "1"}).to_string());
        }
    }

    /// Another player's message that pretends to be the protocol's own, and plain garbage.
    fn forge(&mut self, channel: &str) {
        let Some((_, link)) = &mut self.link else {
            return;
        };
        if !matches!(self.state, ConnectionState::Connected { .. }) {
            return;
        }
        let forged = [
            json!({"event": "pusher_internal:member_added", "channel": channel, "data": {"user_id": "evil"}, "user_id": "x"}),
            json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "user_id": "x"}),
            json!({"event": "pusher_internal:member_removed", "channel": channel, "data": {"user_id": "me"}, "user_id": "x"}),
            json!({"event": "pusher:error", "data": null}),
            json!([1]),
        ];
        link.to_client
            .push_back(forged[self.random.usize(..forged.len())].to_string());
    }

    // The end of a run.

    fn come_to_rest(&mut self) {
        self.connect();
        for _ in 0..400 {
            self.finish_dial(Some(true));
            while !self.questions.is_empty() {
                self.answer(Some(true));
            }
            for _ in 0..50 {
                self.deliver_to_server();
                self.deliver_to_client();
            }
            for channel in CHANNELS {
                if matches!(
                    self.statuses.get(channel),
                    Some(SubscriptionStatus::Failed(_))
                ) {
                    self.command(Command::Retry(name(channel)));
                }
            }
            self.wait(Duration::from_millis(100));
        }
    }

    fn check_agreement(&self) {
        let Some((_, link)) = &self.link else {
            panic!("at rest without a connection: {:?}", self.state)
        };
        assert_eq!(
            self.state,
            ConnectionState::Connected {
                socket_id: link.socket_id.as_str().into()
            }
        );
        let subscribed: BTreeSet<&str> = link
            .subscribed
            .iter()
            .map(|channel| &**channel)
            .filter(|channel| !channel.starts_with('#'))
            .collect();
        let wanted: BTreeSet<&str> = self.wanted.iter().map(|channel| &**channel).collect();
        assert_eq!(subscribed, wanted);
        for (channel, status) in &self.statuses {
            assert_eq!(*status, SubscriptionStatus::Subscribed, "{channel}");
        }
        for channel in wanted
            .iter()
            .filter(|channel| channel.starts_with("presence-"))
        {
            let known: Vec<&str> = self.rosters[*channel]
                .iter()
                .map(|member| member.id())
                .collect();
            let actual: Vec<&str> = self.members[*channel].iter().map(|id| &**id).collect();
            assert_eq!(known, actual, "{channel}");
        }
    }
}

/// Whether the game may be told of this change.
fn is_legal(from: &ConnectionState, to: &ConnectionState) -> bool {
    use ConnectionState::{Connected, Connecting, Disconnected, Failed, Waiting};
    match (from, to) {
        (Disconnected, to) => matches!(to, Connecting { .. }),
        (Connecting { .. }, _) => true,
        (Connected { .. }, to) => !matches!(to, Connected { .. }),
        (Waiting { .. } | Failed { .. }, to) => matches!(to, Connecting { .. } | Disconnected),
    }
}

fn run(seed: u64, steps: u32) -> u64 {
    let mut world = World::new(seed);
    for _ in 0..steps {
        world.step();
    }
    world.come_to_rest();
    world.check_agreement();
    world.events
}

#[test]
fn after_any_run_client_and_server_agree() {
    if let Ok(seed) = std::env::var("RANDOM_RUN_SEED") {
        run(seed.parse().expect("a seed is a number"), 400);
        return;
    }
    let mut events = 0;
    for seed in 0..1500 {
        let outcome = std::panic::catch_unwind(|| run(seed, 400));
        match outcome {
            Ok(heard) => events += heard,
            Err(_) => panic!("the run with RANDOM_RUN_SEED={seed} failed, for the reason above"),
        }
    }
    assert!(
        events > 5_000,
        "only {events} events were heard: the runs do not reach far enough"
    );
}
