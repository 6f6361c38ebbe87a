//! A session in one of its states, with a driver that checks the invariants.

use std::time::Duration;

use pusher_protocol::{
    protocol::ServerFrame,
    session::{
        Command, ConnectionError, ConnectionState, DialId, Input, Notice, Now, Output,
        ReceivedEvent, RequestId, SessionConfig, SignInState, SubscriptionStatus,
    },
};
use serde_json::{Value, json};

use crate::support::*;

/// A request to the backend: its channel, or `None` for the user.
pub struct BackendRequest {
    pub id: RequestId,
    pub channel: Option<String>,
    socket_id: String,
}

pub struct Scene {
    pub client: Client,
    /// The pending dial.
    dialling: Option<DialId>,
    /// The open socket.
    open: Option<DialId>,
    /// The last finished dial.
    pub stale_dial: DialId,
    pub requests: Vec<BackendRequest>,
    /// The last cancelled request.
    pub stale_request: RequestId,
    state: ConnectionState,
    sign_in: SignInState,
    statuses: Vec<(String, SubscriptionStatus)>,
    wants_sign_in: bool,
}

impl Scene {
    pub fn new() -> Self {
        Self {
            client: Client::new(SessionConfig::default()),
            dialling: None,
            open: None,
            stale_dial: DialId(u64::MAX),
            requests: Vec::new(),
            stale_request: RequestId(u64::MAX),
            state: ConnectionState::Disconnected,
            sign_in: SignInState::SignedOut,
            statuses: Vec::new(),
            wants_sign_in: false,
        }
    }

    /// A scene with an open connection.
    pub fn connected() -> Self {
        let mut scene = Self::new();
        scene.connect();
        scene
    }

    pub fn connect(&mut self) {
        self.command(Command::Connect);
        self.open();
        self.complete_handshake();
    }

    // Stimuli. Each returns a summary of the outputs.

    pub fn command(&mut self, command: Command) -> String {
        match command {
            Command::SignIn => self.wants_sign_in = true,
            Command::SignOut => self.wants_sign_in = false,
            _ => {}
        }
        self.input(Input::Command(command))
    }

    pub fn want(&mut self, channel: &str) -> String {
        self.command(Command::Subscribe {
            channel: name(channel),
            extra: None,
        })
    }

    pub fn unsubscribe(&mut self, channel: &str) -> String {
        self.statuses.retain(|(name, _)| name != channel);
        self.command(Command::Unsubscribe(name(channel)))
    }

    pub fn input(&mut self, input: Input) -> String {
        let outputs = self.client.input(input);
        self.note(&outputs);
        summarize(None, &outputs)
    }

    /// The dial succeeds, or a stale one is reported.
    pub fn open(&mut self) -> String {
        let dial = self.current();
        self.open = self.dialling.take().or(self.open);
        self.input(Input::Opened(dial))
    }

    pub fn fail_dial(&mut self, error: ConnectionError) -> String {
        let dial = self.dialling.take().unwrap_or(self.stale_dial);
        self.stale_dial = dial;
        self.input(Input::DialFailed(dial, error))
    }

    /// The socket closes.
    pub fn close(&mut self, code: Option<u16>) -> String {
        let dial = self.open.take().unwrap_or(self.stale_dial);
        self.stale_dial = dial;
        let reason = String::new();
        self.input(Input::Closed(
            dial,
            ConnectionError::Closed { code, reason },
        ))
    }

    pub fn complete_handshake(&mut self) -> String {
        self.frame(&json!({"event": "pusher:connection_established", "data": {"socket_id": "1.1"}}))
    }

    /// A frame arrives on the open socket, or on a stale one.
    pub fn frame(&mut self, frame: &Value) -> String {
        self.text(&frame.to_string())
    }

    pub fn text(&mut self, text: &str) -> String {
        assert!(ServerFrame::parse(text).is_ok() || text.contains("garbage"));
        let dial = self.current();
        let now = self.client.now;
        let event = self
            .client
            .session
            .handle_frame(dial, text, now)
            .map(ReceivedEvent::into_owned);
        let outputs = self.client.drain();
        self.note(&outputs);
        summarize(event.as_ref(), &outputs)
    }

    /// Returns the current dial or socket, or else the last one.
    pub fn current(&self) -> DialId {
        self.open.or(self.dialling).unwrap_or(self.stale_dial)
    }

