//! Connections over a configured transport.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use pusher_protocol::session::{DialPhase, SendError, SendOutcome};
use serde_json::{Value, json};

use super::*;
use crate::transport::{
    DialRequest, Transport, TransportConnection, TransportError, TransportEvents,
};

/// A transport whose other side is the test.
struct Scripted {
    dialled: Sender<Far>,
    /// What `waiting_bytes` says.
    waiting: std::sync::Arc<AtomicUsize>,
}

/// The test's half of a connection.
struct Far {
    request: DialRequest,
    events: TransportEvents,
    done: Receiver<Done>,
    waiting: std::sync::Arc<AtomicUsize>,
}

/// What the client did to its half.
#[derive(Debug, PartialEq)]
enum Done {
    Sent(String),
    Closed(u16),
}

/// The client's half.
struct Near {
    done: Sender<Done>,
    waiting: std::sync::Arc<AtomicUsize>,
}

impl Transport for Scripted {
    fn dial(
        &self,
        request: DialRequest,
        events: TransportEvents,
    ) -> Result<Box<dyn TransportConnection>, TransportError> {
        assert_eq!(thread::current().name(), Some("pusher"));
        let (sender, done) = unbounded();
        self.dialled.send(Far {
            request,
            events,
            done,
            waiting: self.waiting.clone(),
        })?;
        Ok(Box::new(Near {
            done: sender,
            waiting: self.waiting.clone(),
        }))
    }
}

impl TransportConnection for Near {
    fn send(&mut self, text: String) {
        assert!(!text.contains("panic"), "told to panic");
        let _ = self.done.send(Done::Sent(text));
    }

    fn waiting_bytes(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    fn close(self: Box<Self>, code: u16, _reason: &str) {
        let _ = self.done.send(Done::Closed(code));
    }
}

impl Far {
    fn establish(&self) {
        self.events.opened();
        self.send(&json!({"event": "pusher:connection_established", "data": {"socket_id": "1.1"}}));
    }

    fn send(&self, frame: &Value) {
        self.events.receive(frame.to_string());
    }

    #[track_caller]
    fn expect(&self) -> Done {
        self.done
            .recv_timeout(SOON)
            .expect("the client did nothing")
    }

