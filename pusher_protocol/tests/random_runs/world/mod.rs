//! User code and driver around one session, which check the invariants after every step.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::AddAssign,
    time::Duration,
};

use pusher_protocol::{
    ChannelName, Session,
    config::{ReconnectPolicy, Timing},
    protocol::Roster,
    session::{
        AUTHORIZATIONS_AT_ONCE, ClientEvent, Command, ConnectionError, ConnectionState, DialId,
        EventTarget, Hint, Input, Membership, Notice, Now, Output, PusherError, ReceivedEvent,
        RequestId, SendId, SendMode, SendOutcome, SessionConfig, SignInState, SubscriptionError,
        SubscriptionStatus,
    },
};
use serde_json::{json, value::RawValue};

use crate::{
    action::{Action, Answer, CHANNELS, Handshake, Patience, ReplyMode, Stale},
    server::{Connection, Server},
    support::{SECOND, name},
};

mod driver;
mod game;
mod network;

/// A request to the game's backend; without a channel, the authentication of the user.
struct BackendRequest {
    id: RequestId,
    channel: Option<String>,
    socket_id: String,
}

/// Counts of what a run reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    pub steps: u64,
    pub connections: u64,
    pub events: u64,
    pub decrypted: u64,
    pub sent: u64,
}

impl AddAssign for Reach {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.connections += other.connections;
        self.events += other.events;
        self.decrypted += other.decrypted;
        self.sent += other.sent;
    }
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
    requests: Vec<BackendRequest>,
    cancelled: Vec<BackendRequest>,
    // User code.
    wanted: BTreeSet<String>,
    /// The extra field `filter` of each channel; 0 is none.
    filters: BTreeMap<String, u8>,
    /// Channels that may be subscribed again on the same connection.
    changed_fields: BTreeSet<String>,
    wants_sign_in: bool,
    /// Channels that a sign-out suspended.
    suspended: BTreeSet<String>,
    state: ConnectionState,
    sign_in: SignInState,
    statuses: BTreeMap<String, SubscriptionStatus>,
    rosters: BTreeMap<String, Roster>,
    last_event: BTreeMap<String, u64>,
    last_send: u64,
    /// Client events without a final outcome.
    unanswered: BTreeMap<SendId, SendMode>,
    /// Events of encrypted channels that wait for a new key, and are to be delivered or reported as dropped.
    awaiting_key: BTreeMap<String, u64>,
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
            requests: Vec::new(),
            cancelled: Vec::new(),
            wanted: BTreeSet::new(),
            filters: BTreeMap::new(),
            changed_fields: BTreeSet::new(),
            wants_sign_in: false,
            suspended: BTreeSet::new(),
            state: ConnectionState::Disconnected,
            sign_in: SignInState::SignedOut,
            statuses: BTreeMap::new(),
            rosters: BTreeMap::new(),
            last_event: BTreeMap::new(),
            last_send: 0,
            unanswered: BTreeMap::new(),
            awaiting_key: BTreeMap::new(),
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
            Action::Unwant(channel) => self.unsubscribe(channel),
            Action::ChangeFields(channel, filter) => self.change_fields(channel, filter),
            Action::Retry(channel) => self.retry(channel),
            Action::Send(channel, mode) => self.send(channel, mode),
            Action::SignIn => self.sign_in(),
            Action::SignOut => self.sign_out(),
            Action::Configure(patience) => self.session.configure(config(patience, 0)),
            Action::DialFails { for_good } => self.fail_dial(for_good),
            Action::DialSucceeds(handshake) => self.open(handshake),
            Action::ServerReads(mode) => self.server_reads(mode),
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
                    .join_or_leave(self.connection.as_mut(), channel, player);
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

    // The end of a run.

    /// From now on nothing fails, and each request gets a reply.
    pub fn settle_all(&mut self) {
        self.session.configure(config(Patience::Usual, 0));
        self.is_blocked = false;
        let end = self.now.monotonic + 180 * SECOND;
        while !self.is_at_rest() {
            assert!(self.now.monotonic < end, "no rest after three minutes");
            self.command(Command::Connect);
            self.open(Handshake::Good);
            self.answer(0, Answer::Good);
            self.server_reads(ReplyMode::Grants);
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
            && self.requests.is_empty()
            && self.unanswered.is_empty()
            && self.awaiting_key.is_empty()
            && self
                .wanted
                .iter()
                .all(|channel| connection.filter(channel) == self.filter(channel))
            && self.statuses.values().all(subscribed)
            && self.wants_sign_in == matches!(self.sign_in, SignInState::SignedIn { .. })
    }

    fn filter(&self, channel: &str) -> u8 {
        self.filters.get(channel).copied().unwrap_or_default()
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
        assert_eq!(connection.is_signed_in(), self.wants_sign_in);
        for channel in &wanted {
            assert_eq!(
                connection.filter(channel),
                self.filter(channel),
                "{channel}"
            );
        }
        let presence = wanted.iter().filter(|name| name.starts_with("presence-"));
        for channel in presence {
            let known = self.rosters.get(*channel).expect("a roster");
            let known: Vec<&str> = known.iter().map(|member| member.id()).collect();
            assert_eq!(known, self.server.members(channel), "{channel}");
        }
    }
}

fn config(patience: Patience, seed: u64) -> SessionConfig {
    // Short timeouts, so that runs reach them often.
    let timing = Timing {
        dial_timeout: 5 * SECOND,
        authorization_timeout: 4 * SECOND,
        subscribe_timeout: 3 * SECOND,
        activity_timeout: 8 * SECOND,
        pong_timeout: 3 * SECOND,
        healthy_after: 10 * SECOND,
        close_timeout: SECOND,
        queue_timeout: 10 * SECOND,
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
            min_delay: match patience {
                Patience::Usual => ReconnectPolicy::default().min_delay,
                Patience::Short | Patience::Limited { .. } => Duration::from_millis(200),
            },
            max_attempts,
            ..ReconnectPolicy::default()
        },
        answer_sent: true,
        seed,
        ..SessionConfig::default()
    }
}
