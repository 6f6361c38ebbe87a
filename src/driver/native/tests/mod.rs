//! The driver as a whole, against servers that misbehave.

mod auth;
mod death;
mod dialling;
mod ending;
mod headers;
mod live;
mod proxy;
mod transport;

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use pusher_protocol::{
    ChannelName, NameRules,
    config::{Endpoint, Limits, ReconnectPolicy, RetryPolicy, Timing},
    session::{
        ClientEvent, Command, ConnectionError, ConnectionState, Input, Notice, ReceivedEvent,
        SendId, SendMode, SubscriptionError, SubscriptionStatus,
    },
};
use pusher_test_support::{ScriptedConnection, ScriptedServer, TestAuthority};
use serde_json::value::RawValue;

use crate::{
    config::PusherConfig,
    driver::{Driver, Sink},
};

const SOON: Duration = Duration::from_secs(5);

/// What the sink received.
#[derive(Debug)]
enum Told {
    Event { name: String, data: String },
    Notice(Notice),
    Flush,
}

/// A sink that passes everything to the test.
struct Recorder(Sender<Told>);

impl Sink for Recorder {
    fn received(&mut self, _bytes: usize) {}

    fn event(&mut self, event: &ReceivedEvent<'_>) {
        assert_ne!(event.event, "panic", "told to panic");
        let _ = self.0.send(Told::Event {
            name: event.event.clone().into_owned(),
            data: event.data.as_str().to_owned(),
        });
    }

    fn notice(&mut self, notice: Notice) {
        let _ = self.0.send(Told::Notice(notice));
    }

    fn flush(&mut self) {
        let _ = self.0.send(Told::Flush);
    }
}

struct Client {
    driver: Box<dyn Driver>,
    told: Receiver<Told>,
}

impl Client {
    fn start(config: &PusherConfig) -> Self {
        let (sender, told) = unbounded();
        let driver = super::start(config, Box::new(Recorder(sender))).unwrap();
        Self { driver, told }
    }

    /// Starts a client that connects.
    fn connecting(config: &PusherConfig) -> Self {
        let client = Self::start(config);
        client.command(Command::Connect);
        client
    }

    fn command(&self, command: Command) {
        self.driver.input(Input::Command(command));
    }

    /// A client and the server's end of its established connection.
    fn connected(config: &PusherConfig, server: &ScriptedServer) -> (Self, ScriptedConnection) {
        let client = Self::connecting(config);
        let connection = server.accept(SOON);
        connection.establish("1.1", 120);
        client.expect_connected();
        (client, connection)
    }

    /// Waits for the first item that `wanted` accepts, and ignores those before.
    #[track_caller]
    fn expect<T>(&self, what: &str, wanted: impl Fn(&Told) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        let mut passed = Vec::new();
        loop {
            match self.told.recv_deadline(deadline) {
                Ok(told) => match wanted(&told) {
                    Some(found) => return found,
                    None => passed.push(told),
                },
                Err(_) => panic!("no sign of {what} within {SOON:?}; told: {passed:#?}"),
            }
        }
    }

    #[track_caller]
    fn expect_connected(&self) {
        self.expect("Connected", |told| match told {
            Told::Notice(Notice::State(ConnectionState::Connected { .. })) => Some(()),
            _ => None,
        });
    }

    /// Waits for the reason why the connection was lost or never established.
    #[track_caller]
    fn expect_loss(&self) -> ConnectionError {
        self.expect("Waiting or Failed", |told| match told {
            Told::Notice(Notice::State(
                ConnectionState::Waiting { error, .. } | ConnectionState::Failed { error },
            )) => Some(error.clone()),
            _ => None,
        })
    }

    /// The next event's name and data.
    #[track_caller]
    fn expect_event(&self) -> (String, String) {
        self.expect("an event", |told| match told {
            Told::Event { name, data, .. } => Some((name.clone(), data.clone())),
            _ => None,
        })
    }

    /// How the next subscription ended.
    #[track_caller]
    fn expect_subscription(&self, channel: &str) -> Result<(), SubscriptionError> {
        self.expect("the end of a subscription", |told| match told {
            Told::Notice(Notice::Subscription {
                channel: which,
                status,
                ..
            }) if which.as_str() == channel => match status {
                SubscriptionStatus::Subscribed => Some(Ok(())),
                SubscriptionStatus::Failed(error) => Some(Err(error.clone())),
                _ => None,
            },
            _ => None,
        })
    }

    fn subscribe(&self, channel: &str) {
        self.command(Command::Subscribe {
            channel: name(channel),
            extra: None,
        });
    }
}

fn name(channel: &str) -> ChannelName {
    ChannelName::new(channel, NameRules::Strict).unwrap()
}

/// A client event on `private-room`.
fn client_event(id: u64, data: &str) -> Command {
    Command::Send(ClientEvent {
        id: SendId(id),
        mode: SendMode::Immediate,
        channel: name("private-room"),
        event: "client-move".into(),
        data: RawValue::from_string(data.into()).unwrap(),
    })
}

/// A configuration for a server on loopback that never dials or asks twice by itself within a test.
fn config(port: u16) -> PusherConfig {
    PusherConfig::new("key", Endpoint::custom("127.0.0.1", port))
        .with_reconnect(ReconnectPolicy {
            min_delay: Duration::from_secs(60),
            max_delay: Duration::from_secs(60),
            ..ReconnectPolicy::default()
        })
        .with_auth_retry(RetryPolicy::never())
}

fn tls_config(port: u16, authority: &TestAuthority) -> PusherConfig {
    let endpoint = Endpoint::custom("localhost", port).with_tls();
    PusherConfig {
        endpoint,
        ..config(port)
    }
    .with_ca_certificate(authority.pem())
}

fn dial_timeout(dial_timeout: Duration) -> Timing {
    Timing {
        dial_timeout,
        ..Timing::default()
    }
}

/// Asserts that something took about as long as allowed.
#[track_caller]
fn assert_took(begun: Instant, allowed: Duration) {
    let elapsed = begun.elapsed();
    assert!(
        elapsed >= allowed * 3 / 4 && elapsed < allowed + Duration::from_millis(400),
        "{elapsed:?} of {allowed:?}"
    );
}

#[track_caller]
fn assert_quick(begun: Instant) {
    let elapsed = begun.elapsed();
    assert!(elapsed < Duration::from_millis(500), "{elapsed:?}");
}
