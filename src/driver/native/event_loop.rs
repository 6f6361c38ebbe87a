//! The network thread: drives the session, and the socket by one poll.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mio::{Events, Poll, Token};
use pusher_protocol::{
    Session,
    session::{Command, ConnectionError, DialId, Input, Notice, Now, Output, SendId},
};

use super::{
    backend::Backend,
    cutoff::Cutoff,
    dial::{Dial, DialOrder},
    farewell::{Farewell, Progress},
    look_up::{self, LookUps},
    mailbox::{Inbox, Mailbox, Message},
    network::{Network, later},
    socket::{Ending, Incoming, Socket},
    tls::Trust,
};
use crate::{config::PusherConfig, driver::Sink};

/// The token of the mailbox's wake-up; sockets count from the next.
pub(super) const MAIL: Token = Token(0);

/// How many frames are read before commands and timers have their turn.
const FRAMES_PER_TURN: usize = 256;

/// How many messages are taken before the socket has its turn.
const MESSAGES_PER_TURN: usize = 256;

/// How much sooner than the session a dial gives up, at most: its error says where it stuck.
const HEAD_START: Duration = Duration::from_millis(50);

/// What the protocol itself has to say is not subject to the bound on waiting bytes; but a server that left this many
/// times as much unread is dead.
const HOPELESS_BACKLOG: usize = 8;

/// The shortest wait for a time that has come, so that no clock can make the loop spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// All that the network thread owns.
pub(super) struct EventLoop<S> {
    started: Instant,
    seed: u64,
    poll: Poll,
    mailbox: Mailbox,
    inbox: Inbox,
    cutoff: Arc<Cutoff>,
    config: PusherConfig,
    network: Network,
    session: Session,
    sink: S,
    /// Whether the sink holds what the game was not told of yet.
    has_news: bool,
    /// What the session is to be told once its outputs are carried out.
    answers: VecDeque<Input>,
    dial: Option<Dial>,
    live: Option<Live>,
    farewells: Vec<Farewell>,
    backend: Backend,
    last_token: Token,
    end: Option<Instant>,
}

/// The open socket.
struct Live {
    dial: DialId,
    socket: Socket,
    token: Token,
    /// Whether there may be something to read: the poll tells once, and not again before nothing was left.
    may_read: bool,
}

impl<S: Sink> EventLoop<S> {
    pub(super) fn new(
        config: PusherConfig,
        sink: S,
        started: Instant,
        cutoff: Arc<Cutoff>,
    ) -> io::Result<(Self, Mailbox)> {
        Self::with_look_ups(config, sink, started, cutoff, &look_up::SYSTEM)
    }

    fn with_look_ups(
        config: PusherConfig,
        sink: S,
        started: Instant,
        cutoff: Arc<Cutoff>,
        look_ups: &'static LookUps,
    ) -> io::Result<(Self, Mailbox)> {
        let poll = Poll::new()?;
        let (mailbox, inbox) = Mailbox::new(poll.registry(), MAIL)?;
        let network = Network {
            look_ups,
            trust: Arc::new(Trust::new(config.ca_certificates.clone())),
        };
        let seed = fresh_seed();
        let event_loop = Self {
            started,
            seed,
            poll,
            mailbox: mailbox.clone(),
            inbox,
            backend: Backend::new(mailbox.clone(), network.clone(), cutoff.clone()),
            cutoff,
            network,
            session: Session::new(config.session(seed)),
            config,
            sink,
            has_news: false,
            answers: VecDeque::new(),
            dial: None,
            live: None,
            farewells: Vec::new(),
            last_token: MAIL,
            end: None,
        };
        Ok((event_loop, mailbox))
    }

