//! Tests of the whole driver, against servers that misbehave.

mod auth;
mod death;
mod dialling;
mod ending;
mod headers;
mod live;
mod proxy;
mod transport;

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use pusher_protocol::{
    ChannelName, NameRules,
    config::{Endpoint, Limits, ReconnectPolicy, RetryPolicy, Timing},
    session::{
        ClientEvent, Command, ConnectionError, ConnectionState, Input, Notice, ReceivedEvent,
        SendId, SendMode, SendOutcome, SubscriptionError, SubscriptionStatus,
    },
};
use pusher_test_support::{ScriptedConnection, ScriptedServer, TestAuthority, TestCertificate};
use serde_json::value::RawValue;

use super::resolver::DnsResolver;
use crate::{
    config::PusherConfig,
    driver::{Driver, Sink},
};

/// A deadline for what must happen: longer than it takes on a busy machine.
pub(super) const SOON: Duration = Duration::from_secs(5);

/// A call of the sink.
#[derive(Debug)]
enum SinkCall {
    Event { name: String, data: String },
    Notice(Notice),
    Flush,
}

/// A sink that passes its calls to the test.
struct Recorder(Sender<SinkCall>);

impl Sink for Recorder {
    fn received(&mut self, _bytes: usize) {}

    fn event(&mut self, event: &ReceivedEvent<'_>) {
        let _ = self.0.send(SinkCall::Event {
            name: event.event.clone().into_owned(),
            data: event.data.as_str().to_owned(),
        });
    }

    fn notice(&mut self, notice: Notice) {
        let _ = self.0.send(SinkCall::Notice(notice));
    }

    fn flush(&mut self) {
        let _ = self.0.send(SinkCall::Flush);
    }
}

/// A sink that first runs user code on the network thread: with the name of each event, and with `None` for each notice.
struct Hooked<F>(Box<dyn Sink>, F);

impl<F: FnMut(Option<&str>) + Send> Sink for Hooked<F> {
    fn received(&mut self, bytes: usize) {
        self.0.received(bytes);
    }

    fn event(&mut self, event: &ReceivedEvent<'_>) {
        (self.1)(Some(&event.event));
        self.0.event(event);
    }

    fn notice(&mut self, notice: Notice) {
        (self.1)(None);
        self.0.notice(notice);
    }

    fn flush(&mut self) {
        self.0.flush();
    }
}

/// A hook that panics for the event `panic`.
fn panic_on_event(event: Option<&str>) {
    assert_ne!(event, Some("panic"), "the test requests a panic");
}

struct Client {
    driver: Box<dyn Driver>,
    calls: Receiver<SinkCall>,
}

impl Client {
    fn start(config: &PusherConfig) -> Self {
        Self::with_hook(config, |_| {})
    }

    fn with_hook(config: &PusherConfig, hook: impl FnMut(Option<&str>) + Send + 'static) -> Self {
        let (sender, calls) = unbounded();
        let sink = Hooked(Box::new(Recorder(sender)), hook);
        let driver = super::start(config, Box::new(sink)).unwrap();
        Self { driver, calls }
    }

    /// Starts a client that connects.
    fn connecting(config: &PusherConfig) -> Self {
        let client = Self::start(config);
        client.command(Command::Connect);
        client
    }

    /// A client and the server's end of its established connection.
    fn connected(config: &PusherConfig, server: &ScriptedServer) -> (Self, ScriptedConnection) {
        let client = Self::connecting(config);
        let connection = client.accept(server);
        (client, connection)
    }

    /// Accepts and establishes the connection that this client dials.
    #[track_caller]
    fn accept(&self, server: &ScriptedServer) -> ScriptedConnection {
        let connection = server.accept(SOON);
        connection.establish("1.1", 120);
        self.expect_connected();
        connection
    }

    fn command(&self, command: Command) {
        self.driver.input(Input::Command(command));
    }

    fn subscribe(&self, channel: &str) {
        self.command(Command::Subscribe {
            channel: name(channel),
            extra: None,
        });
    }

    /// Asserts that closing does not block. Returns the time at which it began.
    #[track_caller]
    fn close_at_once(&mut self) -> Instant {
        let begun = Instant::now();
        self.driver.close(Duration::from_secs(1));
        assert_quick(begun);
        begun
    }

    /// Waits for the first call that `wanted` accepts, and ignores those before.
    #[track_caller]
    fn expect<T>(&self, what: &str, wanted: impl Fn(&SinkCall) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        let mut ignored = Vec::new();
        loop {
            match self.calls.recv_deadline(deadline) {
                Ok(call) => match wanted(&call) {
                    Some(found) => return found,
                    None => ignored.push(call),
                },
                Err(_) => panic!("no {what} within {SOON:?}; calls: {ignored:#?}"),
            }
        }
    }

