//! The actions of a run, as plain data: a failing run is shortened by removing actions.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use pusher_protocol::session::SendMode;

/// Channels of every kind. Actions refer to them by index.
pub const CHANNELS: [&str; 10] = [
    "lobby",
    "news",
    "cache-c",
    "private-a",
    "private-cache-b",
    "presence-a",
    "presence-b",
    "presence-cache-c",
    "private-encrypted-a",
    "private-encrypted-b",
];

/// The members of presence channels besides the client itself, which is `me`.
const PLAYERS: [&str; 3] = ["ann", "bob", "7"];

/// One step of a run. An action that is impossible at the moment does nothing.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    // User code.
    Connect,
    Disconnect,
    Redial,
    Want(&'static str),
    Unwant(&'static str),
    /// Subscribes with other extra fields.
    ChangeFields(&'static str, u8),
    Retry(&'static str),
    Send(&'static str, SendMode),
    SignIn,
    SignOut,
    Configure(Patience),
    // The network.
    DialFails {
        for_good: bool,
    },
    DialSucceeds(Handshake),
    ServerReads(ReplyMode),
    ClientReads,
    /// The server does not read for a while, and the send buffer is full.
    Block(bool),
    /// The route is lost, and neither side notices.
    BlackHole,
    Lose(Option<u16>),
    /// A late input of an earlier connection.
    Stale(Stale),
    // The game's backend.
    Answer {
        which: usize,
        with: Answer,
    },
    // The server and other clients.
    Publish(&'static str),
    PublishToUser,
    ComeOrGo(&'static str, &'static str),
    RotateKey(&'static str),
    Ping,
    Forge(&'static str, usize),
    // Time.
    Wait {
        milliseconds: u64,
    },
    /// The driver gets no time for a while, then everything at once.
    Oversleep {
        milliseconds: u64,
    },
    /// The machine sleeps: the monotonic clock stops.
    Suspend {
        seconds: u64,
    },
    NetworkChanged,
}

impl Action {
    /// Returns the same action for another channel.
    fn on(self, channel: &'static str) -> Self {
        match self {
            Self::Want(_) => Self::Want(channel),
            Self::Unwant(_) => Self::Unwant(channel),
            Self::ChangeFields(_, filter) => Self::ChangeFields(channel, filter),
            Self::Retry(_) => Self::Retry(channel),
            Self::Send(_, mode) => Self::Send(channel, mode),
            Self::Publish(_) => Self::Publish(channel),
            Self::ComeOrGo(_, player) => Self::ComeOrGo(channel, player),
            Self::RotateKey(_) => Self::RotateKey(channel),
            Self::Forge(_, which) => Self::Forge(channel, which),
            other => other,
        }
    }
}

/// The first message of a server.
#[derive(Clone, Copy, Debug)]
pub enum Handshake {
    Good,
    Error(u16),
    Garbage,
    Nothing,
}

/// How a server replies to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyMode {
    Grants,
    Refuses,
    /// Refuses with an error that does not name its subject.
    RefusesVaguely,
    KeepsSilent,
}

/// How the game's backend responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Good,
    Refused,
    /// A transient failure, which the client retries.
    Overloaded,
    /// Well-formed but useless: a key of the wrong length, data without an id.
    Useless,
    /// Without `channel_data`: the sign-in decides the identity.
    Anonymous,
    /// With a key that is no longer in use.
    OldKey,
}

/// An input that comes late.
#[derive(Clone, Copy, Debug)]
pub enum Stale {
    Opened,
    DialFailed,
    Closed,
    Frame,
    BinaryFrame,
    Answer,
}

/// Settings that change while the client runs.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    Usual,
    Short,
    Limited { attempts: u32 },
}

/// Runs of three kinds: mostly successes, so that the client gets far; mostly failures; and one channel of a slow server, so
/// that commands repeat before the reply.
pub fn run(longest: usize) -> impl Strategy<Value = Vec<Action>> {
    let one_channel = |(channel, actions): (&'static str, Vec<Action>)| {
        actions
            .into_iter()
            .map(|action| action.on(channel))
            .collect()
    };
    prop_oneof![
        vec(action(32, 60, 1), 0..=longest),
        vec(action(32, 60, 10), 0..=longest),
        (channel(), vec(action(100, 30, 2), 0..=longest)).prop_map(one_channel),
    ]
}

fn action(game: u32, reading: u32, trouble: u32) -> impl Strategy<Value = Action> {
    prop_oneof![
        game => commands(),
        reading => mode().prop_map(Action::ServerReads),
        reading => Just(Action::ClientReads),
        20 => prop_oneof![
            20 => Just(Action::DialSucceeds(Handshake::Good)),
            2 => select(&[
                Handshake::Error(4001), Handshake::Error(4100), Handshake::Error(4200), Handshake::Garbage, Handshake::Nothing,
            ][..]).prop_map(Action::DialSucceeds),
            3 => Just(Action::DialFails { for_good: false }),
            1 => Just(Action::DialFails { for_good: true }),
        ],
        24 => (0_usize..8, answer()).prop_map(|(which, with)| Action::Answer { which, with }),
        60 => actions_of_others(),
        trouble => failures(),
        30 => (0_u64..300).prop_map(|milliseconds| Action::Wait { milliseconds }),
        2 => (0_u64..9_000).prop_map(|milliseconds| Action::Wait { milliseconds }),
    ]
}

fn channel() -> impl Strategy<Value = &'static str> {
    select(&CHANNELS[..])
}

fn commands() -> impl Strategy<Value = Action> {
    prop_oneof![
        20 => channel().prop_map(Action::Want),
        6 => channel().prop_map(Action::Unwant),
        2 => (channel(), 0_u8..3).prop_map(|(channel, filter)| Action::ChangeFields(channel, filter)),
        3 => channel().prop_map(Action::Retry),
        12 => (channel(), select(&[SendMode::Immediate, SendMode::Queued, SendMode::Latest][..]))
            .prop_map(|(channel, mode)| Action::Send(channel, mode)),
        15 => Just(Action::Connect),
        2 => Just(Action::SignIn),
        2 => select(&[
            Action::Disconnect,
            Action::Redial,
            Action::SignOut,
            Action::Configure(Patience::Usual),
            Action::Configure(Patience::Short),
            Action::Configure(Patience::Limited { attempts: 2 }),
        ][..]),
    ]
}

/// Grants most requests.
fn mode() -> impl Strategy<Value = ReplyMode> {
    prop_oneof![
        9 => Just(ReplyMode::Grants),
        1 => select(&[ReplyMode::Refuses, ReplyMode::RefusesVaguely, ReplyMode::KeepsSilent][..]),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        8 => Just(Answer::Good),
        4 => select(&[Answer::Refused, Answer::Overloaded, Answer::Useless, Answer::Anonymous, Answer::OldKey][..]),
    ]
}

fn actions_of_others() -> impl Strategy<Value = Action> {
    prop_oneof![
        20 => channel().prop_map(Action::Publish),
        2 => Just(Action::PublishToUser),
        4 => (channel(), select(&PLAYERS[..])).prop_map(|(channel, player)| Action::ComeOrGo(channel, player)),
        1 => channel().prop_map(Action::RotateKey),
        1 => Just(Action::Ping),
        1 => (channel(), 0_usize..8).prop_map(|(channel, which)| Action::Forge(channel, which)),
    ]
}

fn failures() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => select(&[None, Some(1000), Some(1006), Some(4001), Some(4100), Some(4200), Some(4201), Some(4301)][..])
            .prop_map(Action::Lose),
        1 => Just(Action::BlackHole),
        2 => any::<bool>().prop_map(Action::Block),
        2 => select(&[
            Stale::Opened, Stale::DialFailed, Stale::Closed, Stale::Frame, Stale::BinaryFrame, Stale::Answer,
        ][..]).prop_map(Action::Stale),
        1 => (0_u64..40_000).prop_map(|milliseconds| Action::Oversleep { milliseconds }),
        1 => (0_u64..600).prop_map(|seconds| Action::Suspend { seconds }),
        1 => Just(Action::NetworkChanged),
    ]
}
