//! Drives the session: one turn for whatever the browser or the game has to say.

use std::{sync::Arc, time::Duration};

use bevy_platform::time::Instant;
use pusher_protocol::{
    ChannelName, Session,
    session::{Command, ConnectionError, DialId, Hint, Input, Now, RequestId},
};

use super::{
    backend::Backend,
    link::Link,
    mailbox::{Inbox, Mailbox, Message, SocketEvent},
    page::{self, Page},
    socket::{Socket, ended},
    timer::Timer,
};
use crate::{
    config::PusherConfig,
    driver::{Driven, SessionDriver, Sink},
    transport::{Carried, Carrier, DialRequest},
};

/// A timer that is later than this was held up, and with it maybe frames: by a long frame of the game, in a page that was
/// frozen.
const LATE: Duration = Duration::from_millis(100);

/// Browsers hold the timers of hidden tabs back for as long, and nothing else: what is no later than that needs no grace,
/// which would take another such timer.
const HELD_BACK: Duration = Duration::from_secs(1);

/// How long frames that were held up with a timer get to arrive, before what is due is taken for due.
const GRACE: Duration = Duration::from_millis(100);

/// All of one client that lives with the browser.
pub(super) struct Engine {
    started: Instant,
    seed: u64,
    mailbox: Mailbox,
    inbox: Inbox,
    config: PusherConfig,
    driven: Driven<Box<dyn Sink>>,
    dialling: Option<Dialling>,
    open: Option<Link>,
    backend: Backend,
    timer: Timer,
    /// Until when what is due waits for frames that were held up.
    grace: Option<Duration>,
    is_over: bool,
    _page: Page,
}

/// A connection that is being opened.
struct Dialling {
    link: Link,
    host: String,
    port: u16,
}

impl Engine {
    pub(super) fn new(
        config: PusherConfig,
        sink: Box<dyn Sink>,
        started: Instant,
        mailbox: Mailbox,
        inbox: Inbox,
    ) -> Self {
        let seed = fresh_seed();
        Self {
            started,
            seed,
            inbox,
            driven: Driven::new(Session::new(config.session(seed)), sink),
            config,
            dialling: None,
            open: None,
            backend: Backend::new(mailbox.clone()),
            timer: Timer::new({
                let mailbox = mailbox.clone();
                move || mailbox.post(Message::Timer)
            }),
            grace: None,
            is_over: false,
            _page: Page::listen(mailbox.clone()),
            mailbox,
        }
    }

    /// Takes what is in the mailbox, and what comes into it meanwhile.
    pub(super) fn take_messages(&mut self) {
        while !self.inbox.is_empty() {
            while let Some(message) = self.inbox.take() {
                self.take(message);
            }
            self.driven.flush();
        }
        let due = self
            .due()
            .map(|due| due.max(self.grace.unwrap_or_default()));
        self.timer.set(due, self.started.elapsed());
    }

    /// Whether it is to be dropped.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Command(command) => self.feed(Input::Command(command)),
            Message::Hint(hint) => self.feed(Input::Hint(hint)),
            Message::Configure(config) => self.configure(*config),
            Message::Socket(dial, event) => self.take_from_socket(dial, event),
            Message::Transport(dial) => self.take_from_transport(dial),
            Message::Authorized(id, answer) => {
                self.backend.is_answered(id);
                self.feed(Input::Authorized(id, answer));
            }
            Message::Authenticated(id, answer) => {
                self.backend.is_answered(id);
                self.feed(Input::Authenticated(id, answer));
            }
            Message::Timer => self.pass_time(),
            // Without a network there is no sense in dialling; but a link that stands may be one within this machine.
            Message::Offline if self.open.is_some() => {
                self.feed(Input::Hint(Hint::NetworkChanged));
            }
            Message::Offline => {}
            Message::PageLeft => self.leave(),
            Message::Close => {
                self.feed(Input::Command(Command::Disconnect));
                self.is_over = true;
            }
        }
    }

    fn configure(&mut self, config: PusherConfig) {
        if let Some(link) = &mut self.open {
            link.set_limit(config.limits.inbound_message_bytes);
        }
        self.driven.session.configure(config.session(self.seed));
        self.config = config;
    }

    fn take_from_socket(&mut self, dial: DialId, event: SocketEvent) {
        if let Some(dialling) = self.dialling.take_if(|to| to.link.dial() == dial) {
            return self.dialled(dialling, event);
        }
        if self.open.as_ref().is_none_or(|open| open.dial() != dial) {
            return;
        }
        match event {
            SocketEvent::Opened => {}
            SocketEvent::Text(text) => self.take_text(dial, &text),
            SocketEvent::Binary => self.feed(Input::BinaryFrame(dial)),
            SocketEvent::TooLarge => {
                let limit = self.config.limits.inbound_message_bytes;
                let reason = format!("a message of more than {limit} bytes");
                self.end(
                    "a message was too large",
                    ConnectionError::Unreadable { reason },
                );
            }
            SocketEvent::Closed { code, reason } => self.end("", ended(code, reason)),
        }
    }

    fn take_text(&mut self, dial: DialId, text: &str) {
        let now = self.now();
        self.driven.frame(dial, text, now);
        self.obey();
    }

    fn take_from_transport(&mut self, dial: DialId) {
        while let Some(carried) = self.carrier(dial).and_then(Carrier::next) {
            match carried {
                Carried::Opened => {
                    self.open = self.dialling.take().map(|dialling| dialling.link);
                    self.feed(Input::Opened(dial));
                }
                Carried::Text(text) => self.take_text(dial, &text),
                Carried::Ended(error) if self.dialling.take().is_some() => {
                    self.feed(Input::DialFailed(dial, error));
                }
                Carried::Ended(error) => self.end("", error),
            }
        }
    }

    /// The transport that carries this dial, or the connection that came of it.
    fn carrier(&mut self, dial: DialId) -> Option<&mut Carrier> {
        let dialling = self.dialling.as_mut().map(|dialling| &mut dialling.link);
        let link = dialling.or(self.open.as_mut())?;
        if link.dial() == dial {
            link.carrier()
        } else {
            None
        }
    }

    fn dialled(&mut self, dialling: Dialling, event: SocketEvent) {
        let Dialling { link, host, port } = dialling;
        let dial = link.dial();
        match event {
            SocketEvent::Opened => {
                self.open = Some(link);
                self.feed(Input::Opened(dial));
            }
            _ => {
                let reason = "the browser tells no reason; its console may".into();
                let error = ConnectionError::Tcp { host, port, reason };
                self.feed(Input::DialFailed(dial, error));
            }
        }
    }

    /// The connection is over, from the other side or for it.
    fn end(&mut self, last_words: &str, error: ConnectionError) {
        self.drop_link(last_words, error);
        self.obey();
    }

    fn drop_link(&mut self, last_words: &str, error: ConnectionError) {
        if let Some(link) = self.hang_up() {
            self.driven.answer(Input::Closed(link.dial(), error));
            link.end(last_words);
        }
    }

    /// Lets go of the open connection and of all that was asked on its behalf.
    fn hang_up(&mut self) -> Option<Link> {
        self.backend.hang_up();
        self.open.take()
    }

    /// The page is being left: the server is told, while there is time. If it comes back, so does the connection.
    fn leave(&mut self) {
        let reason = || "the page was left".to_owned();
        if let Some(Dialling { link, .. }) = self.dialling.take() {
            let error = ConnectionError::Lost { reason: reason() };
            self.feed(Input::DialFailed(link.dial(), error));
        }
        self.end(&reason(), ConnectionError::Lost { reason: reason() });
    }

    /// The timer called. The frames that wait come first, then the time: else a page that stood still takes a live link for
    /// dead.
    fn pass_time(&mut self) {
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
        self.backend.give_up(now);
        if self
            .driven
            .session
            .wake_at()
            .is_some_and(|wake_at| wake_at <= now)
        {
            self.feed(Input::TimePassed);
        }
    }

    /// When there is something to do unless something comes.
    fn due(&mut self) -> Option<Duration> {
        let waits = [self.driven.session.wake_at(), self.backend.due()];
        waits.into_iter().flatten().min()
    }

    fn deadline_of_a_request(&self) -> Duration {
        self.started.elapsed() + Backend::allowed(&self.config.timing)
    }
}

