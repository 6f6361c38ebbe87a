//! A session with a virtual clock, and a record of its outputs.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test file uses its part"
)]

mod summary;

use std::time::Duration;

use pusher_protocol::{
    ChannelName, NameRules, Session,
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::{
        ClientEvent, Command, ConnectionError, ConnectionState, DialId, Input, Notice, Now, Output,
        ReceivedEvent, RequestId, SendId, SendMode, SessionConfig, SubscriptionStatus,
    },
};
use serde_json::{Value, json, value::RawValue};

pub use summary::summarize;

pub const SECOND: Duration = Duration::from_secs(1);

pub fn name(name: &str) -> ChannelName {
    ChannelName::new(name, NameRules::Strict).unwrap()
}

/// An output in a form that tests can compare; frames are JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum TestOutput {
    Dial(DialId),
    CancelDial(DialId),
    Frame(Value),
    Close,
    Abandon,
    Authorize(RequestId, String, String),
    Authenticate(RequestId, String),
    CancelRequest(RequestId),
    Notice(Notice),
}

pub struct Client {
    pub session: Session,
    pub now: Now,
    pub dial: Option<DialId>,
    connections: u32,
}

impl Client {
    pub fn new(config: SessionConfig) -> Self {
        Self {
            session: Session::new(config),
            now: Now::at(Duration::ZERO),
            dial: None,
            connections: 0,
        }
    }

    /// A client with default settings and an open connection. The outputs so far are dropped.
    pub fn connected() -> Self {
        Self::connected_with(SessionConfig::default())
    }

    /// The same with other settings.
    pub fn connected_with(config: SessionConfig) -> Self {
        let mut client = Self::new(config);
        client.command(Command::Connect);
        client.establish();
        client
    }

    pub fn drain(&mut self) -> Vec<TestOutput> {
        let mut outputs = Vec::new();
        while let Some(output) = self.session.poll_output() {
            outputs.push(match output {
                Output::Dial { dial, .. } => {
                    self.dial = Some(dial);
                    TestOutput::Dial(dial)
                }
                Output::CancelDial(dial) => TestOutput::CancelDial(dial),
                Output::Send { text, answer } => {
                    if let Some(id) = answer {
                        self.session
                            .handle_input(Input::Written { id, accepted: true }, self.now);
                    }
                    TestOutput::Frame(serde_json::from_str(&text).unwrap())
                }
                Output::Close { .. } => TestOutput::Close,
                Output::Abandon => TestOutput::Abandon,
                Output::Authorize {
                    request,
                    channel,
                    socket_id,
                } => TestOutput::Authorize(request, channel.to_string(), socket_id.to_string()),
                Output::Authenticate { request, socket_id } => {
                    TestOutput::Authenticate(request, socket_id.to_string())
                }
                Output::CancelRequest(request) => TestOutput::CancelRequest(request),
                Output::Notice(notice) => TestOutput::Notice(notice),
            });
        }
        outputs
    }

    pub fn input(&mut self, input: Input) -> Vec<TestOutput> {
        self.session.handle_input(input, self.now);
        self.drain()
    }

    pub fn command(&mut self, command: Command) -> Vec<TestOutput> {
        self.input(Input::Command(command))
    }

    pub fn want(&mut self, channel: &str) -> Vec<TestOutput> {
        self.command(Command::Subscribe {
            channel: name(channel),
            extra: None,
        })
    }

    pub fn unsubscribe(&mut self, channel: &str) -> Vec<TestOutput> {
        self.command(Command::Unsubscribe(name(channel)))
    }

    pub fn send(&mut self, channel: &str, event: &str, data: &str) -> Vec<TestOutput> {
        self.send_with(SendMode::Immediate, 1, channel, event, data)
    }

    pub fn send_with(
        &mut self,
        mode: SendMode,
        id: u64,
        channel: &str,
        event: &str,
        data: &str,
    ) -> Vec<TestOutput> {
        self.command(Command::Send(ClientEvent {
            id: SendId(id),
            mode,
            channel: name(channel),
            event: event.into(),
            data: RawValue::from_string(data.into()).unwrap(),
        }))
    }

    /// The driver opened the socket.
    pub fn open(&mut self) -> Vec<TestOutput> {
        let dial = self.dial.expect("the session dialled");
        self.input(Input::Opened(dial))
    }

    /// The socket opens, and the server completes the handshake.
    pub fn establish(&mut self) -> Vec<TestOutput> {
        self.connections += 1;
        self.open();
        let socket_id = format!("{}.1", self.connections);
        let data = json!({"socket_id": socket_id, "activity_timeout": 120}).to_string();
        self.frame(&json!({"event": "pusher:connection_established", "data": data}))
            .1
    }

    /// A frame arrives. Returns the event and the other outputs.
    pub fn text(&mut self, text: &str) -> (Option<ReceivedEvent<'static>>, Vec<TestOutput>) {
        let dial = self.dial.expect("the session dialled");
        let event = self
            .session
            .handle_frame(dial, text, self.now)
            .map(ReceivedEvent::into_owned);
        (event, self.drain())
    }

    pub fn frame(&mut self, frame: &Value) -> (Option<ReceivedEvent<'static>>, Vec<TestOutput>) {
        self.text(&frame.to_string())
    }

