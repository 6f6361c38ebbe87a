//! Tests of the client, with drivers that only record their inputs.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use pusher_protocol::session::SendId;

use super::*;
use crate::{config::Endpoint, inbound::InboundQueue, sync::lock};

/// Records what drivers and the inbox receive. As a driver, it stops when the test sets `has_stopped`, with an event left to send.
#[derive(Default)]
struct Recording {
    inputs: Mutex<Vec<Input>>,
    configured: AtomicU64,
    has_stopped: AtomicBool,
    notices: Mutex<Vec<Notice>>,
}

impl Recording {
    fn take_inputs(&self) -> String {
        format!("{:?}", std::mem::take(&mut *lock(&self.inputs)))
    }
}

impl Driver for Arc<Recording> {
    fn started(&self) -> Instant {
        Instant::now()
    }

    fn exit_error(&self) -> Option<ConnectionError> {
        self.has_stopped.load(Ordering::Relaxed).then(test_error)
    }

    fn take_unsent(&self) -> Vec<SendId> {
        vec![SendId(7)]
    }

    fn input(&self, input: Input) {
        lock(&self.inputs).push(input);
    }

    fn configure(&self, _config: &PusherConfig) {
        self.configured.fetch_add(1, Ordering::Relaxed);
    }

    fn close(&mut self, _within: Duration) {}
}

impl Inbox for Arc<Recording> {
    fn open_sink(&self) -> Box<dyn Sink> {
        InboundQueue::new(Default::default()).open_sink()
    }

    fn close_sinks(&self) {}

    fn post(&self, notices: Vec<Notice>) {
        lock(&self.notices).extend(notices);
    }
}

fn test_error() -> ConnectionError {
    let reason = "stopped by the test".into();
    ConnectionError::Lost { reason }
}

fn client() -> (Client, Arc<Recording>) {
    let recording = Arc::<Recording>::default();
    let driver = recording.clone();
    let start: StartDriver = Arc::new(move |_, _| {
        driver.has_stopped.store(false, Ordering::Relaxed);
        Ok(Box::new(driver.clone()))
    });
    let client = Client::new(start, Box::new(recording.clone()));
    (client, recording)
}

fn config() -> PusherConfig {
    PusherConfig::new("key", Endpoint::cluster("eu")).with_autoconnect(false)
}

/// Applies a configuration that was inserted, as the plugin does. Returns whether a driver was started.
fn apply(client: &mut Client, config: &PusherConfig, inserted: Tick) -> bool {
    client.is_outdated(inserted) && !client.runs_with(config, inserted) && client.apply(config)
}

/// Moves the end of a driver back in time, so that the restart delay is over.
fn skip_restart_delay(client: &mut Client) {
    client.stopped.as_mut().unwrap().at -= RESTART_DELAY;
}

#[test]
fn dead_driver_refuses_commands_and_connect_starts_a_new_one() {
    let (mut client, recording) = client();
    let (config, inserted) = (config(), Tick::new(1));
    assert!(apply(&mut client, &config, inserted));
    assert!(client.commands().send(Command::Disconnect));
    assert!(!client.is_outdated(inserted) && !client.has_exited());

    recording.has_stopped.store(true, Ordering::Relaxed);
    assert!(!client.commands().send(Command::SignIn));
    assert!(client.has_exited());
    client.report_driver_exit(std::iter::empty());
    assert!(!client.has_exited() && !client.is_running());
    assert!(!client.is_outdated(inserted), "restarted without a request");
    assert!(!client.commands().send(Command::Connect));
    recording.take_inputs();
    assert!(!apply(&mut client, &config, inserted), "not at once");
    skip_restart_delay(&mut client);
    assert!(apply(&mut client, &config, inserted));
    // The commands that were sent without a driver.
    let commands = "[Command(SignIn), Command(Connect)]";
    assert_eq!(recording.take_inputs(), commands);
}

#[test]
fn driver_death_reports_every_lost_state() {
    let (mut client, recording) = client();
    apply(&mut client, &config(), Tick::new(1));
    recording.has_stopped.store(true, Ordering::Relaxed);
    let lobby = ChannelName::new("lobby", pusher_protocol::NameRules::Strict).unwrap();
    client.report_driver_exit([&lobby].into_iter());
    client.report_driver_exit([&lobby].into_iter());
    let error = test_error();
    let expected = [
        Notice::SignIn(SignInState::SignedOut),
        Notice::Subscription {
            channel: lobby,
            status: SubscriptionStatus::Pending,
            gap: None,
        },
        Notice::State(ConnectionState::Failed { error }),
        Notice::SendAnswered {
            id: SendId(7),
            outcome: SendOutcome::Rejected(SendError::NotConnected),
        },
    ];
    let posted = format!("{:?}", lock(&recording.notices));
    assert_eq!(posted, format!("{expected:?}"));
}

#[test]
fn dead_driver_restarts_for_a_new_endpoint_or_connect_only() {
    let (mut client, recording) = client();
    apply(&mut client, &config(), Tick::new(1));
    client.commands().send(Command::Connect);
    recording.has_stopped.store(true, Ordering::Relaxed);
    client.report_driver_exit(std::iter::empty());
    recording.take_inputs();
    for frame in 2..100 {
        let config = config().with_handshake_header("x-frame", frame.to_string());
        skip_restart_delay(&mut client);
        assert!(!apply(&mut client, &config, Tick::new(frame)));
    }
    let other = PusherConfig::new("other", Endpoint::cluster("eu")).with_autoconnect(false);
    skip_restart_delay(&mut client);
    assert!(apply(&mut client, &other, Tick::new(100)));
    // The game wanted a connection before.
    assert_eq!(recording.take_inputs(), "[Command(Connect)]");
}

#[test]
fn removing_and_inserting_the_config_starts_few_drivers() {
    let (mut client, _) = client();
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
fn equal_config_is_not_sent_to_the_driver() {
    let (mut client, recording) = client();
    for frame in 1..100 {
        apply(&mut client, &config(), Tick::new(frame));
    }
    assert_eq!(recording.configured.load(Ordering::Relaxed), 0);
    let other = config().with_sent_answers(true);
    apply(&mut client, &other, Tick::new(100));
    assert_eq!(recording.configured.load(Ordering::Relaxed), 1);
    assert_eq!(recording.take_inputs(), "[]");
}

#[test]
fn failed_driver_start_is_retried_at_most_once_a_second() {
    let tries = Arc::<AtomicU64>::default();
    let counter = tries.clone();
    let start: StartDriver = Arc::new(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        Err(std::io::Error::other("failed by the test"))
    });
    let mut client = Client::new(start, Box::new(Arc::<Recording>::default()));
    for frame in 1..100 {
        client.commands().send(Command::Connect);
        assert!(!apply(&mut client, &config(), Tick::new(frame)));
    }
    assert_eq!(tries.load(Ordering::Relaxed), 1);
    skip_restart_delay(&mut client);
    apply(&mut client, &config(), Tick::new(100));
    assert_eq!(tries.load(Ordering::Relaxed), 2);
}
