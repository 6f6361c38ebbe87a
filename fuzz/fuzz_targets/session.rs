//! Runs a session from a script of one step per line: commands of user code, the network, the server and the backend. The
//! first character of a line selects the step; see `Driver::line`.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use pusher_protocol::{
    ChannelName, NameRules, Session,
    protocol::{ChannelAuthorization, UserAuthentication},
    session::{
        ClientEvent, Command, ConnectionError, ConnectionState, DialId, Hint, Input, Notice, Now,
        Output, RequestId, SendId, SendMode, SessionConfig,
    },
};

/// A driver for the session, which checks that the outputs are consistent.
struct Driver {
    session: Session,
    now: Now,
    dialling: Option<DialId>,
    open: Option<DialId>,
    channels: Vec<RequestId>,
    user: Option<RequestId>,
    state: ConnectionState,
    sent: u64,
}

impl Driver {
    fn new() -> Self {
        let mut session = Session::new(SessionConfig::default());
        let now = Now::at(Duration::ZERO);
        session.handle_input(Input::Command(Command::Connect), now);
        let mut driver = Self {
            session,
            now,
            dialling: None,
            open: None,
            channels: Vec::new(),
            user: None,
            state: ConnectionState::Disconnected,
            sent: 0,
        };
        driver.drain();
        driver
    }

    /// Executes one step: `+` subscribe, `-` unsubscribe, `r` retry, `0` to `2` send in one of the modes, `C` connect, `D` disconnect,
    /// `R` redial, `I` sign in, `O` sign out, `o` dial succeeded, `x` dial failed, `c` closed, `a` authorized, `u` authenticated, `w` wait,
    /// `s` sleep, `h` hint. Any other line is a frame.
    fn line(&mut self, line: &str) {
        let mut rest = line.chars();
        let kind = rest.next();
        let text = rest.as_str();
        let channel = ChannelName::new(text, NameRules::Relaxed);
        match (kind, channel) {
            (Some('+'), Ok(channel)) => self.command(Command::Subscribe {
                channel,
                extra: None,
            }),
            (Some('-'), Ok(channel)) => self.command(Command::Unsubscribe(channel)),
            (Some('r'), Ok(channel)) => self.command(Command::Retry(channel)),
            (Some(mode @ ('0' | '1' | '2')), Ok(channel)) => self.send(mode, channel),
            (Some('C'), _) => self.command(Command::Connect),
            (Some('D'), _) => self.command(Command::Disconnect),
            (Some('R'), _) => self.command(Command::Redial),
            (Some('I'), _) => self.command(Command::SignIn),
            (Some('O'), _) => self.command(Command::SignOut),
            (Some('o'), _) => {
                if let Some(dial) = self.dialling.take() {
                    self.open = Some(dial);
                    self.input(Input::Opened(dial));
                }
            }
            (Some('x'), _) => {
                if let Some(dial) = self.dialling.take() {
                    let reason = text.into();
                    self.input(Input::DialFailed(dial, ConnectionError::Lost { reason }));
                }
            }
            (Some('c'), _) => {
                if let Some(dial) = self.open.take() {
                    let error = ConnectionError::Closed {
                        code: text.get(..4).and_then(|code| code.parse().ok()),
                        reason: text.into(),
                    };
                    self.input(Input::Closed(dial, error));
                }
            }
            (Some('a'), _) => {
                if let Some(request) = self.channels.pop() {
                    let answer = ChannelAuthorization::from_json(text);
                    self.input(Input::Authorized(request, answer));
                }
            }
            (Some('u'), _) => {
                if let Some(request) = self.user.take() {
                    let answer = UserAuthentication::from_json(text);
                    self.input(Input::Authenticated(request, answer));
                }
            }
            (Some('w'), _) => self.wait(text.len() as u32),
            (Some('s'), _) => self.now.wall += Duration::from_secs(text.len() as u64),
            (Some('h'), _) => self.input(Input::Hint(Hint::NetworkChanged)),
            _ => {
                if let Some(dial) = self.open {
                    self.session.handle_frame(dial, line, self.now);
                    self.drain();
                }
            }
        }
    }

    fn send(&mut self, mode: char, channel: ChannelName) {
        self.sent += 1;
        self.command(Command::Send(ClientEvent {
            id: SendId(self.sent),
            mode: match mode {
                '0' => SendMode::Immediate,
                '1' => SendMode::Queued,
                _ => SendMode::Latest,
            },
            channel,
            event: "client-e".into(),
            data: serde_json::value::RawValue::from_string("1".into()).unwrap(),
        }));
    }

    fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    fn input(&mut self, input: Input) {
        self.session.handle_input(input, self.now);
        self.drain();
    }

    fn wait(&mut self, seconds: u32) {
        let end = self.now.monotonic + Duration::from_secs(1) * seconds;
        let mut woken = 0;
        while let Some(due) = self.session.wake_at().filter(|due| *due <= end) {
            let step = due.saturating_sub(self.now.monotonic);
            self.now.monotonic += step;
            self.now.wall += step;
            self.input(Input::TimePassed);
            woken += 1;
            assert!(woken < 100 + 50 * seconds, "the session spins");
        }
        let step = end.saturating_sub(self.now.monotonic);
        self.now.monotonic += step;
        self.now.wall += step;
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Dial { dial, .. } => {
                    assert!(self.dialling.is_none() && self.open.is_none());
                    self.dialling = Some(dial);
                }
                Output::CancelDial(dial) => assert_eq!(self.dialling.take(), Some(dial)),
                Output::Send { answer, .. } => {
                    assert!(self.open.is_some());
                    if let Some(id) = answer {
                        self.session
                            .handle_input(Input::Written { id, accepted: true }, self.now);
                    }
                }
                Output::Close { .. } | Output::Abandon => assert!(self.open.take().is_some()),
                Output::Authorize { request, .. } => self.channels.push(request),
                Output::Authenticate { request, .. } => {
                    assert!(self.user.replace(request).is_none());
                }
                Output::CancelRequest(request) => {
                    self.channels.retain(|open| *open != request);
                    self.user.take_if(|open| *open == request);
                }
                Output::Notice(Notice::State(state)) => self.state = state,
                Output::Notice(_) => {}
            }
        }
        let waits = !matches!(
            self.state,
            ConnectionState::Disconnected | ConnectionState::Failed { .. }
        );
        assert_eq!(self.session.wake_at().is_some(), waits);
    }
}

fuzz_target!(|text: &str| {
    let mut driver = Driver::new();
    for line in text.lines() {
        driver.line(line);
    }
    let shown = format!("{:?}", driver.session);
    assert!(!shown.is_empty());
});