    /// The driver passes `TimePassed` just before the next timer is due.
    pub fn wake_early(&mut self) -> String {
        if let Some(due) = self.client.session.wake_at() {
            self.pass_until(due - Duration::from_millis(1));
        }
        self.input(Input::TimePassed)
    }

    /// The next timer is due.
    pub fn wake(&mut self) -> String {
        if let Some(due) = self.client.session.wake_at() {
            self.pass_until(due);
        }
        self.input(Input::TimePassed)
    }

    pub fn pass_until(&mut self, time: Duration) {
        let time = time.max(self.client.now.monotonic);
        self.client.now = Now::at(time);
    }

    /// The wall clock runs ahead by an hour, and the driver passes `TimePassed`.
    pub fn sleep(&mut self) -> String {
        self.client.now.wall += 3600 * SECOND;
        self.input(Input::TimePassed)
    }

    // Invariants.

    fn note(&mut self, outputs: &[TestOutput]) {
        for outputs in outputs {
            match outputs {
                TestOutput::Dial(dial) => {
                    assert!(
                        self.dialling.is_none() && self.open.is_none(),
                        "one socket at a time"
                    );
                    self.dialling = Some(*dial);
                }
                TestOutput::CancelDial(dial) => {
                    assert_eq!(self.dialling.take(), Some(*dial));
                    self.stale_dial = *dial;
                }
                TestOutput::Close | TestOutput::Abandon => {
                    self.stale_dial = self.open.take().expect("only an open socket is closed");
                }
                TestOutput::Frame(_) => {
                    assert!(self.open.is_some(), "nothing is sent without a socket")
                }
                TestOutput::Authorize(request, channel, socket_id) => {
                    self.add_request(*request, Some(channel.clone()), socket_id);
                }
                TestOutput::Authenticate(request, socket_id) => {
                    self.add_request(*request, None, socket_id)
                }
                TestOutput::CancelRequest(request) => {
                    let open = self.requests.iter().position(|open| open.id == *request);
                    self.requests
                        .remove(open.expect("only an open request is cancelled"));
                    self.stale_request = *request;
                }
                TestOutput::Notice(notice) => self.on_notice(notice),
            }
        }
        self.check_always();
    }

    fn add_request(&mut self, request: RequestId, channel: Option<String>, socket_id: &str) {
        assert!(
            self.requests
                .iter()
                .all(|request| request.channel != channel)
        );
        self.requests.push(BackendRequest {
            id: request,
            channel,
            socket_id: socket_id.into(),
        });
    }

    fn on_notice(&mut self, notice: &Notice) {
        match notice {
            Notice::State(next) => {
                assert!(is_legal(&self.state, next), "{:?} -> {next:?}", self.state);
                if !matches!(next, ConnectionState::Connected { .. }) {
                    let pending = |(_, status): &(_, _)| *status == SubscriptionStatus::Pending;
                    assert!(self.statuses.iter().all(pending), "{:?}", self.statuses);
                    assert_eq!(self.sign_in, SignInState::SignedOut);
                }
                self.state = next.clone();
            }
            Notice::Subscription {
                channel, status, ..
            } => {
                self.statuses.retain(|(name, _)| name != channel.as_str());
                self.statuses.push((channel.to_string(), status.clone()));
            }
            Notice::SignIn(next) => {
                assert_ne!(self.sign_in, *next);
                self.sign_in = next.clone();
            }
            _ => {}
        }
    }

    pub fn check_always(&mut self) {
        let wakes = self.client.session.wake_at().is_some();
        let (waits, dialling, open) = match &self.state {
            ConnectionState::Disconnected | ConnectionState::Failed { .. } => (false, false, false),
            ConnectionState::Waiting { .. } => (true, false, false),
            ConnectionState::Connecting { .. } => (true, self.open.is_none(), self.open.is_some()),
            ConnectionState::Connected { .. } => (true, false, true),
        };
        assert_eq!(
            (wakes, self.dialling.is_some(), self.open.is_some()),
            (waits, dialling, open),
            "{:?}",
            self.state
        );
        for request in &self.requests {
            let ConnectionState::Connected { socket_id } = &self.state else {
                panic!("a request without a connection")
            };
            assert_eq!(request.socket_id, **socket_id);
        }
    }

