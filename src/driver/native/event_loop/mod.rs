//! The network thread: one poll over the sockets and the messages from other threads, with the session's next deadline as its timeout.

mod dialling;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mio::{Events, Poll, Token};
use pusher_protocol::session::{Command, ConnectionError, DialId, Input, Notice, Now, PusherError};

use super::{
    authorizing::AuthRunner,
    cancel::CancelToken,
    closing::ClosingConnections,
    connection::{Connection, Ending, Incoming},
    connector::{Connector, later},
    headers::HandshakeHeaders,
    messages::{Message, MessageReceiver, MessageSender},
    resolver::{self, DnsResolver},
    threads::Threads,
};
use crate::{
    config::PusherConfig,
    driver::{AuthQuery, SessionIo, SessionRunner, Sink},
    transport::DialRequest,
};
use dialling::Dialling;

/// The poll's token for messages. Those of sockets follow.
pub(super) const MESSAGES: Token = Token(0);

/// How many messages are handled before the socket has its turn.
const MESSAGES_PER_TURN: usize = 256;

/// How many frames are read before messages and timers have their turn.
const FRAMES_PER_TURN: usize = 256;

/// The shortest timeout of a poll, so that no clock can make the loop spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// What the network thread owns.
pub(super) struct EventLoop {
    started: Instant,
    poll: Poll,
    sender: MessageSender,
    receiver: MessageReceiver,
    cancel_token: Arc<CancelToken>,
    connector: Connector,
    runner: SessionRunner,
    dialling: Option<Dialling>,
    connection: Option<Connection>,
    closing: ClosingConnections,
    header_threads: Arc<Threads>,
    auth: AuthRunner,
    last_poll_token: Token,
    /// When the thread ends at the latest, after [`Message::Close`].
    end_by: Option<Instant>,
}

impl EventLoop {
    pub(super) fn new(
        config: PusherConfig,
        sink: Box<dyn Sink>,
        started: Instant,
        token: Arc<CancelToken>,
    ) -> io::Result<(Self, MessageSender)> {
        Self::with_resolver(config, sink, started, token, &resolver::SYSTEM)
    }

    fn with_resolver(
        config: PusherConfig,
        sink: Box<dyn Sink>,
        started: Instant,
        token: Arc<CancelToken>,
        resolver: &'static DnsResolver,
    ) -> io::Result<(Self, MessageSender)> {
        let poll = Poll::new()?;
        let (sender, receiver) = MessageSender::new(poll.registry(), MESSAGES)?;
        let connector = Connector::new(&config, resolver);
        let event_loop = Self {
            started,
            poll,
            sender: sender.clone(),
            receiver,
            auth: AuthRunner::new(sender.clone(), connector.clone(), token.clone()),
            cancel_token: token,
            connector,
            runner: SessionRunner::new(config, random_seed(), sink),
            dialling: None,
            connection: None,
            closing: ClosingConnections::default(),
            header_threads: Arc::new(HandshakeHeaders::threads()),
            last_poll_token: MESSAGES,
            end_by: None,
        };
        Ok((event_loop, sender))
    }

