//! The driver of a client under test: no thread, no socket, and a clock that the test moves. A turn runs within the call that caused it.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, TryLockError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bevy_platform::time::Instant;
use pusher_protocol::session::{Command, ConnectionError, DialId, Input, Now};

use super::clock::{Clock, Follow};
use crate::{
    auth::AuthError,
    config::PusherConfig,
    driver::{AuthQuery, AuthTask, Driver, SessionIo, SessionRunner, Sink},
    sync::{Shared, lock},
    transport::{DialRequest, TransportEvent, TransportGuard},
};

/// The seed of the random delays. It is fixed, so that a test has the same delays each time.
const SEED: u64 = 0;

/// Makes a configuration start this driver, with this clock.
pub(super) fn set_clock(config: &mut PusherConfig, clock: &Arc<Clock>) {
    let clock: Arc<dyn Any + Send + Sync> = clock.clone();
    config.driver_override = Some(Shared(clock));
}

/// Returns the clock of a configuration that is to start this driver.
pub(crate) fn clock_of(config: &PusherConfig) -> Option<Arc<Clock>> {
    let Shared(clock) = config.driver_override.clone()?;
    Arc::downcast(clock).ok()
}

/// Starts the driver.
pub(crate) fn start(
    config: &PusherConfig,
    clock: Arc<Clock>,
    sink: Box<dyn Sink>,
) -> Box<dyn Driver> {
    let started = clock.created();
    let client = Arc::new_cyclic(|own| TestClient {
        messages: Mutex::default(),
        is_notified: AtomicBool::new(false),
        state: Mutex::new(State {
            own: Weak::clone(own),
            clock: clock.clone(),
            runner: SessionRunner::new(config.clone(), SEED, sink),
            dialling: None,
            open: None,
        }),
    });
    clock.add(&client);
    Box::new(TestDriver { started, client })
}

struct TestDriver {
    started: Instant,
    client: Arc<TestClient>,
}

impl Driver for TestDriver {
    fn started(&self) -> Instant {
        self.started
    }

    fn is_real_time(&self) -> bool {
        false
    }

    fn input(&self, input: Input) {
        self.client.post(Message::Input(input));
    }

    fn configure(&self, config: &PusherConfig) {
        self.client
            .post(Message::Configure(Box::new(config.clone())));
    }

    fn close(&mut self, _within: Duration) {
        self.input(Input::Command(Command::Disconnect));
    }
}

impl Drop for TestDriver {
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}

enum Message {
    Input(Input),
    Configure(Box<PusherConfig>),
}

struct TestClient {
    messages: Mutex<VecDeque<Message>>,
    /// Whether something happened that no turn has handled.
    is_notified: AtomicBool,
    state: Mutex<State>,
}

struct State {
    own: Weak<TestClient>,
    clock: Arc<Clock>,
    runner: SessionRunner,
    dialling: Option<(DialId, TransportGuard)>,
    open: Option<(DialId, TransportGuard)>,
}

impl TestClient {
    /// Handles a message before it returns. If a turn is already running, that turn handles it.
    fn post(&self, message: Message) {
        lock(&self.messages).push_back(message);
        self.turn();
    }
}

