//! Connections over a configured transport.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use pusher_protocol::{
    protocol::ChannelAuthorization,
    session::{DialPhase, SendError},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    auth::authorize_with,
    transport::{DialRequest, Transport, TransportConnection, TransportError, TransportEvents},
};

type Dialled = Result<Box<dyn TransportConnection>, TransportError>;

/// A transport made of a function.
struct DialWith<F>(F);

impl<F> Transport for DialWith<F>
where
    F: Fn(DialRequest, TransportEvents) -> Dialled + Send + Sync + 'static,
{
    fn dial(&self, request: DialRequest, events: TransportEvents) -> Dialled {
        (self.0)(request, events)
    }
}

fn dial_with(
    dial: impl Fn(DialRequest, TransportEvents) -> Dialled + Send + Sync + 'static,
) -> PusherConfig {
    config(1).with_transport(DialWith(dial))
}

/// The test's end of a connection.
struct Remote {
    request: DialRequest,
    events: TransportEvents,
    actions: Receiver<Action>,
    waiting_bytes: Arc<AtomicUsize>,
}

/// What the client did with its end.
#[derive(Debug, PartialEq)]
enum Action {
    Sent(String),
    Closed(u16),
}

/// The client's end: its actions, and what `waiting_bytes` returns.
struct Local(Sender<Action>, Arc<AtomicUsize>);

impl TransportConnection for Local {
    fn send(&mut self, text: String) {
        let _ = self.0.send(Action::Sent(text));
    }

    fn waiting_bytes(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }

    fn close(self: Box<Self>, code: u16, _reason: &str) {
        let _ = self.0.send(Action::Closed(code));
    }
}