    /// Checks that the session recovers to an open connection with all wanted channels.
    pub fn recover(&mut self, after: &str) {
        let end = self.client.now.monotonic + 120 * SECOND;
        self.command(Command::Connect);
        while !self.is_at_rest() {
            assert!(
                self.client.now.monotonic < end,
                "no recovery after {after}: {:?} {:?} {:?}",
                self.state,
                self.statuses,
                self.sign_in
            );
            let before = (
                self.state.clone(),
                self.statuses.clone(),
                self.sign_in.clone(),
            );
            if self.dialling.is_some() {
                self.open();
            }
            if matches!(self.state, ConnectionState::Connecting { .. }) {
                self.complete_handshake();
            }
            while let Some(request) = self.requests.pop() {
                self.answer(request);
            }
            for (channel, status) in self.statuses.clone() {
                match status {
                    SubscriptionStatus::Subscribing => {
                        self.confirm(&channel);
                    }
                    SubscriptionStatus::Failed(_) => {
                        self.command(Command::Retry(name(&channel)));
                    }
                    SubscriptionStatus::Pending | SubscriptionStatus::Subscribed => {}
                }
            }
            if self.wants_sign_in {
                self.command(Command::SignIn);
                self.frame(
                    &json!({"event": "pusher:signin_success", "data": {"user_data": {"id": "me"}}}),
                );
            }
            let is_stuck = self.requests.is_empty()
                && before
                    == (
                        self.state.clone(),
                        self.statuses.clone(),
                        self.sign_in.clone(),
                    );
            if is_stuck {
                self.wake();
            }
        }
    }

    /// The backend grants the request.
    pub fn answer(&mut self, request: BackendRequest) -> String {
        let BackendRequest { id, channel, .. } = request;
        let outputs = match channel.as_deref() {
            None => self.client.authenticate(id, &json!({"id": "me"})),
            Some(channel) if channel.starts_with("presence-") => self.client.authorize_as(id, "me"),
            Some(channel) if channel.starts_with("private-encrypted-") => self
                .client
                .input(Input::Authorized(id, Ok(crate::encrypted::answer(1)))),
            Some(_) => self.client.authorize(id),
        };
        self.note(&outputs);
        summarize(None, &outputs)
    }

    /// The server confirms a subscription.
    pub fn confirm(&mut self, channel: &str) -> String {
        let data = json!({"presence": {"ids": ["me"], "hash": {"me": null}, "count": 1}});
        self.frame(&json!({
            "event": "pusher_internal:subscription_succeeded", "channel": channel, "data": data
        }))
    }

    fn is_at_rest(&self) -> bool {
        let subscribed = |(_, status): &(_, _)| *status == SubscriptionStatus::Subscribed;
        matches!(self.state, ConnectionState::Connected { .. })
            && self.requests.is_empty()
            && self.statuses.iter().all(subscribed)
            && self.wants_sign_in == matches!(self.sign_in, SignInState::SignedIn { .. })
    }
}

fn is_legal(from: &ConnectionState, to: &ConnectionState) -> bool {
    use ConnectionState::{Connected, Connecting, Disconnected, Failed, Waiting};
    match (from, to) {
        // A disconnect followed by a connect, at each failure or continuously, has to wait.
        (Disconnected, to) => matches!(to, Connecting { .. } | Waiting { .. }),
        (Connecting { .. }, _) => true,
        (Connected { .. }, to) => !matches!(to, Connected { .. }),
        // Requests to connect shorten the wait, but do not skip it.
        (Waiting { .. } | Failed { .. }, to) => {
            matches!(to, Connecting { .. } | Disconnected | Waiting { .. })
        }
    }
}

/// All variants of commands and inputs are in a table: this does not compile once there is another one.
#[expect(dead_code, reason = "it is compiled, not run")]
fn all_are_listed(input: &Input, output: &Output) {
    match input {
        Input::Command(command) => match command {
            Command::Connect
            | Command::Disconnect
            | Command::Subscribe { .. }
            | Command::Unsubscribe(_)
            | Command::Retry(_)
            | Command::Send(_)
            | Command::SignIn
            | Command::SignOut
            | Command::Redial => {}
        },
        Input::Opened(_)
        | Input::DialFailed(..)
        | Input::Closed(..)
        | Input::BinaryFrame(_)
        | Input::Written { .. }
        | Input::Authorized(..)
        | Input::Authenticated(..)
        | Input::TimePassed
        | Input::Hint(_) => {}
    }
    match output {
        Output::Dial { .. }
        | Output::CancelDial(_)
        | Output::Send { .. }
        | Output::Close { .. }
        | Output::Abandon
        | Output::Authorize { .. }
        | Output::Authenticate { .. }
        | Output::CancelRequest(_)
        | Output::Notice(_) => {}
    }
}
