//! The players who fill the lobby when nobody else is there, after a script.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};

use super::{Chat, Invite, LOBBY_CHANNEL, NEWS_CHANNEL, News, Ready};
use crate::{
    company::{Company, Troupe, Wakers, player_app, ready},
    dev_server::DevServer,
    player::PlayerInfo,
    server::Identity,
};

/// How many there are.
pub const LOBBY_PLAYERS: usize = CAST.len();

/// Who they are: the name, and what they do.
const CAST: [(&str, &str); 5] = [
    ("Mira", "tuning the suspension"),
    ("Jonas Lind", "in the garage"),
    ("Cleo", "watching a replay"),
    ("Ada Park", "practice lap, 1:42.3"),
    ("Tomas", "choosing a car"),
];

const MIRA: usize = 0;
const JONAS: usize = 1;
const CLEO: usize = 2;
const ADA: usize = 3;
const TOMAS: usize = 4;

/// How long a player takes to answer somebody.
const ANSWER: Duration = Duration::from_millis(1200);
/// How long the script waits for the first guest before it looks again.
const LOOK: Duration = Duration::from_millis(50);
/// How long nobody has to do anything at most.
const REST: Duration = Duration::from_secs(1);

/// What a player does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Join,
    Leave,
    Say(&'static str),
    Ready(bool),
    Invite,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Player(usize, Act),
    News(&'static str),
}

use self::Act::{Invite as Invites, Join, Leave, Ready as IsReady, Say};
use self::Step::{News as Newsflash, Player as Does};

/// Who is there before the first guest comes.
const BEFORE: [Step; 2] = [Does(MIRA, Join), Does(JONAS, Join)];

/// What happens, and how many milliseconds after what happened before; from the first guest's coming on.
const OPENING: [(u64, Step); 15] = [
    (
        600,
        Does(MIRA, Say("Morning all! Who is in for the harbour circuit?")),
    ),
    (700, Does(CLEO, Join)),
    (
        700,
        Does(JONAS, Say("Give me a minute, still fixing my brakes.")),
    ),
    (500, Does(MIRA, IsReady(true))),
    (600, Does(ADA, Join)),
    (
        700,
        Does(
            CLEO,
            Say(
                "Last time somebody cut the chicane on every lap and then claimed it was lag. I have the replay, and I will show it.",
            ),
        ),
    ),
    (500, Does(ADA, IsReady(true))),
    (500, Does(TOMAS, Join)),
    (800, Does(ADA, Say("1:42.3 on the practice lap, beat that"))),
    (500, Newsflash("The harbour circuit is open")),
    (1400, Does(CLEO, Leave)),
    (600, Does(JONAS, IsReady(true))),
    (400, Does(MIRA, Invites)),
    (500, Does(TOMAS, Say("hi! count me in"))),
    (400, Does(CLEO, Join)),
];

/// The same, over and over once the opening is done. It ends as it began.
const AFTERWARDS: [(u64, Step); 14] = [
    (2000, Does(CLEO, Say("Back. The replay was inconclusive."))),
    (2000, Does(TOMAS, IsReady(true))),
    (1500, Newsflash("Rain is expected within the hour")),
    (1500, Does(JONAS, Say("Rain? Then I need other tyres."))),
    (500, Does(JONAS, IsReady(false))),
    (2500, Does(ADA, Leave)),
    (2500, Does(CLEO, IsReady(true))),
    (2000, Does(ADA, Join)),
    (1500, Does(ADA, Say("Sorry, my cat sat on the keyboard."))),
    (1000, Does(ADA, IsReady(true))),
    (1500, Does(JONAS, IsReady(true))),
    (2000, Newsflash("The next race starts in ten minutes")),
    (2000, Does(CLEO, IsReady(false))),
    (500, Does(TOMAS, IsReady(false))),
];

/// Brings the players to the lobby of this server.
///
/// # Errors
/// Their thread cannot be started.
pub fn lobby_company(server: Arc<DevServer>) -> io::Result<Company> {
    Company::start(move |wakers| LobbyTroupe::new(server, wakers))
}

/// All players, and what they have still to do.
struct LobbyTroupe {
    server: Arc<DevServer>,
    players: Vec<App>,
    script: Box<dyn Iterator<Item = (u64, Step)>>,
    /// The script's next step; none until the first guest has come.
    next: Option<(Instant, Step)>,
    answers: Vec<(Instant, usize, Answer)>,
}

impl Troupe for LobbyTroupe {
    fn came(&mut self, player: usize) {
        self.update(player);
    }

    fn act(&mut self) {
        self.follow_script();
        self.give_answers();
    }

    fn rest(&self) -> Duration {
        let now = Instant::now();
        let step = match self.next {
            Some((due, _)) => due.saturating_duration_since(now),
            None => LOOK,
        };
        self.answers
            .iter()
            .map(|(due, ..)| due.saturating_duration_since(now))
            .fold(step.min(REST), Duration::min)
    }
}

impl LobbyTroupe {
    fn new(server: Arc<DevServer>, wakers: &Wakers) -> Self {
        let players = CAST
            .iter()
            .enumerate()
            .map(|(index, (name, doing))| player(&server, name, doing, wakers.of(index)))
            .map(ready)
            .collect();
        let script = OPENING
            .into_iter()
            .chain(std::iter::repeat(AFTERWARDS).flatten());
        let mut troupe = Self {
            server,
            players,
            script: Box::new(script),
            next: None,
            answers: Vec::new(),
        };
        for step in BEFORE {
            troupe.perform(step);
        }
        troupe
    }

    fn follow_script(&mut self) {
        let now = Instant::now();
        match self.next {
            Some((due, step)) if due <= now => self.perform(step),
            Some(_) => return,
            None if self.has_guest() => {}
            None => return,
        }
        self.next = self
            .script
            .next()
            .map(|(pause, step)| (now + Duration::from_millis(pause), step));
    }

    fn has_guest(&self) -> bool {
        self.server
            .members(LOBBY_CHANNEL)
            .iter()
            .any(|id| !is_simulated(id))
    }

    fn perform(&mut self, step: Step) {
        match step {
            Does(player, act) => {
                if let Some(app) = self.players.get_mut(player) {
                    app.world_mut().write_message(Cue(act));
                }
                self.update(player);
            }
            Newsflash(text) => {
                let news = News {
                    text: text.to_owned(),
                };
                if let Err(error) = self.server.publish(NEWS_CHANNEL, News::EVENT, &news) {
                    warn!("the news were not published: {error}");
                }
            }
        }
    }

    /// Lets a player see what came, and remembers what they want to answer.
    fn update(&mut self, player: usize) {
        let Some(app) = self.players.get_mut(player) else {
            return;
        };
        app.update();
        let due = Instant::now() + ANSWER;
        let heard = std::mem::take(&mut app.world_mut().resource_mut::<Heard>().0);
        self.answers
            .extend(heard.into_iter().map(|answer| (due, player, answer)));
    }

    fn give_answers(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.answers)
            .into_iter()
            .partition(|(due, ..)| *due <= now);
        self.answers = later;
        let due: Vec<(Instant, usize, Answer)> = due;
        for (_, player, answer) in due {
            if let Some(app) = self.players.get_mut(player) {
                app.world_mut().write_message(answer);
            }
            self.update(player);
        }
    }
}

