//! The game and the driver around one session, which check at every step what must always be true.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use pusher_protocol::{
    ChannelName, Session,
    config::{ReconnectPolicy, Timing},
    protocol::Roster,
    session::{
        ClientEvent, Command, ConnectionError, ConnectionState, DialId, EventTarget, Hint, Input,
        Membership, Notice, Now, Output, ReceivedEvent, RequestId, SendId, SessionConfig,
        SignInState, SubscriptionStatus,
    },
};
use serde_json::{json, value::RawValue};

use crate::{
    action::{Action, Answer, CHANNELS, Greeting, Mood, Patience, Stale},
    server::{Connection, Server},
    support::{SECOND, name},
};

/// A question to the game's backend; without a channel, who the user is.
struct Question {
    request: RequestId,
    channel: Option<String>,
    socket_id: String,
}

/// How far a run went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    pub steps: u64,
    pub connections: u64,
    pub events: u64,
    pub decrypted: u64,
    pub sent: u64,
}

pub struct World {
    session: Session,
    now: Now,
    reach: Reach,
    // The network, the server and the backend.
    server: Server,
    dialling: Option<DialId>,
    connection: Option<Connection>,
    is_blocked: bool,
    last_dial: Option<DialId>,
    questions: Vec<Question>,
    cancelled: Vec<Question>,
    // The game.
    wanted: BTreeSet<String>,
    wants_sign_in: bool,
    /// Channels that were given up with a user who signed out.
    barred: BTreeSet<String>,
    state: ConnectionState,
    sign_in: SignInState,
    statuses: BTreeMap<String, SubscriptionStatus>,
    rosters: BTreeMap<String, Roster>,
    last_event: BTreeMap<String, u64>,
    last_send: u64,
    unanswered: BTreeSet<SendId>,
    complaints: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            session: Session::new(config(Patience::Short, seed)),
            now: Now::at(Duration::ZERO),
            reach: Reach::default(),
            server: Server::default(),
            dialling: None,
            connection: None,
            is_blocked: false,
            last_dial: None,
            questions: Vec::new(),
            cancelled: Vec::new(),
            wanted: BTreeSet::new(),
            wants_sign_in: false,
            barred: BTreeSet::new(),
            state: ConnectionState::Disconnected,
            sign_in: SignInState::SignedOut,
            statuses: BTreeMap::new(),
            rosters: BTreeMap::new(),
            last_event: BTreeMap::new(),
            last_send: 0,
            unanswered: BTreeSet::new(),
            complaints: 0,
        }
    }

    pub fn reach(&self) -> Reach {
        self.reach
    }

    pub fn step(&mut self, action: Action) {
        self.reach.steps += 1;
        match action {
            Action::Connect => self.command(Command::Connect),
            Action::Disconnect => self.command(Command::Disconnect),
            Action::Redial => self.command(Command::Redial),
            Action::Want(channel) => self.want(channel),
            Action::Unwant(channel) => self.unwant(channel),
            Action::Retry(channel) => self.retry(channel),
            Action::Send(channel) => self.send(channel),
            Action::SignIn => self.sign_in(),
            Action::SignOut => self.sign_out(),
            Action::Configure(patience) => self.session.configure(config(patience, 0)),
            Action::DialFails { for_good } => self.fail_dial(for_good),
            Action::DialSucceeds(greeting) => self.open(greeting),
            Action::ServerReads(mood) => self.server_reads(mood),
            Action::ClientReads => self.client_reads(),
            Action::Block(blocked) => self.is_blocked = blocked,
            Action::BlackHole => {
                if let Some(connection) = &mut self.connection {
                    connection.is_dead = true;
                }
            }
            Action::Lose(code) => self.lose(code),
            Action::Stale(what) => self.stale(what),
            Action::Answer { which, with } => self.answer(which, with),
            Action::Publish(channel) => {
                if let Some(connection) = &mut self.connection {
                    self.server.publish(connection, channel);
                }
            }
            Action::PublishToUser => {
                if let Some(connection) = &mut self.connection {
                    self.server.publish_to_user(connection);
                }
            }
            Action::ComeOrGo(channel, player) => {
                self.server
                    .come_or_go(self.connection.as_mut(), channel, player);
            }
            Action::RotateKey(channel) => self.server.rotate_key(channel),
            Action::Ping => self.server_says(&json!({"event": "pusher:ping"})),
            Action::Forge(channel, which) => self.forge(channel, which),
            Action::Wait { milliseconds } => self.wait(Duration::from_millis(milliseconds)),
            Action::Oversleep { milliseconds } => {
                let time = Duration::from_millis(milliseconds);
                self.now.monotonic += time;
                self.now.wall += time;
                while self.client_can_read() {
                    self.client_reads();
                }
                self.input(Input::TimePassed);
            }
            Action::Suspend { seconds } => self.now.wall += Duration::from_secs(seconds),
            Action::NetworkChanged => self.input(Input::Hint(Hint::NetworkChanged)),
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
        self.barred.remove(channel);
        self.statuses.remove(channel);
        self.rosters.remove(channel);
        self.command(Command::Unsubscribe(name(channel)));
    }

    fn retry(&mut self, channel: &str) {
        if let Some(SubscriptionStatus::Failed(_)) = self.statuses.get(channel) {
            self.barred.remove(channel);
        }
        self.command(Command::Retry(name(channel)));
    }

    fn send(&mut self, channel: &str) {
        self.last_send += 1;
        let id = SendId(self.last_send);
        self.unanswered.insert(id);
        self.command(Command::Send(ClientEvent {
            id,
            channel: name(channel),
            event: "client-x".into(),
            data: RawValue::from_string("1".into()).expect("1 is JSON"),
        }));
    }

    fn sign_in(&mut self) {
        self.wants_sign_in = true;
        self.barred.clear();
        self.command(Command::SignIn);
    }

    fn sign_out(&mut self) {
        self.wants_sign_in = false;
        let authorized = self
            .wanted
            .iter()
            .filter(|channel| name(channel).kind().needs_authorization());
        self.barred = authorized.cloned().collect();
        self.command(Command::SignOut);
        assert!(self.questions.is_empty(), "signed out and still asking");
        assert_eq!(self.sign_in, SignInState::SignedOut);
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::State(next) => self.hear_state(next),
            Notice::Subscription {
                channel,
                status,
                gap,
            } => {
                let told = self.statuses.insert(channel.to_string(), status.clone());
                let told = told.unwrap_or_else(|| panic!("{channel} is not wanted"));
                assert!(
                    is_legal_status(&told, &status),
                    "{channel}: {told:?} -> {status:?}"
                );
                assert!(gap.is_none() || status == SubscriptionStatus::Subscribed);
            }
            Notice::Members { channel, roster } => self.hear_members(&channel, &roster),
            Notice::MemberJoined(Membership {
                channel,
                member,
                roster,
                ..
            }) => {
                assert!(roster.get(member.id()).is_some());
                self.hear_members(&channel, &roster);
            }
            Notice::MemberLeft(Membership {
                channel,
                member,
                roster,
                ..
            }) => {
                assert!(roster.get(member.id()).is_none());
                self.hear_members(&channel, &roster);
            }
            Notice::SubscriptionCount { channel, .. } | Notice::CacheMissed(channel) => {
                assert!(self.wanted.contains(&*channel));
            }
            Notice::SendAnswered { id, .. } => {
                assert!(self.unanswered.remove(&id), "{id:?} is answered twice");
            }
            Notice::SignIn(next) => {
                assert_ne!(self.sign_in, next, "no news");
                self.sign_in = next;
            }
            Notice::Event(event) => self.hear_event(event),
            Notice::Error { .. } => self.complaints += 1,
            _ => {}
        }
    }

    fn hear_state(&mut self, next: ConnectionState) {
        assert!(
            is_legal_state(&self.state, &next),
            "{:?} -> {next:?}",
            self.state
        );
        if !matches!(next, ConnectionState::Connected { .. }) {
            for (channel, status) in &self.statuses {
                assert_eq!(
                    *status,
                    SubscriptionStatus::Pending,
                    "{channel} without a connection"
                );
            }
            assert_eq!(self.sign_in, SignInState::SignedOut);
        }
        self.state = next;
    }

    fn hear_members(&mut self, channel: &ChannelName, roster: &Roster) {
        assert_eq!(
            self.statuses.get(&**channel),
            Some(&SubscriptionStatus::Subscribed),
            "members of {channel}"
        );
        assert_eq!(roster.my_id(), Some("me"));
        self.rosters.insert(channel.to_string(), roster.clone());
    }

    fn hear_event(&mut self, event: ReceivedEvent<'_>) {
        match event.target {
            EventTarget::Channel(channel) => {
                assert!(
                    self.wanted.contains(&*channel),
                    "an event of {channel}, which is not wanted"
                );
                if event.event == "e" {
                    let number = event.data.as_str();
                    let number: u64 = number.parse().expect("what was published arrives");
                    let last = self.last_event.insert(channel.to_string(), number);
                    assert!(last.is_none_or(|last| last < number), "out of order");
                    self.reach.events += 1;
                    self.reach.decrypted += u64::from(channel.starts_with("private-encrypted-"));
                }
            }
            EventTarget::User => {
                assert!(matches!(self.sign_in, SignInState::SignedIn { .. }));
            }
            EventTarget::Connection => {}
        }
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
        self.check_always();
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Dial { dial, deadline, .. } => {
                assert!(
                    self.dialling.is_none() && self.connection.is_none(),
                    "one socket at a time"
                );
                assert!(deadline > self.now.monotonic);
                self.dialling = Some(dial);
            }
            Output::CancelDial(dial) => {
                assert_eq!(self.dialling.take(), Some(dial));
                self.last_dial = Some(dial);
            }
            Output::Send { text, answer } => {
                let connection = self.connection.as_mut().expect("there is a socket");
                let accepted = answer.is_none() || !self.is_blocked;
                if accepted {
                    connection.to_server.push_back(text);
                }
                if let Some(id) = answer {
                    self.reach.sent += u64::from(accepted);
                    self.session
                        .handle_input(Input::Written { id, accepted }, self.now);
                }
            }
            Output::Close { .. } | Output::Abandon => {
                assert!(self.connection.is_some(), "only an open socket is closed");
                self.hang_up();
            }
            Output::Authorize {
                request,
                channel,
                socket_id,
            } => {
                assert!(self.wanted.contains(&*channel));
                assert!(!self.barred.contains(&*channel), "{channel} was given up");
                self.ask(request, Some(channel.to_string()), &socket_id);
            }
            Output::Authenticate { request, socket_id } => {
                assert!(self.wants_sign_in);
                self.ask(request, None, &socket_id);
            }
            Output::CancelRequest(request) => {
                let open = self
                    .questions
                    .iter()
                    .position(|question| question.request == request);
                let open = open.expect("only an open question is cancelled");
                self.cancelled.push(self.questions.remove(open));
            }
            Output::Notice(notice) => self.hear(notice),
        }
    }

    fn ask(&mut self, request: RequestId, channel: Option<String>, socket_id: &str) {
        let asked = |question: &Question| question.channel == channel;
        assert!(
            !self.questions.iter().any(asked),
            "{channel:?} is asked for twice"
        );
        self.questions.push(Question {
            request,
            channel,
            socket_id: socket_id.into(),
        });
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        let mut woken = 0;
        while let Some(due) = self.session.wake_at().filter(|due| *due <= end) {
            self.pass(due.saturating_sub(self.now.monotonic));
            self.reach.steps += 1;
            self.input(Input::TimePassed);
            woken += 1;
            assert!(woken < 1000, "the session spins");
        }
        self.pass(end.saturating_sub(self.now.monotonic));
    }

    fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time;
    }

    /// What is true after each input.
    fn check_always(&mut self) {
        let wakes = self.session.wake_at().is_some();
        let (waits, dialling, connected) = match &self.state {
            ConnectionState::Disconnected | ConnectionState::Failed { .. } => (false, false, false),
            ConnectionState::Waiting { .. } => (true, false, false),
            ConnectionState::Connecting { .. } => {
                (true, self.dialling.is_some(), self.dialling.is_none())
            }
            ConnectionState::Connected { .. } => (true, false, true),
        };
        assert_eq!(wakes, waits, "{:?}", self.state);
        assert_eq!(self.dialling.is_some(), dialling, "{:?}", self.state);
        assert_eq!(self.connection.is_some(), connected, "{:?}", self.state);
        let asked = self.questions.iter().filter(|open| open.channel.is_some());
        assert!(asked.count() <= 8, "too many questions at once");
        for question in &self.questions {
            let connection = self.connection.as_ref().expect("a question is for a socket");
            assert_eq!(question.socket_id, connection.socket_id);
        }
        assert!(self.unanswered.is_empty(), "a client event without an answer");
    }

    // The network.

    fn fail_dial(&mut self, for_good: bool) {
        let Some(dial) = self.dialling.take() else {
            return;
        };
        self.last_dial = Some(dial);
        self.input(Input::DialFailed(dial, dial_error(for_good)));
    }

    fn open(&mut self, greeting: Greeting) {
        let Some(dial) = self.dialling.take() else {
            return;
        };
        self.is_blocked = false;
        self.connection = Some(self.server.accept(dial, greeting));
        self.reach.connections += 1;
        self.input(Input::Opened(dial));
    }

    fn hang_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.server.forget(&connection);
            self.last_dial = Some(connection.dial);
        }
    }

    fn lose(&mut self, code: Option<u16>) {
        let Some(connection) = &self.connection else {
            return;
        };
        let dial = connection.dial;
        self.hang_up();
        self.input(Input::Closed(dial, closed(code)));
    }

    fn server_reads(&mut self, mood: Mood) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.is_dead || self.is_blocked {
            return;
        }
        if let Some(text) = connection.to_server.pop_front() {
            self.server.read(connection, &text, mood);
        }
    }

    fn client_can_read(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| !connection.is_dead && !connection.to_client.is_empty())
    }

    fn client_reads(&mut self) {
        if !self.client_can_read() {
            return;
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        let dial = connection.dial;
        let text = connection.to_client.pop_front().expect("something waits");
        let promised = self.is_promised(&text);
        let complaints = self.complaints;
        let event = self.session.handle_frame(dial, &text, self.now);
        let handed_over = event.is_some();
        if let Some(event) = event {
            self.hear_event(event);
        }
        self.drain();
        if let Some(channel) = promised {
            let asked = |question: &Question| question.channel.as_ref() == Some(&channel);
            let kept = handed_over
                || self.complaints > complaints
                || channel.starts_with("private-encrypted-") && self.questions.iter().any(asked);
            assert!(kept, "an event of {channel} is lost without a word: {text}");
        }
    }

    /// The channel of an event that the game may count on.
    fn is_promised(&self, text: &str) -> Option<String> {
        let frame: serde_json::Value = serde_json::from_str(text).ok()?;
        let channel = frame["channel"].as_str()?;
        let is_subscribed = self.statuses.get(channel) == Some(&SubscriptionStatus::Subscribed);
        (frame["event"] == "e" && is_subscribed).then(|| channel.into())
    }

    fn stale(&mut self, what: Stale) {
        if let Stale::Answer = what {
            if let Some(question) = self.cancelled.pop() {
                self.give(question, Answer::Good);
            }
            return;
        }
        let Some(dial) = self.last_dial else { return };
        let before = (self.state.clone(), self.session.wake_at());
        match what {
            Stale::Opened => self.input(Input::Opened(dial)),
            Stale::DialFailed => self.input(Input::DialFailed(dial, dial_error(true))),
            Stale::Closed => self.input(Input::Closed(dial, closed(Some(4001)))),
            Stale::BinaryFrame => self.input(Input::BinaryFrame(dial)),
            Stale::Frame => {
                let frame = r#"{"event":"e","channel":"lobby","data":"0"}"#;
                assert_eq!(self.session.handle_frame(dial, frame, self.now), None);
                self.drain();
            }
            Stale::Answer => {}
        }
        if !matches!(what, Stale::Frame) && self.state != before.0 {
            // Only the clocks may have shown that the machine slept.
            assert!(matches!(before.0, ConnectionState::Waiting { .. }));
        }
    }

    // The server and the backend.

    fn answer(&mut self, which: usize, with: Answer) {
        if self.questions.is_empty() {
            return;
        }
        let question = self.questions.remove(which % self.questions.len());
        self.give(question, with);
    }

    fn give(&mut self, question: Question, with: Answer) {
        let Question {
            request,
            channel,
            socket_id,
        } = question;
        self.input(match channel {
            Some(channel) => {
                Input::Authorized(request, self.server.authorize(&channel, &socket_id, with))
            }
            None => Input::Authenticated(request, Server::authenticate(&socket_id, with)),
        });
    }

    fn server_says(&mut self, frame: &serde_json::Value) {
        if let Some(connection) = &mut self.connection
            && matches!(self.state, ConnectionState::Connected { .. })
        {
            connection.tell(frame);
        }
    }

    /// Another player's message that pretends to be the protocol's own, and plain garbage.
    fn forge(&mut self, channel: &str, which: usize) {
        let forged = [
            json!({"event": "pusher_internal:member_added", "channel": channel, "data": {"user_id": "evil"}, "user_id": "x"}),
            json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "user_id": "x"}),
            json!({"event": "pusher_internal:member_removed", "channel": channel, "data": {"user_id": "me"}, "user_id": "x"}),
            json!({"event": "pusher:signin_success", "data": {"user_data": r#"{"id":"evil"}"#}, "user_id": "x"}),
            json!({"event": "pusher:error", "data": {"code": 4301}}),
            json!({"event": "client-y", "channel": "private-encrypted-a", "data": "in the clear"}),
            json!({"event": 5}),
            json!([1]),
        ];
        self.server_says(&forged[which % forged.len()]);
    }

    // The end of a run.

    /// Lets all of it work out well: nothing fails any more, everything is answered.
    pub fn come_to_rest(&mut self) {
        self.session.configure(config(Patience::Usual, 0));
        self.is_blocked = false;
        self.command(Command::Connect);
        let end = self.now.monotonic + 180 * SECOND;
        while !self.is_at_rest() {
            assert!(self.now.monotonic < end, "no rest after three minutes");
            self.open(Greeting::Good);
            self.answer(0, Answer::Good);
            self.server_reads(Mood::Grants);
            self.client_reads();
            for channel in CHANNELS {
                if let Some(SubscriptionStatus::Failed(_)) = self.statuses.get(channel) {
                    self.retry(channel);
                }
            }
            if self.wants_sign_in && matches!(self.sign_in, SignInState::Failed(_)) {
                self.sign_in();
            }
            self.wait(Duration::from_millis(50));
            self.reach.steps += 1;
        }
    }

    fn is_at_rest(&self) -> bool {
        let Some(connection) = &self.connection else {
            return false;
        };
        let subscribed = |status: &SubscriptionStatus| *status == SubscriptionStatus::Subscribed;
        matches!(self.state, ConnectionState::Connected { .. })
            && !connection.is_dead
            && connection.to_server.is_empty()
            && connection.to_client.is_empty()
            && self.questions.is_empty()
            && self.statuses.values().all(subscribed)
            && self.wants_sign_in == matches!(self.sign_in, SignInState::SignedIn { .. })
    }

    pub fn check_agreement(&self) {
        let connection = self.connection.as_ref().expect("a connection");
        assert_eq!(
            self.state,
            ConnectionState::Connected {
                socket_id: connection.socket_id.as_str().into()
            }
        );
        let wanted: BTreeSet<&str> = self.wanted.iter().map(|channel| &**channel).collect();
        assert_eq!(connection.subscribed(), wanted);
        let presence = wanted.iter().filter(|name| name.starts_with("presence-"));
        for channel in presence {
            let known = self.rosters.get(*channel).expect("a roster");
            let known: Vec<&str> = known.iter().map(|member| member.id()).collect();
            assert_eq!(known, self.server.members(channel), "{channel}");
        }
    }
}

fn config(patience: Patience, seed: u64) -> SessionConfig {
    // A short time for each wait, so that runs meet them often.
    let timing = Timing {
        dial_timeout: 5 * SECOND,
        authorization_timeout: 4 * SECOND,
        subscribe_timeout: 3 * SECOND,
        activity_timeout: 8 * SECOND,
        pong_timeout: 3 * SECOND,
        healthy_after: 10 * SECOND,
        close_timeout: SECOND,
    };
    let max_attempts = match patience {
        Patience::Limited { attempts } => Some(attempts),
        Patience::Usual | Patience::Short => None,
    };
    SessionConfig {
        timing: match patience {
            Patience::Usual => Timing::default(),
            Patience::Short | Patience::Limited { .. } => timing,
        },
        reconnect: ReconnectPolicy {
            max_attempts,
            ..ReconnectPolicy::default()
        },
        answer_sent: true,
        seed,
        ..SessionConfig::default()
    }
}

fn dial_error(for_good: bool) -> ConnectionError {
    if for_good {
        ConnectionError::Unsupported("no TLS".into())
    } else {
        ConnectionError::Tcp {
            host: "h".into(),
            port: 1,
            reason: "refused".into(),
        }
    }
}

fn closed(code: Option<u16>) -> ConnectionError {
    ConnectionError::Closed {
        code,
        reason: String::new(),
    }
}

/// Whether the game may be told of this change of the connection.
fn is_legal_state(from: &ConnectionState, to: &ConnectionState) -> bool {
    use ConnectionState::{Connected, Connecting, Disconnected, Failed, Waiting};
    match (from, to) {
        (Disconnected, to) => matches!(to, Connecting { .. }),
        (Connecting { .. }, _) => true,
        (Connected { .. }, to) => !matches!(to, Connected { .. }),
        (Waiting { .. } | Failed { .. }, to) => matches!(to, Connecting { .. } | Disconnected),
    }
}

/// Whether the game may be told of this change of a channel.
fn is_legal_status(from: &SubscriptionStatus, to: &SubscriptionStatus) -> bool {
    use SubscriptionStatus::{Failed, Pending, Subscribed, Subscribing};
    match (from, to) {
        (Pending, to) => matches!(to, Subscribing | Failed(_)),
        (Subscribing, to) => *to != Subscribing,
        (Subscribed, to) => matches!(to, Pending | Failed(_)),
        (Failed(_), to) => from != to,
    }
}