    /// The server confirms a channel without members.
    pub fn confirm(&mut self, channel: &str) -> Vec<TestOutput> {
        self.frame(&json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"})).1
    }

    /// The server confirms a presence channel with these members.
    pub fn confirm_presence(&mut self, channel: &str, ids: &[&str]) -> Vec<TestOutput> {
        let hash: serde_json::Map<String, Value> = ids
            .iter()
            .map(|id| (id.to_string(), json!({"name": id})))
            .collect();
        let data = json!({"presence": {"count": ids.len(), "ids": ids, "hash": hash}}).to_string();
        self.frame(&json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": data})).1
    }

    pub fn lose(&mut self) -> Vec<TestOutput> {
        self.close(None)
    }

    pub fn close(&mut self, code: Option<u16>) -> Vec<TestOutput> {
        let dial = self.dial.expect("the session dialled");
        self.input(Input::Closed(
            dial,
            ConnectionError::Closed {
                code,
                reason: String::new(),
            },
        ))
    }

    pub fn authorize(&mut self, request: RequestId) -> Vec<TestOutput> {
        self.input(Input::Authorized(
            request,
            Ok(ChannelAuthorization::new("key:signature")),
        ))
    }

    pub fn authorize_as(&mut self, request: RequestId, user_id: &str) -> Vec<TestOutput> {
        let channel_data = json!({"user_id": user_id}).to_string();
        let answer = ChannelAuthorization::new("key:signature").with_channel_data(channel_data);
        self.input(Input::Authorized(request, Ok(answer)))
    }

    pub fn refuse(&mut self, request: RequestId, error: AuthError) -> Vec<TestOutput> {
        self.input(Input::Authorized(request, Err(error)))
    }

    pub fn authenticate(&mut self, request: RequestId, user_data: &Value) -> Vec<TestOutput> {
        let answer = UserAuthentication::new("key:signature", user_data.to_string());
        self.input(Input::Authenticated(request, Ok(answer)))
    }

    /// Time passes; each timer of the session is served.
    pub fn wait(&mut self, time: Duration) -> Vec<TestOutput> {
        let end = self.now.monotonic + time;
        let mut outputs = Vec::new();
        while let Some(due) = self.session.wake_at().filter(|due| *due <= end) {
            assert!(
                due >= self.now.monotonic || !outputs.is_empty(),
                "the timer is in the past"
            );
            self.now = Now::at(due.max(self.now.monotonic));
            let before = outputs.len();
            outputs.extend(self.input(Input::TimePassed));
            assert!(
                self.session.wake_at() != Some(due) || outputs.len() > before,
                "the session sets timers without an effect"
            );
        }
        self.now = Now::at(end);
        outputs
    }

    /// Time passes until the session dials.
    pub fn wait_for_dial(&mut self) -> Vec<TestOutput> {
        let mut outputs = Vec::new();
        while dials(&outputs) == 0 {
            let due = self.session.wake_at().expect("a dial is scheduled");
            outputs.extend(self.wait(due.saturating_sub(self.now.monotonic)));
        }
        outputs
    }

    /// Subscribes to a private or presence channel as `user_id`, up to the server's confirmation.
    pub fn join(&mut self, channel: &str, user_id: &str, members: &[&str]) -> Vec<TestOutput> {
        let request = request(&self.want(channel));
        self.authorize_as(request, user_id);
        self.confirm_presence(channel, members)
    }

    /// Subscribes to a channel, up to the server's confirmation.
    pub fn subscribe(&mut self, channel: &str) -> Vec<TestOutput> {
        let outputs = self.want(channel);
        if name(channel).kind().needs_authorization() {
            let request = request(&outputs);
            self.authorize(request);
        }
        self.confirm(channel)
    }
}

pub fn frames(outputs: &[TestOutput]) -> Vec<Value> {
    outputs
        .iter()
        .filter_map(|outputs| {
            if let TestOutput::Frame(frame) = outputs {
                Some(frame.clone())
            } else {
                None
            }
        })
        .collect()
}

pub fn notices(outputs: &[TestOutput]) -> Vec<Notice> {
    outputs
        .iter()
        .filter_map(|outputs| {
            if let TestOutput::Notice(notice) = outputs {
                Some(notice.clone())
            } else {
                None
            }
        })
        .collect()
}

pub fn states(outputs: &[TestOutput]) -> Vec<ConnectionState> {
    let state = |notice| {
        if let Notice::State(state) = notice {
            Some(state)
        } else {
            None
        }
    };
    notices(outputs).into_iter().filter_map(state).collect()
}

pub fn statuses(outputs: &[TestOutput]) -> Vec<(String, SubscriptionStatus)> {
    let status = |notice| match notice {
        Notice::Subscription {
            channel, status, ..
        } => Some((channel.to_string(), status)),
        _ => None,
    };
    notices(outputs).into_iter().filter_map(status).collect()
}

pub fn dials(outputs: &[TestOutput]) -> usize {
    outputs
        .iter()
        .filter(|outputs| matches!(outputs, TestOutput::Dial(_)))
        .count()
}

/// Returns the only request to the backend.
pub fn request(outputs: &[TestOutput]) -> RequestId {
    let requests = requests(outputs);
    assert_eq!(requests.len(), 1, "{outputs:?}");
    requests[0]
}

pub fn requests(outputs: &[TestOutput]) -> Vec<RequestId> {
    let request = |outputs: &TestOutput| match outputs {
        TestOutput::Authorize(request, ..) | TestOutput::Authenticate(request, _) => Some(*request),
        _ => None,
    };
    outputs.iter().filter_map(request).collect()
}

pub fn subscribe_frame(channel: &str) -> Value {
    json!({"event": "pusher:subscribe", "data": {"channel": channel}})
}

pub fn unsubscribe_frame(channel: &str) -> Value {
    json!({"event": "pusher:unsubscribe", "data": {"channel": channel}})
}
