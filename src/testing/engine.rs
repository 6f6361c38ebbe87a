//! Drives the session, within the call of whoever has something for it.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pusher_protocol::{
    ChannelName, Session,
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::{Command, ConnectionError, DialId, Hint, Input, Now, RequestId},
};

use super::clock::{Clock, Follow};
use crate::{
    auth::{AuthRequest, ChannelAuth, Reply, UserAuth, UserAuthRequest},
    config::PusherConfig,
    driver::{Driven, SessionDriver, Sink},
    transport::{Carried, Carrier, DialRequest},
};

/// Of the random delays: a test has the same each time.
const SEED: u64 = 0;

/// One thing to tell the engine.
pub(super) enum Message {
    Command(Command),
    Hint(Hint),
    Configure(Box<PusherConfig>),
    Authorized(RequestId, Result<ChannelAuthorization, AuthError>),
    Authenticated(RequestId, Result<UserAuthentication, AuthError>),
}

/// A client under test.
pub(super) struct Engine {
    inbox: Mutex<VecDeque<Message>>,
    /// Whether something came that no turn has looked at.
    has_news: AtomicBool,
    state: Mutex<State>,
}

struct State {
    own: Weak<Engine>,
    clock: Arc<Clock>,
    config: PusherConfig,
    driven: Driven<Box<dyn Sink>>,
    dialling: Option<(DialId, Carrier)>,
    open: Option<(DialId, Carrier)>,
}