    /// The next frame that the client sends.
    #[track_caller]
    fn expect_frame(&self) -> Value {
        match self.expect() {
            Done::Sent(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Whether the client let go of it, with or without a close.
    #[track_caller]
    fn expect_end(&self) {
        let deadline = Instant::now() + SOON;
        loop {
            match self.done.recv_deadline(deadline) {
                Ok(_) => {}
                Err(error) => return assert!(error.is_disconnected(), "it is still held"),
            }
        }
    }
}

fn scripted() -> (PusherConfig, Receiver<Far>) {
    let (dialled, dials) = unbounded();
    let waiting = std::sync::Arc::default();
    let config = config(1).with_transport(Scripted { dialled, waiting });
    (config, dials)
}

#[track_caller]
fn accept(dials: &Receiver<Far>) -> Far {
    dials.recv_timeout(SOON).expect("nobody dialled")
}

fn connected(config: &PusherConfig, dials: &Receiver<Far>) -> (Client, Far) {
    let client = Client::connecting(config);
    let far = accept(dials);
    far.establish();
    client.expect_connected();
    (client, far)
}

fn with_private_room(config: PusherConfig, dials: &Receiver<Far>) -> (Client, Far) {
    let config = config.with_authorizer(crate::auth::authorize_with(|_| {
        Ok(pusher_protocol::protocol::ChannelAuthorization::new("k:s"))
    }));
    let (client, far) = connected(&config, dials);
    client.subscribe("private-room");
    assert_eq!(far.expect_frame()["data"]["auth"], "k:s");
    far.send(
        &json!({"event": "pusher_internal:subscription_succeeded", "channel": "private-room", "data": "{}"}),
    );
    assert_eq!(client.expect_subscription("private-room"), Ok(()));
    (client, far)
}

#[test]
fn a_client_lives_on_a_transport_as_on_a_socket() {
    let (config, dials) = scripted();
    let (mut client, far) = with_private_room(config, &dials);
    let request = &far.request;
    assert!(request.url().starts_with("ws://127.0.0.1:1/app/key?"));
    assert_eq!((request.host(), request.port()), ("127.0.0.1", 1));
    assert_eq!(request.attempt(), 1);
    assert!(request.time_allowed() <= Timing::default().dial_timeout);
    for number in 0..1000 {
        far.send(&json!({"event": "count", "channel": "private-room", "data": number.to_string()}));
    }
    for number in 0..1000 {
        assert_eq!(client.expect_event(), ("count".into(), number.to_string()));
    }
    client.command(client_event(1, "{\"x\":1}"));
    assert_eq!(far.expect_frame()["data"]["x"], 1);
    assert_eq!(far.events.waiting_bytes(), 0);
    assert!(!far.events.is_given_up());
    let events = far.events;
    let done = far.done;
    thread::spawn(move || {
        assert_eq!(done.recv_timeout(SOON), Ok(Done::Closed(1000)));
        drop(events);
    });
    let begun = Instant::now();
    client.driver.close(Duration::from_secs(1));
    assert_quick(begun);
}

#[test]
fn what_came_before_an_end_is_told_before_it_and_what_comes_after_counts_for_nothing() {
    let (config, dials) = scripted();
    let (client, far) = connected(&config, &dials);
    client.subscribe("room");
    far.expect_frame();
    far.send(&json!({"event": "news", "channel": "room", "data": "1"}));
    far.events.closed(Some(4200), "please");
    far.events.receive("{}");
    far.events.closed(Some(4001), "");
    assert_eq!(client.expect_event().0, "news");
    let expected = ConnectionError::Closed {
        code: Some(4200),
        reason: "please".into(),
    };
    assert_eq!(client.expect_loss(), expected);
    far.expect_end();
    // 4200 asks to come back at once.
    let again = accept(&dials);
    assert_eq!(again.request.attempt(), 2);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn each_way_for_a_dial_to_fail_is_told_with_its_reason() {
    struct Failing(fn(TransportEvents) -> Result<Box<dyn TransportConnection>, TransportError>);
    impl Transport for Failing {
        fn dial(
            &self,
            _request: DialRequest,
            events: TransportEvents,
        ) -> Result<Box<dyn TransportConnection>, TransportError> {
            (self.0)(events)
        }
    }
    fn near() -> Result<Box<dyn TransportConnection>, TransportError> {
        Ok(Box::new(Near {
            done: unbounded().0,
            waiting: std::sync::Arc::default(),
        }))
    }
    let failing: [(Failing, &str); 5] = [
        (Failing(|_| Err("no relay".into())), "no relay"),
        (Failing(|_| panic!("told to panic")), "panicked"),
        (
            Failing(|events| {
                events.lost("no route");
                near()
            }),
            "no route",
        ),
        (Failing(|_| near()), "dropped the connection"),
        (
            Failing(|events| {
                events.receive("{}");
                events.opened();
                near()
            }),
            "before the connection was open",
        ),
    ];
    for (transport, part) in failing {
        let client = Client::connecting(&config(1).with_transport(transport));
        let error = client.expect_loss();
        assert!(
            matches!(&error, ConnectionError::Transport { reason } if reason.contains(part)),
            "{part}: {error}"
        );
    }
    let refusing = Failing(|events| {
        events.closed(Some(4001), "no such app");
        near()
    });
    let client = Client::connecting(&config(1).with_transport(refusing));
    client.expect("Failed", |told| match told {
        Told::Notice(Notice::State(ConnectionState::Failed { error })) => {
            assert_eq!(error.code(), Some(4001));
            Some(())
        }
        _ => None,
    });
}

#[test]
fn a_dial_that_does_not_open_is_given_up_in_time_and_at_once_by_a_disconnect() {
    let allowed = Duration::from_millis(300);
    let (config, dials) = scripted();
    let begun = Instant::now();
    let client = Client::connecting(&config.clone().with_timing(dial_timeout(allowed)));
    let far = accept(&dials);
    let expected = ConnectionError::TimedOut {
        phase: DialPhase::Open,
        after: allowed,
    };
    assert_eq!(client.expect_loss(), expected);
    assert_took(begun, allowed);
    far.expect_end();
    assert!(far.events.is_given_up());
    // Nobody minds.
    far.events.opened();

    let client = Client::connecting(&config);
    let far = accept(&dials);
    client.command(Command::Disconnect);
    far.expect_end();
}

#[test]
fn a_link_that_is_dead_is_dropped_without_a_close() {
    let timing = Timing {
        activity_timeout: Duration::from_millis(100),
        pong_timeout: Duration::from_millis(100),
        ..Timing::default()
    };
    let (config, dials) = scripted();
    let (client, far) = connected(&config.with_timing(timing), &dials);
    assert_eq!(far.expect_frame()["event"], "pusher:ping");
    assert!(matches!(
        client.expect_loss(),
        ConnectionError::PongTimedOut { .. }
    ));
    assert!(
        far.done
            .recv_timeout(SOON)
            .is_err_and(|error| error.is_disconnected())
    );
}

#[test]
fn a_transport_that_is_behind_gets_no_client_events_and_one_without_hope_is_left() {
    let limits = Limits {
        outbound_bytes: 1000,
        ..Limits::default()
    };
    let (config, dials) = scripted();
    let mut config = config.with_limits(limits);
    config.answer_sent = true;
    let (client, far) = with_private_room(config, &dials);
    let outcome_of = |waiting, id| {
        far.waiting.store(waiting, Ordering::SeqCst);
        client.command(client_event(id, "{}"));
        client.expect("an answer", |told| match told {
            Told::Notice(Notice::SendAnswered { outcome, .. }) => Some(outcome.clone()),
            _ => None,
        })
    };
    assert_eq!(outcome_of(0, 1), SendOutcome::Sent);
    let refused = SendOutcome::Rejected(SendError::Backlogged);
    assert_eq!(outcome_of(1000, 2), refused);
    assert_eq!(outcome_of(0, 3), SendOutcome::Sent);
    far.waiting.store(8001, Ordering::SeqCst);
    client.command(Command::Unsubscribe(name("private-room")));
    assert!(matches!(client.expect_loss(), ConnectionError::Lost { .. }));
}

#[test]
fn a_message_beyond_the_limit_ends_the_connection_with_1009() {
    let limits = Limits {
        inbound_message_bytes: 1000,
        ..Limits::default()
    };
    let (config, dials) = scripted();
    let (client, far) = connected(&config.with_limits(limits), &dials);
    far.events.receive("x".repeat(1001));
    assert!(matches!(
        client.expect_loss(),
        ConnectionError::Unreadable { .. }
    ));
    assert_eq!(far.expect(), Done::Closed(1009));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn a_panic_in_the_transport_ends_the_connection_and_not_the_client() {
    struct Panicking(&'static str, bool);
    impl TransportConnection for Panicking {
        fn send(&mut self, _text: String) {
            assert_ne!(self.0, "send", "told to panic");
        }

        fn waiting_bytes(&self) -> usize {
            assert_ne!(self.0, "waiting_bytes", "told to panic");
            0
        }

        fn close(mut self: Box<Self>, _code: u16, _reason: &str) {
            self.1 = true;
            assert_ne!(self.0, "close", "told to panic");
        }
    }
    impl Drop for Panicking {
        fn drop(&mut self) {
            if !self.1 {
                assert_ne!(self.0, "drop", "told to panic");
            }
        }
    }
    struct Dialler(&'static str, Sender<TransportEvents>);
    impl Transport for Dialler {
        fn dial(
            &self,
            _request: DialRequest,
            events: TransportEvents,
        ) -> Result<Box<dyn TransportConnection>, TransportError> {
            self.1.send(events)?;
            Ok(Box::new(Panicking(self.0, false)))
        }
    }
    let established = r#"{"event":"pusher:connection_established","data":{"socket_id":"1.1"}}"#;
    for place in ["send", "waiting_bytes", "close", "drop"] {
        let (dialled, dials) = unbounded();
        let client = Client::connecting(&config(1).with_transport(Dialler(place, dialled)));
        let connect = || {
            let events: TransportEvents = dials.recv_timeout(SOON).unwrap();
            events.opened();
            events.receive(established);
            client.expect_connected();
            events
        };
        let events = connect();
        match place {
            "close" => client.command(Command::Redial),
            "drop" => {
                events.lost("gone");
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
fn the_end_waits_for_a_transport_to_finish_and_not_for_ever() {
    let (config, dials) = scripted();
    let (mut client, far) = connected(&config, &dials);
    let begun = Instant::now();
    client.driver.close(Duration::from_secs(2));
    assert_took(begun, Timing::default().close_timeout);
    assert_eq!(far.expect(), Done::Closed(1000));
}

#[test]
fn another_transport_holds_from_the_next_dial_on() {
    let (old, old_dials) = scripted();
    let (new, new_dials) = scripted();
    assert!(old.needs_redial(&new) && !old.needs_redial(&old.clone()));
    let (client, far) = connected(&old, &old_dials);
    client.driver.configure(&new);
    client.command(Command::Redial);
    assert_eq!(far.expect(), Done::Closed(1000));
    accept(&new_dials).establish();
    client.expect_connected();
}

#[test]
fn dialling_by_a_transport_and_the_reconnect_hook_take_no_thread_of_their_own() {
    let (config, dials) = scripted();
    let (tell, told) = unbounded();
    let config = config.with_reconnect_hook(move |_| {
        let _ = tell.send(thread::current().name().map(str::to_owned));
        pusher_protocol::session::ReconnectDecision::After(Duration::from_millis(1))
    });
    let client = Client::connecting(&config);
    for _ in 0..10 {
        // Where the transport is called, it looks for itself.
        accept(&dials).events.lost("told to");
        client.expect_loss();
        assert_eq!(told.recv_timeout(SOON), Ok(Some("pusher".to_owned())));
    }
}
