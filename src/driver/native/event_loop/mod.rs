//! The network thread: drives the session, and the socket by one poll.

mod connection;
mod dialling;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mio::{Events, Poll, Token};
use pusher_protocol::{
    ChannelName, Session,
    session::{Command, ConnectionError, DialId, Input, Notice, Now, PusherError, RequestId},
};

use super::{
    backend::Backend,
    cutoff::Cutoff,
    farewell::Farewells,
    header_provider::ProviderCalls,
    link::Link,
    look_up::{self, LookUps},
    mailbox::{Inbox, Leftovers, Mailbox, Message},
    network::{Network, later},
    socket::Ending,
};
use crate::{
    config::PusherConfig,
    driver::{Driven, SessionDriver, Sink},
};
use dialling::Dialling;

/// The token of the mailbox's wake-up; sockets count from the next.
pub(super) const MAIL: Token = Token(0);

/// How many messages are taken before the socket has its turn.
const MESSAGES_PER_TURN: usize = 256;

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
    driven: Driven<S>,
    dial: Option<Dialling>,
    link: Option<Link>,
    farewells: Farewells,
    provider_calls: Arc<ProviderCalls>,
    backend: Backend,
    last_token: Token,
    end: Option<Instant>,
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
        let network = Network::new(&config, look_ups);
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
            driven: Driven::new(Session::new(config.session(seed)), sink),
            config,
            dial: None,
            link: None,
            farewells: Farewells::default(),
            provider_calls: Arc::default(),
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
            self.look_after_dial();
            self.flush_link();
            self.pass_time();
            self.flush_link();
            self.farewells.advance(self.poll.registry());
            self.driven.flush();
            if self.is_over() {
                return Ok(());
            }
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
            for event in &events {
                if let Some(link) = &mut self.link {
                    link.notice(event.token());
                }
            }
        }
    }

    /// Where that is found which this thread did not come to.
    pub(super) fn leftovers(&self) -> Leftovers {
        self.inbox.leftovers()
    }

    /// This thread is at its end. Tells why, and what was not sent, by whatever still works. What else is no longer so is told
    /// from the frame, which cannot panic with it.
    pub(super) fn give_up(&mut self, error: &ConnectionError) {
        let now = self.now();
        let driven = &mut self.driven;
        driven.sink.notice(Notice::Error {
            error: PusherError::Connection(error.clone()),
            attempt: 0,
        });
        for id in self.inbox.leftovers().sends() {
            driven.refuse(id);
        }
        // It may be the session that panicked.
        if catch_unwind(AssertUnwindSafe(|| driven.refuse_sends(now))).is_err() {
            log::error!("not all that waited to be sent was answered");
        }
        driven.sink.flush();
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
                let wait = self.config.timing.close_timeout.min(within / 4 * 3);
                self.end = Some(later(wait));
            }
        }
    }

    fn configure(&mut self, config: PusherConfig) {
        if self.config.ca_certificates != config.ca_certificates
            || self.config.proxy != config.proxy
        {
            self.network = Network::new(&config, self.network.look_ups);
            self.backend.set_network(self.network.clone());
        }
        if let Some(link) = &mut self.link {
            link.set_limit(config.limits.inbound_message_bytes);
        }
        self.driven.session.configure(config.session(self.seed));
        self.config = config;
    }

    /// The frames that wait first, then the time: else a program that slept takes a live link for dead.
    fn pass_time(&mut self) {
        if self.is_due()
            && let Some(link) = &mut self.link
        {
            link.look_again();
        }
        self.read_link();
        if self.is_due() {
            self.feed(Input::TimePassed);
        }
    }

    fn is_due(&mut self) -> bool {
        let wake_at = self.driven.session.wake_at();
        wake_at.is_some_and(|wake_at| self.started.elapsed() >= wake_at)
    }

    fn is_over(&self) -> bool {
        self.end
            .is_some_and(|end| self.farewells.is_empty() || Instant::now() >= end)
    }

    /// How long there is nothing to do unless something comes; `None` is for ever.
    fn timeout(&mut self) -> Option<Duration> {
        let is_busy = !self.inbox.is_empty()
            || self.link.as_ref().is_some_and(Link::may_read)
            || self.dial.as_ref().is_some_and(Dialling::has_news)
            || self.farewells.is_busy();
        if is_busy {
            return Some(Duration::ZERO);
        }
        let wake_at = self.driven.session.wake_at();
        let session = wake_at.map(|at| at.saturating_sub(self.started.elapsed()));
        let driver = [self.farewells.deadline(), self.end]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let wait = session.into_iter().chain(driver).min()?;
        Some(wait.max(SHORTEST_WAIT))
    }
}

impl<S: Sink> SessionDriver for EventLoop<S> {
    type Sink = S;

    fn driven(&mut self) -> &mut Driven<S> {
        &mut self.driven
    }

    fn now(&self) -> Now {
        Now {
            monotonic: self.started.elapsed(),
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    fn outbound_limit(&self) -> usize {
        self.config.limits.outbound_bytes
    }

    fn dial(
        &mut self,
        dial: DialId,
        deadline: Duration,
        attempt: u32,
    ) -> Result<(), ConnectionError> {
        self.dial = Some(self.begin_dial(dial, deadline, attempt)?);
        Ok(())
    }

    fn cancel_dial(&mut self, dial: DialId) {
        drop(self.dial.take_if(|under_way| under_way.id() == dial));
    }

    fn waiting(&mut self) -> Option<usize> {
        self.link.as_mut().map(Link::waiting)
    }

    fn write(&mut self, text: String) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        link.write(text);
        true
    }

    fn close(&mut self, code: u16, reason: &'static str) {
        if let Some(link) = self.hang_up() {
            let deadline = self.end_of_farewell();
            self.farewells.add([link.close(deadline, code, reason)]);
        }
    }

    fn abandon(&mut self) {
        if let Some(link) = self.hang_up() {
            link.abandon(self.poll.registry());
        }
    }

    fn lose(&mut self, error: ConnectionError) {
        self.ended(Ending::Gone, error);
    }

    fn authorize(&mut self, request: RequestId, channel: &ChannelName, socket_id: Arc<str>) {
        self.backend
            .authorize(&self.config, request, channel, socket_id);
    }

    fn authenticate(&mut self, request: RequestId, socket_id: Arc<str>) {
        self.backend.authenticate(&self.config, request, socket_id);
    }

    fn cancel_request(&mut self, request: RequestId) {
        self.backend.cancel(request);
    }
}

/// A number that differs from client to client, for the random delays.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