impl Engine {
    pub(super) fn new(config: PusherConfig, clock: Arc<Clock>, sink: Box<dyn Sink>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            inbox: Mutex::default(),
            has_news: AtomicBool::new(false),
            state: Mutex::new(State {
                own: own.clone(),
                clock,
                driven: Driven::new(Session::new(config.session(SEED)), sink),
                config,
                dialling: None,
                open: None,
            }),
        })
    }

    /// Tells it something. It is done when this returns, unless the engine is at work already: then soon.
    pub(super) fn post(&self, message: Message) {
        self.inbox().push_back(message);
        self.turn();
    }

    fn inbox(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follow for Engine {
    fn wake_at(&self) -> Option<Duration> {
        match self.state.try_lock() {
            Ok(mut state) => state.driven.session.wake_at(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().driven.session.wake_at(),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn turn(&self) {
        self.has_news.store(true, Ordering::Release);
        // Whoever is at work looks again before and after it lets go.
        while self.has_news.load(Ordering::Acquire) {
            let mut state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while self.has_news.swap(false, Ordering::AcqRel) {
                state.work(&self.inbox);
            }
        }
    }
}

impl State {
    fn work(&mut self, inbox: &Mutex<VecDeque<Message>>) {
        loop {
            let message = inbox
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            match message {
                Some(message) => self.take(message),
                None if self.look_after_dial() || self.read() => {}
                None => break,
            }
        }
        if self
            .driven
            .session
            .wake_at()
            .is_some_and(|at| at <= self.clock.now())
        {
            self.feed(Input::TimePassed);
        }
        self.driven.flush();
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Command(command) => self.feed(Input::Command(command)),
            Message::Hint(hint) => self.feed(Input::Hint(hint)),
            Message::Configure(config) => {
                self.driven.session.configure(config.session(SEED));
                self.config = *config;
            }
            Message::Authorized(id, answer) => self.feed(Input::Authorized(id, answer)),
            Message::Authenticated(id, answer) => self.feed(Input::Authenticated(id, answer)),
        }
    }

    /// Returns whether there was something.
    fn look_after_dial(&mut self) -> bool {
        let Some((id, mut carrier)) = self.dialling.take() else {
            return false;
        };
        match carrier.next() {
            Some(Carried::Opened) => {
                self.open = Some((id, carrier));
                self.feed(Input::Opened(id));
            }
            Some(Carried::Ended(error)) => self.feed(Input::DialFailed(id, error)),
            Some(Carried::Text(_)) | None => {
                self.dialling = Some((id, carrier));
                return false;
            }
        }
        true
    }

    /// Returns whether there was something.
    fn read(&mut self) -> bool {
        let Some((id, carrier)) = &mut self.open else {
            return false;
        };
        let (id, carried) = (*id, carrier.next());
        match carried {
            Some(Carried::Text(text)) => {
                let now = self.now();
                self.driven.frame(id, &text, now);
                self.obey();
            }
            Some(Carried::Ended(error)) => {
                self.open = None;
                self.feed(Input::Closed(id, error));
            }
            Some(Carried::Opened) | None => return false,
        }
        true
    }

    /// Where the game's code answers, now or later.
    fn reply<T: 'static>(
        &self,
        message: impl FnOnce(Result<T, AuthError>) -> Message + Send + 'static,
    ) -> Reply<T> {
        let own = self.own.clone();
        Reply::new(move |answer| {
            if let Some(engine) = own.upgrade() {
                engine.post(message(answer));
            }
        })
    }
}

impl SessionDriver for State {
    type Sink = Box<dyn Sink>;

    fn driven(&mut self) -> &mut Driven<Self::Sink> {
        &mut self.driven
    }

    fn now(&self) -> Now {
        Now::at(self.clock.now())
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
        let target = self.config.endpoint.target(&self.config.key)?;
        let left = deadline.saturating_sub(self.clock.now());
        let request = DialRequest::new(target, attempt, left);
        let Some(transport) = &self.config.transport else {
            let reason = "a client under test has no socket: take TestServer::config";
            return Err(ConnectionError::Unsupported(reason.into()));
        };
        let own = self.own.clone();
        let wake = move || {
            if let Some(engine) = own.upgrade() {
                engine.turn();
            }
        };
        let limit = self.config.limits.inbound_message_bytes;
        let carrier = Carrier::dial(&**transport, request, limit, wake)?;
        self.dialling = Some((dial, carrier));
        Ok(())
    }

    fn cancel_dial(&mut self, dial: DialId) {
        drop(self.dialling.take_if(|(under_way, _)| *under_way == dial));
    }

    fn waiting(&mut self) -> Option<usize> {
        let (_, carrier) = self.open.as_mut()?;
        Some(carrier.waiting_bytes())
    }

    fn write(&mut self, text: String) -> bool {
        let Some((_, carrier)) = &mut self.open else {
            return false;
        };
        carrier.send(text);
        true
    }

    fn close(&mut self, code: u16, reason: &'static str) {
        if let Some((_, mut carrier)) = self.open.take() {
            carrier.close(code, reason);
        }
    }

    fn abandon(&mut self) {
        self.open = None;
    }

    fn lose(&mut self, error: ConnectionError) {
        if let Some((dial, _)) = self.open.take() {
            self.driven.answer(Input::Closed(dial, error));
        }
    }

    fn authorize(&mut self, request: RequestId, channel: &ChannelName, socket_id: Arc<str>) {
        let auth = self.config.auth_of(channel.as_str()).cloned();
        let reply = self.reply(move |answer| Message::Authorized(request, answer));
        let question = AuthRequest::new(channel.as_shared().clone(), socket_id);
        ask(reply, |reply| match auth {
            Some(ChannelAuth::Custom(authorizer)) => authorizer.authorize(question, reply),
            Some(ChannelAuth::Endpoint(_)) => reply.send(Err(no_http())),
            None => reply.send(Err(AuthError::NoAuthorizer)),
        });
    }

    fn authenticate(&mut self, request: RequestId, socket_id: Arc<str>) {
        let auth = self.config.user_auth.clone();
        let reply = self.reply(move |answer| Message::Authenticated(request, answer));
        let question = UserAuthRequest::new(socket_id);
        ask(reply, |reply| match auth {
            Some(UserAuth::Custom(custom)) => custom.authenticate(question, reply),
            Some(UserAuth::Endpoint(_)) => reply.send(Err(no_http())),
            None => reply.send(Err(AuthError::NoAuthorizer)),
        });
    }

    // Its answer, if there ever is one, counts for nothing.
    fn cancel_request(&mut self, _request: RequestId) {}
}

/// Calls the game's code. If it panics, the reply answers that by itself.
fn ask<T>(reply: Reply<T>, ask: impl FnOnce(Reply<T>)) {
    let _ = catch_unwind(AssertUnwindSafe(|| ask(reply)));
}

fn no_http() -> AuthError {
    AuthError::InvalidEndpoint(
        "a client under test asks nothing by HTTP: take TestServer::config or an authorizer of your own".into(),
    )
}