/// Opens a connection as the server does.
fn establish(events: &TransportEvents) {
    events.opened();
    events.receive(r#"{"event":"pusher:connection_established","data":{"socket_id":"1.1"}}"#);
}

impl Remote {
    fn send(&self, frame: &Value) {
        self.events.receive(frame.to_string());
    }

    #[track_caller]
    fn expect(&self) -> Action {
        self.actions.recv_timeout(SOON).expect("an action")
    }

    /// The next frame that the client sends.
    #[track_caller]
    fn expect_frame(&self) -> Value {
        match self.expect() {
            Action::Sent(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// A configuration with a transport whose other side is the test, and its dials.
fn scripted() -> (PusherConfig, Receiver<Remote>) {
    let (dial, dials) = unbounded();
    let config = dial_with(move |request, events| {
        assert_eq!(thread::current().name(), Some("pusher"));
        let (sender, actions) = unbounded();
        let waiting_bytes = Arc::<AtomicUsize>::default();
        let local = Local(sender, waiting_bytes.clone());
        dial.send(Remote {
            request,
            events,
            actions,
            waiting_bytes,
        })?;
        Ok(Box::new(local))
    });
    (config, dials)
}

#[track_caller]
fn accept(dials: &Receiver<Remote>) -> Remote {
    dials.recv_timeout(SOON).expect("a dial")
}

/// A client that is connected over a scripted transport, the test's end of the connection, and further dials.
fn online(change: impl FnOnce(PusherConfig) -> PusherConfig) -> (Client, Remote, Receiver<Remote>) {
    let (config, dials) = scripted();
    let client = Client::connecting(&change(config));
    let remote = accept(&dials);
    establish(&remote.events);
    client.expect_connected();
    (client, remote, dials)
}

/// The same, with a subscription of `private-room`.
fn subscribed(change: impl FnOnce(PusherConfig) -> PusherConfig) -> (Client, Remote) {
    let authorizer = authorize_with(|_| Ok(ChannelAuthorization::new("k:s")));
    let (client, remote, _) = online(|config| change(config).with_authorizer(authorizer));
    client.subscribe("private-room");
    assert_eq!(remote.expect_frame()["data"]["auth"], "k:s");
    remote.send(
        &json!({"event": "pusher_internal:subscription_succeeded", "channel": "private-room", "data": "{}"}),
    );
    assert_eq!(client.expect_subscription("private-room"), Ok(()));
    (client, remote)
}

#[test]
fn custom_transport_works_like_a_socket() {
    let (mut client, remote) = subscribed(|config| config);
    let request = &remote.request;
    assert!(request.url().starts_with("ws://127.0.0.1:1/app/key?"));
    assert_eq!((request.host(), request.port()), ("127.0.0.1", 1));
    assert_eq!(request.attempt(), 1);
    assert!(request.time_allowed() <= Timing::default().dial_timeout);
    for number in 0..1000 {
        remote.send(
            &json!({"event": "count", "channel": "private-room", "data": number.to_string()}),
        );
    }
    for number in 0..1000 {
        assert_eq!(client.expect_event(), ("count".into(), number.to_string()));
    }
    client.command(client_event(1, "{\"x\":1}"));
    assert_eq!(remote.expect_frame()["data"]["x"], 1);
    assert_eq!(remote.events.waiting_bytes(), 0);
    assert!(!remote.events.is_given_up());
    thread::spawn(move || assert_eq!(remote.expect(), Action::Closed(1000)));
    client.close_at_once();
}

#[test]
fn frames_before_the_close_arrive_and_later_ones_are_ignored() {
    let (client, remote, dials) = online(|config| config);
    client.subscribe("room");
    remote.expect_frame();
    remote.send(&json!({"event": "news", "channel": "room", "data": "1"}));
    remote.events.closed(Some(4200), "please");
    remote.events.receive("{}");
    remote.events.closed(Some(4001), "");
    assert_eq!(client.expect_event().0, "news");
    let expected = ConnectionError::Closed {
        code: Some(4200),
        reason: "please".into(),
    };
    assert_eq!(client.expect_loss(), expected);
    expect_disconnect(&remote.actions);
    // After 4200, the client reconnects at once.
    assert_eq!(accept(&dials).request.attempt(), 2);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn each_failed_transport_dial_reports_its_reason() {
    type Dial = fn(TransportEvents) -> Dialled;
    fn local() -> Dialled {
        Ok(Box::new(Local(unbounded().0, Arc::default())))
    }
    let failures: [(Dial, &str); 5] = [
        (|_| Err("no relay".into()), "no relay"),
        (|_| panic!("the test requests a panic"), "panicked"),
        (
            |events| {
                events.lost("no route");
                local()
            },
            "no route",
        ),
        (|_| local(), "dropped the connection"),
        (
            |events| {
                events.receive("{}");
                events.opened();
                local()
            },
            "before the connection was open",
        ),
    ];
    for (dial, part) in failures {
        let client = Client::connecting(&dial_with(move |_, events| dial(events)));
        let error = client.expect_loss();
        assert!(
            matches!(&error, ConnectionError::Transport { reason } if reason.contains(part)),
            "{part}: {error}"
        );
    }
    let client = Client::connecting(&dial_with(|_, events| {
        events.closed(Some(4001), "no such app");
        local()
    }));
    assert_eq!(client.expect_failure().code(), Some(4001));
}

#[test]
fn unopened_transport_times_out_or_ends_on_disconnect() {
    let allowed = Duration::from_millis(300);
    let (config, dials) = scripted();
    let timing = changed(|timing: &mut Timing| timing.dial_timeout = allowed);
    let begun = Instant::now();
    let client = Client::connecting(&config.clone().with_timing(timing));
    let remote = accept(&dials);
    let expected = ConnectionError::TimedOut {
        phase: DialPhase::Open,
        after: allowed,
    };
    assert_eq!(client.expect_loss(), expected);
    assert_took(begun, allowed);
    expect_disconnect(&remote.actions);
    assert!(remote.events.is_given_up());
    // Has no effect.
    remote.events.opened();

    let client = Client::connecting(&config);
    let remote = accept(&dials);
    client.command(Command::Disconnect);
    expect_disconnect(&remote.actions);
}

#[test]
fn dead_transport_is_dropped_without_a_close() {
    let (client, remote, _) = online(|config| {
        config.with_timing(changed(|timing: &mut Timing| {
            timing.activity_timeout = Duration::from_millis(100);
            timing.pong_timeout = Duration::from_millis(100);
        }))
    });
    assert_eq!(remote.expect_frame()["event"], "pusher:ping");
    let error = client.expect_loss();
    assert!(
        matches!(error, ConnectionError::PongTimedOut { .. }),
        "{error}"
    );
    let end = remote.actions.recv_timeout(SOON);
    assert!(end.is_err_and(|error| error.is_disconnected()));
}

#[test]
fn full_transport_refuses_events_and_overfull_one_is_dropped() {
    let (client, remote) = subscribed(|mut config| {
        config.answer_sent = true;
        config.with_limits(changed(|limits: &mut Limits| limits.outbound_bytes = 1000))
    });
    let refused = SendOutcome::Rejected(SendError::Backlogged);
    for (id, waiting, expected) in [
        (1, 0, SendOutcome::Sent),
        (2, 1000, refused),
        (3, 0, SendOutcome::Sent),
    ] {
        remote.waiting_bytes.store(waiting, Ordering::SeqCst);
        assert_eq!(client.outcome_of(client_event(id, "{}")), expected, "{id}");
    }
    remote.waiting_bytes.store(8001, Ordering::SeqCst);
    client.command(Command::Unsubscribe(name("private-room")));
    assert!(matches!(client.expect_loss(), ConnectionError::Lost { .. }));
}

#[test]
fn a_message_beyond_the_limit_ends_the_connection_with_1009() {
    let limits = changed(|limits: &mut Limits| limits.inbound_message_bytes = 1000);
    let (client, remote, _) = online(|config| config.with_limits(limits));
    remote.events.receive("x".repeat(1001));
    assert!(matches!(
        client.expect_loss(),
        ConnectionError::Unreadable { .. }
    ));
    assert_eq!(remote.expect(), Action::Closed(1009));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn panic_in_a_transport_ends_only_the_connection() {
    struct Panicking {
        place: &'static str,
        is_closed: bool,
    }
    impl Panicking {
        fn enter(&self, place: &str) {
            assert_ne!(self.place, place, "the test requests a panic");
        }
    }
    impl TransportConnection for Panicking {
        fn send(&mut self, _text: String) {
            self.enter("send");
        }

        fn waiting_bytes(&self) -> usize {
            self.enter("waiting_bytes");
            0
        }

        fn close(mut self: Box<Self>, _code: u16, _reason: &str) {
            self.is_closed = true;
            self.enter("close");
        }
    }
    impl Drop for Panicking {
        fn drop(&mut self) {
            if !self.is_closed {
                self.enter("drop");
            }
        }
    }
    for place in ["send", "waiting_bytes", "close", "drop"] {
        let (dial, dials) = unbounded();
        let client = Client::connecting(&dial_with(move |_, events| {
            dial.send(events)?;
            Ok(Box::new(Panicking {
                place,
                is_closed: false,
            }))
        }));
        let connect = || {
            let events: TransportEvents = dials.recv_timeout(SOON).unwrap();
            establish(&events);
            client.expect_connected();
            events
        };
        let events = connect();
        match place {
            "close" => client.command(Command::Redial),
            "drop" => {
                events.lost("lost");
                client.expect_loss();
                client.command(Command::Connect);
            }
            _ => {
                client.subscribe("room");
                let error = client.expect_loss();
                assert!(error.to_string().contains("panicked"), "{place}: {error}");
                client.command(Command::Unsubscribe(name("room")));
                client.command(Command::Connect);
            }
        }
        connect();
    }
}

#[test]
fn closing_waits_a_bounded_time_for_the_transport() {
    let (mut client, remote, _) = online(|config| config);
    let begun = Instant::now();
    client.driver.close(Duration::from_secs(2));
    assert_took(begun, Timing::default().close_timeout);
    assert_eq!(remote.expect(), Action::Closed(1000));
}

#[test]
fn changed_transport_applies_to_the_next_dial() {
    let (new, new_dials) = scripted();
    let (client, remote, _) = online(|old| {
        assert!(old.needs_redial(&new) && !old.needs_redial(&old.clone()));
        old
    });
    client.driver.configure(&new);
    client.command(Command::Redial);
    assert_eq!(remote.expect(), Action::Closed(1000));
    establish(&accept(&new_dials).events);
    client.expect_connected();
}

#[test]
fn transport_dial_and_reconnect_hook_run_on_the_network_thread() {
    let (config, dials) = scripted();
    let (call, calls) = unbounded();
    let config = config.with_reconnect_hook(move |_| {
        let _ = call.send(thread::current().name().map(str::to_owned));
        pusher_protocol::session::ReconnectDecision::After(Duration::from_millis(1))
    });
    let client = Client::connecting(&config);
    for _ in 0..10 {
        // The transport itself checks the thread on which it is called.
        accept(&dials).events.lost("no route");
        client.expect_loss();
        assert_eq!(calls.recv_timeout(SOON), Ok(Some("pusher".to_owned())));
    }
}
