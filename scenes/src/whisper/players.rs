//! Simulated players that whisper to each other and answer real players.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};

use super::{WHISPER_CHANNEL, Whisper};
use crate::{
    dev_server::DevServer,
    server::Identity,
    simulation::{SimulatedPlayers, player_app},
};

const UPDATE_INTERVAL: Duration = Duration::from_millis(200);

/// How long a player takes to answer.
const ANSWER_DELAY: Duration = Duration::from_millis(1400);

/// The names of the players.
const NAMES: [&str; 3] = ["Mira", "Jonas Lind", "Cleo"];

/// The number of players.
pub const WHISPERERS: usize = NAMES.len();

/// The delay in milliseconds, the player, and the text; repeated.
const SCRIPT: [(u64, &str, &str); 8] = [
    (1500, "Mira", "Is this line safe?"),
    (
        1800,
        "Jonas Lind",
        "The server carries it, and cannot read it.",
    ),
    (2600, "Cleo", "Then: the map is in the lighthouse."),
    (2600, "Mira", "Which floor?"),
    (1600, "Cleo", "The one without a window."),
    (
        5000,
        "Jonas Lind",
        "New password: the old one, but backwards.",
    ),
    (4000, "Mira", "Somebody is following the mail coach."),
    (6000, "Cleo", "That was me. Sorry."),
];

/// Starts the players on this server.
///
/// # Errors
/// The thread of the players could not be started.
pub fn start_whisper_players(server: Arc<DevServer>) -> io::Result<SimulatedPlayers> {
    SimulatedPlayers::start_apps(WHISPERERS, UPDATE_INTERVAL, move |index, waker| {
        let name = NAMES.get(index).copied().unwrap_or_default();
        player(&server, name, waker)
    })
}

/// The state of a simulated player.
#[derive(Resource)]
struct PlayerState {
    server: Arc<DevServer>,
    name: &'static str,
    /// The number of script lines that are over, and when the next one is due.
    line: usize,
    due: Duration,
    answer_at: Option<Duration>,
}

fn player(server: &Arc<DevServer>, name: &'static str, waker: PusherWaker) -> App {
    let mut app = player_app(server, &Identity::new(name), waker);
    app.insert_resource(PlayerState {
        server: Arc::clone(server),
        name,
        line: 0,
        due: Duration::ZERO,
        answer_at: None,
    })
    .add_pusher_event::<Whisper>(Whisper::EVENT)
    .add_systems(Startup, |mut commands: Commands| {
        commands.spawn(PusherChannel::new(WHISPER_CHANNEL));
    })
    .add_systems(Update, (run_script, schedule_answer, send_answer).chain());
    app
}

impl PlayerState {
    /// Publishes through the backend, since clients cannot send on encrypted channels.
    fn publish(&self, text: &str) {
        let whisper = Whisper {
            from: self.name.to_owned(),
            text: text.to_owned(),
        };
        let published = self
            .server
            .publish(WHISPER_CHANNEL, Whisper::EVENT, &whisper);
        if let Err(error) = published {
            warn!("{} could not whisper: {error}", self.name);
        }
    }
}

/// Every player follows the whole script, and publishes only its own lines.
fn run_script(
    mut me: ResMut<PlayerState>,
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
) {
    let Some((pause, name, text)) = SCRIPT.get(me.line % SCRIPT.len()).copied() else {
        return;
    };
    if me.due.is_zero() {
        me.due = time.elapsed() + Duration::from_millis(pause);
    }
    if me.due > time.elapsed() {
        return;
    }
    if name == me.name && connection.is_connected() {
        me.publish(text);
    }
    me.line += 1;
    me.due = Duration::ZERO;
}

/// Mira answers real players.
fn schedule_answer(
    mut whispers: MessageReader<PusherEvent<Whisper>>,
    time: Res<Time<Real>>,
    mut me: ResMut<PlayerState>,
) {
    let has_real_sender = whispers
        .read()
        .any(|whisper| !NAMES.contains(&whisper.data().from.as_str()));
    if has_real_sender && me.name == "Mira" {
        me.answer_at = Some(time.elapsed() + ANSWER_DELAY);
    }
}

fn send_answer(mut me: ResMut<PlayerState>, time: Res<Time<Real>>) {
    if me.answer_at.is_some_and(|due| due <= time.elapsed()) {
        me.answer_at = None;
        me.publish("Understood. Nobody else did.");
    }
}