impl Follow for TestClient {
    fn wake_at(&self) -> Option<Duration> {
        match self.state.try_lock() {
            Ok(mut state) => state.runner.session.wake_at(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().runner.session.wake_at(),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn turn(&self) {
        self.is_notified.store(true, Ordering::Release);
        // A running turn checks again before and after it unlocks the state.
        while self.is_notified.load(Ordering::Acquire) {
            let mut state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while self.is_notified.swap(false, Ordering::AcqRel) {
                state.work(&self.messages);
            }
        }
    }
}

impl State {
    fn work(&mut self, messages: &Mutex<VecDeque<Message>>) {
        loop {
            let message = lock(messages).pop_front();
            match message {
                Some(Message::Input(input)) => self.feed(input),
                Some(Message::Configure(config)) => self.runner.configure(*config),
                None if self.advance_dial() || self.read() => {}
                None => break,
            }
        }
        let wake_at = self.runner.session.wake_at();
        if wake_at.is_some_and(|at| at <= self.clock.now()) {
            self.feed(Input::TimePassed);
        }
        self.runner.flush();
    }

    /// Returns whether there was something to do.
    fn advance_dial(&mut self) -> bool {
        let Some((id, mut transport)) = self.dialling.take() else {
            return false;
        };
        match transport.next() {
            Some(TransportEvent::Opened) => {
                self.open = Some((id, transport));
                self.feed(Input::Opened(id));
            }
            Some(TransportEvent::Ended(error)) => self.feed(Input::DialFailed(id, error)),
            Some(TransportEvent::Text(_)) | None => {
                self.dialling = Some((id, transport));
                return false;
            }
        }
        true
    }

    /// Returns whether there was something to read.
    fn read(&mut self) -> bool {
        let Some((id, transport)) = &mut self.open else {
            return false;
        };
        let (id, event) = (*id, transport.next());
        match event {
            Some(TransportEvent::Text(text)) => {
                let now = self.now();
                self.runner.frame(id, &text, now);
                self.drain_outputs();
            }
            Some(TransportEvent::Ended(error)) => {
                self.open = None;
                self.feed(Input::Closed(id, error));
            }
            Some(TransportEvent::Opened) | None => return false,
        }
        true
    }
}

impl SessionIo for State {
    fn runner(&mut self) -> &mut SessionRunner {
        &mut self.runner
    }

    fn now(&self) -> Now {
        Now::at(self.clock.now())
    }

    fn dial(&mut self, id: DialId, request: DialRequest) -> Result<(), ConnectionError> {
        let config = &self.runner.config;
        let Some(transport) = &config.transport else {
            let reason = "a client under test has no socket: use TestServer::config";
            return Err(ConnectionError::Unsupported(reason.into()));
        };
        let own = self.own.clone();
        let wake = move || {
            if let Some(client) = own.upgrade() {
                client.turn();
            }
        };
        let limit = config.limits.inbound_message_bytes;
        let guard = TransportGuard::dial(&**transport, request, limit, wake)?;
        self.dialling = Some((id, guard));
        Ok(())
    }

    fn cancel_dial(&mut self, dial: DialId) {
        drop(self.dialling.take_if(|(id, _)| *id == dial));
    }

    fn unsent_bytes(&mut self) -> Option<usize> {
        let (_, transport) = self.open.as_mut()?;
        Some(transport.waiting_bytes())
    }

    fn write(&mut self, text: String) -> bool {
        let open = self.open.as_mut();
        open.map(|(_, transport)| transport.send(text)).is_some()
    }

    fn close(&mut self, code: u16, reason: &'static str) {
        if let Some((_, mut transport)) = self.open.take() {
            transport.close(code, reason);
        }
    }

    fn abandon(&mut self) {
        self.open = None;
    }

    fn lose(&mut self, error: ConnectionError) {
        if let Some((dial, _)) = self.open.take() {
            self.runner.queue(Input::Closed(dial, error));
        }
    }

    fn authorize(&mut self, query: AuthQuery) {
        match query.into_task(&self.runner.config) {
            AuthTask::Answered(answer) => self.runner.queue(answer),
            AuthTask::Endpoint(request) => {
                let reason = "a client under test sends no HTTP requests: use TestServer::config or an authorizer of your own";
                let error = AuthError::InvalidEndpoint(reason.into());
                self.runner.queue(request.query.failure(error));
            }
            AuthTask::UserCode(call) => {
                let own = self.own.clone();
                let post = move |input| {
                    if let Some(client) = own.upgrade() {
                        client.post(Message::Input(input));
                    }
                };
                // After a panic, the reply reports that itself.
                let _ = catch_unwind(AssertUnwindSafe(|| call.run(post)));
            }
        }
    }
}
