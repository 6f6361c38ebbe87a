//! Runs the session in the browser's callbacks: each posts a message, and the client handles it at once.

use std::time::Duration;

use bevy_platform::time::Instant;
use pusher_protocol::session::{Command, ConnectionError, DialId, Hint, Input, Now, RequestId};

use super::{
    authorizing::AuthRunner,
    connection::Connection,
    messages::{Message, MessageReceiver, MessageSender, SocketEvent},
    page::{self, Page},
    timer::Timer,
    web_socket::{BrowserSocket, ended},
};
use crate::{
    config::PusherConfig,
    driver::{AuthQuery, SessionIo, SessionRunner, Sink},
    transport::{DialRequest, TransportEvent, TransportGuard},
};

/// A timer that is later than this was delayed, and frames may have been delayed with it: by a long frame of the game, or because the page
/// was frozen.
const LATE: Duration = Duration::from_millis(100);

/// Browsers delay the timers of hidden tabs by up to this, but not the frames. So this delay needs no grace period, whose timer would be
/// delayed again.
const HIDDEN_DELAY: Duration = Duration::from_secs(1);

/// The grace period for frames that were delayed together with a timer. Deadlines apply only after it.
const GRACE: Duration = Duration::from_millis(100);

/// The part of a client that stays on the browser's thread.
pub(super) struct WebClient {
    started: Instant,
    sender: MessageSender,
    receiver: MessageReceiver,
    runner: SessionRunner,
    dialling: Option<Dialling>,
    open: Option<Connection>,
    auth: AuthRunner,
    timer: Timer,
    /// The end of the current grace period.
    grace: Option<Duration>,
    is_over: bool,
    _page: Page,
}

/// A connection that is being opened.
struct Dialling {
    connection: Connection,
    host: String,
    port: u16,
}

impl WebClient {
    pub(super) fn new(
        config: PusherConfig,
        sink: Box<dyn Sink>,
        started: Instant,
        sender: MessageSender,
        receiver: MessageReceiver,
    ) -> Self {
        Self {
            started,
            receiver,
            runner: SessionRunner::new(config, random_seed(), sink),
            dialling: None,
            open: None,
            auth: AuthRunner::new(sender.clone()),
            timer: Timer::new({
                let sender = sender.clone();
                move || sender.post(Message::Timer)
            }),
            grace: None,
            is_over: false,
            _page: Page::listen(sender.clone()),
            sender,
        }
    }

    /// Handles all messages, also those that are posted while it runs.
    pub(super) fn handle_messages(&mut self) {
        while !self.receiver.is_empty() {
            while let Some(message) = self.receiver.take() {
                self.handle(message);
            }
            self.runner.flush();
        }
        let due = self
            .due()
            .map(|due| due.max(self.grace.unwrap_or_default()));
        self.timer.set(due, self.started.elapsed());
    }