    /// Runs until it is told to close.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(16);
        loop {
            self.take_messages();
            self.flush_socket();
            self.pass_time();
            self.flush_socket();
            self.advance_farewells();
            if std::mem::take(&mut self.has_news) {
                self.sink.flush();
            }
            if self.is_over() {
                return Ok(());
            }
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
            for event in &events {
                if let Some(live) = &mut self.live
                    && live.token == event.token()
                {
                    live.socket.write_waiting();
                    live.may_read = true;
                }
            }
        }
    }

    /// Tells the game, by whatever still works, that this thread is at its end.
    pub(super) fn tell(&mut self, notice: Notice) {
        self.sink.notice(notice);
        self.sink.flush();
    }

    fn now(&self) -> Now {
        Now {
            monotonic: self.started.elapsed(),
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    fn take_messages(&mut self) {
        self.inbox.expect_wake_up();
        for _ in 0..MESSAGES_PER_TURN {
            match self.inbox.take() {
                Some(message) => self.take(message),
                None => return,
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Command(command) => self.feed(Input::Command(command)),
            Message::Hint(hint) => self.feed(Input::Hint(hint)),
            Message::Configure(config) => self.configure(*config),
            Message::Dialled(id, outcome) => self.dialled(id, outcome),
            Message::Authorized(id, answer) => self.feed(Input::Authorized(id, answer)),
            Message::Authenticated(id, answer) => self.feed(Input::Authenticated(id, answer)),
            Message::Close(within) => {
                self.feed(Input::Command(Command::Disconnect));
                // The rest is for the thread to end in.
                let wait = self.config.timing.close_timeout.min(within * 3 / 4);
                self.end = Some(Instant::now() + wait);
            }
        }
    }

    fn configure(&mut self, config: PusherConfig) {
        if self.config.ca_certificates != config.ca_certificates {
            self.network.trust = Arc::new(Trust::new(config.ca_certificates.clone()));
            self.backend.set_network(self.network.clone());
        }
        if let Some(live) = &mut self.live {
            live.socket.set_limit(config.limits.inbound_message_bytes);
        }
        self.session.configure(config.session(self.seed));
        self.config = config;
    }

    fn dialled(&mut self, id: DialId, outcome: Result<Box<Socket>, ConnectionError>) {
        let Some(dial) = self.dial.take_if(|dial| dial.id == id) else {
            return;
        };
        dial.finish();
        let input = match outcome {
            Ok(socket) => {
                self.last_token.0 += 1;
                self.live = Some(Live {
                    dial: id,
                    socket: *socket,
                    token: self.last_token,
                    // What came with the upgrade or with the last record of TLS is in no poll.
                    may_read: true,
                });
                Input::Opened(id)
            }
            Err(error) => Input::DialFailed(id, error),
        };
        self.feed(input);
    }

    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.session.handle_input(input, now);
        self.obey();
    }

    /// Carries out what the session says, and what it says to the answers.
    fn obey(&mut self) {
        loop {
            while let Some(output) = self.session.poll_output() {
                self.carry_out(output);
            }
            let Some(answer) = self.answers.pop_front() else {
                return;
            };
            let now = self.now();
            self.session.handle_input(answer, now);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Dial { dial, deadline, .. } => self.dial(dial, deadline),
            Output::CancelDial(id) => drop(self.dial.take_if(|dial| dial.id == id)),
            Output::Send { text, answer } => self.send(text, answer),
            Output::Close { code, reason } => {
                if let Some(live) = self.hang_up() {
                    let deadline = self.end_of_farewell();
                    self.farewells.push(Farewell::begin(
                        live.socket,
                        live.token,
                        deadline,
                        code,
                        reason,
                    ));
                }
            }
            Output::Abandon => {
                if let Some(live) = self.hang_up() {
                    live.socket.abandon(self.poll.registry());
                }
            }
            Output::Authorize {
                request,
                channel,
                socket_id,
            } => self
                .backend
                .authorize(&self.config, request, &channel, socket_id),
            Output::Authenticate { request, socket_id } => {
                self.backend.authenticate(&self.config, request, socket_id);
            }
            Output::CancelRequest(id) => self.backend.cancel(id),
            Output::Notice(notice) => {
                self.sink.notice(notice);
                self.has_news = true;
            }
        }
    }

    fn dial(&mut self, id: DialId, deadline: Duration) {
        let target = match self.config.endpoint.target(&self.config.key) {
            Ok(target) => target,
            Err(error) => return self.answers.push_back(Input::DialFailed(id, error.into())),
        };
        let left = deadline.saturating_sub(self.started.elapsed());
        let order = DialOrder {
            network: self.network.clone(),
            target,
            deadline: later(left - HEAD_START.min(left / 10)),
            allowed: self.config.timing.dial_timeout,
            inbound_message_bytes: self.config.limits.inbound_message_bytes,
        };
        let (host, port) = (order.target.host.clone(), order.target.port);
        match Dial::start(id, order, self.mailbox.clone(), &self.cutoff) {
            Ok(dial) => self.dial = Some(dial),
            Err(error) => {
                let reason = format!("no thread could be started: {error}");
                let error = ConnectionError::Tcp { host, port, reason };
                self.answers.push_back(Input::DialFailed(id, error));
            }
        }
    }

    fn send(&mut self, text: String, answer: Option<SendId>) {
        let limit = self.config.limits.outbound_bytes;
        let mut accepted = false;
        if let Some(live) = &mut self.live {
            let waiting = live.socket.waiting() + text.len();
            accepted = waiting <= limit || answer.is_none();
            if accepted && waiting > limit.saturating_mul(HOPELESS_BACKLOG) {
                let reason = "the server does not read".into();
                self.ended(Ending::Gone, ConnectionError::Lost { reason });
            } else if accepted {
                live.socket.write(text);
            }
        }
        if let Some(id) = answer {
            self.answers.push_back(Input::Written { id, accepted });
        }
    }

    /// The frames that wait first, then the time: else a program that slept takes a live link for dead.
    fn pass_time(&mut self) {
        if self.is_due()
            && let Some(live) = &mut self.live
        {
            live.may_read = true;
        }
        self.read_socket();
        if self.is_due() {
            self.feed(Input::TimePassed);
        }
    }

    fn is_due(&mut self) -> bool {
        let wake_at = self.session.wake_at();
        wake_at.is_some_and(|wake_at| self.started.elapsed() >= wake_at)
    }

    fn read_socket(&mut self) {
        let now = self.now();
        for _ in 0..FRAMES_PER_TURN {
            let Some(live) = self.live.as_mut().filter(|live| live.may_read) else {
                return;
            };
            match live.socket.read() {
                Incoming::Text(text) => {
                    self.sink.received(text.len());
                    self.has_news = true;
                    if let Some(event) = self.session.handle_frame(live.dial, &text, now) {
                        self.sink.event(&event);
                    }
                }
                Incoming::Binary => {
                    let input = Input::BinaryFrame(live.dial);
                    self.session.handle_input(input, now);
                }
                Incoming::Control => continue,
                Incoming::Nothing => {
                    live.may_read = false;
                    return;
                }
                Incoming::Ended(ending, error) => self.ended(ending, error),
            }
            self.obey();
        }
    }

    /// The connection is over, from the other side or for it.
    fn ended(&mut self, ending: Ending, error: ConnectionError) {
        let Some(live) = self.hang_up() else {
            return;
        };
        self.answers.push_back(Input::Closed(live.dial, error));
        let deadline = self.end_of_farewell();
        let registry = self.poll.registry();
        self.farewells.extend(Farewell::answer(
            live.socket,
            live.token,
            deadline,
            ending,
            registry,
        ));
    }

    /// Lets go of the open socket and of all that was asked on its behalf.
    fn hang_up(&mut self) -> Option<Live> {
        self.backend.hang_up();
        self.live.take()
    }

    fn end_of_farewell(&self) -> Instant {
        later(self.config.timing.close_timeout)
    }

    /// Writes what was handed to the socket, and keeps its registration up to date.
    fn flush_socket(&mut self) {
        let Some(live) = &mut self.live else {
            return;
        };
        live.socket.flush();
        if let Err(error) = live.socket.register(self.poll.registry(), live.token) {
            let reason = error.to_string();
            self.ended(Ending::Gone, ConnectionError::Lost { reason });
            self.obey();
        }
    }

    fn advance_farewells(&mut self) {
        let now = Instant::now();
        let registry = self.poll.registry();
        for mut farewell in std::mem::take(&mut self.farewells) {
            if now < farewell.deadline && farewell.advance(registry) != Progress::Done {
                self.farewells.push(farewell);
            } else {
                farewell.end(registry);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.end
            .is_some_and(|end| self.farewells.is_empty() || Instant::now() >= end)
    }

    /// How long there is nothing to do unless something comes; `None` is for ever.
    fn timeout(&mut self) -> Option<Duration> {
        let is_busy = !self.inbox.is_empty()
            || self.live.as_ref().is_some_and(|live| live.may_read)
            || self
                .farewells
                .iter()
                .any(|farewell| farewell.progress == Progress::Busy);
        if is_busy {
            return Some(Duration::ZERO);
        }
        let wake_at = self.session.wake_at();
        let session = wake_at.map(|at| at.saturating_sub(self.started.elapsed()));
        let farewells = self.farewells.iter().map(|farewell| farewell.deadline);
        let driver = farewells
            .chain(self.end)
            .min()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let wait = session.into_iter().chain(driver).min()?;
        Some(wait.max(SHORTEST_WAIT))
    }
}

/// A number that differs from client to client, for the random delays.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