    #[track_caller]
    fn expect_notice<T>(&self, what: &str, wanted: impl Fn(&Notice) -> Option<T>) -> T {
        self.expect(what, |call| match call {
            SinkCall::Notice(notice) => wanted(notice),
            _ => None,
        })
    }

    #[track_caller]
    fn expect_connected(&self) {
        self.expect_notice("Connected", |notice| match notice {
            Notice::State(ConnectionState::Connected { .. }) => Some(()),
            _ => None,
        });
    }

    /// Waits for the reason why the connection was lost or never established.
    #[track_caller]
    fn expect_loss(&self) -> ConnectionError {
        self.expect_notice("Waiting or Failed", |notice| match notice {
            Notice::State(
                ConnectionState::Waiting { error, .. } | ConnectionState::Failed { error },
            ) => Some(error.clone()),
            _ => None,
        })
    }

    /// Waits for the reason why the client does not try to connect again.
    #[track_caller]
    fn expect_failure(&self) -> ConnectionError {
        self.expect_notice("Failed", |notice| match notice {
            Notice::State(ConnectionState::Failed { error }) => Some(error.clone()),
            _ => None,
        })
    }

    /// The next event's name and data.
    #[track_caller]
    fn expect_event(&self) -> (String, String) {
        self.expect("event", |call| match call {
            SinkCall::Event { name, data } => Some((name.clone(), data.clone())),
            _ => None,
        })
    }

    /// How the next subscription ended.
    #[track_caller]
    fn expect_subscription(&self, channel: &str) -> Result<(), SubscriptionError> {
        self.expect_notice("end of a subscription", |notice| match notice {
            Notice::Subscription {
                channel: which,
                status,
                ..
            } if which.as_str() == channel => match status {
                SubscriptionStatus::Subscribed => Some(Ok(())),
                SubscriptionStatus::Failed(error) => Some(Err(error.clone())),
                _ => None,
            },
            _ => None,
        })
    }

    /// Sends a client event, and waits for its outcome.
    #[track_caller]
    fn outcome_of(&self, event: Command) -> SendOutcome {
        self.command(event);
        self.expect_notice("outcome", |notice| match notice {
            Notice::SendAnswered { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
    }
}

/// A server, and a client that is connected to it with this configuration.
fn connected(
    change: impl FnOnce(PusherConfig) -> PusherConfig,
) -> (ScriptedServer, Client, ScriptedConnection) {
    let server = ScriptedServer::start();
    let (client, connection) = Client::connected(&change(config(server.port())), &server);
    (server, client, connection)
}

/// A server at this address, over TLS if there is a certificate.
fn server_at(host: IpAddr, certificate: Option<&TestCertificate>) -> ScriptedServer {
    let builder = ScriptedServer::builder().host(host);
    match certificate {
        Some(certificate) => builder.tls(certificate).start(),
        None => builder.start(),
    }
}

/// A plain server and one over TLS, each with the configuration that reaches it.
fn plain_and_tls() -> [(ScriptedServer, PusherConfig); 2] {
    let authority = TestAuthority::new();
    let plain = ScriptedServer::start();
    let secure = ScriptedServer::start_tls(&authority.localhost());
    let configs = (config(plain.port()), tls_config(secure.port(), &authority));
    [(plain, configs.0), (secure, configs.1)]
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

/// A configuration for a server on loopback for which no retry starts within a test.
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

/// Waits until the sender is dropped.
#[track_caller]
fn expect_disconnect<T>(receiver: &Receiver<T>) {
    while receiver.recv_timeout(SOON).is_ok() {}
    let end = receiver.try_recv();
    let is_disconnected = end.is_err_and(|error| error.is_disconnected());
    assert!(is_disconnected, "the sender still exists");
}

/// The defaults with a change.
fn changed<T: Default>(change: impl FnOnce(&mut T)) -> T {
    let mut value = T::default();
    change(&mut value);
    value
}

/// Resolves every host to an IPv6 address that refuses and an IPv4 address.
pub(super) static DUAL_STACK: DnsResolver =
    DnsResolver::new(|_| Ok(vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()]));

/// Runs this on another thread, a moment after the test has begun to wait.
pub(super) fn run_soon(action: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        action();
    });
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
pub(super) fn assert_quick(begun: Instant) {
    let elapsed = begun.elapsed();
    assert!(elapsed < Duration::from_millis(500), "{elapsed:?}");
}
