//! Players who whisper when nobody else is there, and answer a guest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};

use super::{WHISPER_CHANNEL, Whisper};
use crate::{
    company::{Company, player_app},
    dev_server::DevServer,
    server::Identity,
};

const PACE: Duration = Duration::from_millis(200);

/// How long a player takes to answer.
const ANSWER: Duration = Duration::from_millis(1400);

/// Who they are.
const CAST: [&str; 3] = ["Mira", "Jonas Lind", "Cleo"];

/// How many there are.
pub const WHISPERERS: usize = CAST.len();

/// Who whispers what, and after how many milliseconds; over and over.
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

/// Brings the players to the channel on this server.
///
/// # Errors
/// Their thread cannot be started.
pub fn whisper_company(server: Arc<DevServer>) -> io::Result<Company> {
    Company::of_players(WHISPERERS, PACE, move |index, waker| {
        let name = CAST.get(index).copied().unwrap_or_default();
        player(&server, name, waker)
    })
}

/// How a player is.
#[derive(Resource)]
struct Me {
    server: Arc<DevServer>,
    name: &'static str,
    /// How many lines of the script are over, and when the next one is due.
    line: usize,
    due: Duration,
    answer_at: Option<Duration>,
}

fn player(server: &Arc<DevServer>, name: &'static str, waker: PusherWaker) -> App {
    let mut app = player_app(server, &Identity::new(name), waker);
    app.insert_resource(Me {
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
    .add_systems(Update, (follow_script, listen, answer).chain());
    app
}

impl Me {
    /// Asks the backend, which alone may publish here.
    fn whisper(&self, text: &str) {
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

/// Everybody knows the script, and says the own lines.
fn follow_script(mut me: ResMut<Me>, time: Res<Time<Real>>, connection: Res<PusherConnection>) {
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
        me.whisper(text);
    }
    me.line += 1;
    me.due = Duration::ZERO;
}

/// Mira has an ear for guests.
fn listen(
    mut whispers: MessageReader<PusherEvent<Whisper>>,
    time: Res<Time<Real>>,
    mut me: ResMut<Me>,
) {
    let has_guest = whispers
        .read()
        .any(|whisper| !CAST.contains(&whisper.data().from.as_str()));
    if has_guest && me.name == "Mira" {
        me.answer_at = Some(time.elapsed() + ANSWER);
    }
}

fn answer(mut me: ResMut<Me>, time: Res<Time<Real>>) {
    if me.answer_at.is_some_and(|due| due <= time.elapsed()) {
        me.answer_at = None;
        me.whisper("Understood. Nobody else did.");
    }
}
