use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use pusher_protocol::session::{Hint, SendId};

use super::*;
use crate::config::Endpoint;

/// What drivers are told.
#[derive(Clone, Default)]
struct Told {
    commands: Arc<Mutex<Vec<Command>>>,
    configured: Arc<AtomicU64>,
}

impl Told {
    fn take(&self) -> String {
        format!("{:?}", std::mem::take(&mut *self.commands.lock().unwrap()))
    }
}

/// A driver that only notes what it is told, until it dies with something left to send.
struct Noting {
    told: Told,
    is_alive: Arc<AtomicBool>,
}

impl Drive for Noting {
    fn started(&self) -> Instant {
        Instant::now()
    }

    fn death(&self) -> Option<ConnectionError> {
        (!self.is_alive.load(Ordering::Relaxed)).then(told_to_die)
    }

    fn unsent(&self) -> Vec<SendId> {
        vec![SendId(7)]
    }

    fn command(&self, command: Command) {
        self.told.commands.lock().unwrap().push(command);
    }

    fn hint(&self, _hint: Hint) {}

    fn configure(&self, _config: &PusherConfig) {
        self.told.configured.fetch_add(1, Ordering::Relaxed);
    }

    fn close(&mut self, _within: Duration) {}
}

fn told_to_die() -> ConnectionError {
    let reason = "told to die".into();
    ConnectionError::Lost { reason }
}

/// A client of drivers like that, what they are told, and the switch of their lives.
fn client() -> (Client, Told, Arc<AtomicBool>) {
    let told = Told::default();
    let is_alive = Arc::new(AtomicBool::new(true));
    let start: StartDriver = {
        let (told, is_alive) = (told.clone(), is_alive.clone());
        Arc::new(move |_, _| {
            is_alive.store(true, Ordering::Relaxed);
            let (told, is_alive) = (told.clone(), is_alive.clone());
            Ok(Box::new(Noting { told, is_alive }))
        })
    };
    (Client::new(start), told, is_alive)
}

fn config() -> PusherConfig {
    PusherConfig::new("key", Endpoint::cluster("eu")).with_autoconnect(false)
}

/// Follows what was inserted, if there is anything to do. Returns whether it is a new start.
fn follow(client: &mut Client, config: &PusherConfig, inserted: Tick) -> bool {
    client.is_behind(inserted)
        && !client.knows(config, inserted)
        && client.follow(config, &EventTypes::default())
}

/// Moves the end that a driver came to back in time.
fn long_ago(client: &mut Client) {
    let ended = client.ended.as_mut().unwrap();
    ended.at -= STARTS_APART;
}

#[test]
fn a_driver_that_died_takes_no_commands_and_connecting_starts_another() {
    let (mut client, told, is_alive) = client();
    let (config, inserted) = (config(), Tick::new(1));
    assert!(follow(&mut client, &config, inserted));
    assert!(client.line().command(Command::Disconnect));
    assert!(!client.is_behind(inserted) && !client.has_died());

    is_alive.store(false, Ordering::Relaxed);
    assert!(!client.line().command(Command::SignIn));
    assert!(client.has_died());
    client.bury(std::iter::empty());
    assert!(!client.has_died() && !client.is_running());
    assert!(!client.is_behind(inserted), "nobody asked to connect");
    assert!(!client.line().command(Command::Connect));
    told.take();
    assert!(!follow(&mut client, &config, inserted), "not at once");
    long_ago(&mut client);
    assert!(follow(&mut client, &config, inserted));
    let told = told.take();
    assert_eq!(told, "[SignIn, Connect]", "what was asked for meanwhile");
}

#[test]
fn a_death_is_told_with_all_that_is_no_longer_so() {
    let (mut client, _told, is_alive) = client();
    follow(&mut client, &config(), Tick::new(1));
    is_alive.store(false, Ordering::Relaxed);
    let lobby = ChannelName::new("lobby", pusher_protocol::NameRules::Strict).unwrap();
    client.bury([&lobby].into_iter());
    client.bury([&lobby].into_iter());
    let mut batch = crate::handover::Batch::default();
    client.mailbox().take(&mut batch);
    let mut notices = Vec::new();
    while let Some(crate::handover::Entry::Notice(notice)) = batch.pop() {
        notices.push(*notice);
    }
    let expected = [
        Notice::SignIn(SignInState::SignedOut),
        Notice::Subscription {
            channel: lobby,
            status: SubscriptionStatus::Pending,
            gap: None,
        },
        Notice::State(ConnectionState::Failed {
            error: told_to_die(),
        }),
        Notice::SendAnswered {
            id: SendId(7),
            outcome: SendOutcome::Rejected(SendError::NotConnected),
        },
    ];
    assert_eq!(format!("{notices:?}"), format!("{expected:?}"));
}

#[test]
fn after_a_death_only_another_endpoint_or_the_games_word_starts_another() {
    let (mut client, told, is_alive) = client();
    follow(&mut client, &config(), Tick::new(1));
    client.line().command(Command::Connect);
    is_alive.store(false, Ordering::Relaxed);
    client.bury(std::iter::empty());
    told.take();
    for frame in 2..100 {
        let config = config().with_handshake_header("x-frame", frame.to_string());
        long_ago(&mut client);
        assert!(!follow(&mut client, &config, Tick::new(frame)));
    }
    let other = PusherConfig::new("other", Endpoint::cluster("eu")).with_autoconnect(false);
    long_ago(&mut client);
    assert!(follow(&mut client, &other, Tick::new(100)));
    assert_eq!(told.take(), "[Connect]", "as the game wanted it before");
}

#[test]
fn a_game_that_takes_its_configuration_away_and_back_all_the_time_starts_few_drivers() {
    let (mut client, _told, _is_alive) = client();
    let mut starts = 0;
    for frame in 1..100 {
        starts += usize::from(follow(&mut client, &config(), Tick::new(frame)));
        client.stop(std::iter::empty());
    }
    assert_eq!(starts, STARTS);
    for start in &mut client.starts {
        *start -= STARTS_SPAN;
    }
    assert!(follow(&mut client, &config(), Tick::new(100)));
}

#[test]
fn a_driver_hears_nothing_of_a_configuration_that_changes_nothing() {
    let (mut client, told, _is_alive) = client();
    for frame in 1..100 {
        follow(&mut client, &config(), Tick::new(frame));
    }
    assert_eq!(told.configured.load(Ordering::Relaxed), 0);
    let other = config().with_sent_answers(true);
    follow(&mut client, &other, Tick::new(100));
    assert_eq!(told.configured.load(Ordering::Relaxed), 1);
    assert_eq!(told.take(), "[]");
}

#[test]
fn a_driver_that_cannot_be_started_is_tried_once_a_second_however_often_it_is_asked_for() {
    let tries = Arc::new(AtomicU64::new(0));
    let counter = tries.clone();
    let start: StartDriver = Arc::new(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        Err(std::io::Error::other("told to fail"))
    });
    let mut client = Client::new(start);
    for frame in 1..100 {
        client.line().command(Command::Connect);
        assert!(!follow(&mut client, &config(), Tick::new(frame)));
    }
    assert_eq!(tries.load(Ordering::Relaxed), 1);
    long_ago(&mut client);
    follow(&mut client, &config(), Tick::new(100));
    assert_eq!(tries.load(Ordering::Relaxed), 2);
}