fn is_simulated(id: &str) -> bool {
    CAST.iter().any(|(name, _)| *name == id)
}

/// What a player is told to do by the script.
#[derive(Message, Clone, Copy, Debug)]
struct Cue(Act);

/// What a player wants to answer to a guest.
#[derive(Message, Clone, Debug)]
enum Answer {
    /// To what was said.
    Greet(String),
    /// To an invitation.
    Accept,
}

/// The answers that a player has thought of, for the right moment.
#[derive(Resource, Default)]
struct Heard(Vec<Answer>);

/// How a player is.
#[derive(Resource, Default)]
struct Me {
    name: &'static str,
    lobby: Option<Entity>,
    is_ready: bool,
}

fn player(server: &DevServer, name: &'static str, doing: &str, waker: PusherWaker) -> App {
    let you = Identity::new(name).with_info(&PlayerInfo::new(name, doing));
    let mut app = player_app(server, &you, waker);
    app.insert_resource(Me { name, ..default() })
        .init_resource::<Heard>()
        .add_message::<Cue>()
        .add_message::<Answer>()
        .add_pusher_event::<Chat>(Chat::EVENT)
        .add_pusher_event::<Invite>(Invite::EVENT)
        .add_systems(Update, (obey_cues, listen, answer, tell_newcomers).chain());
    app
}