    /// Whether the client is closed and must be dropped.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Input(input) => {
                self.auth.on_input(&input);
                self.feed(input);
            }
            Message::Configure(config) => self.configure(*config),
            Message::Socket(dial, event) => self.on_socket_event(dial, event),
            Message::Transport(dial) => self.take_transport_events(dial),
            Message::Timer => self.on_timer(),
            // Without a network, dialling is useless. But an open connection may be one within this machine.
            Message::Offline if self.open.is_some() => {
                self.feed(Input::Hint(Hint::NetworkChanged));
            }
            Message::Offline => {}
            Message::PageHidden => self.leave_page(),
            Message::Close => {
                self.feed(Input::Command(Command::Disconnect));
                self.is_over = true;
            }
        }
    }

    fn configure(&mut self, config: PusherConfig) {
        if let Some(connection) = &mut self.open {
            connection.set_limit(config.limits.inbound_message_bytes);
        }
        self.runner.configure(config);
    }

    fn on_socket_event(&mut self, dial: DialId, event: SocketEvent) {
        if let Some(dialling) = self
            .dialling
            .take_if(|dialling| dialling.connection.dial() == dial)
        {
            return self.dialled(dialling, event);
        }
        if self.open.as_ref().is_none_or(|open| open.dial() != dial) {
            return;
        }
        match event {
            SocketEvent::Opened => {}
            SocketEvent::Text(text) => self.on_text(dial, &text),
            SocketEvent::Binary => self.feed(Input::BinaryFrame(dial)),
            SocketEvent::TooLarge => {
                let limit = self.runner.config.limits.inbound_message_bytes;
                let reason = format!("a message has more than {limit} bytes");
                self.end(
                    "a message was too large",
                    ConnectionError::Unreadable { reason },
                );
            }
            SocketEvent::Closed { code, reason } => self.end("", ended(code, reason)),
        }
    }

    fn on_text(&mut self, dial: DialId, text: &str) {
        let now = self.now();
        self.runner.frame(dial, text, now);
        self.drain_outputs();
    }

    fn take_transport_events(&mut self, dial: DialId) {
        while let Some(event) = self.transport(dial).and_then(TransportGuard::next) {
            match event {
                TransportEvent::Opened => {
                    self.open = self.dialling.take().map(|dialling| dialling.connection);
                    self.feed(Input::Opened(dial));
                }
                TransportEvent::Text(text) => self.on_text(dial, &text),
                TransportEvent::Ended(error) if self.dialling.take().is_some() => {
                    self.feed(Input::DialFailed(dial, error));
                }
                TransportEvent::Ended(error) => self.end("", error),
            }
        }
    }

    /// Returns the transport of this dial, or of the connection that it opened.
    fn transport(&mut self, dial: DialId) -> Option<&mut TransportGuard> {
        let dialling = self.dialling.as_mut();
        let connection = dialling
            .map(|dialling| &mut dialling.connection)
            .or(self.open.as_mut())?;
        if connection.dial() == dial {
            connection.transport()
        } else {
            None
        }
    }

    fn dialled(&mut self, dialling: Dialling, event: SocketEvent) {
        let Dialling {
            connection,
            host,
            port,
        } = dialling;
        let dial = connection.dial();
        match event {
            SocketEvent::Opened => {
                self.open = Some(connection);
                self.feed(Input::Opened(dial));
            }
            _ => {
                let reason = "the browser gives no reason; its console may".into();
                let error = ConnectionError::Tcp { host, port, reason };
                self.feed(Input::DialFailed(dial, error));
            }
        }
    }

    /// Handles the end of the open connection. A `close_reason` is sent to the server.
    fn end(&mut self, close_reason: &str, error: ConnectionError) {
        self.drop_connection(close_reason, error);
        self.drain_outputs();
    }

    fn drop_connection(&mut self, close_reason: &str, error: ConnectionError) {
        if let Some(connection) = self.take_connection() {
            self.runner.queue(Input::Closed(connection.dial(), error));
            connection.end(close_reason);
        }
    }

    /// Takes the open connection, and cancels the requests that were made for it.
    fn take_connection(&mut self) -> Option<Connection> {
        self.auth.cancel_requests();
        self.open.take()
    }

    /// Closes the connection while there is time, because the user leaves the page. If the user comes back, the session reconnects.
    fn leave_page(&mut self) {
        let reason = || "the user left the page".to_owned();
        if let Some(Dialling { connection, .. }) = self.dialling.take() {
            let error = ConnectionError::Lost { reason: reason() };
            self.feed(Input::DialFailed(connection.dial(), error));
        }
        self.end(&reason(), ConnectionError::Lost { reason: reason() });
    }

    /// Advances the session's time. After a long delay, pending frames are handled first. Otherwise a page that was frozen would consider a
    /// live connection dead.
    fn on_timer(&mut self) {
        self.timer.fired();
        let now = self.started.elapsed();
        let Some(due) = self.due().filter(|due| *due <= now) else {
            self.grace = None;
            return;
        };
        match self.grace {
            None if now - due > usual_delay() + LATE => {
                self.grace = Some(now + GRACE);
                return;
            }
            Some(grace) if now < grace => return,
            _ => self.grace = None,
        }
        self.auth.time_out(now);
        if self
            .runner
            .session
            .wake_at()
            .is_some_and(|wake_at| wake_at <= now)
        {
            self.feed(Input::TimePassed);
        }
    }

    /// Returns the earliest deadline.
    fn due(&mut self) -> Option<Duration> {
        let waits = [self.runner.session.wake_at(), self.auth.deadline()];
        waits.into_iter().flatten().min()
    }
}

impl SessionIo for WebClient {
    fn runner(&mut self) -> &mut SessionRunner {
        &mut self.runner
    }

    fn now(&self) -> Now {
        Now {
            monotonic: self.started.elapsed(),
            // The clocks of the standard library do not work here.
            wall: Duration::from_secs_f64((js_sys::Date::now() / 1000.0).max(0.0)),
        }
    }

    /// The session itself enforces the deadline, because the browser does not report the phase of a dial.
    fn dial(&mut self, id: DialId, request: DialRequest) -> Result<(), ConnectionError> {
        let (host, port) = (request.host().to_owned(), request.port());
        let limit = self.runner.config.limits.inbound_message_bytes;
        let connection = match self.runner.config.transport.clone() {
            Some(transport) => {
                let sender = self.sender.clone();
                let wake = move || sender.post(Message::Transport(id));
                Connection::Transport(id, TransportGuard::dial(&*transport, request, limit, wake)?)
            }
            None => Connection::Socket(BrowserSocket::dial(
                id,
                &request.url(),
                limit,
                &self.sender,
            )?),
        };
        self.dialling = Some(Dialling {
            connection,
            host,
            port,
        });
        Ok(())
    }

    fn cancel_dial(&mut self, dial: DialId) {
        drop(
            self.dialling
                .take_if(|dialling| dialling.connection.dial() == dial),
        );
    }

    fn unsent_bytes(&mut self) -> Option<usize> {
        self.open.as_mut().map(Connection::unsent_bytes)
    }

    fn write(&mut self, text: String) -> bool {
        self.open.as_mut().is_some_and(|open| open.send(text))
    }

    fn close(&mut self, code: u16, reason: &'static str) {
        if let Some(connection) = self.take_connection() {
            connection.close(code, reason);
        }
    }

    fn abandon(&mut self) {
        drop(self.take_connection());
    }

    fn lose(&mut self, error: ConnectionError) {
        self.drop_connection("", error);
    }

    fn authorize(&mut self, query: AuthQuery) {
        let now = self.started.elapsed();
        self.auth.start(query, &self.runner.config, now);
    }

    fn cancel_query(&mut self, id: RequestId) {
        self.auth.cancel(id);
    }
}

/// The delay of timers that is normal now.
fn usual_delay() -> Duration {
    if page::is_hidden() {
        HIDDEN_DELAY
    } else {
        Duration::ZERO
    }
}

/// A number that differs between clients, for the random delays.
fn random_seed() -> u64 {
    js_sys::Math::random().to_bits()
}