impl SessionDriver for Engine {
    type Sink = Box<dyn Sink>;

    fn driven(&mut self) -> &mut Driven<Self::Sink> {
        &mut self.driven
    }

    fn now(&self) -> Now {
        Now {
            monotonic: self.started.elapsed(),
            // Of the standard library's clocks, none runs here.
            wall: Duration::from_secs_f64((js_sys::Date::now() / 1000.0).max(0.0)),
        }
    }

    fn outbound_limit(&self) -> usize {
        self.config.limits.outbound_bytes
    }

    /// The session itself keeps the deadline: in which phase a dial stuck, the browser does not tell.
    fn dial(
        &mut self,
        id: DialId,
        deadline: Duration,
        attempt: u32,
    ) -> Result<(), ConnectionError> {
        let target = self.config.endpoint.target(&self.config.key)?;
        let (host, port) = (target.host.clone(), target.port);
        let limit = self.config.limits.inbound_message_bytes;
        let link = match self.config.transport.clone() {
            Some(transport) => {
                let left = deadline.saturating_sub(self.started.elapsed());
                let request = DialRequest::new(target, attempt, left);
                let mailbox = self.mailbox.clone();
                let wake = move || mailbox.post(Message::Transport(id));
                Link::Transport(id, Carrier::dial(&*transport, request, limit, wake)?)
            }
            None => Link::Socket(Socket::dial(id, &target.url(), limit, &self.mailbox)?),
        };
        self.dialling = Some(Dialling { link, host, port });
        Ok(())
    }

    fn cancel_dial(&mut self, dial: DialId) {
        drop(self.dialling.take_if(|to| to.link.dial() == dial));
    }

    fn waiting(&mut self) -> Option<usize> {
        self.open.as_mut().map(Link::waiting)
    }

    fn write(&mut self, text: String) -> bool {
        self.open.as_mut().is_some_and(|link| link.send(text))
    }

    fn close(&mut self, code: u16, reason: &'static str) {
        if let Some(link) = self.hang_up() {
            link.close(code, reason);
        }
    }

    fn abandon(&mut self) {
        drop(self.hang_up());
    }

    fn lose(&mut self, error: ConnectionError) {
        self.drop_link("", error);
    }

    fn authorize(&mut self, request: RequestId, channel: &ChannelName, socket_id: Arc<str>) {
        let deadline = self.deadline_of_a_request();
        self.backend
            .authorize(&self.config, request, deadline, channel, socket_id);
    }

    fn authenticate(&mut self, request: RequestId, socket_id: Arc<str>) {
        let deadline = self.deadline_of_a_request();
        self.backend
            .authenticate(&self.config, request, deadline, socket_id);
    }

    fn cancel_request(&mut self, request: RequestId) {
        self.backend.cancel(request);
    }
}

/// How late a timer may be with nothing amiss.
fn usual_delay() -> Duration {
    if page::is_hidden() {
        HELD_BACK
    } else {
        Duration::ZERO
    }
}

/// A number that differs from client to client, for the random delays.
fn fresh_seed() -> u64 {
    js_sys::Math::random().to_bits()
}
