//! The client, with drivers that only record what they are told.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use pusher_protocol::session::SendId;

use super::*;
use crate::{config::Endpoint, inbound::InboundQueue, sync::lock};

/// What drivers were told.
#[derive(Clone, Default)]
struct Told {
    inputs: Arc<Mutex<Vec<Input>>>,
    configured: Arc<AtomicU64>,
}

impl Told {
    fn take(&self) -> String {
        format!("{:?}", std::mem::take(&mut *lock(&self.inputs)))
    }
}

/// A driver that records what it is told, until it stops with something left to send.
struct Recording {
    told: Told,
    is_running: Arc<AtomicBool>,
}

impl Driver for Recording {
    fn started(&self) -> Instant {
        Instant::now()
    }

    fn exit_error(&self) -> Option<ConnectionError> {
        (!self.is_running.load(Ordering::Relaxed)).then(told_to_stop)
    }

    fn take_unsent(&self) -> Vec<SendId> {
        vec![SendId(7)]
    }

    fn input(&self, input: Input) {
        lock(&self.told.inputs).push(input);
    }

    fn configure(&self, _config: &PusherConfig) {
        self.told.configured.fetch_add(1, Ordering::Relaxed);
    }

    fn close(&mut self, _within: Duration) {}
}

fn told_to_stop() -> ConnectionError {
    let reason = "told to stop".into();
    ConnectionError::Lost { reason }
}

/// An inbox that keeps the notices of the client.
#[derive(Clone, Default)]
struct Posted(Arc<Mutex<Vec<Notice>>>);

impl Inbox for Posted {
    fn open_sink(&self) -> Box<dyn Sink> {
        InboundQueue::new(Default::default()).open_sink()
    }

    fn close_sinks(&self) {}

    fn post(&self, notices: Vec<Notice>) {
        lock(&self.0).extend(notices);
    }
}

struct Fixture {
    client: Client,
    told: Told,
    is_running: Arc<AtomicBool>,
    posted: Posted,
}

fn fixture() -> Fixture {
    let told = Told::default();
    let is_running = Arc::new(AtomicBool::new(true));
    let start: StartDriver = {
        let (told, is_running) = (told.clone(), is_running.clone());
        Arc::new(move |_, _| {
            is_running.store(true, Ordering::Relaxed);
            let (told, is_running) = (told.clone(), is_running.clone());
            Ok(Box::new(Recording { told, is_running }))
        })
    };
    let posted = Posted::default();
    Fixture {
        client: Client::new(start, Box::new(posted.clone())),
        told,
        is_running,
        posted,
    }
}

fn config() -> PusherConfig {
    PusherConfig::new("key", Endpoint::cluster("eu")).with_autoconnect(false)
}

/// Applies a configuration that was inserted, as the plugin does. Returns whether a driver was started.
fn apply(client: &mut Client, config: &PusherConfig, inserted: Tick) -> bool {
    client.is_outdated(inserted) && !client.runs_with(config, inserted) && client.apply(config)
}

/// Moves the end of a driver back in time.
fn long_ago(client: &mut Client) {
    client.stopped.as_mut().unwrap().at -= RESTART_DELAY;
}

#[test]
fn a_driver_that_died_takes_no_commands_and_connecting_starts_another() {
    let Fixture {
        mut client,
        told,
        is_running,
        ..
    } = fixture();
    let (config, inserted) = (config(), Tick::new(1));
    assert!(apply(&mut client, &config, inserted));
    assert!(client.commands().send(Command::Disconnect));
    assert!(!client.is_outdated(inserted) && !client.has_exited());

    is_running.store(false, Ordering::Relaxed);
    assert!(!client.commands().send(Command::SignIn));
    assert!(client.has_exited());
    client.report_driver_exit(std::iter::empty());
    assert!(!client.has_exited() && !client.is_running());
    assert!(!client.is_outdated(inserted), "nobody asked to connect");
    assert!(!client.commands().send(Command::Connect));
    told.take();
    assert!(!apply(&mut client, &config, inserted), "not at once");
    long_ago(&mut client);
    assert!(apply(&mut client, &config, inserted));
    let told = told.take();
    assert_eq!(
        told, "[Command(SignIn), Command(Connect)]",
        "what was asked for meanwhile"
    );
}

#[test]
fn a_death_is_told_with_all_that_is_no_longer_so() {
    let Fixture {
        mut client,
        is_running,
        posted,
        ..
    } = fixture();
    apply(&mut client, &config(), Tick::new(1));
    is_running.store(false, Ordering::Relaxed);
    let lobby = ChannelName::new("lobby", pusher_protocol::NameRules::Strict).unwrap();
    client.report_driver_exit([&lobby].into_iter());
    client.report_driver_exit([&lobby].into_iter());
    let expected = [
        Notice::SignIn(SignInState::SignedOut),
        Notice::Subscription {
            channel: lobby,
            status: SubscriptionStatus::Pending,
            gap: None,
        },
        Notice::State(ConnectionState::Failed {
            error: told_to_stop(),
        }),
        Notice::SendAnswered {
            id: SendId(7),
            outcome: SendOutcome::Rejected(SendError::NotConnected),
        },
    ];
    assert_eq!(format!("{:?}", lock(&posted.0)), format!("{expected:?}"));
}

#[test]
fn after_a_death_only_another_endpoint_or_the_games_word_starts_another() {
    let Fixture {
        mut client,
        told,
        is_running,
        ..
    } = fixture();
    apply(&mut client, &config(), Tick::new(1));
    client.commands().send(Command::Connect);
    is_running.store(false, Ordering::Relaxed);
    client.report_driver_exit(std::iter::empty());
    told.take();
    for frame in 2..100 {
        let config = config().with_handshake_header("x-frame", frame.to_string());
        long_ago(&mut client);
        assert!(!apply(&mut client, &config, Tick::new(frame)));
    }
    let other = PusherConfig::new("other", Endpoint::cluster("eu")).with_autoconnect(false);
    long_ago(&mut client);
    assert!(apply(&mut client, &other, Tick::new(100)));
    assert_eq!(
        told.take(),
        "[Command(Connect)]",
        "as the game wanted it before"
    );
}

#[test]
fn a_game_that_takes_its_configuration_away_and_back_all_the_time_starts_few_drivers() {
    let mut client = fixture().client;
    let mut starts = 0;
    for frame in 1..100 {
        starts += usize::from(apply(&mut client, &config(), Tick::new(frame)));
        client.stop(std::iter::empty());
    }
    assert_eq!(starts, 5);
    client.created -= Duration::from_secs(1);
    assert!(apply(&mut client, &config(), Tick::new(100)));
}

#[test]
fn a_driver_hears_nothing_of_a_configuration_that_changes_nothing() {
    let Fixture {
        mut client, told, ..
    } = fixture();
    for frame in 1..100 {
        apply(&mut client, &config(), Tick::new(frame));
    }
    assert_eq!(told.configured.load(Ordering::Relaxed), 0);
    let other = config().with_sent_answers(true);
    apply(&mut client, &other, Tick::new(100));
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
    let mut client = Client::new(start, Box::new(Posted::default()));
    for frame in 1..100 {
        client.commands().send(Command::Connect);
        assert!(!apply(&mut client, &config(), Tick::new(frame)));
    }
    assert_eq!(tries.load(Ordering::Relaxed), 1);
    long_ago(&mut client);
    apply(&mut client, &config(), Tick::new(100));
    assert_eq!(tries.load(Ordering::Relaxed), 2);
}