    /// Runs until a [`Message::Close`] arrives.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(16);
        loop {
            self.receive_messages();
            self.advance_dial();
            self.flush();
            self.read_and_pass_time();
            self.flush();
            self.closing.advance(self.poll.registry());
            self.runner.flush();
            if self.is_over() {
                return Ok(());
            }
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
            // The events of messages and of closing connections only end the wait: those are looked at in every turn.
            for event in &events {
                if let Some(connection) = &mut self.connection {
                    connection.on_poll(event.token());
                }
            }
        }
    }

    /// The receiver of the messages, from which the driver takes what a stopped thread has left.
    pub(super) fn receiver(&self) -> MessageReceiver {
        self.receiver.clone()
    }

    /// Reports the error that stopped the thread, and rejects the client events that were not sent. The changes of state that follow from
    /// it are reported by the client, in the frame: this thread's session may be unusable after a panic.
    pub(super) fn report_exit(&mut self, error: &ConnectionError) {
        let now = self.now();
        let runner = &mut self.runner;
        runner.sink.notice(Notice::Error {
            error: PusherError::Connection(error.clone()),
            attempt: 0,
        });
        for id in self.receiver.take_sends() {
            runner.reject(id);
        }
        // If the session has panicked before, it may panic again.
        if catch_unwind(AssertUnwindSafe(|| runner.reject_sends(now))).is_err() {
            log::error!("failed to report all client events that were not sent");
        }
        runner.sink.flush();
    }

    fn receive_messages(&mut self) {
        self.receiver.arm_waker();
        for _ in 0..MESSAGES_PER_TURN {
            match self.receiver.take() {
                Some(message) => self.handle(message),
                None => return,
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.feed(input),
            Message::Configure(config) => self.configure(*config),
            Message::Dialled(id, outcome) => self.dialled(id, outcome),
            Message::Close(within) => {
                self.feed(Input::Command(Command::Disconnect));
                self.end_by = Some(later(within.min(self.runner.config.timing.close_timeout)));
            }
        }
    }

    fn configure(&mut self, config: PusherConfig) {
        if self.runner.config.network_changed(&config) {
            self.connector = Connector::new(&config, self.connector.resolver);
            self.auth.set_connector(self.connector.clone());
        }
        if let Some(connection) = &mut self.connection {
            connection.set_limit(config.limits.inbound_message_bytes);
        }
        self.runner.configure(config);
    }

    /// Reads the frames that have arrived, then advances the session's time. After the process was suspended, the session's timeouts are
    /// overdue although frames may be waiting: handled first, they show that the connection is alive.
    fn read_and_pass_time(&mut self) {
        if self.is_due()
            && let Some(connection) = &mut self.connection
        {
            connection.set_readable();
        }
        self.read();
        if self.is_due() {
            self.feed(Input::TimePassed);
        }
    }

    fn read(&mut self) {
        let now = self.now();
        for _ in 0..FRAMES_PER_TURN {
            let Some(connection) = self.connection.as_mut().filter(|open| open.is_readable())
            else {
                return;
            };
            match connection.read() {
                Incoming::Text(text) => self.runner.frame(connection.dial, &text, now),
                Incoming::Binary => {
                    let input = Input::BinaryFrame(connection.dial);
                    self.runner.session.handle_input(input, now);
                }
                Incoming::Control => continue,
                Incoming::Nothing => return,
                Incoming::Ended(ending, error) => self.on_ended(ending, error),
            }
            self.drain_outputs();
        }
    }

    /// Handles the end of the connection, and queues it for the session. The caller drains the outputs.
    fn on_ended(&mut self, ending: Ending, error: ConnectionError) {
        let Some(connection) = self.take_connection() else {
            return;
        };
        self.runner.queue(Input::Closed(connection.dial, error));
        let deadline = self.close_deadline();
        self.closing
            .add(connection.finish(deadline, ending, self.poll.registry()));
    }

    /// Takes the open connection, and cancels the requests that were made for it.
    fn take_connection(&mut self) -> Option<Connection> {
        self.auth.cancel_requests();
        self.connection.take()
    }

    fn close_deadline(&self) -> Instant {
        later(self.runner.config.timing.close_timeout)
    }

    /// Sends what was written to the connection.
    fn flush(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if let Err(error) = connection.flush(self.poll.registry()) {
            let reason = error.to_string();
            self.on_ended(Ending::Broken, ConnectionError::Lost { reason });
            self.drain_outputs();
        }
    }

    fn is_due(&mut self) -> bool {
        let wake_at = self.runner.session.wake_at();
        wake_at.is_some_and(|wake_at| self.started.elapsed() >= wake_at)
    }

    fn is_over(&self) -> bool {
        self.end_by
            .is_some_and(|end_by| self.closing.is_empty() || Instant::now() >= end_by)
    }

    /// How long the poll may wait; `None` is for ever.
    fn timeout(&mut self) -> Option<Duration> {
        let is_busy = !self.receiver.is_empty()
            || self
                .connection
                .as_ref()
                .is_some_and(Connection::is_readable)
            || self.dialling.as_ref().is_some_and(Dialling::is_ready)
            || self.closing.is_busy();
        if is_busy {
            return Some(Duration::ZERO);
        }
        let wake_at = self.runner.session.wake_at();
        let session = wake_at.map(|at| at.saturating_sub(self.started.elapsed()));
        let driver = [self.closing.deadline(), self.end_by]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let wait = session.into_iter().chain(driver).min()?;
        Some(wait.max(SHORTEST_WAIT))
    }
}

impl SessionIo for EventLoop {
    fn runner(&mut self) -> &mut SessionRunner {
        &mut self.runner
    }

    fn now(&self) -> Now {
        Now {
            monotonic: self.started.elapsed(),
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    fn dial(&mut self, id: DialId, request: DialRequest) -> Result<(), ConnectionError> {
        self.dialling = Some(self.start_dial(id, request)?);
        Ok(())
    }

    fn cancel_dial(&mut self, dial: DialId) {
        drop(self.dialling.take_if(|dialling| dialling.id() == dial));
    }

    fn unsent_bytes(&mut self) -> Option<usize> {
        self.connection.as_mut().map(Connection::unsent_bytes)
    }

    fn write(&mut self, text: String) -> bool {
        let connection = self.connection.as_mut();
        connection.map(|open| open.write(text)).is_some()
    }

    fn close(&mut self, code: u16, reason: &'static str) {
        if let Some(connection) = self.take_connection() {
            let deadline = self.close_deadline();
            self.closing.add([connection.close(deadline, code, reason)]);
        }
    }

    fn abandon(&mut self) {
        if let Some(connection) = self.take_connection() {
            connection.abandon(self.poll.registry());
        }
    }

    fn lose(&mut self, error: ConnectionError) {
        self.on_ended(Ending::Broken, error);
    }

    fn authorize(&mut self, query: AuthQuery) {
        self.auth.start(query, &self.runner.config);
    }
}

/// A number that differs between clients, for the random delays.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
