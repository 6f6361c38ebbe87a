//! What can happen next in a run, as plain data: a failing run is shortened by leaving actions out.

use proptest::{
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};

/// Channels of every kind; `CHANNELS` in the order in which runs refer to them.
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

/// The members of presence channels beside the client itself, who is `me`.
const PLAYERS: [&str; 3] = ["ann", "bob", "7"];

/// One thing that happens. An action for which there is no occasion does nothing.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    // The game.
    Connect,
    Disconnect,
    Redial,
    Want(&'static str),
    Unwant(&'static str),
    Retry(&'static str),
    Send(&'static str),
    SignIn,
    SignOut,
    Configure(Patience),
    // The network.
    DialFails {
        for_good: bool,
    },
    DialSucceeds(Greeting),
    ServerReads(Mood),
    ClientReads,
    /// The server does not read for a while, and the client's buffer is full.
    Block(bool),
    /// The route is gone, and nobody is told.
    BlackHole,
    Lose(Option<u16>),
    /// Something of an earlier connection comes late.
    Stale(Stale),
    // The game's backend.
    Answer {
        which: usize,
        with: Answer,
    },
    // The server and the other players.
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
    /// The client gets no time for a while, and then everything at once.
    Oversleep {
        milliseconds: u64,
    },
    /// The machine sleeps: the monotonic clock stands still.
    Suspend {
        seconds: u64,
    },
    NetworkChanged,
}

/// The first thing that a server says.
#[derive(Clone, Copy, Debug)]
pub enum Greeting {
    Good,
    Error(u16),
    Garbage,
    Nothing,
}

/// How a server answers one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Grants,
    Refuses,
    /// Refuses with an error that does not say what it is about.
    Grumbles,
    KeepsSilent,
}

/// How the game's backend answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Good,
    Refused,
    /// Well-formed and useless: a key of the wrong length, data that names nobody.
    Odd,
    /// Without the member's data: the sign-in is to stand for it.
    Anonymous,
    /// With a key that is no longer in use.
    OldKey,
}

/// What comes late.
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

pub fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        26 => game(),
        40 => granted(9).prop_map(Action::ServerReads),
        60 => Just(Action::ClientReads),
        20 => prop_oneof![
            20 => Just(Action::DialSucceeds(Greeting::Good)),
            2 => select(&[
                Greeting::Error(4001), Greeting::Error(4100), Greeting::Error(4200), Greeting::Garbage, Greeting::Nothing,
            ][..]).prop_map(Action::DialSucceeds),
            3 => Just(Action::DialFails { for_good: false }),
            1 => Just(Action::DialFails { for_good: true }),
        ],
        24 => (0_usize..8, answer()).prop_map(|(which, with)| Action::Answer { which, with }),
        60 => other_players(),
        2 => trouble(),
        30 => (0_u64..300).prop_map(|milliseconds| Action::Wait { milliseconds }),
        1 => (0_u64..9_000).prop_map(|milliseconds| Action::Wait { milliseconds }),
    ]
}

fn channel() -> impl Strategy<Value = &'static str> {
    select(&CHANNELS[..])
}

/// What the game does.
fn game() -> impl Strategy<Value = Action> {
    prop_oneof![
        20 => channel().prop_map(Action::Want),
        6 => channel().prop_map(Action::Unwant),
        3 => channel().prop_map(Action::Retry),
        12 => channel().prop_map(Action::Send),
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

/// A mood that grants most of what is asked.
fn granted(often: u32) -> impl Strategy<Value = Mood> {
    prop_oneof![
        often => Just(Mood::Grants),
        1 => select(&[Mood::Refuses, Mood::Grumbles, Mood::KeepsSilent][..]),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        8 => Just(Answer::Good),
        3 => select(&[Answer::Refused, Answer::Odd, Answer::Anonymous, Answer::OldKey][..]),
    ]
}

fn other_players() -> impl Strategy<Value = Action> {
    prop_oneof![
        20 => channel().prop_map(Action::Publish),
        2 => Just(Action::PublishToUser),
        4 => (channel(), select(&PLAYERS[..])).prop_map(|(channel, player)| Action::ComeOrGo(channel, player)),
        1 => channel().prop_map(Action::RotateKey),
        1 => Just(Action::Ping),
        1 => (channel(), 0_usize..8).prop_map(|(channel, which)| Action::Forge(channel, which)),
    ]
}

/// What goes wrong.
fn trouble() -> impl Strategy<Value = Action> {
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
