//! Simulated players of the lobby. They follow a script and react to real players.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};

use super::{Chat, Invite, LOBBY_CHANNEL, NEWS_CHANNEL, News, Ready};
use crate::{
    dev_server::DevServer,
    player::PlayerInfo,
    server::Identity,
    simulation::{SimulatedPlayers, Simulation, Wakers, finish_setup, player_app},
};

/// The number of players.
pub const LOBBY_PLAYERS: usize = PLAYERS.len();

/// The names of the players, and their activities.
const PLAYERS: [(&str, &str); 5] = [
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

/// How long a player takes to answer.
const ANSWER_DELAY: Duration = Duration::from_millis(1200);
/// How often the script checks for the first real player.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The longest sleep of the thread.
const MAX_IDLE: Duration = Duration::from_secs(1);

/// A scripted action of a player.
#[derive(Clone, Copy, Debug)]
enum Action {
    Join,
    Leave,
    Say(&'static str),
    Ready(bool),
    Invite,
}

/// A step of the script.
#[derive(Clone, Copy, Debug)]
enum Step {
    Player(usize, Action),
    News(&'static str),
}

use self::Action::{Invite as Invites, Join, Leave, Ready as IsReady, Say};
use self::Step::{News as PublishNews, Player};

/// The players who are in the lobby before the first real player joins.
const INITIAL_STEPS: [Step; 2] = [Player(MIRA, Join), Player(JONAS, Join)];

/// The script from the moment the first real player joins. Each delay, in milliseconds, starts at the step before.
const OPENING_STEPS: [(u64, Step); 15] = [
    (
        600,
        Player(MIRA, Say("Morning all! Who is in for the harbour circuit?")),
    ),
    (700, Player(CLEO, Join)),
    (
        700,
        Player(JONAS, Say("Give me a minute, still fixing my brakes.")),
    ),
    (500, Player(MIRA, IsReady(true))),
    (600, Player(ADA, Join)),
    (
        700,
        Player(
            CLEO,
            Say(
                "Last time somebody cut the chicane on every lap and then claimed it was lag. I have the replay, and I will show it.",
            ),
        ),
    ),
    (500, Player(ADA, IsReady(true))),
    (500, Player(TOMAS, Join)),
    (
        800,
        Player(ADA, Say("1:42.3 on the practice lap, beat that")),
    ),
    (500, PublishNews("The harbour circuit is open")),
    (1400, Player(CLEO, Leave)),
    (600, Player(JONAS, IsReady(true))),
    (400, Player(MIRA, Invites)),
    (500, Player(TOMAS, Say("hi! count me in"))),
    (400, Player(CLEO, Join)),
];

/// Repeated once the opening is over. It ends in the state in which it starts.
const REPEATED_STEPS: [(u64, Step); 14] = [
    (
        2000,
        Player(CLEO, Say("Back. The replay was inconclusive.")),
    ),
    (2000, Player(TOMAS, IsReady(true))),
    (1500, PublishNews("Rain is expected within the hour")),
    (1500, Player(JONAS, Say("Rain? Then I need other tyres."))),
    (500, Player(JONAS, IsReady(false))),
    (2500, Player(ADA, Leave)),
    (2500, Player(CLEO, IsReady(true))),
    (2000, Player(ADA, Join)),
    (1500, Player(ADA, Say("Sorry, my cat sat on the keyboard."))),
    (1000, Player(ADA, IsReady(true))),
    (1500, Player(JONAS, IsReady(true))),
    (2000, PublishNews("The next race starts in ten minutes")),
    (2000, Player(CLEO, IsReady(false))),
    (500, Player(TOMAS, IsReady(false))),
];

/// Starts the players in the lobby of this server.
///
/// # Errors
/// The thread of the players could not be started.
pub fn start_lobby_players(server: Arc<DevServer>) -> io::Result<SimulatedPlayers> {
    SimulatedPlayers::start(move |wakers| LobbySimulation::new(server, wakers))
}

/// All players, and the script that they follow.
struct LobbySimulation {
    server: Arc<DevServer>,
    players: Vec<App>,
    script: Box<dyn Iterator<Item = (u64, Step)>>,
    /// The next step of the script; `None` until the first real player has joined.
    next: Option<(Instant, Step)>,
    answers: Vec<(Instant, usize, Answer)>,
}

impl Simulation for LobbySimulation {
    fn on_wake(&mut self, player: usize) {
        self.update(player);
    }

    fn step(&mut self) {
        self.run_script();
        self.send_due_answers();
    }

    fn time_to_next_step(&self) -> Duration {
        let now = Instant::now();
        let step = match self.next {
            Some((due, _)) => due.saturating_duration_since(now),
            None => POLL_INTERVAL,
        };
        self.answers
            .iter()
            .map(|(due, ..)| due.saturating_duration_since(now))
            .fold(step.min(MAX_IDLE), Duration::min)
    }
}

impl LobbySimulation {
    fn new(server: Arc<DevServer>, wakers: &Wakers) -> Self {
        let players = PLAYERS
            .iter()
            .enumerate()
            .map(|(index, (name, doing))| player(&server, name, doing, wakers.for_player(index)))
            .map(finish_setup)
            .collect();
        let script = OPENING_STEPS
            .into_iter()
            .chain(std::iter::repeat(REPEATED_STEPS).flatten());
        let mut simulation = Self {
            server,
            players,
            script: Box::new(script),
            next: None,
            answers: Vec::new(),
        };
        for step in INITIAL_STEPS {
            simulation.perform(step);
        }
        simulation
    }

    fn run_script(&mut self) {
        let now = Instant::now();
        match self.next {
            Some((due, step)) if due <= now => self.perform(step),
            Some(_) => return,
            None if self.has_real_player() => {}
            None => return,
        }
        self.next = self
            .script
            .next()
            .map(|(pause, step)| (now + Duration::from_millis(pause), step));
    }

    fn has_real_player(&self) -> bool {
        self.server
            .members(LOBBY_CHANNEL)
            .iter()
            .any(|id| !is_simulated(id))
    }

    fn perform(&mut self, step: Step) {
        match step {
            Player(player, action) => {
                if let Some(app) = self.players.get_mut(player) {
                    app.world_mut().write_message(ScriptedAction(action));
                }
                self.update(player);
            }
            PublishNews(text) => {
                let news = News {
                    text: text.to_owned(),
                };
                if let Err(error) = self.server.publish(NEWS_CHANNEL, News::EVENT, &news) {
                    warn!("could not publish the news: {error}");
                }
            }
        }
    }

    /// Updates a player's app, and schedules the answers that result.
    fn update(&mut self, player: usize) {
        let Some(app) = self.players.get_mut(player) else {
            return;
        };
        app.update();
        let due = Instant::now() + ANSWER_DELAY;
        let queue = std::mem::take(&mut app.world_mut().resource_mut::<AnswerQueue>().0);
        self.answers
            .extend(queue.into_iter().map(|answer| (due, player, answer)));
    }

    fn send_due_answers(&mut self) {
        let now = Instant::now();
        let due: Vec<_> = self
            .answers
            .extract_if(.., |(due, ..)| *due <= now)
            .collect();
        for (_, player, answer) in due {
            if let Some(app) = self.players.get_mut(player) {
                app.world_mut().write_message(answer);
            }
            self.update(player);
        }
    }
}

fn is_simulated(id: &str) -> bool {
    PLAYERS.iter().any(|(name, _)| *name == id)
}

/// An action from the script, written into the app of the player.
#[derive(Message, Clone, Copy, Debug)]
struct ScriptedAction(Action);

/// An answer to a real player.
#[derive(Message, Clone, Debug)]
enum Answer {
    /// The reply to a chat message of the player with this name.
    Greet(String),
    /// The reply to an invitation.
    Accept,
}

/// The answers that wait for their delay.
#[derive(Resource, Default)]
struct AnswerQueue(Vec<Answer>);

/// The state of a simulated player.
#[derive(Resource, Default)]
struct PlayerState {
    name: &'static str,
    lobby: Option<Entity>,
    is_ready: bool,
}

fn player(server: &DevServer, name: &'static str, doing: &str, waker: PusherWaker) -> App {
    let you = Identity::new(name).with_info(&PlayerInfo::new(name, doing));
    let mut app = player_app(server, &you, waker);
    app.insert_resource(PlayerState { name, ..default() })
        .init_resource::<AnswerQueue>()
        .add_message::<ScriptedAction>()
        .add_message::<Answer>()
        .add_pusher_event::<Chat>(Chat::EVENT)
        .add_pusher_event::<Invite>(Invite::EVENT)
        .add_systems(
            Update,
            (run_actions, queue_answers, send_answers, send_ready_on_join).chain(),
        );
    app
}

fn run_actions(
    mut actions: MessageReader<ScriptedAction>,
    mut commands: Commands,
    mut me: ResMut<PlayerState>,
    connection: Res<PusherConnection>,
) {
    for ScriptedAction(action) in actions.read() {
        match *action {
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
            Say(text) => send_chat(&connection, text),
            IsReady(ready) => {
                me.is_ready = ready;
                send_event(&connection, Ready::EVENT, &Ready { ready });
            }
            Invites => send_event(&connection, Invite::EVENT, &Invite {}),
        }
    }
}

fn send_chat(connection: &PusherConnection, text: impl Into<String>) {
    send_event(connection, Chat::EVENT, &Chat { text: text.into() });
}

/// While the network is cut, the events of the simulated players are dropped, as those of real players would be.
fn send_event(connection: &PusherConnection, event: &str, data: &impl serde::Serialize) {
    if let Err(error) = connection.send(LOBBY_CHANNEL, event, data) {
        warn!("a simulated player could not send {event}: {error}");
    }
}

/// Mira answers chat messages, and Tomas answers invitations.
fn queue_answers(
    me: Res<PlayerState>,
    mut chats: MessageReader<PusherEvent<Chat>>,
    mut invites: MessageReader<PusherEvent<Invite>>,
    mut queue: ResMut<AnswerQueue>,
) {
    for sender in chats.read().filter_map(real_sender) {
        if me.name == "Mira" {
            queue.0.push(Answer::Greet(sender.to_owned()));
        }
    }
    for _ in invites.read().filter_map(real_sender) {
        if me.name == "Tomas" {
            queue.0.push(Answer::Accept);
        }
    }
}

/// Returns the sender, unless it is a simulated player.
fn real_sender<T: Send + Sync>(event: &PusherEvent<T>) -> Option<&str> {
    event.user_id().filter(|id| !is_simulated(id))
}

fn send_answers(
    mut answers: MessageReader<Answer>,
    mut me: ResMut<PlayerState>,
    mut greetings: Local<usize>,
    connection: Res<PusherConnection>,
) {
    for answer in answers.read() {
        match answer {
            Answer::Greet(sender) => {
                *greetings += 1;
                send_chat(
                    &connection,
                    match *greetings % 3 {
                        1 => format!("Hello {sender}, good to see you!"),
                        2 => format!("I hear you, {sender}."),
                        _ => "Let us settle that on the track.".to_owned(),
                    },
                );
            }
            Answer::Accept => {
                me.is_ready = true;
                send_chat(&connection, "A match? I am in!");
                send_event(&connection, Ready::EVENT, &Ready { ready: true });
            }
        }
    }
}

/// Players who joined later have not received the earlier `Ready` events.
fn send_ready_on_join(
    mut joined: MessageReader<PusherMemberJoined>,
    me: Res<PlayerState>,
    connection: Res<PusherConnection>,
) {
    if joined.read().count() > 0 && me.is_ready {
        send_event(&connection, Ready::EVENT, &Ready { ready: true });
    }
}