fn obey_cues(
    mut cues: MessageReader<Cue>,
    mut commands: Commands,
    mut me: ResMut<Me>,
    connection: Res<PusherConnection>,
) {
    for Cue(act) in cues.read() {
        match *act {
            Join if me.lobby.is_none() => {
                me.lobby = Some(commands.spawn(PusherChannel::new(LOBBY_CHANNEL)).id());
            }
            Leave => {
                me.is_ready = false;
                if let Some(lobby) = me.lobby.take() {
                    commands.entity(lobby).despawn();
                }
            }
            Join => {}
            Say(text) => say(&connection, text),
            IsReady(ready) => {
                me.is_ready = ready;
                tell(&connection, Ready::EVENT, &Ready { ready });
            }
            Invites => tell(&connection, Invite::EVENT, &Invite {}),
        }
    }
}

fn say(connection: &PusherConnection, text: impl Into<String>) {
    tell(connection, Chat::EVENT, &Chat { text: text.into() });
}

/// While the network is cut, what a player says is lost, as it should be.
fn tell(connection: &PusherConnection, event: &str, data: &impl serde::Serialize) {
    if let Err(error) = connection.send(LOBBY_CHANNEL, event, data) {
        warn!("a simulated player could not send {event}: {error}");
    }
}

/// Mira has an ear for guests, and Tomas is always in for a match.
fn listen(
    me: Res<Me>,
    mut chats: MessageReader<PusherEvent<Chat>>,
    mut invites: MessageReader<PusherEvent<Invite>>,
    mut heard: ResMut<Heard>,
) {
    for guest in chats.read().filter_map(guest) {
        if me.name == "Mira" {
            heard.0.push(Answer::Greet(guest.to_owned()));
        }
    }
    for _ in invites.read().filter_map(guest) {
        if me.name == "Tomas" {
            heard.0.push(Answer::Accept);
        }
    }
}

/// Who sent it, if not one of the company.
fn guest<T: Send + Sync>(event: &PusherEvent<T>) -> Option<&str> {
    event.user_id().filter(|id| !is_simulated(id))
}

fn answer(
    mut answers: MessageReader<Answer>,
    mut me: ResMut<Me>,
    mut turn: Local<usize>,
    connection: Res<PusherConnection>,
) {
    for answer in answers.read() {
        match answer {
            Answer::Greet(guest) => {
                *turn += 1;
                say(
                    &connection,
                    match *turn % 3 {
                        1 => format!("Hello {guest}, good to see you!"),
                        2 => format!("I hear you, {guest}."),
                        _ => "Let us settle that on the track.".to_owned(),
                    },
                );
            }
            Answer::Accept => {
                me.is_ready = true;
                say(&connection, "A match? I am in!");
                tell(&connection, Ready::EVENT, &Ready { ready: true });
            }
        }
    }
}

/// Who comes later does not know who is ready.
fn tell_newcomers(
    mut joined: MessageReader<PusherMemberJoined>,
    me: Res<Me>,
    connection: Res<PusherConnection>,
) {
    if joined.read().count() > 0 && me.is_ready {
        tell(&connection, Ready::EVENT, &Ready { ready: true });
    }
}
